/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log drivers that send lines away instead of keeping them: what a log with a file gives to a
 * disk worker, batch by batch, goes to a socket here. Loop thread; see forward.c.
 */
#pragma once

#include "stream/log.h"
#include "wire/landing.h"

#include "outlet.h"

struct forward_line {
    int stream;
    int64_t wall_ns;
    const char *text; /* without its newline */
    size_t n;
    bool is_partial; /* the line goes on in the next */
};

struct forward_style { /* how a line is put; owned by the forward */
    void (*write)(const struct forward_style *s, const struct forward_line *line, struct buf *out);
    char *tag, *host;
    char *fixed; /* what stands in every message: structured data, fields */
    int facility, pid;
    bool has_micros;
};

struct forward;
/* Takes target's and style's memory. */
struct forward *forward_create(struct log *g, const struct target *target,
                               const struct forward_style *style);
void forward_destroy(struct forward *f); /* NULL is accepted */
/* The log's flying batch is there; log_batch_done in a turn of the loop to come. */
void forward_run(struct forward *f);
void forward_begin_run(struct forward *f);
void forward_abandon(struct forward *f);          /* forgets about the batch */
bool forward_is_waiting(const struct forward *f); /* for its server */
void forward_finish(struct forward *f); /* the run is over: the socket goes when all is sent */
/* As logdisk_share and logdisk_unshare. */
void forward_share(struct forward *f, struct land_record *r);
void forward_unshare(struct forward *f);

/* ---- syslog.c: pure but for open ---- */
struct err *syslog_check(const struct pairs *options);
struct err *syslog_open(struct log *g, const struct log_spec *s);
struct err *syslog_address(struct arena *a, const char *address, struct target *out);
void syslog_write_bsd(const struct forward_style *s, const struct forward_line *l, struct buf *out);
void syslog_write_unix(const struct forward_style *s, const struct forward_line *l,
                       struct buf *out);
void syslog_write_5424(const struct forward_style *s, const struct forward_line *l,
                       struct buf *out);

/* ---- journald.c ---- */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
struct err *journald_open(struct log *g, const struct log_spec *s);
void journald_write(const struct forward_style *s, const struct forward_line *l, struct buf *out);
void journald_add_field(struct buf *out, const char *name, const char *value, size_t n);
