/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instruction takes files from besides the context: --from of COPY, from= of the mounts of
 * a RUN. Looked for one after the other, each by an operation of its own. Loop.
 */
#pragma once

#include "in_turn.h"
#include "origin.h"

struct sources { /* embedded in the operation of a step; v in the arena of the build */
    struct origin *v;
    size_t n;
    struct in_turn *turn;
};
/* The wait of an ON_EVENT step. Then each has its image, which is kept. */
struct err *sources_await(struct sources *s, struct op *op) must_check;
void sources_stop(struct sources *s); /* its undo */
void sources_finish(struct sources *s);
