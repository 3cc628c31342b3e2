/* SPDX-License-Identifier: Apache-2.0 */
/* Execs: what clients do with one, and what the rooms above do with all of a container. Loop. */
#pragma once

#include <stdint.h>

#include "container/container.h"

struct arena;
struct attachment;
struct exec;
struct jtable;
struct jw;
struct keeper_entry;
struct sink;
struct strs;

typedef void (*exec_created_fn)(void *ctx, struct err *err, const char *id);
void exec_create(struct container *c, const char *body, size_t len, exec_created_fn done,
                 void *ctx);
struct err *exec_find(struct container_table *t, const char *id, struct exec **out) must_check;
struct exec_start_request { /* POST /exec/{id}/start */
    bool detach;
    bool tty; /* the stream is not framed: it may differ from what create said */
    uint32_t console_size[2];
};
extern const struct jtable exec_start_json;
/* sink NULL: detached. Errors before the start come through done. */
void exec_start(struct exec *e, const struct exec_start_request *r, struct sink *sink,
                void (*gone)(void *ctx), container_done_fn done, void *ctx,
                struct attachment **out);
struct err *exec_resize(struct exec *e, int rows, int cols) must_check;
void exec_write_json(struct exec *e, struct jw *w);

/* ---- all of a container ---- */
void execs_end(struct container *c); /* the container's process is dead */
void execs_drop(struct container *c);
void execs_close(struct container *c);                                      /* the engine ends */
void execs_running(struct container *c, struct arena *a, struct strs *out); /* ids */
void execs_hand_back(struct container *c); /* the keeper was killed */

/* ---- of the keeper ---- */
bool exec_is_known(struct container_table *t, const struct keeper_entry *e);
void exec_exited(struct container_table *t, const struct keeper_entry *e);
