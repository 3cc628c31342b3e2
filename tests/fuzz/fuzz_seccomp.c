/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Seccomp profiles of users: each is refused or understood, and the filter that is loaded gives the
 * verdicts of the one that libseccomp has made of it. */
#include "syscall_filter.h"

#include <stdint.h>

#include "../lib/filter_verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RULES_MAX = 400, CALLS = 400 }; /* libseccomp takes seconds for what is long */

static uint32_t word(const struct sock_filter *code, size_t n, uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 31 ? code[(*seed >> 8) % n].k + (*seed >> 29 & 3) - 1 : *seed >> 20;
}

static void compare(struct arena *a, const struct syscall_filter_profile *p, uint32_t seed)
{
    static const uint32_t arches[] = {0xc000003e /* x86_64 */, 0x40000003 /* i386 */};
    struct sock_filter *plain, *shorter;
    size_t n_plain, n_shorter;
    struct err *err = syscall_filter_make(a, p, seed, &plain, &n_plain);

    if (err || !syscall_filter_shorten(a, plain, n_plain, &shorter, &n_shorter)) {
        err_drop(err);
        return;
    }
    if (n_shorter >= n_plain)
        abort();
    for (int i = 0; i < CALLS; i++) {
        struct seccomp_data d = {.arch = i % 8 ? arches[i & 1] : word(plain, n_plain, &seed),
                                 .nr = (int)word(plain, n_plain, &seed)};

        for (int k = 0; k < 6; k++) {
            d.args[k] = word(plain, n_plain, &seed);
            if (i & 2)
                d.args[k] |= (uint64_t)word(plain, n_plain, &seed) << 32;
        }
        if (filter_verdict(plain, n_plain, &d) != filter_verdict(shorter, n_shorter, &d))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    struct syscall_filter_profile p;
    struct err *err = syscall_filter_parse(a, arena_strndup(a, (const char *)data, size), &p);

    if (!err && p.n_rules <= RULES_MAX)
        compare(a, &p, (uint32_t)size * 2654435761u);
    err_drop(err);
    return 0;
}
