/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp filter interpreted: the instructions that libseccomp and syscall_filter_shorten write.
 * Pure, any thread. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel would do with a call, SECCOMP_RET_*; aborts where the program has no end. */
static inline uint32_t filter_verdict(const struct sock_filter *code, size_t n,
                                      const struct seccomp_data *d)
{
    uint32_t accumulator = 0;

    for (size_t i = 0; i < n; i++) {
        const struct sock_filter *c = &code[i];
        bool is_yes = false;

        switch (c->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (c->k % 4 || c->k >= sizeof(*d))
                abort();
            memcpy(&accumulator, (const char *)d + c->k, 4);
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= c->k;
            continue;
        case BPF_RET | BPF_K:
            return c->k;
        case BPF_JMP | BPF_JA:
            i += c->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            is_yes = accumulator == c->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            is_yes = accumulator > c->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            is_yes = accumulator >= c->k;
            break;
        default:
            abort();
        }
        i += is_yes ? c->jt : c->jf;
    }
    abort();
}
