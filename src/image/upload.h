/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blob on its way to a repository: in pieces (POST, PATCH …, PUT), going on where a connection
 * broke; or as a whole where the registry takes no pieces. Loop thread.
 */
#pragma once

#include "blob_reader.h"
#include "registry.h"

struct upload;
struct upload_result {
    char digest[DIGEST_MAX];
    int64_t size_bytes;
    bool was_there; /* the registry had it, and it was not sent */
};
struct upload_plan {
    struct image_table *table;
    struct registry *registry;
    struct blob_source source;
    const char *location; /* of an upload that the registry has begun; NULL: none */
    void (*retry)(void *ctx, int wait_s);
    /* Once, not from within upload_start; the upload is gone afterwards. */
    void (*done)(void *ctx, const struct upload_result *r, struct err *err);
};
struct upload *upload_start(const struct upload_plan *p, void *ctx);
/* *source_size -1: not known yet. */
void upload_progress(const struct upload *u, int64_t *source_at, int64_t *source_size);
/* Accepts NULL; no callback any more. The registry is told that it is given up. */
void upload_cancel(struct upload *u);

/* Whether the answer to a PUT says that the registry has what ("blob") was sent. */
struct err *upload_check_taken(const struct fetch_result *r, const char *what, const char *digest)
    must_check;
