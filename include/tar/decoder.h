/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive readers with just the filters and formats we allow. */
#pragma once

#include "base/err.h"

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive;
struct archive_entry;

enum decoder_kind {
    DECODER_RAW = 1,     /* decompress only */
    DECODER_TAR = 2,     /* a plain tar only */
    DECODER_RAW_TAR = 3, /* a tar, compressed or not */
};
struct err *decoder_open(enum decoder_kind kind, struct archive **out) must_check;
/* Whether a file begins as a tar with something in it, compressed or not. Moves its place. */
bool decoder_is_tar(int fd);
/* ERR_INVALID with what libarchive has last complained of. */
struct err *decoder_err(struct archive *ar) must_check;

struct content_part { /* what lies between two of them is a hole */
    bool is_end;      /* there are no more */
    const void *p;    /* libarchive's, until the next call */
    size_t n;
    int64_t at;
};
/* The next part of the entry's content, a file of `size` bytes, behind the place `end`. ERR_INVALID
 * for one that lies elsewhere: a sparse map may claim anything. */
struct err *decoder_next_part(struct archive *ar, int64_t size, int64_t end,
                              struct content_part *out) must_check;

/* libarchive converts names by the thread's locale: in "C" it would mangle what is not ASCII.
 * Begins and ends around one archive, on one thread. */
struct utf8_scope {
    locale_t own, before;
};
struct utf8_scope utf8_begin(void);
void utf8_end(struct utf8_scope *s);
