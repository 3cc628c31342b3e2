/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a copy of a document: a line with its key, checksum and length, then the document. */
#pragma once

#include "base/text.h"

/* Of a document with its key; also beside the document in the database. */
int64_t doc_sum(const char *kind, const char *id, const char *json);

struct copy {
    const char *kind, *id, *json;
    int64_t sum;
};

void copy_text(struct buf *out, const char *kind, const char *id, const char *json);
/* Cuts `text` (of len, NUL-terminated) into its parts. False: it is not whole. */
bool copy_parse(char *text, size_t len, struct copy *out);
/* The same of the first line alone, without a look at the document. */
bool copy_parse_head(char *head, struct copy *out);
