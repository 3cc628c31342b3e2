/* SPDX-License-Identifier: Apache-2.0 */
/* links: init base */
/* A setup program as it comes in a memfd: whatever passes must be walkable in bounds. */
#include "init/init.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes are made right, or nothing would ever get past them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    struct program_header h;
    uint32_t at;

    memcpy(copy, data, size);
    if (size >= sizeof(h)) {
        memcpy(&h, copy, sizeof(h));
        h.magic = PROGRAM_MAGIC;
        h.version = PROGRAM_VERSION;
        h.size = (uint32_t)size;
        h.n_fds %= PROGRAM_FDS_MAX + 2;
        memcpy(copy, &h, sizeof(h));
        program_check(copy, size, h.n_fds, &at);
    }
    free(copy);
    return 0;
}
