/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subordinate ids of the host, and dockerd's --userns-remap in terms of them. Start-up.
 *
 * Several lines of one owner become one map, in their order, as dockerd and newuidmap(1) have it.
 * A line of somebody else that is nonsense is none of our business; one of the owner's is refused.
 */
#include "runtime/subid.h"

#include "base/fd.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (4u << 20)
#define SUBUID "/etc/subuid"
#define SUBGID "/etc/subgid"
#define DEFAULT_USER "dockremap" /* dockerd's: both engines then agree on what "default" is */
#define POOL_USER "berth"

static bool is_owner(const char *field, const char *name, const uint32_t *id)
{
    char number[16];

    if (strcmp(field, name) == 0)
        return true;
    if (!id)
        return false;
    snprintf(number, sizeof(number), "%u", *id);
    return strcmp(field, number) == 0;
}

static struct err *add_line(const struct strs *fields, struct id_ranges *r)
{
    uint32_t first, count;

    if (fields->n != 3 || !text_to_u32(fields->v[1], &first) || !text_to_u32(fields->v[2], &count))
        return err_new(ERR_INVALID, "a line is not owner:first:count");
    return id_ranges_add(r, first, count);
}

struct err *subid_find(const char *text, const char *file, const char *name, const uint32_t *id,
                       struct id_ranges *out)
{
    autoarena struct arena *a = arena_create();
    struct strs lines = text_split(a, text ? text : "", '\n');
    struct id_ranges r = {0};

    for (size_t i = 0; i < lines.n; i++) {
        struct strs fields = text_split(a, text_trim(lines.v[i]), ':');
        struct err *e;

        if (fields.n < 1 || !is_owner(fields.v[0], name, id))
            continue;
        e = add_line(&fields, &r);
        if (e)
            return err_wrap(e, "%s, line %zu (%s)", file, i + 1, name);
    }
    *out = r;
    return NULL;
}

static struct err *read_ranges(const char *file, const char *name, const uint32_t *id,
                               struct id_ranges *out)
{
    autoarena struct arena *a = arena_create();
    char *text = NULL;
    size_t len;
    struct err *e = file_read(a, AT_FDCWD, file, FILE_MAX, &text, &len);

    if (e && err_kind(e) == ERR_NOT_FOUND)
        err_drop(e);
    else if (e)
        return e;
    return subid_find(text, file, name, id, out);
}

/* Who has the ranges: a name, and the number by which the files may call it, too. */
struct owner {
    char *name;
    uint32_t id;
    bool has_id;
};

static struct err *find_user(struct arena *a, const char *text, struct owner *out)
{
    const struct passwd *p;
    uint32_t uid;

    if (text_to_u32(text, &uid)) {
        p = getpwuid(uid);
        if (!p)
            return err_new(ERR_INVALID, "uid %u has no entry in /etc/passwd", uid);
    } else {
        p = getpwnam(text);
        if (!p && strcmp(text, DEFAULT_USER) == 0) { /* dockerd would make it: its lines do */
            *out = (struct owner){.name = arena_strdup(a, text)};
            return NULL;
        }
        if (!p)
            return err_new(ERR_INVALID, "error during uid lookup for \"%s\": no such user", text);
    }
    *out = (struct owner){arena_strdup(a, p->pw_name), p->pw_uid, true};
    return NULL;
}

static struct err *find_group(struct arena *a, const char *text, struct owner *out)
{
    const struct group *g;
    uint32_t gid;

    if (text_to_u32(text, &gid)) {
        g = getgrgid(gid);
        if (!g)
            return err_new(ERR_INVALID, "gid %u has no entry in /etc/group", gid);
    } else {
        g = getgrnam(text);
        if (!g && strcmp(text, DEFAULT_USER) == 0) {
            *out = (struct owner){.name = arena_strdup(a, text)};
            return NULL;
        }
        if (!g)
            return err_new(ERR_INVALID, "error during gid lookup for \"%s\": no such group", text);
    }
    *out = (struct owner){arena_strdup(a, g->gr_name), g->gr_gid, true};
    return NULL;
}

static struct err *read_owned(const char *file, const struct owner *o, struct id_ranges *out)
{
    TRY(read_ranges(file, o->name, o->has_id ? &o->id : NULL, out));
    if (out->n == 0)
        return err_new(ERR_INVALID,
                       "no ranges found for \"%s\" in %s: add a line such as \"%s:100000:65536\"",
                       o->name, file, o->name);
    return NULL;
}

/* The group is the user's text once more when none was given: a name that both have, or a number.
 */
struct err *subid_remap(const char *spec, struct id_map *out)
{
    autoarena struct arena *a = arena_create();
    const char *given = strcmp(spec, "default") == 0 ? DEFAULT_USER : spec;
    struct strs parts = text_split(a, given, ':');
    struct owner user, group;
    struct id_map m = {0};

    if (parts.n < 1 || parts.n > 2 || !*parts.v[0] || !*parts.v[parts.n - 1])
        return err_new(ERR_INVALID, "invalid user/group specification in --userns-remap: \"%s\"",
                       spec);
    TRY(find_user(a, parts.v[0], &user));
    TRY(find_group(a, parts.v[parts.n - 1], &group));
    TRY(read_owned(SUBUID, &user, &m.uids));
    TRY(read_owned(SUBGID, &group, &m.gids));
    *out = m;
    return NULL;
}

struct err *subid_pool(struct id_map *out)
{
    struct id_map m = {0};

    TRY(read_ranges(SUBUID, POOL_USER, NULL, &m.uids));
    TRY(read_ranges(SUBGID, POOL_USER, NULL, &m.gids));
    *out = m;
    return NULL;
}
