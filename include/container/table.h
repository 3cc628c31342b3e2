/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of containers and the parts of the engine that their operations use.
 * Loop thread.
 */
#pragma once

#include "cgroup/cgroup.h"
#include "core/config.h"
#include "core/db.h"
#include "core/debug.h"
#include "core/events.h"
#include "image/image.h"
#include "net/network.h"
#include "runtime/keeper.h"
#include "storage/volume.h"
#include "stream/hub.h"
#include "stream/landing.h"

struct container;
struct container_table;
struct exec;

/* Made by engine/, borrowed by everybody; all outlive the table. */
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
    struct landing *landing; /* set before the keeper's entries come */
    struct keeper *keeper;   /* set between container_table_open and container_table_adopt */
    struct container_table *containers;
    const char *engine_id; /* of /info, persistent */
    int64_t started_ns;
};

/* Start-up: loads every container; nothing runs yet as far as the table knows. */
struct err *container_table_open(struct parts *p, struct container_table **out) must_check;
/* What the keeper had (hooks for keeper_open; ctx is the table). */
void container_table_adopt(void *table, const struct keeper_entry *e, const int *fds);
void container_table_exited(void *table, const struct keeper_entry *e);
void container_table_settled(void *table, const struct keeper_entry *e, int pidfd);
void container_table_keeper_lost(void *table);
void container_table_land(void *table, const int *fds);
/* Where output lands that nobody has taken yet; makes the memory unless the keeper had one. */
struct err *container_table_open_landing(struct container_table *t) must_check;
/* After adoption: containers that should run and do not are finished or restarted, what only disk
 * or kernel know is removed. */
void container_table_reconcile(struct container_table *t);
/* The engine ends: streams are no longer read (the keeper has them), what was read is written to
 * the logs; done after the last byte. */
void container_table_stop(struct container_table *t, void (*done)(void *ctx), void *ctx);
void container_table_close(struct container_table *t);

/* Exact id, exact name, unique id prefix: ERR_NOT_FOUND "No such container: x", ERR_INVALID
 * "multiple IDs found with provided prefix: x". */
struct err *container_find(struct container_table *t, const char *ref, struct container **out)
    must_check;
/* Newest first; NULL ends. *cursor starts at 0. */
struct container *container_next(struct container_table *t, size_t *cursor);
/* All that are there now, newest first. They may go meanwhile: then _at gives NULL. */
struct container_list {
    struct container **v;
    size_t n;
};
void containers_hold(struct container_table *t, struct container_list *out);
struct container *container_list_at(const struct container_list *l, size_t at);
void containers_release(struct container_list *l);
struct container_counts {
    int total, running, paused, stopped;
};
struct container_counts container_counts(const struct container_table *t);
