/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 connection over a stream socket: parses, routes, calls handlers one request
 * after the other, sends. Loop thread. Handlers use request.h, reply.h and hijack.h, which are
 * built on the lower half of this page.
 */
#pragma once

#include "core/op.h"
#include "outq.h"
#include "request.h"

struct copy_input;
struct conn;

/* What all connections of a server share. Embedded by the server. */
struct front {
    struct loop *loop;
    struct ops *ops; /* NULL: no request is ever parked */
    const struct route *routes;
    int oldest, newest;  /* API versions */
    const char *headers; /* of every reply: "Server: …\r\n…", ends with CRLF */
    void *app;           /* struct api */
    struct list conns;   /* in the order of their last answer */
    int n_conns;
    int patience_ms; /* with clients, for tests; 0: as patience.c says */
    int n_requests;  /* also those whose client is gone */
    /* Before the handler: an error is the answer. May be NULL. */
    struct err *(*admit)(struct request *r);
    void (*on_result)(struct request *r); /* may come again; may be NULL */
    void (*on_closed)(struct front *f);   /* a connection was; may be NULL */
    void (*on_quiet)(struct front *f);    /* no request is left; may be NULL */
};
void front_init(struct front *f);
struct conn *front_first(const struct front *f); /* NULL: none */

struct conn *conn_open(struct front *f, int fd); /* takes fd */
void conn_close(struct conn *c);                 /* at once; whatever runs is told */
/* The supplementary groups of the client, as they were when it connected. */
void conn_peer(struct conn *c, struct peer *out); /* read once a connection */
void conn_groups(const struct conn *c, struct arena *a, const gid_t **out, size_t *out_n);
/* Closes the connection that has been between requests for longest, and for so long at least;
 * false when there is none. */
bool front_close_idle(struct front *f, int min_ms);

/* ---- for reply.c and hijack.c ---- */
void conn_queue(struct conn *c, const void *p, size_t n); /* copies; conn_flush sends */
void conn_queue_buf(struct conn *c, struct buf *b);       /* takes the memory */
void conn_flush(struct conn *c);
/* Both, and without a copy if the socket takes it; at most OUTQ_PIECES. */
void conn_write(struct conn *c, const struct iovec *v, size_t n);
size_t conn_queued(const struct conn *c);
/* fn whenever the queue has been above SINK_HIGH and falls below half of it. */
void conn_on_room(struct conn *c, void (*fn)(void *ctx), void *ctx);
/* The answer to the current request is queued: go on with the next one, or end. */
void conn_request_done(struct conn *c);

/* The connection leaves HTTP: what was read beyond the request and all that follows goes to
 * input, which returns false to pause until conn_resume_input. What is queued from now on is
 * held back until conn_uncork. */
struct takeover {
    bool (*input)(void *ctx, const void *p, size_t n);
    void (*input_eof)(void *ctx); /* the client's half is closed */
    void (*gone)(void *ctx);      /* both halves are; no callback afterwards */
    void *ctx;
};
void conn_take_over(struct conn *c, const struct takeover *t);
void conn_uncork(struct conn *c);
/* Whether the peer has not read all that was sent: known of Unix sockets, false for others. */
bool conn_is_unread(const struct conn *c);
/* Also of a request's body, that is not taken yet. */
void conn_hold_input(struct conn *c);
void conn_resume_input(struct conn *c);
/* Sends what is queued, half-closes, closes when the client does or after a short time. */
void conn_end(struct conn *c);
/* A pipe that the rest of the request's body goes to, with backpressure; only from within the
 * handler of a ROUTE_STREAMS route. The reading end is the caller's and blocking. */
struct err *conn_body_pipe(struct conn *c, int *out_fd) must_check;
void conn_body_pieces(struct conn *c, struct copy_input *out); /* body.h; the same */
