/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and removing the cgroups above a container's, when they are not the engine's own. What we
 * make carries a mark in the kernel (an extended attribute), so that it is removed when it is
 * empty, by whichever engine, and what somebody else has made stays. Workers; two may make and
 * remove one parent at the same time, so a parent that has just gone is made again.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"

#include "slice.h"

#define MARK "trusted.berth"

static int open_cgroup(int base_dir, const char *path)
{
    return openat(base_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool is_marked(int dir, const char *path)
{
    autoclose int fd = open_cgroup(dir, path);

    return fd >= 0 && fgetxattr(fd, MARK, NULL, 0) >= 0;
}

static struct err *make_one(const struct hierarchy *h, const char *path)
{
    autoclose int fd = -1;

    if (mkdirat(h->base_dir, path, 0755) != 0)
        return errno == EEXIST ? NULL : err_sys("make cgroup %s/%s", h->base, path);
    fd = open_cgroup(h->base_dir, path);
    if (fd >= 0)
        (void)!fsetxattr(fd, MARK, "1", 1, 0); /* without it, it stays */
    return NULL;
}

static struct err *read_list(struct arena *a, int dir, const char *file, char **out)
{
    size_t len;

    TRY(file_read(a, dir, file, 65536, out, &len));
    *out = text_trim(*out);
    return NULL;
}

struct err *cpuset_inherit(struct arena *a, int base_dir, const char *path)
{
    static const char *const knobs[] = {"cpuset.cpus", "cpuset.mems"};
    autoclose int dir = open_cgroup(base_dir, path);

    if (dir < 0)
        return err_sys("open cgroup %s", path);
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        char *own, *above;

        TRY(read_list(a, dir, knobs[i], &own));
        if (*own)
            continue;
        TRY(read_list(a, dir, arena_printf(a, "../%s", knobs[i]), &above));
        TRY(file_put(dir, knobs[i], above));
    }
    return NULL;
}

struct err *cpusets_inherit(struct arena *a, int base_dir, const char *path)
{
    for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/'))
        TRY(cpuset_inherit(a, base_dir, arena_strndup(a, path, (size_t)(s - path))));
    return NULL;
}

/* What of ours the parent does not pass on, though it was asked to. */
static struct err *pass_on(const struct hierarchy *h, struct arena *a, const char *path)
{
    autoclose int dir = open_cgroup(h->base_dir, path);
    unsigned missing;
    char *procs;

    if (dir < 0)
        return err_sys("open cgroup %s/%s", h->base, path);
    cgroup_tree_enable(dir);
    missing = h->controllers & ~cgroup_tree_passed_on(a, dir);
    missing &= ~(1u << CTL_HUGETLB); /* which systemd does not know: said when it is asked for */
    if (!missing)
        return NULL;
    TRY(read_list(a, dir, "cgroup.procs", &procs));
    if (*procs)
        return err_new(ERR_INVALID,
                       "cgroup-parent /%s has processes of its own: such a cgroup passes no limits "
                       "on (cgroup v2); move them into a cgroup below it",
                       path);
    return err_new(ERR_INVALID,
                   "cgroup-parent /%s does not pass on the %s controller: look at its "
                   "cgroup.controllers and cgroup.subtree_control, and at those above it",
                   path, controller_names[__builtin_ctz(missing)]);
}

/* One level, all that a child needs there. */
static struct err *make_level(const struct cgroup_tree *t, const struct hierarchy *h,
                              struct arena *a, const char *path)
{
    TRY(make_one(h, path));
    if (t->features.is_v2)
        return pass_on(h, a, path);
    return h->controllers & 1u << CTL_CPUSET ? cpuset_inherit(a, h->base_dir, path) : NULL;
}

/* For each '/' of the path: what is before it. */
static struct err *make_levels(const struct cgroup_tree *t, const struct hierarchy *h,
                               struct arena *a, const char *place, size_t from)
{
    for (const char *s = strchr(place + from, '/'); s; s = strchr(s + 1, '/'))
        TRY(make_level(t, h, a, arena_strndup(a, place, (size_t)(s - place))));
    return NULL;
}

bool place_is_own(const struct cgroup_tree *t, const char *place)
{
    size_t n = strlen(t->own);

    return strncmp(place, t->own, n) == 0 && place[n] == '/' && !strchr(place + n + 1, '/');
}

struct err *parents_make(struct cgroup_tree *t, struct arena *a, const char *place)
{
    size_t from = 0;
    const char *slice;

    if (place_is_own(t, place))
        return NULL;
    slice = slice_of_place(t, a, place);
    if (slice) {
        TRY(slice_make(t, a, slice));
        return pass_on(&t->h[0], a, slice_place(t, a, slice));
    }
    if (text_starts(place, t->own) && place[strlen(t->own)] == '/')
        from = strlen(t->own) + 1;
    for (size_t i = 0; i < t->n; i++)
        TRY(make_levels(t, &t->h[i], a, place, from));
    return NULL;
}

void parents_remove(struct cgroup_tree *t, const char *place)
{
    autoarena struct arena *a = arena_create();
    const char *slice;

    if (place_is_own(t, place))
        return;
    slice = slice_of_place(t, a, place);
    if (slice) {
        slice_leave(t, a, slice);
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        char *path = arena_strdup(a, place), *slash;

        while ((slash = strrchr(path, '/'))) {
            *slash = '\0';
            if (!strcmp(path, t->own) || !is_marked(t->h[i].base_dir, path) ||
                unlinkat(t->h[i].base_dir, path, AT_REMOVEDIR) != 0)
                break;
        }
    }
}

struct err *marked_make(const struct hierarchy *h, struct arena *a, const char *path)
{
    for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/'))
        TRY(make_one(h, arena_strndup(a, path, (size_t)(s - path))));
    return make_one(h, path);
}
