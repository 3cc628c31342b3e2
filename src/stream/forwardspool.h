/* SPDX-License-Identifier: Apache-2.0 */
/* A container's spool, read for a log that has no file; see forwardspool.c. */
#pragma once

#include "core/loop.h"
#include "wire/landing.h"

struct forward_spool;
/* Nothing of it is called in the same turn. `done`: what was asked for has been done. */
struct forward_spool *forward_spool_create(struct pools *p, const char *path,
                                           void (*done)(void *ctx), void *ctx);
void forward_spool_destroy(struct forward_spool *s); /* no job runs; NULL is accepted */
/* Reads from s->spool_off on, if that is of this file, else from the beginning. */
void forward_spool_read(struct forward_spool *s, const struct land_state *state);
void forward_spool_remove(struct forward_spool *s);
uint64_t forward_spool_gen(const struct forward_spool *s); /* 0: there is nothing to read */

enum spool_part {
    SPOOL_CHUNK,
    SPOOL_MORE, /* has to be read first */
    SPOOL_END,
};
enum spool_part forward_spool_chunk(const struct forward_spool *s, uint64_t off,
                                    struct spool_chunk *out, const char **out_bytes);
