/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the registry client: a request with its retries, and who we are. Loop thread. */
#pragma once

#include "registry.h"

struct registry {
    struct list link; /* closing */
    struct timer closing_timer;
    bool is_closing;
    struct loop *loop;
    int tries_max;
    struct arena *arena;
    struct web *web;
    struct registry_endpoints endpoints;
    size_t at;  /* the endpoint in use */
    char *name; /* "library/busybox" */
    bool is_login;
    char *scope;          /* of tokens; NULL: the repository's, or none for a login */
    char *identity_token; /* that a token service gave us; NULL: none */
    struct registry_auth auth;
    struct list fetches;

    struct challenge challenge; /* what the endpoint asks for */
    char *token;                /* NULL: none, or it was refused */
    bool is_push;
    struct strs sources;       /* paths of repositories that we want to mount from */
    struct fetch *token_fetch; /* running */

    void (*connected)(void *ctx, struct err *err);
    void *connect_ctx;
    struct err *connect_err; /* the best one so far */
};

enum fetch_auth { FETCH_OPEN, FETCH_PASSWORD, FETCH_REGISTRY };

struct fetch {
    struct list link;
    struct registry *registry;
    struct arena *arena;
    struct fetch_plan plan;
    void *ctx;
    char *url, *form;
    enum fetch_auth auth;
    bool is_farewell;      /* nobody waits for it; it outlives the others */
    bool is_first_contact; /* nobody there is an answer too: no retry */
    bool has_authorized, waits_for_token;
    const char *token; /* that it was sent with; NULL: without */
    bool is_away;      /* its address is another host's: who we are is not for him */
    int n_redirects;   /* that it has followed itself; GETs below /v2/ are libcurl's */

    struct web_call *call;
    struct timer timer;
    int tries;
    int64_t have;     /* bytes handed over so far */
    int64_t kept;     /* `have` when the tries were last reset */
    int64_t skip;     /* bytes of this response that were there before */
    bool has_begun;   /* this response's first byte has come */
    struct buf body;  /* collected, or the text of a refusal */
    struct err *stop; /* why we stopped it */
    const char *stop_code;
};

struct fetch *fetch_create(struct registry *r, const struct fetch_plan *p, const char *url,
                           void *ctx);
void fetch_start(struct fetch *f);

/* Ends it with stop and stop_code, or starts it, from the loop: never from within a callback. */
void fetch_settle_soon(struct fetch *f, struct err *stop, const char *code);

/* auth side, registry.c */
char *registry_auth_header(struct registry *r, const struct fetch *f); /* NULL: none */
const char *registry_base(const struct registry *r);                   /* "https://host:port" */
/* Of an address that a registry has sent us to. ERR_FORBIDDEN when it is unencrypted and the
 * registry is not. */
struct err *registry_check_address(const struct registry *r, const char *url, bool *out_is_away)
    must_check;
/* A new token is on its way, and f will be started with it. */
bool registry_waits_for_token(struct registry *r, struct fetch *f);
/* A 401. True: f will be started again once we know who we are. */
bool registry_authorize(struct registry *r, struct fetch *f, const struct web_reply *reply);

/* registry_err.c: the registry's refusal as an error and its code. */
struct err *registry_err(struct arena *a, int status, const char *url, const struct buf *body,
                         const char **out_code) must_check;
