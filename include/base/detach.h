/* SPDX-License-Identifier: Apache-2.0 */
/* Detach keys: a sequence of bytes in what is typed at a terminal that ends the session. Pure. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DETACH_MAX 16

struct detach_keys {
    unsigned char key[DETACH_MAX];
    size_t n;       /* 0: never matches */
    size_t matched; /* bytes held back */
};
/* "ctrl-p,ctrl-q", "a,DEL"; NULL or "": the default. ERR_INVALID "Invalid detach keys (x)
 * provided". */
struct err *detach_parse(const char *s, struct detach_keys *out) must_check;
/* No byte is held back and none of these could be the first: they may go on as they are. */
bool detach_is_plain(const struct detach_keys *d, const void *p, size_t n);
/* Room that detach_keys_scan needs for n bytes. */
#define DETACH_ROOM(n) ((n) + DETACH_MAX)
/* Copies p to out except what may be the sequence. True: it is complete, *out_n is what came
 * before it and the rest of p is dropped. */
bool detach_keys_scan(struct detach_keys *d, const unsigned char *p, size_t n, unsigned char *out,
                      size_t *out_n);
