/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meeting point of a container's (or exec's) stdio, its log and its attached
 * clients. It exists as long as the object, so clients can attach before start;
 * a run opens the streams and ends them. Loop thread.
 *
 * An output byte goes to the log and to every attached client. A client that
 * stops reading is cut off when its queue stays above SINK_HIGH for
 * HUB_STALL_MS, unless it is the only client of a tty: then reading pauses.
 * While others read it is waited for 300 ms, or not at all when it has stood still
 * for that long already, and cut off at twice SINK_HIGH.
 * The log's backlog pauses reading as well (blocking mode).
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct log;
struct loop;
struct pools;
struct sink;

#define HUB_STALL_MS 10000

struct hub;
struct hub_hooks {
    /* The stdin pipe must be closed everywhere (the keeper's duplicate first); the hub has stopped
     * using its end and has closed it when this is called. */
    void (*close_stdin)(void *ctx);
    /* A client detached by keys (event "detach"). */
    void (*detached)(void *ctx);
    /* The first client with stdin of this run is there: the next engine must know. May be NULL. */
    void (*stdin_attached)(void *ctx);
};
struct hub *hub_create(struct loop *l, struct pools *p, const struct hub_hooks *hooks, void *ctx);
void hub_destroy(struct hub *h); /* ends clients */

struct hub_streams { /* all non-blocking, taken; -1 absent */
    int in, out, err, pty;
    int relay[2];    /* of a pty whose output lands: read end, write end; 0 as well: absent */
    bool stdin_once; /* close stdin when the first client's input ends */
    struct log *log; /* NULL: none; borrowed for the run */
};
/* drained: after the EOF of all outputs (and hub_process_exited), when all bytes are with the log
 * and the clients' sinks. Called once per run. */
void hub_run(struct hub *h, const struct hub_streams *s, void (*drained)(void *ctx), void *ctx);
/* The process is dead: outputs still held open by others (leaked fds) are given HUB_DRAIN_MS. */
#define HUB_DRAIN_MS 2000
void hub_process_exited(struct hub *h);
bool hub_has_told_stdin(const struct hub *h); /* the hook stdin_attached was called in this run */
/* What is open of the run, to lend to a new keeper: the fds stay the hub's. log is NULL. */
void hub_peek(const struct hub *h, struct hub_streams *out);
bool hub_is_running(const struct hub *h);
/* Ends every attached client (their sinks are ended after what is queued): after an exit. */
void hub_end_clients(struct hub *h);
struct err *hub_resize(struct hub *h, int rows, int cols)
    must_check; /* ERR_CONFLICT without pty/run */

struct attach_request {
    bool want_stdin, want_stdout, want_stderr;
    bool logs, stream; /* replay first; then live */
    bool framed;       /* multiplex (no tty) */
    bool tty;
    const char *detach_keys; /* NULL: default ctrl-p,ctrl-q; only with a tty */
};
struct attachment;
/* The sink is used until it is ended by the hub or the client leaves (attach_leave). `log` for
 * logs=1. ERR_INVALID "Invalid detach keys (x) provided". */
struct err *hub_attach(struct hub *h, const struct attach_request *r, struct log *log,
                       struct sink *sink, void (*gone)(void *ctx), void *ctx,
                       struct attachment **out) must_check;
/* Bytes from the client. Returns false when the client must pause (stdin pipe full or container not
 * started): on_ready is called when it may go on; the bytes given are accepted in any case. */
bool attach_input(struct attachment *a, const void *p, size_t n, void (*on_ready)(void *ctx));
void attach_input_eof(struct attachment *a); /* the client closed its sending half, and stays */
void attach_leave(struct attachment *a);     /* the client is gone entirely; no further callback */
