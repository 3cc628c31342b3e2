/* SPDX-License-Identifier: Apache-2.0 */
/* links: image */
/* Where a registry sends us, and how far it says it has come: "BASE\nLOCATION\nRANGE". */
#include "location.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *text = arena_strndup(a, (const char *)data, size), *location = strchr(text, '\n'),
         *range = location ? strchr(location + 1, '\n') : NULL, *to = NULL;
    int64_t bytes;
    struct err *e;

    if (range) {
        *range++ = '\0';
        if (location_range(range, &bytes))
            ASSERT(bytes >= 0);
    }
    if (!location)
        return 0;
    *location++ = '\0';
    e = location_join(a, text, location, &to);
    err_drop(e);
    if (e)
        return 0;
    ASSERT(text_starts(to, "http://") || text_starts(to, "https://"));
    ASSERT(!strpbrk(to, " \r\n") && location_is_same_host(to, to));
    /* Where we stay, the same parser sees the same host the next time. */
    if (location_is_same_host(text, to))
        ASSERT(location_is_same_host(to, text));
    (void)location_is_same_host(text, location);
    ASSERT(text_starts(location_keep_tls(a, text, to), "http"));
    return 0;
}
