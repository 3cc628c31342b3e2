/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CDI spec says of a container becomes what a user would have asked for. Every member
 * has a place in the configuration or is refused. Worker: device nodes are looked at.
 */
#include "cdi_inner.h"

#include "base/json.h"
#include "runtime/config.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ADDED_MAX 4096 /* of one container, in all */

static struct err *count(struct cdi_target *t)
{
    return t->n_added++ < ADDED_MAX
               ? NULL
               : err_new(ERR_INVALID, "it has more than %d entries", ADDED_MAX);
}

/* One more entry of a list; zeroed. */
static void *append(struct arena *a, struct jlist *list, size_t size)
{
    char *v = arena_array(a, list->n + 1, size);

    if (list->n)
        memcpy(v, list->v, list->n * size);
    list->v = v;
    return v + list->n++ * size;
}

static struct err *get_path(const struct json *j, const char *key, const char **out)
{
    const char *path = json_str(json_get(j, key));

    if (!path || path[0] != '/')
        return err_new(ERR_INVALID, "%s \"%s\" is no absolute path", key, path ? path : "");
    *out = path;
    return NULL;
}

static bool is_among(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static struct err *check_keys(const char *what, const struct json *j, const char *const *known)
{
    if (json_type(j) != JSON_OBJECT)
        return err_new(ERR_INVALID, "an entry of %s is no object", what);
    for (const struct json *at = json_first(j); at; at = json_next(at))
        if (!is_among(json_key(at), known))
            return err_new(ERR_INVALID, "%s of %s is not supported", json_key(at), what);
    return NULL;
}

/* ---- env, additionalGids ---- */

static struct err *add_env(struct cdi_target *t, const struct json *j)
{
    const char *text = json_str(j);
    const char *end = text ? strchr(text, '=') : NULL;
    struct strs *env = &t->c->env;

    if (!end || end == text)
        return err_new(ERR_INVALID, "env \"%s\" is no NAME=VALUE", text ? text : "");
    for (size_t i = 0; i < env->n; i++) {
        size_t len = (size_t)(end - text);

        if (strncmp(env->v[i], text, len) != 0 || (env->v[i][len] && env->v[i][len] != '='))
            continue;
        env->v[i] = arena_strdup(t->a, text);
        return NULL;
    }
    strs_add(t->a, env, text);
    return NULL;
}

static struct err *add_group(struct cdi_target *t, const struct json *j)
{
    int64_t gid = json_int(j);
    const char *text;

    if (json_type(j) != JSON_NUMBER || gid < 0 || gid >= UINT32_MAX)
        return err_new(ERR_INVALID, "additionalGids has what is no group's number");
    text = arena_printf(t->a, "%lld", (long long)gid);
    for (size_t i = 0; i < t->h->group_add.n; i++)
        if (strcmp(t->h->group_add.v[i], text) == 0)
            return NULL;
    if (gid) /* as the interface has it: 0 adds none */
        strs_add(t->a, &t->h->group_add, text);
    return NULL;
}

/* ---- deviceNodes ---- */

/* The engine gives nodes as the host has them: what the spec says must be so. */
static struct err *check_node(const struct json *j, const char *host)
{
    const char *type = json_str(json_get(j, "type"));
    struct stat st;

    if (stat(host, &st) < 0)
        return err_sys("look at device node %s", host);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_new(ERR_INVALID, "%s is no device node", host);
    if (!text_is_empty(type) &&
        (strlen(type) != 1 || !strchr(S_ISBLK(st.st_mode) ? "b" : "cu", type[0])))
        return err_new(ERR_INVALID, "%s is no device of type %s", host, type);

    const struct {
        const char *key;
        int64_t host;
    } facts[] = {
        {"major", major(st.st_rdev)}, {"minor", minor(st.st_rdev)},     {"uid", st.st_uid},
        {"gid", st.st_gid},           {"fileMode", st.st_mode & 07777},
    };
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        const struct json *said = json_get(j, facts[i].key);

        if (json_type(said) != JSON_NULL && (json_int(said) & 0xffffffff) != facts[i].host)
            return err_new(ERR_INVALID,
                           "%s of %s is %lld on the host and another one in the spec: nodes are "
                           "given as the host has them",
                           facts[i].key, host, (long long)facts[i].host);
    }
    return NULL;
}

static struct err *add_node(struct cdi_target *t, const struct json *j)
{
    const struct device_mapping *have = t->h->devices.v;
    const char *access = json_str(json_get(j, "permissions"));
    static const char *const keys[] = {"path",     "hostPath",    "type", "major", "minor",
                                       "fileMode", "permissions", "uid",  "gid",   NULL};
    const char *path, *host;
    struct device_mapping *m;

    TRY(check_keys("deviceNodes", j, keys));
    TRY(get_path(j, "path", &path));
    host = path;
    if (!text_is_empty(json_str(json_get(j, "hostPath"))))
        TRY(get_path(j, "hostPath", &host));
    TRY(check_node(j, host));
    for (size_t i = 0; i < t->h->devices.n; i++)
        if (text_same(have[i].host, host) && text_same(have[i].container, path))
            return NULL;
    m = append(t->a, &t->h->devices, sizeof(*m));
    m->host = arena_strdup(t->a, host);
    m->container = arena_strdup(t->a, path);
    m->permissions = arena_strdup(t->a, text_is_empty(access) ? "rwm" : access);
    return NULL;
}

/* ---- mounts ---- */

static struct err *apply_option(struct cdi_target *t, const char *word, struct mount_request *m)
{
    static const char *const propagations[] = {"private", "rprivate", "shared", "rshared",
                                               "slave",   "rslave",   NULL};
    static const char *const unset[] = {"nosuid", "nodev", "noexec", NULL};
    static const char *const usual[] = {"rw", "rbind", "suid", "dev", "exec", NULL};

    if (strcmp(word, "ro") == 0)
        m->read_only = true;
    else if (strcmp(word, "bind") == 0)
        m->bind->non_recursive = true;
    else if (is_among(word, propagations))
        m->bind->propagation = arena_strdup(t->a, word);
    else if (is_among(word, unset))
        strs_add(t->a, t->warnings,
                 arena_printf(t->a, "CDI: option %s of the mount %s is not set: binds have none",
                              word, m->target));
    else if (!is_among(word, usual))
        return err_new(ERR_INVALID, "option %s of the mount %s is not supported", word, m->target);
    return NULL;
}

static struct err *add_mount(struct cdi_target *t, const struct json *j)
{
    const struct mount_request *have = t->h->mounts.v;
    const char *type = json_str(json_get(j, "type")), *host, *inside;
    struct strs options = json_strs(t->a, json_get(j, "options"));
    static const char *const keys[] = {"hostPath", "containerPath", "options", "type", NULL};
    struct mount_request *m;

    TRY(check_keys("mounts", j, keys));
    if (options.n != json_len(json_get(j, "options")))
        return err_new(ERR_INVALID, "the options of a mount are no list of words");
    TRY(get_path(j, "hostPath", &host));
    TRY(get_path(j, "containerPath", &inside));
    if (!text_is_empty(type) && strcmp(type, "bind") != 0)
        return err_new(ERR_INVALID, "the mount %s is of type %s: only bind is supported", inside,
                       type);
    for (size_t i = 0; i < t->h->mounts.n; i++)
        if (text_same(have[i].source, host) && text_same(have[i].target, inside))
            return NULL;
    m = append(t->a, &t->h->mounts, sizeof(*m));
    m->type = arena_strdup(t->a, "bind");
    m->source = arena_strdup(t->a, host);
    m->target = arena_strdup(t->a, inside);
    m->bind = arena_new(t->a, struct bind_options);
    for (size_t i = 0; i < options.n; i++)
        TRY(apply_option(t, options.v[i], m));
    for (size_t i = 0; i < options.n; i++)
        if (strcmp(options.v[i], "rbind") == 0)
            m->bind->non_recursive = false;
    return NULL;
}

/* ---- what cannot be had ---- */

static struct err *refuse_hook(struct cdi_target *t, const struct json *j)
{
    const char *path = json_str(json_get(j, "path"));

    (void)t;
    return err_new(ERR_INVALID,
                   "it has hooks (%s): no program of the host's is run for a container, so take a "
                   "spec without hooks",
                   path ? path : "");
}

static struct err *refuse_rdt(struct cdi_target *t, const struct json *j)
{
    (void)t;
    (void)j;
    return err_new(ERR_INVALID, "it sets intelRdt, which is not supported");
}

static struct err *refuse_link(struct cdi_target *t, const struct json *j)
{
    (void)t;
    (void)j;
    return err_new(ERR_INVALID, "it moves netDevices of the host, which is not supported");
}

static const struct edit {
    const char *key;
    struct err *(*add)(struct cdi_target *t, const struct json *item);
} edits_known[] = {
    {"additionalGids", add_group}, {"deviceNodes", add_node}, {"env", add_env},
    {"hooks", refuse_hook},        {"intelRdt", refuse_rdt},  {"mounts", add_mount},
    {"netDevices", refuse_link},
};

static const struct edit *edit_find(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(edits_known); i++)
        if (strcmp(edits_known[i].key, key) == 0)
            return &edits_known[i];
    return NULL;
}

struct err *cdi_edit(struct cdi_target *t, const struct json *edits)
{
    if (json_type(edits) != JSON_OBJECT && json_type(edits) != JSON_NULL)
        return err_new(ERR_INVALID, "containerEdits is no object");
    for (const struct json *j = json_first(edits); j; j = json_next(j)) {
        const struct edit *e = edit_find(json_key(j));

        if (!e)
            return err_new(ERR_INVALID, "it has %s, which is not supported", json_key(j));
        if (json_type(j) != JSON_ARRAY && json_type(j) != JSON_NULL && e->add != refuse_rdt)
            return err_new(ERR_INVALID, "%s is no list", json_key(j));
        for (const struct json *item = json_first(j); item; item = json_next(item)) {
            TRY(count(t));
            TRY(e->add(t, item));
        }
    }
    return NULL;
}
