/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device nodes: what was asked for is looked up on the host (a worker's stat calls),
 * the rules of the device cgroup follow from that list.
 *
 * A directory given to --device means every device below it; links are followed only
 * for the path that was named, never inside a directory.
 */
#include "devices.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEVICES_MAX 4096
#define WALK_MAX 10000 /* entries of folders, in all */

static const char *const skipped_names[] = {
    "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console", "ptmx",
};

static bool is_device(mode_t mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

static struct err *add_node(struct arena *a, struct device_list *l, const struct stat *st,
                            const struct device_mapping *m)
{
    if (l->n == DEVICES_MAX)
        return err_new(ERR_INVALID, "more than %d devices were asked for", DEVICES_MAX);
    l->v = arena_grow(a, l->v, l->n, &l->room, sizeof(*l->v));
    l->v[l->n++] = (struct device_node){
        .path = path_clean(a, m->container),
        .host = m->host,
        .mode = st->st_mode,
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .uid = st->st_uid,
        .gid = st->st_gid,
        .access = m->permissions,
    };
    return NULL;
}

static bool is_skipped(const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(skipped_names); i++)
        if (strcmp(skipped_names[i], name) == 0)
            return true;
    return false;
}

struct device_walk {
    struct strs hosts, containers; /* directories still to be read, in pairs */
    struct device_list *list;
    const char *root; /* as it was given */
    const char *access;
    size_t n_seen;
};

static struct err *count_entry(struct device_walk *w)
{
    if (w->n_seen++ < WALK_MAX)
        return NULL;
    return err_new(ERR_INVALID,
                   "there are more than %d files below %s: name the devices, or a smaller folder",
                   WALK_MAX, w->root);
}

static struct err *walk_directory(struct arena *a, struct device_walk *w, const char *host,
                                  const char *container)
{
    DIR *dir = opendir(host);
    struct err *e = NULL;
    struct dirent *d;

    while (dir && !e && (d = readdir(dir))) {
        struct device_mapping m = {.permissions = (char *)w->access};
        struct stat st;

        e = count_entry(w);
        if (e || is_skipped(d->d_name) ||
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (!is_device(st.st_mode) && !S_ISDIR(st.st_mode))
            continue;
        m.host = path_join(a, host, d->d_name);
        m.container = path_join(a, container, d->d_name);
        if (is_device(st.st_mode)) {
            e = add_node(a, w->list, &st, &m);
        } else {
            strs_add(a, &w->hosts, m.host);
            strs_add(a, &w->containers, m.container);
        }
    }
    if (dir)
        closedir(dir);
    return e;
}

static struct err *walk_tree(struct arena *a, const char *host, const char *container,
                             const char *access, struct device_list *out)
{
    struct device_walk w = {.list = out, .root = host, .access = access};

    strs_add(a, &w.hosts, host);
    strs_add(a, &w.containers, container);
    for (size_t i = 0; i < w.hosts.n; i++)
        TRY(walk_directory(a, &w, w.hosts.v[i], w.containers.v[i]));
    return NULL;
}

static struct err *find_one(struct arena *a, const struct device_mapping *asked,
                            struct device_list *out)
{
    struct device_mapping m = *asked;
    struct stat st;

    if (text_is_empty(m.container))
        m.container = m.host;
    if (text_is_empty(m.permissions))
        m.permissions = arena_strdup(a, "rwm");
    if (stat(m.host, &st) < 0)
        return err_as(
            err_sys("error gathering device information while adding custom device \"%s\"", m.host),
            ERR_INVALID);
    if (is_device(st.st_mode))
        return add_node(a, out, &st, &m);
    if (S_ISDIR(st.st_mode)) {
        size_t before = out->n;

        TRY(walk_tree(a, m.host, m.container, m.permissions, out));
        if (out->n > before)
            return NULL;
    }
    return err_new(ERR_INVALID,
                   "error gathering device information while adding custom device \"%s\": not a "
                   "device node",
                   m.host);
}

struct err *devices_find(struct arena *a, const struct host_config *h, struct device_list *out)
{
    const struct device_mapping *m = h->devices.v;
    struct device_list list = {0};

    if (h->privileged)
        TRY(walk_tree(a, "/dev", "/dev", "rwm", &list));
    for (size_t i = 0; i < h->devices.n; i++)
        if (!h->privileged || !text_same(m[i].host, m[i].container))
            TRY(find_one(a, &m[i], &list));
    *out = list;
    return NULL;
}

struct err *devices_check(const struct device_mapping *m)
{
    if (text_is_empty(m->host) || m->host[0] != '/')
        return err_new(ERR_INVALID, "%s is not an absolute path", m->host ? m->host : "");
    if (!text_is_empty(m->container) && m->container[0] != '/')
        return err_new(ERR_INVALID, "%s is not an absolute path", m->container);
    if (m->permissions && m->permissions[strspn(m->permissions, "rwm")])
        return err_new(ERR_INVALID, "invalid device mode: %s", m->permissions);
    return NULL;
}

bool device_is_below_dev(const struct device_node *d)
{
    return text_starts(d->path, "/dev/") && d->path[5];
}

/* ---- rules of the device cgroup ---- */

static const struct device_rule default_rules[] = {
    {'a', -1, -1, "rwm", false}, /* nothing but what follows */
    {'c', -1, -1, "m", true},    /* making a node is harmless: opening it is what is judged */
    {'b', -1, -1, "m", true},    {'c', 1, 3, "rwm", true}, /* null */
    {'c', 1, 5, "rwm", true},                              /* zero */
    {'c', 1, 7, "rwm", true},                              /* full */
    {'c', 1, 8, "rwm", true},                              /* random */
    {'c', 1, 9, "rwm", true},                              /* urandom */
    {'c', 5, 0, "rwm", true},                              /* tty */
    {'c', 5, 1, "rwm", true},                              /* console */
    {'c', 5, 2, "rwm", true},                              /* ptmx */
    {'c', 136, -1, "rwm", true},                           /* pts */
};

/* "10" or "*" up to `stop`; NULL when it is neither. */
static const char *rule_number(const char *p, char stop, int64_t *out)
{
    char digits[12];
    size_t n = strspn(p, "0123456789");

    if (p[0] == '*' && p[1] == stop) {
        *out = -1;
        return p + 2;
    }
    if (n == 0 || n >= sizeof(digits) || p[n] != stop)
        return NULL;
    memcpy(digits, p, n);
    digits[n] = '\0';
    return text_to_i64(digits, out) && *out <= INT32_MAX ? p + n + 1 : NULL; /* the cgroup's int */
}

struct err *device_rule_parse(const char *text, struct device_rule *out)
{
    struct device_rule r = {.allow = true, .type = text[0]};
    const char *p = NULL;
    size_t n;

    if ((text[0] == 'a' || text[0] == 'b' || text[0] == 'c') && text[1] == ' ')
        p = rule_number(text + 2, ':', &r.major);
    if (p)
        p = rule_number(p, ' ', &r.minor);
    n = p ? strspn(p, "rwm") : 0;
    if (n == 0 || n > 3 || p[n])
        return err_new(ERR_INVALID, "invalid device cgroup rule format: '%s'", text);
    memcpy(r.access, p, n);
    *out = r;
    return NULL;
}

static struct device_rule rule_of(const struct device_node *d)
{
    struct device_rule r = {
        .type = S_ISBLK(d->mode) ? 'b' : 'c', .major = d->major, .minor = d->minor, .allow = true};

    memcpy(r.access, d->access, strnlen(d->access, sizeof(r.access) - 1));
    return r;
}

struct err *sandbox_device_rules(struct arena *a, const struct host_config *h,
                                 struct device_rule **out, size_t *out_n)
{
    struct device_list devices = {0};
    struct device_rule *rules;
    size_t n = 0;

    if (h->privileged) {
        *out = arena_memdup(a, &(struct device_rule){'a', -1, -1, "rwm", true}, sizeof(**out));
        *out_n = 1;
        return NULL;
    }
    TRY(devices_find(a, h, &devices));
    rules = arena_array(a, ARRAY_LEN(default_rules) + devices.n + h->device_cgroup_rules.n,
                        sizeof(*rules));
    for (; n < ARRAY_LEN(default_rules); n++)
        rules[n] = default_rules[n];
    for (size_t i = 0; i < devices.n; i++)
        rules[n++] = rule_of(&devices.v[i]);
    for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
        TRY(device_rule_parse(h->device_cgroup_rules.v[i], &rules[n++]));
    *out = rules;
    *out_n = n;
    return NULL;
}
