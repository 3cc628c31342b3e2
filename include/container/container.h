/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with a container. Loop thread. Every `done` is called exactly
 * once, on the loop, perhaps before the call returns; err is the callee's.
 */
#pragma once

#include "container/table.h"
#include "runtime/config.h"

typedef void (*container_done_fn)(void *ctx, struct err *err);

struct create_request {
    struct config config;
    struct host_config host;
    struct networking_config networking;
};
struct create_result {
    const char *id;
    struct strs warnings;
};
/* body: the JSON of POST /containers/create, kept as documents. name NULL or "": generated.
 * The result lives during the call. ERR_NOT_FOUND "No such image: x:latest". */
void container_create(struct container_table *t, const char *name, const char *platform,
                      const char *body, size_t body_len, int api_version,
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
/* "rm --link LINKER/ALIAS". */
void container_unlink(struct container_table *t, const char *linker, const char *alias,
                      container_done_fn done, void *ctx);
void container_rename(struct container *c, const char *name, container_done_fn done, void *ctx);
void container_pause(struct container *c, bool paused, container_done_fn done, void *ctx);
struct err *container_resize(struct container *c, int rows, int cols) must_check;
/* body: JSON of POST …/update. */
void container_update(struct container *c, const char *body, size_t len,
                      void (*done)(void *ctx, struct err *err, const struct strs *warnings),
                      void *ctx);

/* Running or not; e as asked for, copied. ERR_FORBIDDEN when it is there already. */
void container_connect(struct container *c, const char *network, const struct endpoint_config *e,
                       container_done_fn done, void *ctx);
void container_disconnect(struct container *c, const char *network, container_done_fn done,
                          void *ctx);

enum wait_condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
bool wait_condition_parse(const char *s, enum wait_condition *out); /* "" is not-running */
struct waiter;
/* fn once, perhaps at once; error NULL or a message about the run. Cancel when the client goes. */
struct waiter *container_wait(struct container *c, enum wait_condition condition,
                              void (*fn)(void *ctx, int code, const char *error), void *ctx);
void waiter_cancel(struct waiter *w);

/* Attach. ERR_CONFLICT when paused/restarting. See stream/hub.h. */
struct err *container_attach(struct container *c, const struct attach_request *r, struct sink *sink,
                             void (*gone)(void *ctx), void *ctx, struct attachment **out)
    must_check;
struct err *container_logs(struct container *c, const struct log_query *q, struct sink *sink,
                           void (*done)(void *ctx), void *ctx, struct log_reader **out) must_check;
bool container_has_tty(const struct container *c);
bool container_is_running(const struct container *c);
const char *container_id(const struct container *c);
const char *container_name(const struct container *c); /* without the slash */

/* ---- views ---- */
/* GET /containers/{id}/json. rw/root sizes -1: left out. */
void container_write_inspect(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root);
void container_write_summary(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root);
/* Parsed `filters` of GET /containers/json; ERR_INVALID "invalid filter 'x'". */
struct container_filter;
struct err *container_filter_parse(struct container_table *t, struct arena *a, const char *json,
                                   struct container_filter **out) must_check;
bool container_filter_wants_all(const struct container_filter *f); /* status/exited imply all */
bool container_matches(struct container *c, const struct container_filter *f);
/* ps -ef inside: {"Titles":…,"Processes":…}; reads /proc on a worker. */
void container_top(struct container *c, const char *ps_args,
                   void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
void container_sizes(struct container *c,
                     void (*done)(void *ctx, struct err *err, int64_t rw, int64_t root), void *ctx);
void containers_prune(struct container_table *t, const struct container_filter *f,
                      void (*done)(void *ctx, struct err *err, const char *json), void *ctx);

/* ---- exec ---- */
typedef void (*exec_created_fn)(void *ctx, struct err *err, const char *id);
void exec_create(struct container *c, const char *body, size_t len, exec_created_fn done,
                 void *ctx);
struct err *exec_find(struct container_table *t, const char *id, struct exec **out) must_check;
/* sink NULL: detached. Errors before the start come through done. */
void exec_start(struct exec *e, bool detach, bool tty, struct sink *sink, void (*gone)(void *ctx),
                container_done_fn done, void *ctx, struct attachment **out);
struct err *exec_resize(struct exec *e, int rows, int cols) must_check;
void exec_write_json(struct exec *e, struct jw *w);
bool exec_has_tty(const struct exec *e);
