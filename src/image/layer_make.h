/* SPDX-License-Identifier: Apache-2.0 */
/* Inside layers: one layer being made. Loop thread, except what runs in its job. */
#pragma once

#include "layers.h"
#include "permits.h"

#include <stdatomic.h>

enum make_state {
    MAKE_NEW,
    MAKE_WAITING,  /* for another pull that makes it, or for a permit */
    MAKE_FETCHING, /* bytes come and are unpacked */
    MAKE_UNPACKED, /* a draft; to be committed when the layers below are there */
    MAKE_COMMITTING,
    MAKE_IN_PLACE,
};

/* Outlives its group when a worker still has it. */
struct layer_make {
    struct layers *group; /* NULL: nobody wants it any more */
    struct image_table *table;
    struct arena *arena;
    struct layer_plan plan;
    char chain_id[DIGEST_MAX];
    const char *parent; /* chain id; NULL for the base */
    enum make_state state;
    bool is_claimed;   /* on the shelf: ours to make */
    bool makes_record; /* it is there, without a record: it is unpacked again for that */
    struct shelf_wait wait;
    struct permit permit;

    /* registry → pipe → worker */
    struct fetch *fetch;
    int read_fd, write_fd;
    struct watch *watch;
    struct buf pending; /* taken from libcurl, not yet in the pipe */
    bool is_paused, has_all_bytes;
    int64_t received, said;

    /* the worker's while has_job */
    struct job job;
    bool has_job;
    _Atomic bool stop;
    _Atomic int64_t consumed;
    struct unpack_result result;
    struct layer_draft *draft;
    struct err *err;
    bool is_explained; /* err says all there is to say */
};

struct layer_make *make_create(struct layers *g, struct image_table *t, const struct layer_plan *p,
                               const char *parent);
void make_begin(struct layer_make *m);
void make_commit(struct layer_make *m); /* MAKE_UNPACKED */
/* Lets go of it: it stops and frees itself. */
void make_abandon(struct layer_make *m);
/* A line about its bytes when there is something new to say. */
void make_tick(struct layer_make *m);

/* The group's side, layers.c. */
void layers_advance(struct layers *g);               /* a make is unpacked or in place */
void layers_fail(struct layers *g, struct err *err); /* takes err */
const struct progress *layers_progress(const struct layers *g);
struct registry *layers_registry(const struct layers *g);
