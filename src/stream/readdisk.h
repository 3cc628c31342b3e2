/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's half of a log reader: windows and seeking; see readdisk.c, readseek.c. */
#pragma once

#include "stream/log.h"

#include "format.h"
#include "logfiles.h"
#include "logview.h"

#define READ_WINDOW (256u << 10)

struct readdisk {
    struct logfiles *files;
    const struct log_format *format;
    struct log_query q;
    struct log_pos pos;   /* everything before has been given */
    struct log_pos limit; /* nothing behind is read */
    bool at_limit;        /* out: what is left before the limit is no record (yet) */
    bool is_past_until;   /* out: a record was later than `until`, and so are those behind it */
    bool has_steps;       /* the clock was set back: records are not in order of time */
    struct logview view;  /* of the file pos.gen, or closed */
    char *out;            /* for the sink */
    size_t out_n, out_room;
};
void readdisk_init(struct readdisk *d, struct logfiles *files, const struct log_format *format,
                   const struct log_query *q);
void readdisk_finish(struct readdisk *d);
/* Sets pos by tail and since; lowers the limit by until. */
void readdisk_locate(struct readdisk *d);
/* Fills `out` from one window and moves pos. */
void readdisk_window(struct readdisk *d);

/* To where another reader of the same log has come. */
void readdisk_move(struct readdisk *d, const struct readdisk *to);

/* ---- between the two files ---- */
/* Up to n bytes at off; short at the end of the file or on an error. */
size_t readdisk_pread(int fd, char *p, size_t n, int64_t off);
bool readdisk_is_in_time(const struct readdisk *d, const struct log_record *r);
bool readdisk_wants(const struct readdisk *d, const struct log_record *r);
