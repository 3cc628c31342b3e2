/* SPDX-License-Identifier: Apache-2.0 */
/* links: run exec place container image storage runtime cli base */
/* Mounts as the command line writes them (-v, --mount) and as the API takes them (Binds, Mounts,
 * Tmpfs): what is accepted is within bounds, what the command line sends is JSON of the API, and a
 * mount point survives its document. */
#include "container/doc.h"
#include "options.h"
#include "runtime/config.h"

#include "mount_spec.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean_path(const char *path)
{
    size_t n = strlen(path);

    return *path == '/' && n > 1 && path[n - 1] != '/' && !strstr(path, "//") &&
           !strstr(path, "/../") && !strstr(path, "/./") && !text_ends(path, "/..") &&
           !text_ends(path, "/.");
}

/* Where it ends, resolved as text, must be at or below where it began, all along. */
static bool stays_inside(const char *path)
{
    long depth = 0;

    if (*path == '/')
        return false;
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (n > 1 || (n == 1 && *path != '.'))
            depth++;
        if (depth < 0)
            return false;
        path += n + (path[n] == '/');
    }
    return true;
}

static void check_point(struct arena *a, const struct mount_point *m)
{
    bool is_bind = strcmp(m->type, "bind") == 0, is_volume = strcmp(m->type, "volume") == 0;
    char *text = json_encode(a, &mount_point_json, m);
    struct mount_point again = {0}, copy;
    struct err *e = json_decode(a, text, strlen(text), &mount_point_json, &again);

    ASSERT(!e && strcmp(json_encode(a, &mount_point_json, &again), text) == 0);
    mount_point_copy(a, m, &copy);
    ASSERT(strcmp(json_encode(a, &mount_point_json, &copy), text) == 0);
    ASSERT(is_clean_path(m->destination));
    ASSERT(!is_bind || (is_clean_path(m->source) || strcmp(m->source, "/") == 0));
    ASSERT(is_bind == mount_is_propagation(m->propagation));
    ASSERT(!m->is_anonymous || (is_volume && !*m->name && m->rw));
    ASSERT(text_is_empty(m->subpath) || stays_inside(m->subpath));
    ASSERT(is_volume || (!m->volume_labels.n && !m->volume_options.n && !m->no_copy));
    if (strcmp(m->type, "tmpfs") == 0) {
        struct mount_point t;

        e = mount_from_tmpfs(a, &(struct pair){m->destination, m->options}, &t);
        ASSERT(!e); /* one judgement for both ways */
    }
}

/* `json` is an object of Mounts. False: the API does not understand it. */
static bool try_request(struct arena *a, const char *json)
{
    char *text = arena_printf(a, "{\"Mounts\":[%s]}", json);
    struct host_config h = {0};
    const struct mount_request *list;
    struct err *e = json_decode(a, text, strlen(text), &host_config_json, &h);
    struct mount_point m;

    if (e) {
        err_drop(e);
        return false;
    }
    list = h.mounts.v;
    for (size_t i = 0; i < h.mounts.n; i++) {
        e = mount_from_request(a, &list[i], &m);
        if (!e)
            check_point(a, &m);
        err_drop(e);
    }
    return true;
}

static void try_command_line(struct arena *a, const char *s)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct strs binds = {0}, volumes = {0};
    struct mount_point m;
    struct err *e = mount_parse(a, s, &w);
    bool is_taken;

    if (!e) {
        is_taken = try_request(a, b.data);
        ASSERT(is_taken);
    }
    err_drop(e);
    e = volume_parse(a, s, &binds, &volumes);
    ASSERT(e || binds.n + volumes.n == 1);
    err_drop(e);
    for (size_t i = 0; i < binds.n; i++) {
        e = mount_from_bind(a, binds.v[i], NULL, &m);
        if (!e)
            check_point(a, &m);
        err_drop(e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *s = arena_strndup(a, (const char *)data, size);
    const char *options = strchr(s, ' ');
    struct mount_point m;
    struct err *e;

    try_command_line(a, s);
    try_request(a, s);
    e = mount_from_bind(a, s, "driver", &m);
    if (!e)
        check_point(a, &m);
    err_drop(e);
    if (!options)
        return 0;
    e = mount_from_tmpfs(
        a, &(struct pair){arena_strndup(a, s, (size_t)(options - s)), arena_strdup(a, options + 1)},
        &m);
    if (!e)
        check_point(a, &m);
    err_drop(e);
    return 0;
}
