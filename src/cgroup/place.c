/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's cgroup is, when a request names its parent. Pure, but for the look at a
 * parent of v2 that is there: a cgroup with processes of its own passes no controllers on, so
 * no limit of the container would hold.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"

#include "slice.h"

#define PARENT_MAX 255
#define ID_LEN 64

struct err *cgroup_place_check(const char *place)
{
    size_t n = strlen(place);

    if (!n || n > PLACE_MAX || *place == '/' || *place == '.' || strstr(place, "/.") ||
        strstr(place, "//") || place[n - 1] == '/')
        return err_new(ERR_INVALID, "invalid cgroup name %s", place);
    return NULL;
}

char *cgroup_place(const struct cgroup_tree *t, struct arena *a, const char *parent, const char *id)
{
    struct strs names = {0}, parts;

    if (slice_is(parent))
        return arena_printf(a, "%s/%s", slice_place(t, a, parent), id);
    if (text_is_empty(parent) || *parent != '/')
        strs_add(a, &names, t->own);
    parts = text_split(a, parent ? parent : "", '/');
    for (size_t i = 0; i < parts.n; i++)
        if (*parts.v[i])
            strs_add(a, &names, parts.v[i]);
    strs_add(a, &names, id);
    return strs_join(a, &names, "/");
}

static struct err *check_names(struct arena *a, const char *parent)
{
    struct strs names = text_split(a, parent, '/');

    if (strlen(parent) > PARENT_MAX)
        return err_new(ERR_INVALID, "cgroup-parent is longer than %d characters", PARENT_MAX);
    for (size_t i = 0; i < names.n; i++) {
        if (names.v[i][0] == '.')
            return err_new(ERR_INVALID,
                           "invalid cgroup-parent %s: \"%s\" leads elsewhere or is hidden", parent,
                           names.v[i]);
        /* a neighbour's own cgroup ends with the neighbour */
        if (strlen(names.v[i]) == ID_LEN && text_is_hex(names.v[i], ID_LEN))
            return err_new(ERR_INVALID, "invalid cgroup-parent %s: it is a container's own cgroup",
                           parent);
    }
    for (const char *s = parent; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return err_new(ERR_INVALID, "invalid cgroup-parent: it has control characters");
    return NULL;
}

/* The deepest part of the path that is there. */
static int open_deepest(const struct hierarchy *h, struct arena *a, const char *path)
{
    char *end = arena_strdup(a, path);

    for (;;) {
        int fd = openat(h->base_dir, *end ? end : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char *slash = strrchr(end, '/');

        if (fd >= 0 || !*end)
            return fd;
        *(slash ? slash : end) = '\0';
    }
}

/* The root of all has processes and passes on nonetheless; it has no cgroup.type. */
static struct err *check_passes_on(struct arena *a, int dir, const char *parent)
{
    char *text;
    size_t len;

    if (faccessat(dir, "cgroup.type", F_OK, 0) != 0)
        return NULL;
    TRY(file_read(a, dir, "cgroup.type", 4096, &text, &len));
    if (strstr(text, "threaded") || strstr(text, "invalid"))
        return err_new(ERR_INVALID,
                       "cgroup-parent %s: its type is %s, which holds threads, not containers",
                       parent, text_trim(text));
    TRY(file_read(a, dir, "cgroup.procs", 65536, &text, &len));
    if (*text_trim(text))
        return err_new(ERR_INVALID,
                       "cgroup-parent %s has processes of its own: such a cgroup passes no limits "
                       "on (cgroup v2); move them into a cgroup below it",
                       parent);
    return NULL;
}

struct err *cgroup_parent_check(const struct cgroup_tree *t, struct arena *a, const char *parent)
{
    char *place, *slash;

    if (text_is_empty(parent))
        return NULL;
    if (slice_is(parent))
        return slice_check(t, parent);
    TRY(check_names(a, parent));
    place = cgroup_place(t, a, parent, "x");
    TRY(cgroup_place_check(place));
    if (!t->features.is_v2)
        return NULL;
    slash = strrchr(place, '/');
    *(slash ? slash : place) = '\0';
    autoclose int dir = open_deepest(&t->h[0], a, place);
    return dir < 0 ? NULL : check_passes_on(a, dir, parent);
}
