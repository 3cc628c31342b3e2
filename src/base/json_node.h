/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed document, shared by base/'s json_*.c files. */
#pragma once

#include "base/json.h"

struct json {
    const char *text; /* where the value begins in the document's text */
    const char *key;  /* inside an object */
    const char *str;  /* decoded, when a string */
    struct json *next, *first;
    size_t text_len;
    size_t n;
    enum json_type type;
    bool is_true;
};

/* As json_parse, but the nodes point into `text` wherever it is valid UTF-8: it must outlive
 * them. */
struct err *json_parse_in_place(struct arena *a, const char *text, size_t len,
                                const struct json **out) must_check;
/* Refuses what cJSON would let pass and overwrites, in the same length, what it could not take.
 * text[len] is NUL. */
struct err *json_check(char *text, size_t len) must_check;
/* what: a bound of ours, and where; NULL: Go's words for what is wrong with the syntax. */
struct err *json_syntax_err(const char *text, size_t len, size_t at, const char *what);
/* Exact: no fraction, no exponent, in range. */
bool json_exact_int(const struct json *j, int64_t *out);
/* Exact, then in any case; NULL. */
const struct jfield *json_find_field(const struct jtable *t, const char *key);
const char *json_type_name(enum json_type type);
