/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random bytes of a fuzzer and of a replay: always the same, so that the same input does the
 * same. Hash tables are seeded with them; otherwise which of two inputs is interesting, and thus
 * every input after it, would be another one each time. Stands in for libc's.
 */
#include <stdint.h>
#include <sys/random.h>

ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;
    uint8_t *out = buffer;

    (void)flags;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (uint8_t)(state >> 32);
    }
    return (ssize_t)size;
}
