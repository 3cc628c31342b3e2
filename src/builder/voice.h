/* SPDX-License-Identifier: Apache-2.0 */
/* One output of a RUN's container, as text of the build's stream. Loop thread. */
#pragma once

#include "stream/sink.h"

#include "build_inner.h"

struct attachment;
struct container;

struct voice { /* embedded; zeroed: not open */
    struct sink sink;
    struct build_stage *stage;
    struct attachment *attachment; /* NULL: it has ended */
    bool is_stderr;
    char cut[4]; /* the beginning of a character whose rest is still to come */
    size_t n_cut;
};

struct err *voice_open(struct voice *v, struct build_stage *s, struct container *c, bool is_stderr)
    must_check;
void voice_close(struct voice *v); /* safe when it has ended, or never was */
