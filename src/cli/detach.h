/* SPDX-License-Identifier: Apache-2.0 */
/* Detach keys: a sequence of bytes in the terminal's input that ends the session. Pure. */
#pragma once

#include "base/text.h"

#define DETACH_KEYS_MAX 16

struct detach {
    unsigned char keys[DETACH_KEYS_MAX];
    size_t n;
    size_t matched; /* bytes of the sequence seen, held back */
};

/* "ctrl-p,ctrl-q", "a,b"; NULL or "": the default. */
struct err *detach_parse(const char *text, struct detach *out) must_check;
/* Appends to out what may be sent. True: the whole sequence was typed. */
bool detach_scan(struct detach *d, const char *p, size_t n, struct buf *out);
