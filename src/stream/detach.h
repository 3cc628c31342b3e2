/* SPDX-License-Identifier: Apache-2.0 */
/* The detach key sequence in a stream of typed bytes; see detach.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DETACH_MAX 16

struct detach_keys {
    unsigned char key[DETACH_MAX];
    size_t n;       /* 0: never matches */
    size_t matched; /* bytes held back */
};
/* No byte is held back and none of these could be the first: they may go on as they are. */
bool detach_is_plain(const struct detach_keys *d, const void *p, size_t n);
/* Room that detach_keys_scan needs for n bytes. */
#define DETACH_ROOM(n) ((n) + DETACH_MAX)
/* Copies p to out except what may be the sequence. True: it is complete, *out_n is what came
 * before it and the rest of p is dropped. */
bool detach_keys_scan(struct detach_keys *d, const unsigned char *p, size_t n, unsigned char *out,
                      size_t *out_n);
