/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository at one registry, for one pull or push: where it answers, who we are
 * there, and requests with retries. Loop thread. Everything ends with registry_close.
 */
#pragma once

#include "challenge.h"
#include "registry_endpoint.h"
#include "web.h"

#include "base/ref.h"
#include "image/image.h"

struct registry;
struct fetch;

struct registry *registry_open(struct loop *l, struct pools *pools, const struct settings *s,
                               const struct ref *r, const struct registry_auth *auth);
/* The registry itself and none of its repositories; no mirrors. scope: what tokens are for; NULL:
 * to find out whether we are who we say we are, with an identity token for later if there is one.
 */
struct registry *registry_open_domain(struct loop *l, struct pools *pools, const struct settings *s,
                                      const char *domain, const char *scope,
                                      const struct registry_auth *auth);
/* The same to write to it: no mirrors, and tokens that allow a push. */
struct registry *registry_open_push(struct loop *l, struct pools *pools, const struct settings *s,
                                    const struct ref *r, const struct registry_auth *auth);
/* Tokens shall allow to read "library/busybox" of the same registry, too, if they may. */
void registry_add_source(struct registry *r, const char *path);
/* Tells the registry that an upload is given up (DELETE), whatever it says. NULL: there is none. */
void registry_forget_upload(struct registry *r, const char *location);
/* The same of an upload that f, a POST without content, is about to begin. Takes f; accepts NULL.
 */
void registry_forget_beginning(struct registry *r, struct fetch *f);
/* Ends its fetches as registry_close does, but for what it is being told: that has some seconds,
 * and the registry is on `closing` meanwhile. Accepts NULL. */
void registry_close_gently(struct registry *r, struct list *closing);
void registries_close(struct list *closing); /* now */
void registry_close(struct registry *r);     /* accepts NULL; ends its fetches without a callback */

/* Finds the endpoint that answers and what it asks for. err: none did; the error of the one that
 * the user meant. May be called again after registry_skip. */
void registry_connect(struct registry *r, void (*done)(void *ctx, struct err *err), void *ctx);
/* This endpoint (a mirror) has not got it; false when there is no other. */
bool registry_skip(struct registry *r);

struct fetch_result { /* valid in the callback */
    int status;
    const char *content_type, *link; /* NULL: not said */
    const char *url;                 /* of who answered, behind redirects; NULL: nobody did */
    const char *body;                /* of a collected one */
    size_t len;
    const char *code; /* "MANIFEST_UNKNOWN", …: what the registry said, "" when it did not */
    /* NULL: not said */
    const char *location; /* where the upload goes on: absolute, looked at */
    const char *range, *content_digest, *min_chunk;
    int64_t content_length; /* -1: not said */
    int64_t retry_after_s;  /* -1: not said */
};
struct fetch_plan {
    const char *path;   /* below /v2/NAME/: "manifests/latest" */
    const char *url;    /* instead of path: what a registry has given as location */
    const char *method; /* NULL: GET; else a redirect is followed here, and never with who we are to
                           another host */
    const void *content; /* as in struct web_request */
    int64_t content_bytes;
    enum web_verdict (*send)(void *ctx, void *p, size_t room, size_t *n);
    const char *content_type;
    int64_t content_from; /* of a part: Content-Range begins there; -1 (or no content): none */
    bool is_single;       /* no other try when it breaks off: the caller asks how far it has come */
    bool is_slow;         /* the registry may take its time to answer */
    const char *accept;   /* NULL: anything */
    size_t max_bytes;     /* of a collected body */
    int64_t size_bytes;   /* of a streamed one; more is an error, less is a broken transfer */
    /* NULL: the body is collected. Each byte once, in order, whatever is broken in between. */
    enum web_verdict (*body)(void *ctx, const void *p, size_t n);
    void (*retry)(void *ctx, int wait_s);                                   /* may be NULL */
    void (*done)(void *ctx, const struct fetch_result *r, struct err *err); /* takes err */
};
struct fetch *registry_get(struct registry *r, const struct fetch_plan *p, void *ctx);
/* The same with a path below the registry's own address ("/v2/"), and no other try when the
 * connection breaks or the registry is in trouble. */
struct fetch *registry_ask(struct registry *r, const struct fetch_plan *p, void *ctx);
/* The one that we came with, or a newer one; NULL: none. */
const char *registry_identity_token(const struct registry *r);
void fetch_resume(struct fetch *f);
int64_t fetch_sent(const struct fetch *f); /* bytes of its content, so far */
/* How long to wait before try n (1, 2, …) after an answer, which may ask for more. */
int64_t fetch_wait_ms(int n, int64_t retry_after_s);
void fetch_cancel(struct fetch *f); /* accepts NULL; no callback any more */
