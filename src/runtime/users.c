/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a container's process is. The files are the image's, so they are untrusted:
 * opened inside the root only, regular files only, bounded; the rest is pure.
 *
 * Something made of digits only is a number and never a name, and a number that does
 * not fit is an error: falling back to a name let images map 4294967296 to root
 * (CVE-2024-40635, 2026-46680).
 */
#include "runtime/users.h"

#include "base/fd.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define USER_FILE_MAX (4u << 20)
#define FEW_GROUPS 4         /* are looked up by reading the file again */
#define ID_LIMIT 2147483647u /* Docker's, and that of tools inside which keep ids in an int */

static struct err *read_below(struct arena *a, int root, const char *path, char **out)
{
    autoclose int seen = fd_open_in_root(root, path, O_PATH, 0), fd = -1;
    struct err *e;
    size_t len;

    if (seen < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return NULL;
    if (seen >= 0)
        fd = fd_reopen(seen, S_IFREG, O_RDONLY | O_NONBLOCK);
    if (fd < 0 && errno == EINVAL)
        return err_new(ERR_INVALID, "%s of the image is not a regular file", path);
    if (fd < 0) /* EWOULDBLOCK: the container has a lease on it, and nobody waits for that */
        return err_sys("open %s of the image", path);
    e = file_read_fd(a, fd, USER_FILE_MAX, out, &len);
    return e ? err_wrap(e, "%s of the image", path) : NULL;
}

struct err *user_files_read(struct arena *a, int root, struct user_files *out)
{
    struct user_files files = {0};

    TRY(read_below(a, root, "/etc/passwd", &files.passwd));
    TRY(read_below(a, root, "/etc/group", &files.group));
    *out = files;
    return NULL;
}

/* One line of passwd or group: fields are slices of the text. */
struct account_line {
    const char *field[7];
    size_t len[7];
    int n;
};

/* The next line that is not empty or a comment; false at the end. */
static bool next_line(const char **at, struct account_line *out)
{
    const char *p = *at, *end;

    while (p && *p) {
        end = strchrnul(p, '\n');
        *at = *end ? end + 1 : end;
        if (p != end && *p != '#') {
            out->n = 0;
            for (const char *start = p; out->n < 7; start = p + 1) {
                for (p = start; p < end && *p != ':'; p++)
                    ;
                out->field[out->n] = start;
                out->len[out->n++] = (size_t)(p - start);
                if (p == end)
                    break;
            }
            return true;
        }
        p = *at;
    }
    return false;
}

static bool field_is(const struct account_line *l, int i, const char *s)
{
    return i < l->n && strlen(s) == l->len[i] && memcmp(l->field[i], s, l->len[i]) == 0;
}

static bool digits_to_id(const char *s, size_t n, uint32_t *out)
{
    uint64_t v = 0;

    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
        if (v > ID_LIMIT)
            return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool field_id(const struct account_line *l, int i, uint32_t *out)
{
    return i < l->n && digits_to_id(l->field[i], l->len[i], out);
}

static bool is_digits(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

/* "-1", "+5", "0x0": whoever writes them means a number, and no image may give it a name. */
static bool is_odd_number(const char *s)
{
    if (*s == '-' || *s == '+')
        return true;
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
           s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0';
}

/* Is it a number? ERR_INVALID when it is one that no id can be. */
static struct err *parse_id(const char *s, bool *is_number, uint32_t *out)
{
    *is_number = is_digits(s);
    if (is_odd_number(s) || (*is_number && !digits_to_id(s, strlen(s), out)))
        return err_new(ERR_INVALID, "invalid user or group %s: uids and gids must be in range 0-%u",
                       s, ID_LIMIT);
    return NULL;
}

static bool find_user(const char *text, const char *name, bool by_id, uint32_t id,
                      struct account_line *out)
{
    uint32_t uid, gid;

    while (next_line(&text, out))
        if (field_id(out, 2, &uid) && field_id(out, 3, &gid) &&
            (by_id ? uid == id : field_is(out, 0, name)))
            return true;
    return false;
}

static bool find_group(const char *text, const char *name, uint32_t *out)
{
    struct account_line l;

    while (next_line(&text, &l))
        if (field_is(&l, 0, name) && field_id(&l, 2, out))
            return true;
    return false;
}

static struct err *add_group(struct sandbox_user *u, uint32_t gid)
{
    for (size_t i = 0; i < u->n_groups; i++)
        if (u->groups[i] == gid)
            return NULL;
    if (u->n_groups == ARRAY_LEN(u->groups))
        return err_new(ERR_INVALID, "the user is in more than %zu groups", ARRAY_LEN(u->groups));
    u->groups[u->n_groups++] = gid;
    return NULL;
}

static bool lists_member(const struct account_line *l, const char *name, size_t n)
{
    const char *p = l->n > 3 ? l->field[3] : "", *end = p + (l->n > 3 ? l->len[3] : 0);

    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = (size_t)((comma ? comma : end) - p);

        if (len == n && memcmp(p, name, n) == 0)
            return true;
        p += len + 1;
    }
    return false;
}

static struct err *add_memberships(const char *text, const char *name, size_t n,
                                   struct sandbox_user *u)
{
    struct account_line l;
    uint32_t gid;

    while (next_line(&text, &l))
        if (field_id(&l, 2, &gid) && lists_member(&l, name, n))
            TRY(add_group(u, gid));
    return NULL;
}

/* name → id + 1; of equal names the first. For many names: the file is the image's, and long. */
static struct map *index_groups(struct arena *a, const char *text)
{
    struct map *ids = map_create();
    struct account_line l;
    uint32_t gid;

    while (next_line(&text, &l)) {
        const char *name;

        if (!field_id(&l, 2, &gid))
            continue;
        name = arena_strndup(a, l.field[0], l.len[0]);
        if (!map_get(ids, name))
            map_put(ids, name, (void *)((uintptr_t)gid + 1));
    }
    return ids;
}

static bool find_indexed(const struct map *ids, const char *name, uint32_t *out)
{
    uintptr_t id = (uintptr_t)map_get(ids, name);

    if (id)
        *out = (uint32_t)(id - 1);
    return id != 0;
}

static struct err *resolve_group(const struct user_files *f, const struct map *ids,
                                 const char *name, uint32_t *out)
{
    bool is_number;

    TRY(parse_id(name, &is_number, out));
    if (!is_number && !(ids ? find_indexed(ids, name, out) : find_group(f->group, name, out)))
        return err_new(ERR_INVALID, "unable to find group %s: no matching entries in group file",
                       name);
    return NULL;
}

static struct err *add_given(struct arena *a, const struct user_files *f, const struct strs *given,
                             struct sandbox_user *u)
{
    struct map *ids = given->n > FEW_GROUPS ? index_groups(a, f->group) : NULL;
    struct err *e = NULL;

    for (size_t i = 0; !e && i < given->n; i++) {
        uint32_t gid;

        e = resolve_group(f, ids, given->v[i], &gid);
        if (!e)
            e = add_group(u, gid);
    }
    map_destroy(ids);
    return e;
}

struct err *user_check(struct arena *a, const char *spec, const struct strs *group_add)
{
    struct strs parts = text_split(a, spec ? spec : "", ':');
    bool is_number;
    uint32_t id;

    for (size_t i = 0; i < parts.n && i < 2; i++)
        if (*parts.v[i])
            TRY(parse_id(parts.v[i], &is_number, &id));
    for (size_t i = 0; group_add && i < group_add->n; i++)
        TRY(parse_id(group_add->v[i], &is_number, &id));
    return NULL;
}

struct err *user_resolve(struct arena *a, const struct user_files *f, const char *spec,
                         const struct strs *group_add, struct sandbox_user *out)
{
    const char *colon = spec ? strchr(spec, ':') : NULL;
    char *name = colon ? arena_strndup(a, spec, (size_t)(colon - spec)) : arena_strdup(a, spec);
    const char *group = colon ? colon + 1 : "";
    struct sandbox_user u = {.home = "/"};
    bool is_number = true;
    struct account_line l = {0};
    bool found;

    if (!text_is_empty(name))
        TRY(parse_id(name, &is_number, &u.uid));
    found = find_user(f->passwd, name, is_number, u.uid, &l);
    if (!found && !is_number)
        return err_new(ERR_INVALID, "unable to find user %s: no matching entries in passwd file",
                       name);
    if (found) {
        field_id(&l, 2, &u.uid);
        field_id(&l, 3, &u.gid);
        if (l.n > 5 && l.len[5])
            u.home = arena_strndup(a, l.field[5], l.len[5]);
    }
    if (*group)
        TRY(resolve_group(f, NULL, group, &u.gid));
    TRY(add_group(&u, u.gid)); /* the primary one too: CVE-2022-36109 */
    if (found && !*group)
        TRY(add_memberships(f->group, l.field[0], l.len[0], &u));
    if (group_add)
        TRY(add_given(a, f, group_add, &u));
    *out = u;
    return NULL;
}

static struct err *check_id(const struct id_ranges *r, const char *what, uint32_t id)
{
    uint32_t ignored;

    if (id_to_host(r, id, &ignored))
        return NULL;
    return err_new(ERR_INVALID,
                   "%s %u is not in the container's user namespace: give it a larger range in "
                   "/etc/subuid and /etc/subgid, or use --userns host",
                   what, id);
}

struct err *user_check_ids(const struct sandbox_user *u, const struct id_map *ids)
{
    if (!ids)
        return NULL;
    TRY(check_id(&ids->uids, "uid", u->uid));
    TRY(check_id(&ids->gids, "gid", u->gid));
    for (size_t i = 0; i < u->n_groups; i++)
        TRY(check_id(&ids->gids, "gid", u->groups[i]));
    return NULL;
}
