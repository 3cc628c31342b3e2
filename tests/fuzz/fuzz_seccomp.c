/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Seccomp profiles of users. */
#include "syscall_filter.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    struct syscall_filter_profile p;

    err_drop(syscall_filter_parse(a, arena_strndup(a, (const char *)data, size), &p));
    return 0;
}
