/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with a container. Loop thread. Every `done` is called exactly once, on the
 * loop, perhaps before the call returns; err is the callee's.
 */
#pragma once

#include "base/text.h"
#include "container/container.h"
#include "runtime/config.h"

struct attach_request;
struct attachment;
struct jlist;
struct log_query;
struct log_reader;
struct permit;
struct sink;

struct create_result {
    const char *id;
    struct strs warnings;
};
/* All is copied. */
struct create_call {
    const char *name;     /* NULL or "": generated */
    const char *platform; /* NULL or "": any */
    const char *body;     /* the JSON of POST /containers/create */
    size_t body_len;
    int api_version;
    const struct permit *permit;    /* what the caller may; NULL: everything */
    const char *risk_warnings;      /* "all", "serious", "off"; NULL: as the label says, or the
                                       engine's setting */
    bool is_of_build;               /* the next engine removes it */
    const struct jlist *own_mounts; /* struct mount_point with is_own, besides those of the body;
                                       NULL: none */
    const struct strs *image_names; /* that count for the policy besides its own; NULL: none */
};
/* The result lives during the call of done. ERR_NOT_FOUND "No such image: x:latest". */
void container_create(struct container_table *t, const struct create_call *call,
                      void (*done)(void *ctx, struct err *err, const struct create_result *r),
                      void *ctx);

void container_start(struct container *c, container_done_fn done,
                     void *ctx); /* 304: ERR_NOT_MODIFIED */
/* timeout_s < -1: the container's own; -1: for ever. signal NULL: the container's. */
#define STOP_TIMEOUT_DEFAULT (-2)
void container_stop(struct container *c, int timeout_s, const char *signal, container_done_fn done,
                    void *ctx);
void container_restart(struct container *c, int timeout_s, const char *signal,
                       container_done_fn done, void *ctx);
/* signal NULL or "": KILL. SIGKILL is answered after the exit. */
void container_kill(struct container *c, const char *signal, container_done_fn done, void *ctx);
void container_remove(struct container *c, bool force, bool volumes, bool link,
                      container_done_fn done, void *ctx);
void container_rename(struct container *c, const char *name, container_done_fn done, void *ctx);
void container_pause(struct container *c, bool paused, container_done_fn done, void *ctx);
struct commit_request {
    const char *repo, *tag, *comment, *author; /* may be NULL or "" */
    struct strs changes;
    bool wants_pause;
    struct config config; /* over the container's own */
};
typedef void (*commit_done_fn)(void *ctx, struct err *err, const char *image_id);
struct commit;
/* What it has written becomes an image, on disk when done is called. What is returned is valid
 * until then. */
struct commit *container_commit(struct container *c, struct commit_request *r, commit_done_fn done,
                                void *ctx);
/* The client is gone: done comes with ERR_CANCELLED, or with the image if that was first. */
void container_commit_cancel(struct commit *o);
/* body: JSON of POST …/update. */
void container_update(struct container *c, const char *body, size_t len, int api_version,
                      void (*done)(void *ctx, struct err *err, const struct strs *warnings),
                      void *ctx);

/* Attach. ERR_CONFLICT when paused/restarting. See stream/hub.h. */
struct err *container_attach(struct container *c, const struct attach_request *r, struct sink *sink,
                             void (*gone)(void *ctx), void *ctx, struct attachment **out)
    must_check;
struct err *container_logs(struct container *c, const struct log_query *q, struct sink *sink,
                           void (*done)(void *ctx), void *ctx, struct log_reader **out) must_check;
struct err *container_resize(struct container *c, int rows, int cols) must_check;
