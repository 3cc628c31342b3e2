/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's side of landing: hands out slots and records of the memory that it shares
 * with the keeper (wire/land.h), and knows what an engine before it left there. One
 * an engine. Loop thread; creating blocks and belongs to start-up.
 */
#pragma once

#include "base/list.h"
#include "wire/land.h"

struct landing;
struct landing_wait { /* embedded; first come, first served */
    struct list link;
    void (*fn)(struct landing_wait *w);
};

/* New memory; spool_dir: EXEC_ROOT/spool. */
struct err *landing_create(const char *spool_dir, struct landing **out) must_check;
/* Takes the LAND_FDS descriptors that the keeper had; closes them when it fails. */
struct err *landing_adopt(const char *spool_dir, const int *fds, struct landing **out) must_check;
void landing_destroy(struct landing *l);
const int *landing_fds(const struct landing *l); /* LAND_FDS, for the keeper; borrowed */
const struct land *landing_memory(const struct landing *l);

int landing_take_slot(struct landing *l); /* -1: none is free; landing_await */
void landing_give_slot(struct landing *l, unsigned slot);
/* Slots are few, and logs whose server does not take anything must not have them: the bytes go
 * where there is no need to hurry. The slot's number from now on, the same: they stay. */
unsigned landing_park(struct landing *l, unsigned slot);
void landing_await(struct landing *l, struct landing_wait *w);
void landing_forget(struct landing_wait *w);

/* A record for a container; -1: none left. */
int landing_take_record(struct landing *l, const char *id, enum land_mode mode);
/* The one that an engine before had for it, -1. Its slots are told in their order by `slot`. */
int landing_adopt_record(struct landing *l, const char *id,
                         void (*slot)(void *ctx, unsigned slot, size_t n), void *ctx);
void landing_give_record(struct landing *l, unsigned record);
/* The spool of a container that the keeper has made, NULL: none. Told once. Caller frees. */
char *landing_take_spool(struct landing *l, const char *id);
/* After the start: records and spools that nobody has asked for. `claim` has the log of the
 * container take them (log_recover) or returns false: then they go. */
void landing_sweep(struct landing *l, bool (*claim)(void *ctx, const char *id), void *ctx);
