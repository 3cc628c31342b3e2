/* SPDX-License-Identifier: Apache-2.0 */
/* The log object between log.c (options), jsonfile.c (writing) and reader.c. Loop thread. */
#pragma once

#include "base/list.h"
#include "stream/log.h"

#include "logdisk.h"

struct log {
    struct loop *loop;
    struct pools *pools;
    bool has_file; /* false: of what is below only is_blocking, max_buffer, on_room and the end */
    struct forward *forward; /* drivers that send; NULL: none */
    struct logfiles files;
    struct logdisk disk; /* the worker's while job_runs */
    struct job job;
    bool job_runs;
    bool is_blocking;
    size_t max_buffer; /* non-blocking: more than that is dropped */
    uint64_t lost;     /* dropped since the last append that was taken */
    struct batch pending, flying;
    bool is_stuck; /* the disk is full: `retry` goes on */
    struct timer retry, rest;
    struct log_mark *marks, **marks_end;
    struct log_pos written; /* readers may read up to here */
    void (*on_room)(void *ctx);
    void *room_ctx;
    struct list readers;
    int n_holds; /* cancelled readers whose job runs, callers up the stack: not freed */
    bool is_closing, is_flushed;
    int n_closing; /* looks at what a closing forward still holds */
    struct timer grace;
    struct job zip; /* compresses what was rotated */
    bool zip_runs;
    int64_t zipped; /* the current file's generation when it last began */
    void (*on_destroyed)(void *ctx);
    void *destroyed_ctx;
};

/* jsonfile.c */
void log_call_on_room(struct log *g);
void jsonfile_init(struct log *g, char *path, char *attrs, int64_t max_size, int max_files);
/* fn on the loop when everything appended so far is behind the mark's pos. The mark lives until fn
 * has returned; mark_cancel instead of waiting. */
struct log_mark *log_mark_add(struct log *g, void (*fn)(void *ctx, const struct log_mark *m),
                              void *ctx, bool wants_held, bool wants_written);
void log_mark_cancel(struct log_mark *m); /* accepts NULL */
/* A closing log frees itself when nothing of it is at work any more. */
void log_try_free(struct log *g);

/* reader.c */
/* Like log_read, but of a given range, for somebody who writes to the sink afterwards: it is not
 * ended. */
struct log_reader *log_read_range(struct log *g, const struct log_query *q,
                                  const struct log_pos *from, const struct log_pos *to,
                                  struct sink *sink, void (*done)(void *ctx), void *ctx);
struct log_pos log_reader_pos(const struct log_reader *r);
void readers_on_written(struct log *g);
void readers_finish(struct log *g); /* followers end after what is appended now */
void readers_cut(struct log *g);    /* ends them at once */
