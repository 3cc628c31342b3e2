/* SPDX-License-Identifier: Apache-2.0 */
/* What an instruction changes of an image's configuration, and how the history tells of it. Pure.
 */
#pragma once

#include "build/dockerfile.h"
#include "runtime/config.h"

struct effect {
    const char *created_by; /* of the history */
    const char *author;     /* of MAINTAINER; else NULL */
    bool sets_cmd;
};
struct effect_input {
    const struct instruction *in;         /* expanded */
    const struct instruction *as_written; /* the same before */
    const struct strs *env;               /* of the image afterwards */
    const struct pairs *build_args;       /* that were given */
    bool has_cmd;                         /* the stage has said CMD */
};
/* For all but RUN, ADD and COPY. */
struct err *effect_apply(struct arena *a, const struct effect_input *input, struct config *c,
                         struct effect *out) must_check;
/* "/bin/sh -c #(nop) " and the rest: of what runs no command. */
char *effect_nop(struct arena *a, const struct config *c, const char *rest);
/* The shell form's vector in front of the text: of SHELL, or /bin/sh -c. */
struct strs effect_shell(struct arena *a, const struct config *c);
