/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and changing one container's cgroup. Workers. The cost is system calls in
 * cgroupfs, so a create is a mkdir per hierarchy, the planned writes (a file written
 * repeatedly is opened once) and one open per hierarchy for the child's join: the
 * parent never moves a process (7 to 11 ms of RCU on v1, see docs/KEEPER.md).
 */
#include "hugetlb.h"
#include "place.h"
#include "realtime.h"
#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"

#define PARENT_TRIES 20
#define NESTED "payload"

/* The file that was written last stays open: device rules are many writes to one file. */
struct knob_writer {
    const struct cgroup_tree *t;
    const char *place;
    const char *file;
    int fd;
};

static struct err *writer_open(struct knob_writer *w, const struct knob_write *k)
{
    const struct hierarchy *h = cgroup_tree_controller(w->t, k->controller);
    char path[512];

    if (w->file && !strcmp(w->file, k->file))
        return NULL;
    ASSERT(h); /* the plan writes only what the features have */
    if (w->fd >= 0)
        close(w->fd);
    snprintf(path, sizeof(path), "%s/%s", w->place, k->file);
    w->file = NULL;
    w->fd = openat(h->base_dir, path, O_WRONLY | O_CLOEXEC);
    if (w->fd < 0 && errno == ENOENT && k->controller == CTL_HUGETLB)
        return err_new(
            ERR_INVALID,
            "hugetlb limits are not to be had below this cgroup-parent: it does not pass "
            "the hugetlb controller on (nor does systemd)");
    if (w->fd < 0)
        return err_sys("open cgroup file %s", k->file);
    w->file = k->file;
    return NULL;
}

/* EBUSY of a memory limit is the user's affair: more is in use than he allows. */
static struct err *writer_put(struct knob_writer *w, const struct knob_write *k)
{
    TRY(writer_open(w, k));
    if (write(w->fd, k->value, strlen(k->value)) >= 0)
        return NULL;
    if (errno == EINVAL && !strcmp(k->file, "cpu.rt_runtime_us"))
        return realtime_refused(k->value);
    if (errno == EBUSY && k->controller == CTL_MEMORY)
        return err_sysno(EBUSY, "unable to set memory limit to %s: more is in use", k->value);
    return err_sys("write %s to cgroup file %s", k->value, k->file);
}

/* Memory and swap limits constrain one another: memsw may not be below memory (v1, EINVAL), so if
 * the first is refused the second goes first. */
static struct err *write_plan(struct knob_writer *w, const struct knobs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct err *e = writer_put(w, &p->v[i]);

        if (e && err_errno(e) == EINVAL && p->v[i].may_swap && i + 1 < p->n) {
            err_drop(e);
            TRY(writer_put(w, &p->v[i + 1]));
            e = writer_put(w, &p->v[i]);
            i++;
        }
        TRY(e);
    }
    return NULL;
}

static struct err *write_limits(struct cgroup_tree *t, const char *place,
                                const struct cgroup_limits *l)
{
    autoarena struct arena *a = arena_create();
    struct knob_writer w = {.t = t, .place = place, .fd = -1};
    struct cgroup_features features = t->features;
    struct cgroup_limits found = *l;
    struct knobs p;
    struct err *e;

    if (l->blkio_weight || l->n_weight_devices)
        TRY(weights_find(t, a, &found, &features));
    if (l->n_hugetlbs)
        TRY(hugetlbs_find(a, &found));
    p = knobs_plan(a, &features, &found);
    e = write_plan(&w, &p);

    if (w.fd >= 0)
        close(w.fd);
    return e;
}

/* A mkdir for each hierarchy; one on v2. */
static struct err *make_dirs(struct cgroup_tree *t, const char *place)
{
    for (size_t i = 0; i < t->n; i++)
        if (mkdirat(t->h[i].base_dir, place, 0755) != 0)
            return err_sys("make cgroup %s/%s", t->h[i].base, place);
    return NULL;
}

static void remove_dirs(struct cgroup_tree *t, const char *place)
{
    for (size_t i = 0; i < t->n; i++)
        unlinkat(t->h[i].base_dir, place, AT_REMOVEDIR);
}

/* A parent that was there a moment ago may be gone with its last container: made again. */
static struct err *make_all(struct cgroup_tree *t, const char *place)
{
    autoarena struct arena *a = arena_create();
    const struct hierarchy *cpuset = cgroup_tree_controller(t, CTL_CPUSET);
    struct err *e = NULL;

    for (int i = 0; i < PARENT_TRIES; i++) {
        err_drop(e);
        e = parents_make(t, a, place);
        if (!e)
            e = make_dirs(t, place);
        if (!e || err_errno(e) != ENOENT)
            break;
        remove_dirs(t, place);
    }
    TRY(e);
    if (!cpuset || t->features.is_v2 || place_is_own(t, place)) /* ours has clone_children */
        return NULL;
    return cpuset_inherit(a, cpuset->base_dir, place);
}

static void join_init(struct cgroup_join *j)
{
    *j = (struct cgroup_join){.dir = -1};
    for (size_t i = 0; i < ARRAY_LEN(j->tasks); i++)
        j->tasks[i] = -1;
}

/* v1: the child itself writes "0" into each; the parent would pay an RCU grace period for moving
 * it. */
static struct err *open_tasks(struct cgroup_tree *t, const char *place, struct cgroup_join *j)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/tasks", place);
    for (size_t i = 0; i < t->n; i++) {
        int fd = openat(t->h[i].base_dir, path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
            return err_sys("open cgroup %s/%s", t->h[i].base, place);
        ASSERT(j->n_tasks < ARRAY_LEN(j->tasks));
        j->tasks[j->n_tasks++] = fd;
    }
    return NULL;
}

static struct err *open_dir(struct cgroup_tree *t, const char *place, struct cgroup_join *j)
{
    ASSERT(t->n > 0 && j->dir < 0);
    j->dir = openat(t->h[0].base_dir, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return j->dir < 0 ? err_sys("open cgroup %s/%s", t->h[0].base, place) : NULL;
}

struct err *cgroup_open(struct cgroup_tree *t, const char *place, struct cgroup_join *out)
{
    struct cgroup_join j;
    struct err *e;

    TRY(cgroup_place_check(place));
    join_init(&j);
    e = t->features.is_v2 ? open_dir(t, place, &j) : open_tasks(t, place, &j);
    if (e) {
        cgroup_join_close(&j);
        return e;
    }
    *out = j;
    return NULL;
}

/* Such a cgroup refuses processes (EBUSY). */
static bool delegates(struct cgroup_tree *t, const char *place)
{
    char text[256];

    return t->features.is_v2 &&
           knob_read(&t->h[0], place, "cgroup.subtree_control", text, sizeof(text)) &&
           *text_trim(text);
}

/* Where the process is below the container's cgroup, "/…"; NULL: not there. */
static char *find_below(struct arena *a, const char *place, int pid)
{
    const char *own = arena_printf(a, "/%s/", place);
    char *text, *at;
    size_t len;
    struct err *e =
        file_read(a, AT_FDCWD, arena_printf(a, "/proc/%d/cgroup", pid), 65536, &text, &len);

    if (e) { /* it has just ended */
        err_drop(e);
        return NULL;
    }
    at = strstr(text, "0::");
    at = at ? strstr(at, own) : NULL;
    if (!at)
        return NULL;
    at[strcspn(at, "\n")] = '\0';
    return at + strlen(own) - 1;
}

struct err *cgroup_open_beside(struct cgroup_tree *t, const char *place, int pid,
                               struct cgroup_join *out)
{
    autoarena struct arena *a = arena_create();
    struct cgroup_join j;
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    char *below;

    TRY(cgroup_open(t, place, &j));
    below = delegates(t, place) ? find_below(a, place, pid) : NULL;
    if (below) {
        int dir = (int)syscall(SYS_openat2, j.dir, below + 1, &how, sizeof(how));

        if (dir >= 0) {
            close(j.dir);
            j.dir = dir;
        }
    }
    *out = j;
    return NULL;
}

void cgroup_join_close(struct cgroup_join *j)
{
    for (size_t i = 0; i < j->n_tasks; i++)
        close(j->tasks[i]);
    if (j->dir >= 0)
        close(j->dir);
    join_init(j);
}

/* One that the container may write to, with controllers to pass on. Its limits are out of its
 * reach, one above, also where cgroup2 is mounted without nsdelegate. */
static struct err *nest(struct cgroup_join *j)
{
    int below;

    cgroup_tree_enable(j->dir);
    if (mkdirat(j->dir, NESTED, 0755) != 0)
        return err_sys("make cgroup " NESTED);
    below = openat(j->dir, NESTED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below < 0) {
        unlinkat(j->dir, NESTED, AT_REMOVEDIR);
        return err_sys("open cgroup " NESTED);
    }
    close(j->dir);
    j->dir = below;
    return NULL;
}

static struct err *fill(struct cgroup_tree *t, const char *place, const struct cgroup_limits *l,
                        struct cgroup_join *out)
{
    TRY(make_all(t, place));
    TRY(write_limits(t, place, l));
    TRY(cgroup_open(t, place, out));
    if (!t->features.is_v2)
        return NULL;
    struct err *e = l->devices ? device_policy_attach(&t->devices, out->dir, l) : NULL;
    if (!e && l->is_nested)
        e = nest(out);
    if (e)
        cgroup_join_close(out);
    return e;
}

struct err *cgroup_create(struct cgroup_tree *t, const char *place, const struct cgroup_limits *l,
                          struct cgroup_join *out)
{
    TRY(cgroup_place_check(place));
    struct err *e = fill(t, place, l, out);
    if (e) {
        remove_dirs(t, place);
        parents_remove(t, place);
    }
    return e;
}

struct err *cgroup_update(struct cgroup_tree *t, const char *place, const struct cgroup_limits *l)
{
    struct cgroup_limits changed = *l;

    TRY(cgroup_place_check(place));
    changed.devices = NULL; /* a running container keeps its device policy */
    changed.n_devices = 0;
    return write_limits(t, place, &changed);
}

bool cgroup_exists(const struct cgroup_tree *t, const char *place)
{
    return faccessat(t->h[0].dir, place, F_OK, 0) == 0;
}
