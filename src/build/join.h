/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to instructions: comments, directives, continuations. */
#pragma once

#include "reader.h"

struct joiner {
    struct line_reader r;
    struct dockerfile *d; /* its directives and empty_continuations are written here */
    bool is_past_directives;
    struct strs comments; /* right above the instruction that joiner_next found */
    size_t empty_room;
};
/* The next instruction's text; text is NULL at the end of the file. */
struct err *joiner_next(struct joiner *t, struct joined_text *out) must_check;
