/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop knows of the layers on disk: which are there, who needs them, who
 * makes them at the moment. Loop thread. A layer that nobody holds is removed.
 */
#pragma once

#include "core/loop.h"
#include "storage/layer.h"

struct shelf;

struct err *shelf_open(struct layer_store *s, struct pools *p, struct shelf **out)
    must_check; /* start-up, blocking */
void shelf_close(struct shelf *s);

void shelf_ref(struct shelf *s, const char *chain_id);
void shelf_unref(struct shelf *s, const char *chain_id); /* the last one removes the layer */
/* Start-up, after everybody held his own: layers nobody holds go, if they were left behind; else to
 * quarantine. */
typedef bool (*shelf_left_fn)(void *ctx, struct layer_store *store, const char *chain_id);
void shelf_sweep(struct shelf *s, shelf_left_fn is_left_behind, void *ctx, struct quarantine *q);

bool shelf_has(struct shelf *s, const char *chain_id);
int64_t shelf_size(struct shelf *s, const char *chain_id); /* -1 when absent */

/* One that is there, and that an older engine has made: it can be unpacked again for its record. */
bool shelf_lacks_record(struct shelf *s, const char *chain_id);
void shelf_note_record(struct shelf *s, const char *chain_id); /* it has one now */

struct shelf_wait { /* embedded */
    struct list link;
    void (*fn)(struct shelf_wait *w); /* ask again: someone has made it, failed, or removed it */
};
enum shelf_state {
    SHELF_PRESENT,
    SHELF_YOURS, /* absent; the caller makes it now and must call shelf_made */
    SHELF_WAIT,  /* someone else is at it; w is called once */
};
/* The caller must hold chain_id. */
enum shelf_state shelf_want(struct shelf *s, const char *chain_id, struct shelf_wait *w);
void shelf_leave(struct shelf_wait *w); /* safe when not waiting */
/* Ends a SHELF_YOURS. size_bytes < 0: it was not made. */
void shelf_made(struct shelf *s, const char *chain_id, int64_t size_bytes);
