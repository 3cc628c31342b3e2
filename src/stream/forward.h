/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log drivers that send lines away instead of keeping them: a bounded queue of finished
 * messages in front of a socket that is never waited for. Loop thread; see forward.c.
 */
#pragma once

#include "stream/log.h"

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

enum target_kind { TARGET_UNIX, TARGET_UDP, TARGET_TCP };
struct target {
    enum target_kind kind;
    char *host, *port; /* UNIX: host is the path */
};

struct forward;
/* Takes target's and style's memory. Nothing is opened before the first line. */
struct forward *forward_create(struct log *g, const struct target *target,
                               const struct forward_style *style);
void forward_destroy(struct forward *f); /* what is queued is lost; NULL is accepted */
void forward_append(struct forward *f, int stream, int64_t wall_ns, const char *p, size_t n);
void forward_append_eof(struct forward *f, int stream);
void forward_finish(struct forward *f); /* the run is over: the socket goes when all is sent */
size_t forward_backlog(const struct forward *f); /* NULL: 0 */

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
