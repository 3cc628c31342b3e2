/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights of block I/O are honoured by a disk's scheduler (CFQ, BFQ) or by iocost (v2), each with
 * files of its own, and by nobody else. /sys says what a disk has now; a scheduler can be chosen
 * at any time, and its module brings the cgroup files, so nothing of this is remembered. A disk
 * that is named is judged at create and again when its weight is written.
 */
#include "weights.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define DISKS_TOLD 4 /* of those that have no weights, in one sentence */

#define NO_WEIGHT                                                                                  \
    "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight "          \
    "discarded."
#define NO_WEIGHT_DEVICE                                                                           \
    "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. "          \
    "Weight-device discarded."

struct disk {
    char *name;      /* "vda", "vda1" */
    char *scheduler; /* "mq-deadline", "none" */
    char *whole;     /* of a partition: its disk; else NULL */
    enum cgroup_weigher by;
};

char *scheduler_chosen(struct arena *a, const char *text)
{
    const char *from = strchr(text, '[');

    if (!from) /* there is nothing to choose from */
        return text_trim(arena_strdup(a, text));
    return arena_strndup(a, from + 1, strcspn(from + 1, "]\n"));
}

/* Lines of "8:0 enable=1 ctrl=auto …". */
bool cost_is_on(struct arena *a, const char *qos, int major, int minor)
{
    struct strs lines = text_split(a, qos, '\n');
    const char *want = arena_printf(a, "%d:%d enable=1", major, minor);
    size_t n = strlen(want);

    for (size_t i = 0; i < lines.n; i++)
        if (text_starts(lines.v[i], want) && (lines.v[i][n] == ' ' || lines.v[i][n] == '\0'))
            return true;
    return false;
}

/* "" when it cannot be read: such a disk has no scheduler, such a cgroup no iocost. */
static char *sys_text(struct arena *a, int dir, const char *path)
{
    char *text;
    size_t len;
    struct err *e = file_read(a, dir, path, 65536, &text, &len);

    if (!e)
        return text;
    err_drop(e);
    return arena_strdup(a, "");
}

static enum cgroup_weigher weigher_of(const struct cgroup_tree *t, struct arena *a,
                                      const char *scheduler, int major, int minor)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_BLKIO);

    if (!strcmp(scheduler, "bfq"))
        return WEIGHER_BFQ;
    if (!strcmp(scheduler, "cfq"))
        return WEIGHER_CFQ;
    if (!t->features.is_v2 || !h)
        return WEIGHER_NONE;
    return cost_is_on(a, sys_text(a, AT_FDCWD, path_join(a, h->mount, "io.cost.qos")), major, minor)
               ? WEIGHER_COST
               : WEIGHER_NONE;
}

/* The last of a link's names is the device's, the one before it a partition's disk. */
static void look_names(struct arena *a, const char *dir, struct disk *out)
{
    char link[4096];
    ssize_t n = readlink(dir, link, sizeof(link) - 1);
    char *name, *parent = NULL;

    link[n < 0 ? 0 : n] = '\0';
    name = strrchr(link, '/');
    if (name) {
        *name++ = '\0';
        parent = strrchr(link, '/');
    }
    out->name = arena_strdup(a, name ? name : link);
    if (parent && faccessat(AT_FDCWD, path_join(a, dir, "partition"), F_OK, 0) == 0)
        out->whole = arena_strdup(a, parent + 1);
}

static struct disk disk_look(const struct cgroup_tree *t, struct arena *a, int major, int minor)
{
    const char *dir = arena_printf(a, "/sys/dev/block/%d:%d", major, minor);
    struct disk d = {0};

    look_names(a, dir, &d);
    if (!*d.name)
        d.name = arena_printf(a, "%d:%d", major, minor);
    d.scheduler = scheduler_chosen(a, sys_text(a, AT_FDCWD, path_join(a, dir, "queue/scheduler")));
    if (!*d.scheduler)
        d.scheduler = arena_strdup(a, "none");
    d.by = weigher_of(t, a, d.scheduler, major, minor);
    return d;
}

static struct err *not_whole(const struct disk *d)
{
    return err_new(ERR_INVALID,
                   "/dev/%s is a partition: weights and rates are of whole disks, name /dev/%s",
                   d->name, d->whole);
}

static struct err *check_whole(struct arena *a, const struct cgroup_device_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *dir = arena_printf(a, "/sys/dev/block/%d:%d", v[i].major, v[i].minor);
        struct disk d = {0};

        look_names(a, dir, &d);
        if (d.whole)
            return not_whole(&d);
    }
    return NULL;
}

static const char *remedy(struct arena *a, const char *disk)
{
    return arena_printf(a, "choose bfq: echo bfq > /sys/block/%s/queue/scheduler", disk);
}

static struct err *find_weigher(const struct cgroup_tree *t, struct arena *a,
                                struct cgroup_device_value *v)
{
    struct disk d = disk_look(t, a, v->major, v->minor);

    if (d.whole)
        return not_whole(&d);
    if (d.by == WEIGHER_NONE)
        return err_new(ERR_INVALID,
                       "blkio-weight-device cannot be honoured: the scheduler of /dev/%s is %s, "
                       "which has no weights; %s",
                       d.name, d.scheduler, remedy(a, d.name));
    v->by = d.by;
    return NULL;
}

/* ---- which files there are ---- */

static const enum feature weight_features[] = {FEAT_WEIGHT, FEAT_BFQ_WEIGHT, FEAT_COST_WEIGHT};
static const enum feature device_features[] = {FEAT_WEIGHT_DEVICE, FEAT_BFQ_WEIGHT_DEVICE,
                                               FEAT_COST_WEIGHT};

static void probe(const struct cgroup_tree *t, const enum feature *f, size_t n,
                  struct cgroup_features *out)
{
    if (!cgroup_tree_controller(t, CTL_BLKIO))
        return;
    for (size_t i = 0; i < n; i++) {
        out->has &= ~(1u << f[i]);
        out->has |= cgroup_tree_shows(t, f[i]) ? 1u << f[i] : 0;
    }
}

static struct cgroup_features features_now(const struct cgroup_tree *t)
{
    struct cgroup_features now = t->features;

    probe(t, weight_features, ARRAY_LEN(weight_features), &now);
    probe(t, device_features, ARRAY_LEN(device_features), &now);
    return now;
}

static bool have_any(const struct cgroup_features *c, const enum feature *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (features_have(c, f[i]))
            return true;
    return false;
}

struct err *weights_find(const struct cgroup_tree *t, struct arena *a, struct cgroup_limits *l,
                         struct cgroup_features *out)
{
    struct cgroup_features now = features_now(t);
    struct cgroup_device_value *v = arena_array(a, l->n_weight_devices, sizeof(*v));

    for (size_t i = 0; i < l->n_weight_devices; i++) {
        struct err *e;

        v[i] = l->weight_devices[i];
        if (!have_any(&now, device_features, ARRAY_LEN(device_features)))
            continue;
        e = find_weigher(t, a, &v[i]);
        if (v[i].value) /* 0 takes a weight back, where there is one */
            TRY(e);
        err_drop(e);
    }
    l->weight_devices = v;
    *out = now;
    return NULL;
}

/* ---- what is told ---- */

/* Why there is no file for weights at all. */
static const char *why_no_file(const struct cgroup_tree *t)
{
    if (!cgroup_tree_controller(t, CTL_BLKIO))
        return t->features.is_v2 ? "the engine's cgroup was given no io controller: cgroup v2 "
                                   "passes it on by +io in the parent's cgroup.subtree_control"
                                 : "cgroup v1's blkio controller is not mounted";
    return t->features.is_v2 ? "this kernel has neither BFQ (modprobe bfq) nor iocost loaded, and "
                               "cgroup v2 has no other weights"
                             : "this kernel has no BFQ loaded (modprobe bfq), and cgroup v1 has no "
                               "other weights since CFQ is gone";
}

/* Disks that are hardware, and whatever has been given a scheduler with weights. */
struct survey {
    bool some_weigh;
    struct strs others; /* "vda: mq-deadline" */
    char *first;        /* of the others */
    size_t n_others;
};

static void survey_add(const struct cgroup_tree *t, struct arena *a, int block, const char *name,
                       struct survey *s)
{
    int major, minor;
    struct disk d;

    if (sscanf(sys_text(a, block, path_join(a, name, "dev")), "%d:%d", &major, &minor) != 2)
        return;
    d = disk_look(t, a, major, minor);
    if (d.by != WEIGHER_NONE) {
        s->some_weigh = true;
        return;
    }
    if (faccessat(block, path_join(a, name, "device"), F_OK, 0) != 0)
        return;
    if (!s->first)
        s->first = d.name;
    if (s->n_others++ < DISKS_TOLD)
        strs_add(a, &s->others, arena_printf(a, "%s: %s", d.name, d.scheduler));
}

static void survey_disks(const struct cgroup_tree *t, struct arena *a, struct survey *s)
{
    DIR *dir = opendir("/sys/block");
    struct dirent *e;

    while (dir && !s->some_weigh && (e = readdir(dir)))
        if (e->d_name[0] != '.')
            survey_add(t, a, dirfd(dir), e->d_name, s);
    if (dir)
        closedir(dir);
}

static void warn_no_disk(const struct cgroup_tree *t, struct arena *a, struct strs *warnings)
{
    struct survey s = {0};

    survey_disks(t, a, &s);
    if (s.some_weigh)
        return;
    strs_add(a, warnings,
             arena_printf(a,
                          "blkio-weight has no effect now: no disk has a scheduler with weights%s%s"
                          "%s; %s",
                          s.n_others ? " (" : "", s.n_others ? strs_join(a, &s.others, ", ") : "",
                          s.n_others > DISKS_TOLD ? ", …)"
                          : s.n_others            ? ")"
                                                  : "",
                          remedy(a, s.first ? s.first : "DISK")));
}

static struct err *check_weight(const struct cgroup_tree *t, struct arena *a,
                                const struct cgroup_features *now, struct strs *warnings)
{
    if (have_any(now, weight_features, ARRAY_LEN(weight_features))) {
        warn_no_disk(t, a, warnings);
        return NULL;
    }
    if (have_any(now, device_features, ARRAY_LEN(device_features)))
        return err_new(ERR_INVALID, "blkio.weight not supported, use weight_device instead "
                                    "(--blkio-weight-device DISK:WEIGHT)");
    strs_add(a, warnings, arena_printf(a, NO_WEIGHT " Reason: %s.", why_no_file(t)));
    return NULL;
}

static struct err *check_weight_devices(const struct cgroup_tree *t, struct arena *a,
                                        const struct cgroup_limits *l,
                                        const struct cgroup_features *now, struct strs *warnings)
{
    if (!have_any(now, device_features, ARRAY_LEN(device_features))) {
        strs_add(a, warnings, arena_printf(a, NO_WEIGHT_DEVICE " Reason: %s.", why_no_file(t)));
        return NULL;
    }
    for (size_t i = 0; i < l->n_weight_devices; i++) {
        struct cgroup_device_value v = l->weight_devices[i];

        if (v.value)
            TRY(find_weigher(t, a, &v));
    }
    return NULL;
}

struct err *weights_check(const struct cgroup_tree *t, struct arena *a,
                          const struct cgroup_limits *l, struct strs *warnings)
{
    struct cgroup_features now;

    TRY(check_whole(a, l->weight_devices, l->n_weight_devices));
    TRY(check_whole(a, l->read_bps, l->n_read_bps));
    TRY(check_whole(a, l->write_bps, l->n_write_bps));
    TRY(check_whole(a, l->read_iops, l->n_read_iops));
    TRY(check_whole(a, l->write_iops, l->n_write_iops));
    if (!l->blkio_weight && !l->n_weight_devices)
        return NULL;
    now = features_now(t);
    if (l->blkio_weight)
        TRY(check_weight(t, a, &now, warnings));
    return l->n_weight_devices ? check_weight_devices(t, a, l, &now, warnings) : NULL;
}
