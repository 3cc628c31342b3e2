/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that are one string: Binds, their modes, Tmpfs. Pure. What is a mode and what is none is
 * Docker's rule, to the letter: clients write "cached" and "delegated" for other systems.
 */
#include "mount_spec.h"

#include <string.h>

#include "base/fd.h"
#include "container/doc.h"
#include "run/mounts.h"
#include "storage/rootfs.h"

enum mode_kind {
    MODE_ACCESS,
    MODE_LABEL,
    MODE_PROPAGATION,
    MODE_COPY,
    MODE_CONSISTENCY,
    MODE_FOLLOW
};

/* How consistent a mount is matters where the engine runs in a machine of its own: it changes
 * nothing here. */
static const struct {
    const char *word;
    enum mode_kind kind;
} mode_words[] = {
    {"ro", MODE_ACCESS},
    {"rw", MODE_ACCESS},
    {"z", MODE_LABEL},
    {"Z", MODE_LABEL},
    {"private", MODE_PROPAGATION},
    {"rprivate", MODE_PROPAGATION},
    {"slave", MODE_PROPAGATION},
    {"rslave", MODE_PROPAGATION},
    {"shared", MODE_PROPAGATION},
    {"rshared", MODE_PROPAGATION},
    {"nocopy", MODE_COPY},
    {"consistent", MODE_CONSISTENCY},
    {"cached", MODE_CONSISTENCY},
    {"delegated", MODE_CONSISTENCY},
    {"default", MODE_CONSISTENCY},
    {"follow", MODE_FOLLOW}, /* ours */
};

static int find_word(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(mode_words); i++)
        if (strcmp(mode_words[i].word, word) == 0)
            return (int)i;
    return -1;
}

bool mount_is_propagation(const char *text)
{
    int at = find_word(text);

    return at >= 0 && mode_words[at].kind == MODE_PROPAGATION;
}

bool mount_mode_parse(struct arena *a, const char *text, struct mount_mode *out)
{
    struct strs words = text_split(a, text, ',');
    unsigned seen = 0;

    *out = (struct mount_mode){0};
    for (size_t i = 0; i < words.n; i++) {
        int at = find_word(words.v[i]);

        if (at < 0 || (seen & 1u << mode_words[at].kind))
            return false;
        seen |= 1u << mode_words[at].kind;
        if (strcmp(words.v[i], "ro") == 0)
            out->is_readonly = true;
        else if (mode_words[at].kind == MODE_COPY)
            out->no_copy = true;
        else if (mode_words[at].kind == MODE_FOLLOW)
            out->follow = true;
        else if (mode_words[at].kind == MODE_PROPAGATION)
            out->propagation = mode_words[at].word;
    }
    return true;
}

char mount_label_word(const char *mode)
{
    for (; mode && *mode; mode += strcspn(mode, ","), mode += *mode == ',')
        if (strcspn(mode, ",") == 1 && (*mode == 'z' || *mode == 'Z'))
            return *mode;
    return 0;
}

struct err *mount_destination(struct arena *a, const char *path, char **out)
{
    char *clean;

    if (text_is_empty(path) || *path != '/')
        return err_new(ERR_INVALID, "invalid mount path: '%s' mount path must be absolute",
                       path ? path : "");
    clean = path_clean(a, path);
    if (strcmp(clean, "/") == 0)
        return err_new(ERR_INVALID, "invalid specification: destination can't be '/'");
    *out = clean;
    return NULL;
}

void mount_point_init(struct mount_point *m, const char *type, char *destination)
{
    *m = (struct mount_point){
        .type = (char *)type,
        .name = "",
        .source = "",
        .destination = destination,
        .driver = "",
        .mode = "",
        .propagation = "",
        .rw = true,
    };
}

/* ---- Binds ---- */

static struct err *bad_field(const char *spec, const char *type, const char *field)
{
    return err_new(ERR_INVALID,
                   "invalid volume specification: '%s': invalid mount config for type \"%s\": "
                   "field %s must not be specified",
                   spec, type, field);
}

static struct err *bind_of_path(struct arena *a, const char *spec, const char *source,
                                const struct mount_mode *mode, struct mount_point *out)
{
    if (mode->no_copy) /* what a bind hides is never copied */
        return bad_field(spec, "bind", "VolumeOptions");
    out->source = path_clean(a, source);
    out->propagation = arena_strdup(a, mode->propagation ? mode->propagation : "rprivate");
    out->create_source = true;
    out->follow = mode->follow;
    return NULL;
}

static struct err *bind_of_volume(struct arena *a, const char *spec, const char *name,
                                  const char *driver, const struct mount_mode *mode,
                                  struct mount_point *out)
{
    if (mode->propagation || mode->follow)
        return bad_field(spec, "volume", "BindOptions");
    if (!*name && mode->is_readonly)
        return err_new(ERR_INVALID,
                       "invalid volume specification: '%s': must not set ReadOnly mode when using "
                       "anonymous volumes",
                       spec);
    out->name = arena_strdup(a, name);
    out->driver = arena_strdup(a, text_is_empty(driver) ? "local" : driver);
    out->no_copy = mode->no_copy;
    out->is_anonymous = !*name;
    return NULL;
}

/* source:destination:mode, the first and the last may be missing. */
static bool cut_spec(struct arena *a, const char *spec, const char *out[3])
{
    struct strs parts = text_split(a, spec, ':');
    struct mount_mode ignored;

    if (parts.n < 1 || parts.n > 3 || !*parts.v[0])
        return false;
    out[0] = parts.n > 1 ? parts.v[0] : "";
    out[1] = parts.n > 1 ? parts.v[1] : parts.v[0];
    out[2] = parts.n > 2 ? parts.v[2] : "";
    return parts.n != 2 || !mount_mode_parse(a, parts.v[1], &ignored); /* "/x:ro" */
}

struct err *mount_from_bind(struct arena *a, const char *spec, const char *driver,
                            struct mount_point *out)
{
    const char *part[3];
    struct mount_mode mode;
    bool is_path;
    char *destination;

    if (!cut_spec(a, spec, part))
        return err_new(ERR_INVALID, "invalid volume specification: '%s'", spec);
    if (!mount_mode_parse(a, part[2], &mode))
        return err_new(ERR_INVALID, "invalid mode: %s (in volume specification '%s')", part[2],
                       spec);
    TRY(mount_destination(a, part[1], &destination));
    is_path = part[0][0] == '/';
    mount_point_init(out, is_path ? "bind" : "volume", destination);
    out->rw = !mode.is_readonly;
    out->mode = *part[2] || is_path ? arena_strdup(a, part[2]) : "z";
    return is_path ? bind_of_path(a, spec, part[0], &mode, out)
                   : bind_of_volume(a, spec, part[0], driver, &mode, out);
}

/* ---- Tmpfs ---- */

struct err *mount_from_tmpfs(struct arena *a, const struct pair *t, struct mount_point *out)
{
    char *destination;

    TRY(mount_destination(a, t->key, &destination));
    mount_point_init(out, "tmpfs", destination);
    out->options = arena_strdup(a, t->value ? t->value : "");
    out->is_plain_tmpfs = true;
    return tmpfs_check(out->options);
}
