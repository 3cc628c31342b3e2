/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive readers with just the filters and formats we allow. */
#pragma once

#include "base/err.h"

#include <locale.h>
#include <stdbool.h>

struct archive;
struct archive_entry;

enum decoder_kind {
    DECODER_RAW = 1,     /* decompress only */
    DECODER_TAR = 2,     /* a plain tar only */
    DECODER_RAW_TAR = 3, /* a tar, compressed or not */
};
struct err *decoder_open(enum decoder_kind kind, struct archive **out) must_check;

/* libarchive converts names by the thread's locale: in "C" it would mangle what is not ASCII.
 * Begins and ends around one archive, on one thread. */
struct utf8_scope {
    locale_t own, before;
};
struct utf8_scope utf8_begin(void);
void utf8_end(struct utf8_scope *s);
