/* SPDX-License-Identifier: Apache-2.0 */
/* The log object between log.c (its life), logdrivers.c, logqueue.c and reader.c. Loop thread. */
#pragma once

#include "base/list.h"
#include "stream/landing.h"
#include "stream/log.h"

#include "logdisk.h"

/* The landing of a run's output; see loglanding.c. */
struct landed {
    struct landing *landing; /* NULL: bytes are read and appended */
    char *id;
    int record;       /* -1: none */
    bool is_in_run;   /* a hub has streams for it */
    bool is_ending;   /* ... whose process is dead */
    bool has_record;  /* false: it is to be taken as soon as no worker runs */
    bool is_merging;  /* what an engine before left comes first */
    int n_slots;      /* on their way */
    uint64_t seq;     /* of the last slot that was filled */
    int64_t since_ns; /* the oldest of them waits */
    struct landing_wait wait;
};

#define LOG_MAGIC 0x6c6f6721u
struct log {
    unsigned magic;
    struct loop *loop;
    struct pools *pools;
    bool has_file;               /* false: there are no readers, marks and files */
    struct log_forward *forward; /* drivers that send; NULL: none. The worker is its socket */
    struct logfiles files;
    struct logdisk disk; /* the worker's while job_runs */
    struct job job;
    bool job_runs;
    bool is_blocking;
    size_t max_buffer; /* non-blocking: more than that is dropped */
    uint64_t lost;     /* dropped since the last append that was taken */
    struct log_batch pending, flying;
    bool is_stuck; /* the disk is full: `retry` goes on */
    struct timer retry, rest;
    struct log_mark *marks, **marks_end;
    struct log_pos written; /* readers may read up to here */
    void (*on_room)(void *ctx);
    void *room_ctx;
    struct list readers;
    struct log_reader *leader; /* reads a window that others may share, NULL */
    int n_holds; /* cancelled readers whose job runs, callers up the stack: not freed */
    bool is_closing, is_flushed, is_discarded;
    int n_closing; /* looks at what a closing forward still holds */
    struct timer grace;
    struct job zip; /* compresses what was rotated */
    bool zip_runs;
    int64_t zipped; /* the current file's generation when it last began */
    void (*on_destroyed)(void *ctx);
    void *destroyed_ctx;
    struct landed landed;
};

/* log.c */
/* What is always true of a log; looked at where its state changes, in debug builds. */
void log_state_check(const struct log *g);
/* A closing log frees itself when nothing of it is at work any more. */
void log_try_free(struct log *g);

/* logdrivers.c */
/* Makes g one of the driver that s names, with its options. */
struct err *log_open_driver(struct log *g, const struct log_spec *s) must_check;

/* logqueue.c */
/* fn on the loop when everything appended so far is behind the mark's pos. The mark lives until fn
 * has returned; log_mark_cancel instead of waiting. */
struct log_mark *log_mark_add(struct log *g, void (*fn)(void *ctx, const struct log_mark *m),
                              void *ctx, bool wants_held, bool wants_written);
void log_mark_cancel(struct log_mark *m); /* accepts NULL */
void log_start_job(struct log *g);
void log_tell_room(struct log *g);   /* calls the waiter if something can be taken */
void log_append_lost(struct log *g); /* says what was dropped, if anything was */
/* The flying batch is done (or stuck), on the loop. */
void log_batch_done(struct log *g);

/* reader.c */
/* Like log_read, but of a given range, for somebody who writes to the sink afterwards: it is not
 * ended. */
struct log_reader *log_read_range(struct log *g, const struct log_query *q,
                                  const struct log_pos *from, const struct log_pos *to,
                                  struct sink *sink, void (*done)(void *ctx), void *ctx);
void readers_on_written(struct log *g);
void readers_finish(struct log *g); /* followers end after what is appended now */
void readers_cut(struct log *g);    /* ends them at once */

/* loglanding.c */
void log_begin_run(struct log *g); /* a hub has opened its outputs */
void log_end_run(struct log *g);   /* ... and all of them are over */
/* Whether output is to be given by log_land; if not, by log_append. */
bool log_lands(const struct log *g);
/* Takes what is in the pipe; *out_bytes are there until the loop's turn ends, with FRAME_HEADER
 * free bytes before them. 0: end of file, else bytes or -errno; -EBUSY: log_on_room. */
ssize_t log_land(struct log *g, int stream, int pipe, char **out_bytes);
bool log_is_busy(const struct log *g); /* log_land would say -EBUSY */
/* Non-blocking, and busy for so long that output is to be appended in memory, or dropped. */
#define LAND_PATIENCE_MS 200
bool log_has_patience(const struct log *g);
bool log_never_blocks(const struct log *g);
/* The process is dead: a log that sends takes what is left without waiting for its server. */
void log_on_exit(struct log *g);
/* An exit is told when all is in the file. A server is not waited for: the slots are. */
bool log_must_land(const struct log *g);
void log_after_job(struct log *g); /* the batch is in the file */
void log_drop_slots(struct log *g, const struct log_batch *b);
#define LAND_NO_SLOT UINT32_MAX
void log_drop_slot(struct log *g, struct chunk *c);
void log_merged(struct log *g);
void log_park_slots(struct log *g);
void log_leave_landing(struct log *g); /* the log goes */
