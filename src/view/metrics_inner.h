/* SPDX-License-Identifier: Apache-2.0 */
/* The families of GET /metrics. */
#pragma once

#include "base/text.h"
#include "cgroup/cgroup.h"

#include "interfaces.h"

struct container;
struct parts;

struct metrics_sample { /* of a container; in the round's arena */
    const char *labels; /* id, name */
    const char *image, *place, *state, *health;
    int64_t restarts, started_ns;
    int pid, pidfd; /* -1: it does not run */
    bool has_networks;
    bool is_there; /* the worker has found its cgroup */
    struct cgroup_stats usage;
    struct cgroup_pressure pressure[3]; /* cpu, memory, io */
    struct interface_counts *interfaces;
    size_t n_interfaces;
};

void metrics_write_engine(struct parts *p, struct buf *out); /* loop */
void metrics_sample_begin(struct metrics_sample *s, struct arena *a,
                          struct container *c);     /* loop */
void metrics_sample_drop(struct metrics_sample *s); /* of what nobody has looked at */
/* Worker, as the rest. */
void metrics_sample_look(struct cgroup_tree *t, struct arena *a, struct metrics_sample *s);
void metrics_write_containers(struct buf *out, const struct metrics_sample *v, size_t n);
void metrics_write_process(struct buf *out);
