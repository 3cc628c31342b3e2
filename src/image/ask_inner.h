/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the questions to registries: the operation that all of them are. Loop thread. */
#pragma once

#include "image/ask.h"

#include "job.h"
#include "registry.h"

struct ask;
struct ask_kind {
    struct err *(*open)(struct ask *k)must_check; /* sets k->registry */
    void (*begin)(struct ask *k); /* the registry is there: the first fetch; ends by ask_end */
};

struct ask {
    struct image_job job; /* must be first */
    const struct ask_kind *kind;
    void *what; /* the kind's, in the arena */
    struct registry_auth auth;
    struct registry *registry;
    struct fetch *fetch; /* the kind's, running; NULL: none */
    struct ask_answer answer;
    ask_done_fn done;
    void *ctx;
};

struct ask *ask_create(struct image_table *t, const struct ask_kind *kind, const char *subject,
                       const struct registry_auth *auth);
struct image_job *ask_start(struct ask *k, ask_done_fn done, void *ctx);
/* From a fetch's callback: answer is set, or err. Takes err. */
void ask_end(struct ask *k, struct err *err);
/* The answer is a copy. */
void ask_set_answer(struct ask *k, const void *p, size_t n, const char *type);
void ask_set_json(struct ask *k, const struct buf *b);
