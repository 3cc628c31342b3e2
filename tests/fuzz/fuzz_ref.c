/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
/* Any text as a reference: what parses must be the same when written both ways and read again. */
#include "base/ref.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(struct arena *a, const char *text, const char *full)
{
    struct ref r;
    struct err *e = ref_parse(a, text, &r);

    ASSERT(!e);
    ASSERT(!strcmp(ref_full(a, &r), full));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    struct ref r;
    autoerr struct err *e = ref_parse(a, arena_strndup(a, (const char *)data, size), &r);
    const char *full;

    if (e)
        return 0;
    full = ref_full(a, &r);
    check_same(a, full, full);
    check_same(a, ref_familiar(a, &r), full);
    return 0;
}
