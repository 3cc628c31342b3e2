/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's half of writing a log; see logdisk.c. One worker at a time. */
#pragma once

#include "base/text.h"
#include "wire/land.h"

#include "cutter.h"
#include "format.h"
#include "logfiles.h"

enum chunk_kind { CHUNK_BYTES = 1, CHUNK_SLOT, CHUNK_SPOOL, CHUNK_EOF, CHUNK_LOST, CHUNK_MARK };

/* What the loop hands to the worker: headers, each followed by its bytes, 16-byte aligned. */
struct chunk {
    enum chunk_kind kind;
    uint32_t n; /* BYTES: bytes that follow. SPOOL: of the path, NUL included */
    int stream;
    int64_t wall_ns;
    union {
        uint64_t lost;         /* LOST: bytes that were dropped here */
        struct log_mark *mark; /* MARK */
        struct {               /* SLOT */
            const char *bytes;
            uint64_t seq;
            uint32_t n_bytes, slot; /* LAND_NO_SLOT: it was given back before */
        } landed;
    };
};
struct log_batch {
    char *data;
    size_t n, room;
    size_t at;      /* the worker has done all before */
    size_t payload; /* bytes of log in it */
};
struct chunk *log_batch_add(struct log_batch *b, enum chunk_kind kind, const void *p, size_t n);
struct chunk *log_batch_next(const struct log_batch *b, size_t *at); /* NULL: that was the last */
void log_batch_finish(struct log_batch *b);

/* A place between two appends, found when everything before it is in the file. */
struct log_mark {
    void (*fn)(void *ctx, const struct log_mark *m); /* loop; NULL when nobody waits any more */
    void *ctx;
    bool wants_held;    /* copy the unterminated lines, which are not in the file */
    bool wants_written; /* wait for a full disk; otherwise take what is written */
    bool is_passed;     /* set by the worker */
    struct log_pos pos;
    struct buf held[2];
    struct log_mark *next; /* the log's list of marks under way */
};

struct logdisk {
    struct logfiles *files;
    const struct log_format *format;
    struct land_record *record; /* where the log stands; NULL: nothing was written yet */
    bool is_shared;             /* ... and the next engine finds it */
    struct land_state *next;    /* what will stand in it; NULL: nothing has changed */
    struct cutter cut;
    char *attrs; /* NULL: none */
    size_t attrs_n;
    int64_t max_size;
    int64_t newest_ns; /* of what was formatted; before what comes now, unless the clock was set */
    bool has_stepped;  /* back: the file is not marked yet */
    bool is_blocking;
    bool is_ready;  /* the file has been looked at */
    bool is_placed; /* ... and compared with the record */
    int fd;         /* for the time of a batch */
    uint64_t ino;
    struct log_pos end;
    char *out; /* formatted, not written */
    size_t out_n, out_room;
    bool is_stuck; /* the disk is full (or fails): wait, then go on with the same batch */
    int error;
};
void logdisk_init(struct logdisk *d, struct logfiles *files);
void logdisk_finish(struct logdisk *d);
/* From now on the record is this one. An adopted one says where the log stands; a fresh one is
 * told. On the loop, while no worker has it and nothing is stuck. */
void logdisk_share(struct logdisk *d, struct land_record *r, bool is_adopted);
/* It is somebody else's again. */
void logdisk_unshare(struct logdisk *d);
/* Writes the batch; false: stuck, call again later with the same batch. */
bool logdisk_run(struct logdisk *d, struct log_batch *b);
/* Gives back what a burst needed. On the loop, while no worker has it. */
void logdisk_trim(struct logdisk *d);

/* spoolmerge.c */
struct spool {
    int fd;
    int64_t size;
    struct spool_chunk chunk;
    int64_t at; /* of the chunk's bytes */
};
bool spool_open(const char *path, struct spool *s, uint64_t *out_gen);
/* False: stuck. The file goes when all of it is in the log. */
bool logdisk_merge_spool(struct logdisk *d, const char *path);

/* logdisk.c, for spoolmerge.c. */
#define OUT_HIGH (1u << 20) /* written when that much is formatted */
struct log_feed {
    int stream;
    int64_t wall_ns;
    const char *bytes;
    size_t n;
    bool counts;
};
void logdisk_begin(struct logdisk *d);
void logdisk_feed(struct logdisk *d, const struct log_feed *f, size_t at);
bool logdisk_commit(struct logdisk *d); /* false: stuck */
void logdisk_add_lost(struct logdisk *d, uint64_t lost);
/* An adopted log's file is cut to what counts. */
bool logdisk_settle(struct logdisk *d);
