/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real-time budgets: microseconds of a period in which the processes of a cgroup may run with a
 * real-time policy. A new cgroup has none, and what one gets must be left over in its parent; so
 * somebody has to hand them down, for the engine's own cgroup berthd --cpu-rt-runtime.
 */
#include "realtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

#define PERIOD "cpu.rt_period_us"
#define RUNTIME "cpu.rt_runtime_us"
#define DEFAULT_PERIOD 1000000 /* of a new cgroup */

struct budget {
    int64_t period, runtime;
};

static double share(struct budget b)
{
    return b.period > 0 ? (double)b.runtime / (double)b.period : 0;
}

static int64_t read_us(const struct hierarchy *h, const char *path, const char *file)
{
    char text[32];

    return knob_read(h, path, file, text, sizeof(text)) ? strtoll(text, NULL, 10) : -1;
}

/* Of the parent; one that is still to be made will have none. */
static struct budget parent_budget(const struct cgroup_tree *t, struct arena *a, const char *parent)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_CPU);
    char *path = cgroup_place(t, a, parent, "x"), *slash = strrchr(path, '/');
    struct budget b;

    if (slash)
        *slash = '\0';
    else
        path = arena_strdup(a, ".");
    b.runtime = read_us(h, path, RUNTIME);
    b.period = read_us(h, path, PERIOD);
    if (b.runtime < 0)
        b = (struct budget){DEFAULT_PERIOD, 0};
    return b;
}

static struct err *not_supported(const struct cgroup_tree *t)
{
    if (t->features.is_v2)
        return err_new(ERR_INVALID,
                       "kernel does not support CPU real-time scheduler: cgroup v2 has "
                       "no real-time budgets, leave out --cpu-rt-period and "
                       "--cpu-rt-runtime");
    return err_new(ERR_INVALID, "kernel does not support CPU real-time scheduler: %s",
                   cgroup_tree_controller(t, CTL_CPU) ? "it was built without CONFIG_RT_GROUP_SCHED"
                                                      : "the cpu controller is not mounted");
}

struct err *realtime_check(const struct cgroup_tree *t, struct arena *a,
                           const struct cgroup_limits *l)
{
    struct budget wanted = {l->cpu_rt_period ? l->cpu_rt_period : DEFAULT_PERIOD,
                            l->cpu_rt_runtime};
    struct budget has;

    if (!l->cpu_rt_period && !l->cpu_rt_runtime)
        return NULL;
    if (!features_have(&t->features, FEAT_RT))
        return not_supported(t);
    has = parent_budget(t, a, l->parent);
    if (share(wanted) <= share(has))
        return NULL;
    return err_new(ERR_INVALID,
                   "cpu-rt-runtime of %lld us in %lld us is more than the parent cgroup has: %lld "
                   "us in %lld us; give it more: the engine's own by berthd --cpu-rt-runtime (and "
                   "--cpu-rt-period), another by its cpu.rt_runtime_us",
                   (long long)wanted.runtime, (long long)wanted.period, (long long)has.runtime,
                   (long long)has.period);
}

struct err *realtime_refused(const char *runtime)
{
    return err_sysno(EINVAL,
                     "unable to give a cpu-rt-runtime of %s us: others have taken what the parent "
                     "cgroup has, or it is more than the period",
                     runtime);
}

/* Each bounds the other, so the order depends on which of them grows. */
static struct err *write_budget(const struct hierarchy *h, const char *path, struct budget b)
{
    char period[32], runtime[32];
    struct err *e;

    snprintf(period, sizeof(period), "%lld", (long long)(b.period ? b.period : DEFAULT_PERIOD));
    snprintf(runtime, sizeof(runtime), "%lld", (long long)b.runtime);
    e = knob_write(h->base_dir, path, PERIOD, period);
    if (e && err_errno(e) == EINVAL) {
        err_drop(e);
        TRY(knob_write(h->base_dir, path, RUNTIME, runtime));
        return knob_write(h->base_dir, path, PERIOD, period);
    }
    TRY(e);
    return knob_write(h->base_dir, path, RUNTIME, runtime);
}

/* From the top: a cgroup hands on what it has. */
struct err *cgroup_tree_give_realtime(struct cgroup_tree *t, int64_t period, int64_t runtime)
{
    autoarena struct arena *a = arena_create();
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_CPU);
    const char *s = t->own;

    if (!period && !runtime)
        return NULL;
    if (!features_have(&t->features, FEAT_RT))
        return not_supported(t);
    do {
        struct err *e;

        s = strchr(s + 1, '/');
        e = write_budget(h, s ? arena_strndup(a, t->own, (size_t)(s - t->own)) : t->own,
                         (struct budget){period, runtime});
        if (e)
            return err_wrap(e,
                            "give the engine's cgroup a real-time budget of %lld us in %lld us "
                            "(the cgroup above, %s, must have that much in " RUNTIME ", and "
                            "containers that run must not have more)",
                            (long long)runtime, (long long)(period ? period : DEFAULT_PERIOD),
                            h->base);
    } while (s);
    return NULL;
}
