/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON messages of pull, load and import as text: bars on a terminal, lines elsewhere. */
#pragma once

#include "base/text.h"

struct progress_bars {
    struct arena *a;
    struct buf *out;    /* rendered text is appended; the caller writes it */
    unsigned width;     /* of the terminal; 0: not a terminal */
    struct strs ids;    /* one line each, in order of appearance */
    struct buf partial; /* an incomplete message */
    char *last_aux_id;  /* ID of an aux message (import, build), or NULL */
};
void progress_bars_finish(struct progress_bars *p);
/* Bytes of the stream as they come; a message {"error":…} becomes the error. */
struct err *progress_bars_feed(struct progress_bars *p, const char *bytes, size_t n) must_check;
