/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a registry that bring no image: are these credentials right, what is there by that
 * name, what does a reference stand for. Loop thread; each is an operation.
 */
#pragma once

#include "image/image.h"

struct ask_answer { /* valid in the callback */
    const char *text;
    size_t len;
    const char *type;   /* of the text */
    const char *digest; /* of a manifest; else NULL */
};
/* Takes err; answer is NULL with it. Once. */
typedef void (*ask_done_fn)(void *ctx, struct err *err, const struct ask_answer *answer);

/* {"IdentityToken":…,"Status":"Login Succeeded"}. auth->server: a host, or an address of the web;
 * NULL or "": Docker Hub. ERR_UNAUTHORIZED: they are wrong. image_job_cancel gives it up, here and
 * below. */
struct image_job *ask_login(struct image_table *t, const struct registry_auth *auth,
                            ask_done_fn done, void *ctx);

enum { SEARCH_LIMIT_MAX = 100, SEARCH_LIMIT = 25 };
struct ask_search {
    const char *term;              /* "nginx", "registry.lan:5000/nginx" */
    int limit;                     /* 1 … SEARCH_LIMIT_MAX */
    int is_official, is_automated; /* 0: either; 1: yes; -1: no */
    int64_t stars;                 /* so many at least */
};
/* Docker's list of {"star_count":…,"is_official":…,"name":…,"is_automated":…,"description":…}. */
struct image_job *ask_search(struct image_table *t, const struct ask_search *s,
                             const struct registry_auth *auth, ask_done_fn done, void *ctx);

/* {"Descriptor":{"mediaType":…,"digest":…,"size":…},"Platforms":[…]} of a reference; without tag
 * and digest: of latest. is_insecure: as if the registry were one of --insecure-registry. */
struct image_job *ask_distribution(struct image_table *t, const char *reference, bool is_insecure,
                                   const struct registry_auth *auth, ask_done_fn done, void *ctx);
/* The manifest's own bytes. */
struct image_job *ask_manifest(struct image_table *t, const char *reference, bool is_insecure,
                               const struct registry_auth *auth, ask_done_fn done, void *ctx);
