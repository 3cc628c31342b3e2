/* SPDX-License-Identifier: Apache-2.0 */
/* A container's spool, read for a log that has no file; see log_forward_spool.c. */
#pragma once

#include "core/loop.h"
#include "wire/land.h"

struct log_forward_spool;
/* Nothing of it is called in the same turn. `done`: what was asked for has been done. */
struct log_forward_spool *log_forward_spool_create(struct pools *p, const char *path,
                                                   void (*done)(void *ctx), void *ctx);
void log_forward_spool_destroy(struct log_forward_spool *s); /* no job runs; NULL is accepted */
/* Reads from s->spool_off on, if that is of this file, else from the beginning. */
void log_forward_spool_read(struct log_forward_spool *s, const struct land_state *state);
void log_forward_spool_remove(struct log_forward_spool *s);
uint64_t log_forward_spool_gen(const struct log_forward_spool *s); /* 0: there is nothing to read */

enum spool_part {
    SPOOL_CHUNK,
    SPOOL_MORE, /* has to be read first */
    SPOOL_END,
};
enum spool_part log_forward_spool_chunk(const struct log_forward_spool *s, uint64_t off,
                                        struct spool_chunk *out, const char **out_bytes);
