/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository at one registry, for one pull: where it answers, who we are
 * there, and GETs with retries. Loop thread. Everything ends with registry_close.
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
void registry_close(struct registry *r); /* accepts NULL; ends its fetches without a callback */

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
};
struct fetch_plan {
    const char *path;   /* below /v2/NAME/: "manifests/latest" */
    const char *accept; /* NULL: anything */
    size_t max_bytes;   /* of a collected body */
    int64_t size_bytes; /* of a streamed one; more is an error, less is a broken transfer */
    /* NULL: the body is collected. Each byte once, in order, whatever is broken in between. */
    enum web_verdict (*body)(void *ctx, const void *p, size_t n);
    void (*retry)(void *ctx, int wait_s);                                   /* may be NULL */
    void (*done)(void *ctx, const struct fetch_result *r, struct err *err); /* takes err */
};
struct fetch *registry_get(struct registry *r, const struct fetch_plan *p, void *ctx);
/* The same with a path below the registry's own address ("/v2/"), and no other try when the
 * connection breaks. */
struct fetch *registry_ask(struct registry *r, const struct fetch_plan *p, void *ctx);
const char *registry_address(const struct registry *r); /* "https://host:port", in use */
/* The one that we came with, or a newer one; NULL: none. */
const char *registry_identity_token(const struct registry *r);
void fetch_resume(struct fetch *f);
void fetch_cancel(struct fetch *f); /* accepts NULL; no callback any more */
