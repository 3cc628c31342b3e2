/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream base */
/* Records of the driver `local` from arbitrary bytes, and back from whatever was written. */
#include "format.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void parse_all(const char *p, size_t n)
{
    const char *end = p + n, *stop;
    struct log_record r;

    for (; p < end; p = stop + 1) {
        stop = memchr(p, format_local.end, (size_t)(end - p));
        if (!stop)
            stop = end;
        if (format_local.parse(p, (size_t)(stop - p), &r)) {
            autofree char *text = mem_alloc(r.log_n + 1);
            char time[RFC3339_MAX];

            ASSERT(format_local.text(&r, text) <= r.log_n + 1);
            ASSERT(format_local.time_fixed(&r, time) < sizeof(time));
        }
    }
}

static void round_trip(const char *p, size_t n)
{
    struct log_piece piece = {
        .stream = 1, .text = p, .n = n, .ends_line = n & 1, .time = "2024-01-02T03:04:05.6Z"};
    autofree char *out = mem_alloc(format_local.room(&piece, 0)), *back = mem_alloc(n + 1);
    size_t used = format_local.write(out, &piece, NULL, 0);
    struct log_record r;

    ASSERT(used <= format_local.room(&piece, 0));
    ASSERT(memchr(out, format_local.end, used) == out + used - 1);
    ASSERT(format_local.parse(out, used - 1, &r));
    ASSERT(format_local.text(&r, back) == n + (n & 1));
    ASSERT(!memcmp(back, p, n));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    parse_all((const char *)data, size);
    if (size <= RECORD_PIECE)
        round_trip((const char *)data, size);
    return 0;
}
