/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the engine: made by engine/, borrowed by everybody; all outlive the containers. */
#pragma once

#include <stdint.h>

struct parts {
    struct loop *loop;
    struct pools *pools;
    struct ops *ops;
    struct db *db;
    struct db *exec_db; /* volatile, in the exec root: execs end with the machine */
    struct events *events;
    struct debug *debug;
    const struct settings *settings;
    struct cgroup_tree *cgroups;
    struct net *net;
    struct network_table *networks;
    struct layer_store *layers;
    struct image_table *images;
    struct volume_table *volumes;
    struct file_binds *file_binds;
    struct landing *landing;    /* set before the keeper's entries come */
    struct keeper_conn *keeper; /* set between container_table_open and container_table_adopt */
    struct container_table *containers;
    struct builder *builder;
    struct stats_sampler *stats;
    struct metrics *metrics;
    struct latencies *latencies;
    const struct container_hooks *container_hooks; /* set by container_table_open */
    struct journal *audit_log;                     /* NULL: no file */
    struct policy *policy;                         /* what callers may; NULL: everything */
    unsigned policy_reloads;                       /* asked for, one of them under way */
    const struct risk_host *risk_host;             /* what is the engine's own on this host */
    const struct lsm *lsm;
    const struct id_map *remap; /* --userns-remap; NULL: containers have the host's ids */
    struct id_pool *id_pool;    /* of --userns auto */
    struct mcs_pool *mcs;       /* NULL: containers get no SELinux labels */
    const char *keeper_binary;  /* path */
    const char *engine_id;      /* of /info, persistent */
    int64_t started_ns;
};
