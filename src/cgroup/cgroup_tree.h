/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: one hierarchy on v2, one per mount on v1. Immutable after cgroup_tree_open,
 * but for the device cache and the lock of slices. */
#pragma once

#include "device_policy.h"
#include "knobs.h"

#define MAX_HIERARCHIES 16 /* as many as cgroup_join holds */

struct hierarchy {
    char *mount; /* "/sys/fs/cgroup/memory" */
    char *base;  /* what was given to us: the mount, or a delegated cgroup in it */
    int base_dir;
    char *path;           /* the engine's own below it: "/sys/fs/cgroup/memory/berth" */
    int dir;              /* of path */
    unsigned controllers; /* bit per enum controller; 0 for name=systemd */
};
struct cgroup_tree {
    char *own; /* "berth": where the engine's own is, below the base */
    struct cgroup_features features;
    size_t n;
    struct hierarchy h[MAX_HIERARCHIES];
    struct device_cache devices; /* the only thing that changes, under its own lock */
    char *cpus, *mems;           /* what cpusets may be made of; NULL: unknown */
    pthread_mutex_t slices;      /* one worker at a time asks systemd */
};

/* A cgroup mount as found in mountinfo. */
struct cgroup_mount {
    const char *path;
    const char *name; /* as in /proc/PID/cgroup: "memory", "name=systemd", "" of v2 */
    bool is_v2;
    unsigned controllers;
};
/* Pure: the hierarchies to use, each once; several mounts of one count once. Returns how many. */
size_t cgroup_mounts_choose(struct arena *a, const char *mountinfo, struct cgroup_mount *out,
                            size_t room);

/* The hierarchy that carries a controller; NULL when this host has none. */
const struct hierarchy *cgroup_tree_controller(const struct cgroup_tree *t, enum controller c);
/* Whether the feature's file is there now. */
bool cgroup_tree_shows(const struct cgroup_tree *t, enum feature f);
/* Passes on what the cgroup has, one by one: a controller that is missing or busy must not keep the
 * others away. v2. */
void cgroup_tree_enable(int dir);
unsigned cgroup_tree_passed_on(struct arena *a, int dir); /* v2: a bit per controller */
int knob_open(const struct hierarchy *h, const char *place, const char *file); /* -1 and errno */
/* Reads a small knob of `place` into `out`; false when absent. */
bool knob_read(const struct hierarchy *h, const char *place, const char *file, char *out,
               size_t room);
/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12", in us, and a line of "full" (of the CPU only
 * since Linux 5.13). */
struct cgroup_pressure pressure_read(const char *text);
int64_t knob_value_of(const char *text, const char *key); /* of "key value" lines; 0 when absent */
struct err *knob_write(int dir, const char *place, const char *file, const char *value) must_check;
