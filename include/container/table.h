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
    struct map *execs;          /* exec id → struct exec */
    struct map *reserved;       /* names of creates in flight → "" */
    struct map *stashed;        /* see place/sockets.c; NULL: none */
    size_t n_unheld, n_settled; /* keys that the keeper shall drop, has dropped for certain */
    struct list turns_waiting;  /* tickets, ctx struct turn: container/turn.c */
    struct list linkers;        /* struct container: those with links */
    int n_turns;
    struct sweeper *sweeper;
    size_t n_stopping; /* see container_table_stop */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    struct list orphans;   /* struct orphan */
    struct list strangers; /* foreign entries to acknowledge when the keeper is open */
    uv_signal_t *child_signal;
    struct timer sweep; /* of zombies that became our children */
};

struct container_table *table_create(struct parts *p);
void table_destroy(struct container_table *t); /* empty by then */
void table_insert(struct container *c);
void table_remove(struct container *c); /* and gives up the table's reference */
/* The name may be used: free, valid, not another container's id. */
struct err *table_check_name(struct container_table *t, const char *name);
char *table_generate_name(struct container_table *t, struct arena *a);
