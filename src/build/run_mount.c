/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RUN --mount: "type=cache,target=/x,…" as a CSV line of keys, each by its row. Pure, any thread.
 */
#include "reader.h"

#include <string.h>
#include <strings.h>

static const char *const types[] = {
    [RUN_MOUNT_BIND] = "bind",     [RUN_MOUNT_CACHE] = "cache", [RUN_MOUNT_TMPFS] = "tmpfs",
    [RUN_MOUNT_SECRET] = "secret", [RUN_MOUNT_SSH] = "ssh",
};
static const char *const sharings[] = {
    [SHARING_SHARED] = "shared", [SHARING_PRIVATE] = "private", [SHARING_LOCKED] = "locked"};

enum mount_key {
    KEY_TYPE,
    KEY_FROM,
    KEY_SOURCE,
    KEY_TARGET,
    KEY_READ_ONLY,
    KEY_WRITABLE,
    KEY_REQUIRED,
    KEY_SIZE,
    KEY_ID,
    KEY_SHARING,
    KEY_MODE,
    KEY_UID,
    KEY_GID,
    KEY_ENV,
};
static const struct {
    const char *name;
    enum mount_key key;
} keys[] = {
    {"type", KEY_TYPE},
    {"from", KEY_FROM},
    {"source", KEY_SOURCE},
    {"src", KEY_SOURCE},
    {"target", KEY_TARGET},
    {"dst", KEY_TARGET},
    {"destination", KEY_TARGET},
    {"readonly", KEY_READ_ONLY},
    {"ro", KEY_READ_ONLY},
    {"readwrite", KEY_WRITABLE},
    {"rw", KEY_WRITABLE},
    {"required", KEY_REQUIRED},
    {"size", KEY_SIZE},
    {"id", KEY_ID},
    {"sharing", KEY_SHARING},
    {"mode", KEY_MODE},
    {"uid", KEY_UID},
    {"gid", KEY_GID},
    {"env", KEY_ENV},
};

struct mount_reading {
    struct arena *a;
    struct run_mount *m;
    bool was_access_given, was_sharing_given;
};

static struct err *bad_csv(const char *line, const char *at, const char *what)
{
    return err_new(ERR_INVALID, "failed to parse csv mounts: parse error on line 1, column %zu: %s",
                   (size_t)(at - line) + 1, what);
}

/* One field of a CSV line; *s is behind its comma then, or NULL at the end. */
static struct err *take_field(struct arena *a, const char *line, const char **s, char **out)
{
    autobuf struct buf field = {0};
    const char *p = *s;

    if (*p == '"') {
        for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
            p += *p == '"';
            buf_putc(&field, *p);
        }
        if (*p != '"' || (p[1] && p[1] != ','))
            return bad_csv(line, p, "extraneous or missing \" in quoted-field");
        p++;
    } else {
        for (; *p && *p != ','; p++) {
            if (*p == '"')
                return bad_csv(line, p, "bare \" in non-quoted-field");
            buf_putc(&field, *p);
        }
    }
    *s = *p ? p + 1 : NULL;
    *out = arena_strdup(a, field.data ? field.data : "");
    return NULL;
}

static struct err *bad_value(const char *name, const char *value)
{
    return err_new(ERR_INVALID, "invalid value for %s: %s", name, value);
}

static struct err *unexpected(const struct run_mount *m, const char *name)
{
    return err_new(ERR_INVALID, "unexpected key '%s' for mount type '%s'", name, types[m->type]);
}

static struct err *take_word(struct arena *a, const char *what, char *value,
                             const char *const *words, size_t n, int *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcasecmp(value, words[i])) {
            *out = (int)i;
            return NULL;
        }
    }
    return err_new(ERR_INVALID, "unsupported %s %s%s", what, quoted(a, value),
                   suggestion(a, value, words, n, true));
}

static struct err *take_number(const char *name, const char *value, int base, int64_t *out)
{
    uint64_t n = 0;

    if (!*value || strlen(value) > 12)
        return err_new(ERR_INVALID, "invalid value %s for %s", value, name);
    for (const char *p = value; *p; p++) {
        if (*p < '0' || *p >= '0' + base)
            return err_new(ERR_INVALID, "invalid value %s for %s", value, name);
        n = n * (unsigned)base + (unsigned)(*p - '0');
    }
    if (n > UINT32_MAX)
        return err_new(ERR_INVALID, "invalid value %s for %s", value, name);
    *out = (int64_t)n;
    return NULL;
}

static struct err *take_bool(const char *name, const char *value, bool *out)
{
    bool is_on = true;

    if (value && !text_to_bool(value, &is_on))
        return bad_value(name, value);
    *out = is_on;
    return NULL;
}

static bool may_be_bare(enum mount_key key)
{
    return key == KEY_READ_ONLY || key == KEY_WRITABLE || key == KEY_REQUIRED;
}

static struct err *take_switch(struct mount_reading *g, enum mount_key key, const char *name,
                               const char *value)
{
    struct run_mount *m = g->m;
    bool is_on;

    if (key == KEY_REQUIRED && m->type != RUN_MOUNT_SECRET && m->type != RUN_MOUNT_SSH)
        return unexpected(m, name);
    TRY(take_bool(name, value, &is_on));
    if (key == KEY_REQUIRED) {
        m->is_required = is_on;
    } else {
        m->is_read_only = (key == KEY_READ_ONLY) == is_on;
        g->was_access_given = true;
    }
    return NULL;
}

static struct err *take_key(struct mount_reading *g, enum mount_key key, const char *name,
                            char *value)
{
    struct run_mount *m = g->m;
    int word;

    switch (key) {
    case KEY_TYPE:
        TRY(take_word(g->a, "mount type", value, types, ARRAY_LEN(types), &word));
        m->type = (enum mount_type)word;
        return NULL;
    case KEY_SHARING:
        TRY(take_word(g->a, "sharing value", value, sharings, ARRAY_LEN(sharings), &word));
        m->sharing = (enum cache_sharing)word;
        g->was_sharing_given = true;
        return NULL;
    case KEY_SIZE:
        if (m->type != RUN_MOUNT_TMPFS)
            return unexpected(m, name);
        return text_to_bytes(value, &m->size_bytes) ? NULL : bad_value(name, value);
    case KEY_MODE:
        return take_number(name, value, 8, &m->mode);
    case KEY_UID:
        return take_number(name, value, 10, &m->uid);
    case KEY_GID:
        return take_number(name, value, 10, &m->gid);
    case KEY_FROM:
        m->from = value;
        return NULL;
    case KEY_SOURCE:
        m->source = value;
        return NULL;
    case KEY_TARGET:
        m->target = value;
        return NULL;
    case KEY_ID:
        m->id = value;
        return NULL;
    case KEY_ENV:
        if (m->type != RUN_MOUNT_SECRET)
            return unexpected(m, name);
        m->env = value;
        return NULL;
    default:
        return take_switch(g, key, name, value);
    }
}

static struct err *unknown_key(struct arena *a, const char *name, const char *field)
{
    const char *names[ARRAY_LEN(keys)];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        names[i] = keys[i].name;
    return err_new(ERR_INVALID, "unexpected key '%s' in '%s'%s", name, field,
                   suggestion(a, name, names, ARRAY_LEN(keys), true));
}

static struct err *take_pair(struct mount_reading *g, char *field)
{
    const char *is = strchr(field, '=');
    char *name = arena_strndup(g->a, field, is ? (size_t)(is - field) : strlen(field));
    size_t i = 0;

    text_lower(name);
    while (i < ARRAY_LEN(keys) && strcmp(keys[i].name, name) != 0)
        i++;
    if (!is && (i == ARRAY_LEN(keys) || !may_be_bare(keys[i].key)))
        return err_new(ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
    if (i == ARRAY_LEN(keys))
        return unknown_key(g->a, name, field);
    if (may_be_bare(keys[i].key))
        return take_switch(g, keys[i].key, name, is ? is + 1 : NULL);
    return take_key(g, keys[i].key, name, arena_strdup(g->a, is + 1));
}

static struct err *check_secret(const struct mount_reading *g)
{
    const struct run_mount *m = g->m;

    if (m->from)
        return err_new(ERR_INVALID, "secret mount should not have a from");
    if (g->was_sharing_given)
        return err_new(ERR_INVALID, "secret mount should not define sharing");
    if (!m->source && !m->target && !m->id && !m->env)
        return err_new(ERR_INVALID, "invalid secret mount. one of source, target required");
    if (m->source && m->id)
        return err_new(ERR_INVALID, "both source and id can't be set");
    return NULL;
}

/* What only the whole mount shows. */
static struct err *check_whole(struct mount_reading *g)
{
    struct run_mount *m = g->m;
    bool has_owner =
        m->type == RUN_MOUNT_SECRET || m->type == RUN_MOUNT_SSH || m->type == RUN_MOUNT_CACHE;
    const char *given = m->mode >= 0 ? "mode" : m->uid >= 0 ? "uid" : m->gid >= 0 ? "gid" : NULL;

    if (given && !has_owner)
        return err_new(ERR_INVALID, "%s not allowed for \"%s\" type mounts", given, types[m->type]);
    if (m->type == RUN_MOUNT_SECRET)
        TRY(check_secret(g));
    if (g->was_sharing_given && m->type != RUN_MOUNT_CACHE)
        return err_new(ERR_INVALID, "invalid cache sharing set for %s mount", types[m->type]);
    if (m->type < RUN_MOUNT_SECRET && text_is_empty(m->target))
        return err_new(ERR_INVALID, "a mount of type '%s' needs a target", types[m->type]);
    if (!g->was_access_given)
        m->is_read_only = m->type != RUN_MOUNT_CACHE && m->type != RUN_MOUNT_TMPFS;
    return NULL;
}

struct err *run_mount_parse(struct arena *a, const char *text, struct run_mount *out)
{
    struct run_mount m = {.mode = -1, .uid = -1, .gid = -1};
    struct mount_reading g = {.a = a, .m = &m};
    const char *s = text;
    char *field;

    if (!*s)
        return err_new(ERR_INVALID, "failed to parse csv mounts: EOF");
    while (s) {
        TRY(take_field(a, text, &s, &field));
        TRY(take_pair(&g, field));
    }
    TRY(check_whole(&g));
    *out = m;
    return NULL;
}
