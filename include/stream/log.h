/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log drivers behind one interface: appending (loop, written by disk workers in
 * batches) and reading (tail, since, until, follow), both with backpressure.
 */
#pragma once

#include "base/text.h"
#include "core/loop.h"
#include "stream/sink.h"

enum { STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR };

struct log_spec {
    const char *type; /* "json-file", "local", "syslog", "journald", "none"; NULL: json-file */
    const struct pairs *options; /* max-size, max-file, labels, env, mode, max-buffer-size … */
    const char *dir;             /* the container's directory */
    const char *container_id, *container_name, *image_name, *image_id; /* names for tags only */
    const struct pairs *labels;                                        /* for attrs */
    const struct strs *env;
    bool is_running; /* taken over: the journal was there at the start and may be again */
    struct landing
        *landing; /* borrowed; NULL: output is read, and lost when the engine is killed */
};
/* At create: unknown drivers and options, bad values, in Docker's words ("unknown log opt 'x' for
 * json-file log driver", "logger: no log driver named 'x' is registered"). Pure. */
struct err *log_check(const char *type, const struct pairs *options) must_check;
/* At create, too: a driver that cannot log on this host as it is now. One look at a path of /run.
 */
struct err *log_check_here(const char *type) must_check;

struct log;
/* Opens no file before the first append or read. Copies the spec. */
struct err *log_create(struct loop *l, struct pools *p, const struct log_spec *s, struct log **out)
    must_check;
/* Flushes what is appended, ends readers, then frees. `done` may be NULL. */
void log_destroy(struct log *g, void (*done)(void *ctx), void *ctx);
/* The container goes: what its server has not taken is not kept for the next engine. */
void log_discard(struct log *g);
const char *log_path(const struct log *g); /* inspect's LogPath; "" for none */
/* Bytes as they came from the container; lines are cut here (16 KiB partials as Docker's
 * json-file does). */
void log_append(struct log *g, int stream, int64_t wall_ns, const void *p, size_t n);
/* The stream ended: an unterminated line is written as it is. */
void log_append_eof(struct log *g, int stream);
size_t log_backlog(const struct log *g); /* bytes appended and not yet written */
/* The container must be paused: blocking mode and the backlog has reached LOG_BACKLOG_HIGH. */
bool log_is_full(const struct log *g);
/* fn on the loop when everything appended so far is in the file (written, not fsynced). */
void log_flush(struct log *g, void (*fn)(void *ctx), void *ctx);
/* Called once on the loop when the backlog has fallen below half of LOG_BACKLOG_HIGH. One waiter a
 * log (the hub); fn NULL: forget it. */
#define LOG_BACKLOG_HIGH (1u << 20)
void log_on_room(struct log *g, void (*fn)(void *ctx), void *ctx);

struct log_query {
    bool want_stdout, want_stderr, follow, timestamps, details;
    int64_t tail;               /* -1: all */
    int64_t since_ns, until_ns; /* 0: none */
    bool framed;                /* one frame a line; false (tty): raw */
};
struct log_reader;
/* Streams history, then (follow) what is appended, each line once, without gap. Ends the sink at
 * the end (after log_finish for followers). ERR_NOT_IMPLEMENTED "configured logging driver does not
 * support reading". */
struct err *log_read(struct log *g, const struct log_query *q, struct sink *sink,
                     void (*done)(void *ctx), void *ctx, struct log_reader **out) must_check;
void log_read_cancel(
    struct log_reader *r); /* the client is gone; no further callback, sink untouched */
/* Takes what an engine before has left of this log, although no run of it is known. */
void log_recover(struct log *g);
/* The container's run is over: followers end after the last byte. New appends may come again
 * (restart): then new followers follow. */
void log_finish(struct log *g);
