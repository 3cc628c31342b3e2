/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a container's use of the machine, and its JSON. Workers, but for _begin. */
#pragma once

#include "base/text.h"

struct cgroup_kept;
struct cgroup_tree;
struct container;

struct stats_cpu { /* what the next look is compared with */
    bool is_set;
    int64_t read_ns; /* wall clock */
    int64_t total_ns, user_ns, kernel_ns, host_ns;
    int64_t periods, throttled_periods, throttled_ns;
    int64_t *cpus; /* heap; NULL: none */
    size_t n_cpus;
};
void stats_cpu_finish(struct stats_cpu *c);

struct stats_host { /* what is the same for all that are looked at together */
    int64_t at_ns;  /* when its times were read; 0: never */
    int64_t cpu_ns, memory_bytes;
    int64_t n_cpus;
};

struct stats_look {
    struct cgroup_tree *cgroups;
    struct cgroup_kept *kept; /* its files; NULL: none stays open */
    char *id, *name, *place;  /* heap; place: of its cgroup */
    int pid, pidfd;           /* pidfd -1: it does not run */
    bool has_networks;
    struct stats_cpu before, now;
    struct buf json;
};
/* Copies what the worker needs. Loop thread. */
void stats_look_begin(struct stats_look *l, const struct container *c);
/* host: zeros at first. The JSON ends with a line's end. */
void stats_look_do(struct stats_look *l,
                   struct stats_host *host); /* a container that has ended meanwhile gives zeros */
void stats_look_finish(struct stats_look *l);
