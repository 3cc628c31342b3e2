/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of exact.sh: text in lines of all lengths, since logs keep only what is UTF-8. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXACT_SEED 42

static inline size_t exact_make(char *out, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (char)(' ' + (*state >> 33) % 95);
        if (*state >> 54 == 1)
            out[i] = '\n';
    }
    return n;
}
