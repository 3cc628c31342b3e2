/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's half of the json-file writer; see logdisk.c. One worker at a time. */
#pragma once

#include "base/text.h"

#include "cutter.h"
#include "format.h"
#include "logfiles.h"

enum chunk_kind { CHUNK_BYTES = 1, CHUNK_EOF, CHUNK_LOST, CHUNK_MARK };

/* What the loop hands to the worker: headers, each followed by its bytes, 16-byte aligned. This
 * list is the seam: a landing slot can stand in for it, since formatting needs nothing else. */
struct chunk {
    enum chunk_kind kind;
    uint32_t n; /* BYTES: bytes that follow */
    int stream;
    int64_t wall_ns;
    uint64_t lost;         /* LOST: bytes that were dropped here */
    struct log_mark *mark; /* MARK */
};
struct batch {
    char *data;
    size_t n, room;
    size_t at;      /* the worker has done all before */
    size_t payload; /* bytes of log in it */
};
struct chunk *batch_add(struct batch *b, enum chunk_kind kind, const void *p, size_t n);
void batch_finish(struct batch *b);

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
    struct cutter cut;
    char *attrs; /* NULL: none */
    size_t attrs_n;
    int64_t max_size;
    bool is_blocking;
    bool is_ready; /* the file has been looked at */
    int fd;        /* for the time of a batch */
    struct log_pos end;
    char *out; /* formatted, not written */
    size_t out_n, out_room;
    uint64_t lost; /* dropped for lack of space, to be told about */
    bool is_stuck; /* the disk is full (or fails): wait, then go on with the same batch */
    int error;
};
void logdisk_init(struct logdisk *d, struct logfiles *files);
void logdisk_finish(struct logdisk *d);
/* Writes the batch; false: stuck, call again later with the same batch. */
bool logdisk_run(struct logdisk *d, struct batch *b);
/* Gives back what a burst needed. On the loop, while no worker has it. */
void logdisk_trim(struct logdisk *d);
