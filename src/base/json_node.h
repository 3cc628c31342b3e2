/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed document, shared by base/'s json_*.c files. */
#pragma once

#include "base/json.h"

struct json {
    const char *text; /* where the value begins in the document's text */
    const char *key;  /* inside an object */
    const char *str;  /* decoded, when a string */
    struct json *next, *first, *last, *up;
    size_t text_len;
    size_t n;
    enum json_type type;
    bool is_true;
};

/* As json_parse, but the nodes point into `text` wherever it is valid UTF-8: it must outlive them.
 * Strings and keys are allocated from `a`, the nodes themselves from `nodes`. */
struct err *json_parse_in_place(struct arena *a, struct arena *nodes, const char *text, size_t len,
                                struct json **out) must_check;
/* Exact: no fraction, no exponent, in range. */
bool json_exact_int(const struct json *j, int64_t *out);
const char *json_type_name(enum json_type type);
