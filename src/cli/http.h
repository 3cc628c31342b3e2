/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 as a client: pure parsing of heads and bodies, and connections over a Unix socket. */
#pragma once

#include <llhttp.h>

#include "base/text.h"

#define HTTP_HEAD_MAX (64u << 10)
#define HTTP_REPLY_MAX (256u << 20) /* a reply that is kept whole, such as a large list */

struct http_head {
    int status;
    char *reason;
    char *type;        /* Content-Type, NULL when absent */
    char *api_version; /* Api-Version */
    char *path_stat;   /* X-Docker-Container-Path-Stat */
};

/* Length of the head at the front of `text` with its empty line; 0: not complete yet. */
size_t http_head_len(const char *text, size_t len);

struct http_reply {
    struct http_head head;
    bool is_done; /* the body is complete */
    bool closes;  /* no reply can follow on this connection */
    /* of http_parse.c: */
    bool is_to_head, is_raw;
    llhttp_t parser;
    struct arena *a; /* of the head, while it is parsed */
    const char *field;
    size_t field_len;
    struct buf *out;
};
/* text is a whole head, with the empty line at its end; `r` may not move any more. */
struct err *http_reply_begin(struct http_reply *r, struct arena *a, const char *method,
                             const char *text, size_t len) must_check;
/* Moves what can be decoded from the front of `in` to the end of `out`. */
struct err *http_reply_feed(struct http_reply *r, struct buf *in, struct buf *out) must_check;
/* The connection has ended: that may be the body's end, too. */
struct err *http_reply_end(struct http_reply *r) must_check;

struct http_request {
    const char *method;
    const char *path;       /* with version and query */
    const char *body;       /* JSON, NULL: none */
    const char *auth;       /* X-Registry-Auth, NULL: none */
    const char *registries; /* X-Registry-Config, NULL: none */
    const char *secrets;    /* X-Berth-Build-Secrets, NULL: none */
    bool upgrades;          /* asks for a hijacked connection */
    bool quiet_risks;       /* create's answer does not tell of risks */
    int upload_fd;          /* > 0: the body is this file, sent in chunks */
    /* Or it is made piece by piece, into a buffer that is taken again and again. */
    struct err *(*produce)(void *ctx, struct buf *out, bool *is_end);
    void *ctx;
};

struct http_conn {
    int fd;
    bool is_spent; /* no further request may be sent */
    struct buf in; /* received, not yet consumed */
    struct http_reply reply;
};
struct err *http_conn_open(const char *socket_path, struct http_conn **out) must_check;
void http_conn_close(struct http_conn *c); /* accepts NULL */
/* By the engine, while nothing was asked: one that was kept is of no use any more. */
bool http_conn_is_closed(const struct http_conn *c);
struct err *http_conn_send(struct http_conn *c, const struct http_request *r) must_check;
/* Blocks. 1xx other than 101 is skipped. */
struct err *http_conn_read_head(struct http_conn *c, struct arena *a, const char *method,
                                struct http_head *out) must_check;
/* At most one recv, so it does not block when poll said readable. Look at c->reply.is_done. */
struct err *http_conn_read_some(struct http_conn *c, struct buf *out) must_check;
/* Until there is something to read. False: the other end of out_fd went away before. */
bool http_conn_wait(const struct http_conn *c, int out_fd);
struct err *http_conn_read_all(struct http_conn *c, struct buf *out) must_check;
