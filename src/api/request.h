/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its answer. A handler is given a request together with the duty to
 * answer it: exactly one of reply_* (api/reply.h), hijack_* or request_abandon ends the duty,
 * at once or in a later callback. Until then the request lives, with its arena, even when the
 * client has gone; then `conn` is NULL and whatever is replied is swallowed. So a callback
 * that comes late needs no check of its own. Loop thread.
 */
#pragma once

#include "base/text.h"

#include "peer.h"
#include "query.h"
#include "router.h"

#include <sys/types.h>

#define HEAD_BYTES_MAX (64u << 10)
#define HEADERS_MAX 256
#define BODY_BYTES_MAX (16u << 20)
#define REQUEST_ENTRIES_MAX 10000 /* of a list or map in a body */

struct copy_input;
struct conn;
struct jtable;
struct front;

struct request {
    int refs;
    struct front *front;
    struct conn *conn; /* NULL: the client is gone */
    struct arena *arena;
    const char *method;
    char *target, *path; /* path: decoded, without the version */
    struct query query;
    struct pairs headers; /* names in lower case */
    struct route_match match;
    int api_version;
    uid_t uid;
    gid_t gid;
    pid_t pid;
    const gid_t *groups; /* where there is a policy */
    size_t n_groups;
    struct buf body;
    int64_t content_length; /* -1: chunked */
    bool is_http10, keeps_alive, wants_upgrade, is_body_complete;
    bool is_dispatched, is_begun, is_chunked;
    bool is_answered;      /* the handler's duty is done */
    bool has_plain_errors; /* versions before 1.24 */
    /* of the trail, for a command that may change something */
    char *command;                   /* NULL: it is none, or was told of */
    const char *object;              /* as it was named */
    const char *object_id;           /* of the container; NULL: none */
    const char *object_name, *image; /* of the container, or what is pulled; NULL: none */
    const char *error;               /* what the answer says; NULL: none */
    const char *forbidden;           /* what the policy has said; NULL: nothing */
    struct peer peer;
    int64_t begun_ns; /* boot clock */
    int status;       /* of the answer; 0: none yet */
    bool has_failed;  /* within an answer that had begun well */
    void (*on_gone)(void *ctx);
    void *gone_ctx;
};

struct request *request_create(struct front *f, struct conn *c);
void request_unref(struct request *r);
static inline struct request *request_ref(struct request *r)
{
    r->refs++;
    return r;
}
/* From the target: path, version, query, route. */
struct err *request_resolve(struct request *r, const struct route *routes, int oldest, int newest)
    must_check;

const char *request_arg(const struct request *r, size_t n);                  /* what "{}" matched */
const char *request_param(const struct request *r, const char *key);         /* of the query; "" */
const char *request_header(const struct request *r, const char *lower_name); /* or NULL */
/* The body as JSON text: checks the Content-Type in Docker's words. *out_len 0: no body. */
struct err *request_json(struct request *r, const char **out, size_t *out_len) must_check;
/* The same, where a body is needed. */
struct err *request_need_json(struct request *r, const char **out, size_t *out_len) must_check;
/* The body by its table; every list of it is bounded. */
struct err *request_read(struct request *r, const struct jtable *t, void *out) must_check;
/* The same; a line for each field that has no effect is added to `warnings`. */
struct err *request_read_warned(struct request *r, const struct jtable *t, void *out,
                                struct strs *warnings) must_check;

/* Of a ROUTE_STREAMS route: conn_body_pipe, unless the client is gone. */
struct err *request_body_pipe(struct request *r, int *out_fd) must_check;
struct err *request_body_pieces(struct request *r, struct copy_input *out) must_check;
/* Where the pipe is opened only later: nothing of the body is read in between. */
void request_hold_body(struct request *r);
void request_resume_body(struct request *r);

/* Until the answer is complete: fn once when the client vanishes; with it the duty may be ended by
 * request_abandon, or later by a reply that is swallowed. For these requests the client's EOF
 * counts as vanishing. NULL takes it back. */
void request_on_gone(struct request *r, void (*fn)(void *ctx), void *ctx);
/* Ends the duty without an answer; the client must be gone. */
void request_abandon(struct request *r);
/* The result is known: the trail tells of it. Once is enough; the end of the answer calls it, and
 * at the latest the end of the request. */
void request_note(struct request *r);
