/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log drivers that send lines away instead of keeping them: what a log with a file gives to a
 * disk worker, batch by batch, goes to a socket here. Loop thread; see log_forward.c.
 */
#pragma once

#include "stream/log.h"
#include "wire/land.h"

#include "outlet.h"

struct log_forward_line {
    int stream;
    int64_t wall_ns;
    const char *text; /* without its newline */
    size_t n;
    bool is_partial; /* the line goes on in the next */
};

struct log_forward_style { /* how a line is put; owned by the forward */
    void (*write)(const struct log_forward_style *s, const struct log_forward_line *line,
                  struct buf *out);
    char *tag, *host;
    char *fixed; /* what stands in every message: structured data, fields */
    int facility, pid;
    bool has_micros;
};

struct log_forward;
/* Takes target's and style's memory. */
struct log_forward *log_forward_create(struct log *g, const struct outlet_target *target,
                                       const struct log_forward_style *style);
void log_forward_destroy(struct log_forward *f); /* NULL is accepted */
/* The log's flying batch is there; log_batch_done in a turn of the loop to come. */
void log_forward_run(struct log_forward *f);
void log_forward_begin_run(struct log_forward *f);
void log_forward_abandon(struct log_forward *f);          /* forgets about the batch */
bool log_forward_is_waiting(const struct log_forward *f); /* for its server */
/* The run is over: the socket goes when all is sent. */
void log_forward_finish(struct log_forward *f);
/* As logdisk_share and logdisk_unshare. */
void log_forward_share(struct log_forward *f, struct land_record *r);
void log_forward_unshare(struct log_forward *f);

/* ---- syslog.c: pure but for open ---- */
struct err *syslog_check(const struct pairs *options);
struct err *syslog_open(struct log *g, const struct log_spec *s);
struct err *syslog_address(struct arena *a, const char *address, struct outlet_target *out);
void syslog_write_bsd(const struct log_forward_style *s, const struct log_forward_line *l,
                      struct buf *out);
void syslog_write_unix(const struct log_forward_style *s, const struct log_forward_line *l,
                       struct buf *out);
void syslog_write_5424(const struct log_forward_style *s, const struct log_forward_line *l,
                       struct buf *out);

/* ---- journald.c ---- */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
struct err *journald_open(struct log *g, const struct log_spec *s);
struct err *journald_check_here(void);
void journald_write(const struct log_forward_style *s, const struct log_forward_line *l,
                    struct buf *out);
void journald_add_field(struct buf *out, const char *name, const char *value, size_t n);
