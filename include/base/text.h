/* SPDX-License-Identifier: Apache-2.0 */
/* Text: growing buffers, lists of strings, bounded parsing, what people read. Pure. */
#pragma once

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

/* A growing byte buffer, always NUL-terminated when data != NULL. {0} is empty. */
struct buf {
    char *data;
    size_t len, cap;
};
void buf_finish(struct buf *b); /* frees, back to {0} */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) like_printf(2, 3);
void buf_drop_front(struct buf *b, size_t n);
char *buf_steal(struct buf *b); /* never NULL; caller frees */
static inline void auto_buf_(struct buf *b)
{
    buf_finish(b);
}
#define autobuf __attribute__((cleanup(auto_buf_)))

/* v == NULL: absent (JSON null); v != NULL with n == 0: present and empty.
 * v is always followed by a NULL entry when non-NULL, so it serves as argv.
 * Only lists made by these functions (or json_*) may grow: the capacity is implied by n. */
struct strs {
    char **v;
    size_t n;
};
void strs_add(struct arena *a, struct strs *s,
              const char *item); /* amortised growth, copies item */
bool strs_has(const struct strs *s, const char *item);
/* Adds what is not there yet, once. For lists of strangers: linear, as strs_has in a loop is not.
 */
void strs_merge(struct arena *a, struct strs *s, const struct strs *from);
struct strs strs_copy(struct arena *a, const struct strs *s);
struct strs text_split(struct arena *a, const char *s, char sep); /* "" gives no items */
char *strs_join(struct arena *a, const struct strs *s, const char *sep);

/* Ordered key → value pairs. They grow by the rule of struct strs. */
struct pair {
    char *key, *value;
};
struct pairs {
    struct pair *v;
    size_t n;
};
void pairs_set(struct arena *a, struct pairs *p, const char *key, const char *value);
/* pairs_set for each of `from`. For lists of strangers: linear, as pairs_set in a loop is not. */
void pairs_merge(struct arena *a, struct pairs *p, const struct pairs *from);
void pairs_set_text(struct arena *a, struct pairs *p, const char *text); /* "k=v"; "k" is "k=" */
void pairs_add(struct arena *a, struct pairs *p, const char *key, const char *value); /* new */
const char *pairs_get(const struct pairs *p, const char *key); /* NULL when absent */
bool pairs_match(const struct pairs *p,
                 const char *wanted); /* "k": has it; "k=v": with this value */
bool pairs_match_all(const struct pairs *p, const struct strs *wanted);
bool pairs_match_any(const struct pairs *p, const struct strs *wanted);
struct pairs pairs_copy(struct arena *a, const struct pairs *p);

/* Whole-string decimal parsing; false on empty, junk, sign errors or overflow. */
bool text_to_i64(const char *s, int64_t *out);
bool text_to_u32(const char *s, uint32_t *out); /* digits only: no sign, no space, no 0x */
bool text_to_f64(const char *s, double *out);
bool text_to_bool(const char *s, bool *out); /* Go's ParseBool: 1 t T true TRUE True, 0 f F ... */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
bool text_same(const char *a, const char *b); /* NULL equals NULL and "" */
bool text_is_empty(const char *s);            /* NULL or "" */
bool text_is_true(const char *s); /* Docker's query rule: "", 0, no, false, none are false */
bool text_is_hex(const char *s, size_t n);
/* "02:42:ac:11:00:02", also with '-'. */
bool text_to_mac(const char *s, uint8_t out[6]);
int text_hex_value(char c); /* of a digit; -1: it is none */
bool text_is_utf8(const char *s, size_t n);
/* Go's path.Match: * ? [class] \; '*' does not cross '/'. */
bool text_glob(const char *pattern, const char *s);
void text_lower(char *s); /* ASCII */
char *text_trim(char *s); /* in place; returns the first non-space */

/* "4.26MB", decimal units as Docker's CLI prints them. */
char *text_size(struct arena *a, int64_t bytes);
/* "64m" → bytes (binary units, b k m g t, optional b/ib suffix); false on junk. */
bool text_to_bytes(const char *s, int64_t *out);
bool text_to_decimal_bytes(const char *s, int64_t *out); /* the same in decimal units */
/* Docker's "Less than a second" … "3 weeks". */
char *text_ago(struct arena *a, int64_t seconds);
/* standard or URL alphabet, padded or not; ERR_INVALID otherwise. */
struct err *text_from_base64(struct arena *a, const char *s, char **out, size_t *out_len)
    must_check;
char *text_to_base64(struct arena *a, const void *p, size_t n, bool url_alphabet);
/* %XX and '+' decoding of a query part. ERR_INVALID on a bad escape or a NUL. */
struct err *text_from_query(struct arena *a, const char *s, size_t n, char **out) must_check;
char *text_to_query(struct arena *a, const char *s);
