/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: one hierarchy on v2, one per mount on v1. Immutable after cgroup_tree_open,
 * but for the device cache. */
#pragma once

#include "device_policy.h"
#include "knobs.h"

#define MAX_HIERARCHIES 16 /* as many as cgroup_join holds */

struct hierarchy {
    char *path;           /* "/sys/fs/cgroup/memory/berth" */
    char *mount;          /* "/sys/fs/cgroup/memory" */
    int dir;              /* of path */
    unsigned controllers; /* bit per enum controller; 0 for name=systemd */
};
struct cgroup_tree {
    char *parent;
    struct cgroup_features features;
    size_t n;
    struct hierarchy h[MAX_HIERARCHIES];
    struct device_cache devices; /* the only thing that changes, under its own lock */
    char *cpus, *mems;           /* what cpusets may be made of; NULL: unknown */
};

/* A cgroup mount as found in mountinfo. */
struct cgroup_mount {
    const char *path;
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
/* "<id>" is a path component of ours. */
struct err *cgroup_tree_check_id(const char *id) must_check;
/* Reads a small knob of `id` into `out`; false when absent. */
bool knob_read(const struct hierarchy *h, const char *id, const char *file, char *out, size_t room);
int64_t knob_value_of(const char *text, const char *key); /* of "key value" lines; 0 when absent */
struct err *knob_write(int dir, const char *id, const char *file, const char *value) must_check;
