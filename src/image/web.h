/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over libcurl's multi interface on the loop. Loop thread. A web lives as long as
 * one pull or push: libcurl costs memory, idle connections cost fds.
 */
#pragma once

#include "base/text.h"
#include "core/loop.h"

struct web;
struct web_call;

/* The first call in the process initialises libcurl. */
struct web *web_create(struct loop *l, struct pools *pools);
/* Ends all calls without a callback. May be called from a callback of its own. */
void web_destroy(struct web *w); /* accepts NULL */

struct web_request {
    const char *url;
    const struct strs *headers; /* "Name: value"; not sent to another host after a redirect */
    const char *form;           /* NULL: GET; else the body of a POST */
    const char *method;         /* NULL: as form says; else "HEAD", "POST", "PATCH", … */
    const void *content;        /* of a method: lives until the end; NULL: none, or by `send` */
    int64_t content_bytes;      /* of content, or of what `send` will give */
    bool follows_nothing;       /* a redirect is an answer like any other */
    const struct strs *certs;   /* folders with certificates of its host; NULL: none */
    bool accepts_any_cert;
    bool is_loopback; /* no proxy */
    bool is_slow;     /* what the answer costs the server may take it minutes */
    bool is_document; /* a token, manifest or config: it is small, and may not take for ever */
    int64_t from;     /* > 0: ask for the bytes from here on */
};

struct web_reply { /* of the last response when there were redirects */
    int status;    /* 0: none came */
    char *url, *content_type, *content_range, *link; /* NULL: not said */
    char *location, *range, *content_digest, *min_chunk, *content_length;
    char *content_disposition, *last_modified;
    struct strs challenges; /* WWW-Authenticate */
    int64_t retry_after_s;  /* -1: not said */
    bool speaks_plain_http; /* a TLS handshake was answered in plain text */
    int sys;                /* errno of a failed connect, else 0 */
};

enum web_verdict {
    WEB_TAKEN,
    WEB_PAUSE, /* the same bytes come again after web_resume; of `send`: there are none yet */
    WEB_STOP,  /* no more of it: end follows with an error */
};
struct web_handler {
    /* A part of the body. */
    enum web_verdict (*body)(void *ctx, const struct web_reply *r, const void *p, size_t n);
    /* NULL, or the next bytes of the request's body: n, at most `room`, and n > 0 unless all were
     * given. */
    enum web_verdict (*send)(void *ctx, void *p, size_t room, size_t *n);
    /* Called once; the call and the reply are gone afterwards. err: no whole response came. */
    void (*end)(void *ctx, const struct web_reply *r, struct err *err);
};

struct web_call *web_start(struct web *w, const struct web_request *r,
                           const struct web_handler *handler, void *ctx);
void web_resume(struct web_call *c);
int64_t web_sent(const struct web_call *c); /* bytes of the request's body */
void web_cancel(struct web_call *c);        /* accepts NULL; no callback any more */
