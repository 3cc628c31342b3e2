/* SPDX-License-Identifier: Apache-2.0 */
/* docker cp and export: files of a container as a tar stream, both ways. Loop thread. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct container;
struct copy_input;
struct copy_source;
struct sink;

/* What is at a path; lives during the call. */
void container_path_stat(struct container *c, const char *path,
                         void (*done)(void *ctx, struct err *err, const struct copy_source *s),
                         void *ctx);

/* begin once, when all that can be refused was not; then the sink gets the tar, at the client's
 * speed; done once. path NULL: export, the root file system without what is mounted on it. */
struct copy_out;
struct copy_out *container_copy_out(struct container *c, const char *path, struct sink *sink,
                                    void (*begin)(void *ctx, const struct copy_source *s),
                                    void (*done)(void *ctx, struct err *err), void *ctx);
void copy_out_cancel(struct copy_out *o); /* the client is gone; done comes later */

struct copy_in_request {
    const char *path;
    bool keeps_kind;    /* noOverwriteDirNonDir */
    bool gives_to_user; /* copyUIDGID: all belongs to the container's user */
};
/* The tar, to its end; taken. */
struct copy_in;
struct copy_in *container_copy_in(struct container *c, const struct copy_in_request *r,
                                  const struct copy_input *from,
                                  void (*done)(void *ctx, struct err *err), void *ctx);
void copy_in_cancel(struct copy_in *o); /* before the tar ends */
