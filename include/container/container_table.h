/* SPDX-License-Identifier: Apache-2.0 */
/* The table of containers from inside, for the rooms. Loop thread. */
#pragma once

#include "container/container.h"
#include "core/loop.h"

struct arena;
struct parts;

struct container_table {
    struct parts *parts;
    struct map *by_id, *by_name;
    struct map *execs;           /* exec id → struct exec */
    struct map *reserved;        /* names of creates in flight → "" */
    struct map *stashed;         /* see place/sockets.c; NULL: none */
    size_t n_unheld, n_settled;  /* keys that the keeper shall drop, has dropped for certain */
    struct heap permits_waiting; /* tickets of container/start_permit.c */
    struct list linkers;         /* struct container: those with links */
    int n_permits;
    struct sweeper *sweeper;
    size_t n_stopping; /* see container_table_stop */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct list orphans;   /* struct orphan */
    struct list strangers; /* foreign entries to acknowledge when the keeper is open */
    uv_signal_t *child_signal;
    struct timer sweep;    /* of zombies that became our children */
    int64_t sweep_rest_ns; /* boot clock: none before */
};

struct container_table *table_create(struct parts *p);
void table_destroy(struct container_table *t); /* empty by then */
void container_table_insert(struct container *c);
void container_table_remove(struct container *c); /* and gives up the table's reference */
/* The name may be used: free, valid, not another container's id. */
struct err *container_table_check_name(struct container_table *t, const char *name);
char *container_table_generate_name(struct container_table *t, struct arena *a);
