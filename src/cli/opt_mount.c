/* SPDX-License-Identifier: Apache-2.0 */
/* --mount and -v. A relative source is made absolute here: the engine does not know our cwd. */
#include "options.h"

#include "base/fd.h"

#include <string.h>

struct strs csv_split(struct arena *a, const char *s)
{
    struct strs out = {0};
    autobuf struct buf b = {0};
    bool is_quoted = false;

    for (; *s; s++) {
        if (*s == '"' && is_quoted && s[1] == '"') {
            buf_putc(&b, *s++);
        } else if (*s == '"') {
            is_quoted = !is_quoted;
        } else if (*s == ',' && !is_quoted) {
            strs_add(a, &out, b.data ? b.data : "");
            buf_finish(&b);
        } else {
            buf_putc(&b, *s);
        }
    }
    strs_add(a, &out, b.data ? b.data : "");
    return out;
}

struct mount {
    const char *type, *source, *target, *consistency;
    const char *propagation, *bind_recursive;
    const char *driver, *subpath, *tmpfs_mode, *image_subpath;
    bool is_readonly, no_copy, non_recursive, create_mountpoint;
    bool readonly_non_recursive, readonly_force_recursive, follow;
    int64_t tmpfs_size;
    uint32_t mode;
    struct pairs driver_options, labels;
    bool has_bind, has_volume, has_tmpfs, has_image;
};

struct mount_key {
    const char *name;
    enum { KEY_TEXT, KEY_FLAG, KEY_SIZE, KEY_PAIR } kind;
    size_t offset;
    size_t group; /* offset of has_bind and so on; 0: none */
};
#define KEY(k, n, member, ...)                                                                     \
    {                                                                                              \
        n, k, offsetof(struct mount, member), __VA_ARGS__                                          \
    }
#define OF(member) offsetof(struct mount, member)

static const struct mount_key keys[] = {
    KEY(KEY_TEXT, "type", type, 0),
    KEY(KEY_TEXT, "source", source, 0),
    KEY(KEY_TEXT, "src", source, 0),
    KEY(KEY_TEXT, "target", target, 0),
    KEY(KEY_TEXT, "dst", target, 0),
    KEY(KEY_TEXT, "destination", target, 0),
    KEY(KEY_FLAG, "readonly", is_readonly, 0),
    KEY(KEY_FLAG, "ro", is_readonly, 0),
    KEY(KEY_TEXT, "consistency", consistency, 0),
    KEY(KEY_TEXT, "bind-propagation", propagation, OF(has_bind)),
    KEY(KEY_FLAG, "bind-nonrecursive", non_recursive, OF(has_bind)),
    KEY(KEY_TEXT, "bind-recursive", bind_recursive, OF(has_bind)),
    KEY(KEY_FLAG, "bind-create-src", create_mountpoint, OF(has_bind)),
    KEY(KEY_FLAG, "bind-follow", follow, OF(has_bind)),
    KEY(KEY_FLAG, "volume-nocopy", no_copy, OF(has_volume)),
    KEY(KEY_TEXT, "volume-driver", driver, OF(has_volume)),
    KEY(KEY_TEXT, "volume-subpath", subpath, OF(has_volume)),
    KEY(KEY_PAIR, "volume-opt", driver_options, OF(has_volume)),
    KEY(KEY_PAIR, "volume-label", labels, OF(has_volume)),
    KEY(KEY_SIZE, "tmpfs-size", tmpfs_size, OF(has_tmpfs)),
    KEY(KEY_TEXT, "tmpfs-mode", tmpfs_mode, OF(has_tmpfs)),
    KEY(KEY_TEXT, "image-subpath", image_subpath, OF(has_image)),
};

static struct err *set_key(struct arena *a, struct mount *m, const struct mount_key *k,
                           const char *value)
{
    void *at = (char *)m + k->offset;

    if (k->group)
        *(bool *)((char *)m + k->group) = true;
    if (k->kind == KEY_FLAG) {
        if (!text_to_bool(value ? value : "true", at))
            return err_new(ERR_INVALID, "invalid value for %s: %s", k->name, value);
        return NULL;
    }
    if (!value)
        return err_new(ERR_INVALID, "invalid field '%s' must be a key=value pair", k->name);
    if (k->kind == KEY_TEXT)
        *(const char **)at = value;
    else if (k->kind == KEY_PAIR)
        pairs_set_text(a, at, value);
    else if (!text_to_bytes(value, at))
        return err_new(ERR_INVALID, "invalid value for %s: %s", k->name, value);
    return NULL;
}

static struct err *parse_fields(struct arena *a, const char *spec, struct mount *m)
{
    struct strs fields = csv_split(a, spec);

    for (size_t i = 0; i < fields.n; i++) {
        char *key = fields.v[i], *value = strchr(key, '=');
        size_t k = 0;

        if (value)
            *value++ = '\0';
        while (k < ARRAY_LEN(keys) && strcmp(keys[k].name, key) != 0)
            k++;
        if (k == ARRAY_LEN(keys))
            return err_new(ERR_INVALID, "unexpected key '%s' in '%s%s%s'", key, key,
                           value ? "=" : "", value ? value : "");
        TRY(set_key(a, m, &keys[k], value));
    }
    return NULL;
}

/* What is mounted below the source: there and read-only as well (enabled), there and writable,
 * there and read-only or the container does not start, or not there. */
static struct err *check_recursive(struct mount *m)
{
    const char *value = m->bind_recursive ? m->bind_recursive : "enabled";

    if (strcmp(value, "disabled") == 0)
        m->non_recursive = true;
    else if (strcmp(value, "writable") == 0)
        m->readonly_non_recursive = true;
    else if (strcmp(value, "readonly") == 0)
        m->readonly_force_recursive = true;
    else if (strcmp(value, "enabled") != 0)
        return err_new(ERR_INVALID,
                       "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", "
                       "\"writable\", or \"readonly\")",
                       value);
    if ((m->readonly_non_recursive || m->readonly_force_recursive) && !m->is_readonly)
        return err_new(ERR_INVALID,
                       "option 'bind-recursive=%s' requires 'readonly' to be specified in "
                       "conjunction",
                       value);
    return NULL;
}

static struct err *check_mode(struct mount *m)
{
    char *end;
    long mode = strtol(m->tmpfs_mode, &end, 8);

    if (*m->tmpfs_mode < '0' || *m->tmpfs_mode > '7' || *end || mode > 07777)
        return err_new(ERR_INVALID, "invalid value for tmpfs-mode: %s", m->tmpfs_mode);
    m->mode = (uint32_t)mode;
    return NULL;
}

static struct err *check_mount(struct mount *m)
{
    if (text_is_empty(m->target))
        return err_new(ERR_INVALID, "target is required");
    if (m->has_volume && strcmp(m->type, "volume") != 0)
        return err_new(ERR_INVALID, "cannot mix 'volume-*' options with mount type '%s'", m->type);
    if (m->has_bind && strcmp(m->type, "bind") != 0)
        return err_new(ERR_INVALID, "cannot mix 'bind-*' options with mount type '%s'", m->type);
    if (m->has_tmpfs && strcmp(m->type, "tmpfs") != 0)
        return err_new(ERR_INVALID, "cannot mix 'tmpfs-*' options with mount type '%s'", m->type);
    if (m->has_image && strcmp(m->type, "image") != 0)
        return err_new(ERR_INVALID, "cannot mix 'image-*' options with mount type '%s'", m->type);
    TRY(check_recursive(m));
    return m->tmpfs_mode ? check_mode(m) : NULL;
}

static void write_options(const struct mount *m, struct jw *w)
{
    if (m->has_bind) {
        jw_obj(w, "BindOptions");
        if (m->propagation)
            jw_str(w, "Propagation", m->propagation);
        jw_bool(w, "NonRecursive", m->non_recursive);
        jw_bool(w, "CreateMountpoint", m->create_mountpoint);
        if (m->follow)
            jw_bool(w, "Follow", true);
        if (m->readonly_non_recursive)
            jw_bool(w, "ReadOnlyNonRecursive", true);
        if (m->readonly_force_recursive)
            jw_bool(w, "ReadOnlyForceRecursive", true);
        jw_obj_end(w);
    }
    if (m->has_volume) {
        jw_obj(w, "VolumeOptions");
        jw_bool(w, "NoCopy", m->no_copy);
        if (m->subpath)
            jw_str(w, "Subpath", m->subpath);
        jw_pairs(w, "Labels", &m->labels);
        if (m->driver || m->driver_options.n) {
            jw_obj(w, "DriverConfig");
            jw_str(w, "Name", m->driver);
            jw_pairs(w, "Options", &m->driver_options);
            jw_obj_end(w);
        }
        jw_obj_end(w);
    }
    if (m->has_tmpfs) {
        jw_obj(w, "TmpfsOptions");
        jw_int(w, "SizeBytes", m->tmpfs_size);
        if (m->mode)
            jw_int(w, "Mode", m->mode);
        jw_obj_end(w);
    }
    if (m->has_image) {
        jw_obj(w, "ImageOptions");
        jw_str(w, "Subpath", m->image_subpath);
        jw_obj_end(w);
    }
}

struct err *mount_parse(struct arena *a, const char *spec, struct jw *out)
{
    struct mount m = {.type = "volume"};
    char *source;

    TRY(parse_fields(a, spec, &m));
    TRY(check_mount(&m));
    if (strcmp(m.type, "bind") == 0 && !text_is_empty(m.source)) {
        TRY(path_absolute(a, m.source, &source));
        m.source = source;
    }
    jw_obj(out, NULL);
    jw_str(out, "Type", m.type);
    if (m.source)
        jw_str(out, "Source", m.source);
    jw_str(out, "Target", m.target);
    jw_bool(out, "ReadOnly", m.is_readonly);
    if (m.consistency)
        jw_str(out, "Consistency", m.consistency);
    write_options(&m, out);
    jw_obj_end(out);
    return NULL;
}

struct err *volume_parse(struct arena *a, const char *spec, struct strs *binds,
                         struct strs *volumes)
{
    const char *colon = strchr(spec, ':');
    char *source;

    if (!spec[0])
        return err_new(ERR_INVALID, "invalid empty volume spec");
    if (!colon) {
        strs_add(a, volumes, spec);
        return NULL;
    }
    if (colon == spec || !colon[1])
        return err_new(ERR_INVALID, "invalid volume specification: '%s'", spec);
    source = arena_strndup(a, spec, (size_t)(colon - spec));
    if (source[0] == '.')
        TRY(path_absolute(a, source, &source));
    strs_add(a, binds, arena_printf(a, "%s%s", source, colon));
    return NULL;
}
