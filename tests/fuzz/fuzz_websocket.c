/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Any bytes as frames: the same pieces however they are cut, and never more than came. */
#include "websocket.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned read_in_steps(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
    struct ws_reader r = {0};

    for (size_t at = 0; at < size; at += step) {
        size_t end = at + step < size ? at + step : size, used = at;
        struct ws_piece piece = {0};

        while (piece.event != WS_MORE) {
            unsigned char *room = malloc(end - used + 1); /* exact, for the sanitizer */
            size_t n = ws_read(&r, data + used, end - used, room, &piece);

            ASSERT(n <= end - used && piece.n <= WS_CONTROL_MAX + n);
            used += n;
            if (piece.event == WS_DATA)
                buf_add(out, room, piece.n);
            if (piece.event == WS_PINGED)
                buf_add(out, r.control, piece.n);
            free(room);
            if (piece.event == WS_CLOSED || piece.event == WS_BROKEN)
                return piece.code;
        }
        ASSERT(used == end);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create();
    const char *text = arena_strndup(a, (const char *)data, size);
    struct buf whole = {0}, bytes = {0}, odd = {0};
    unsigned code = read_in_steps(data, size, size + 1, &whole);

    ASSERT(read_in_steps(data, size, 1, &bytes) == code);
    ASSERT(read_in_steps(data, size, 7, &odd) == code);
    ASSERT(whole.len == bytes.len && whole.len == odd.len);
    ASSERT(!whole.len || !memcmp(whole.data, bytes.data, whole.len));
    ASSERT(!whole.len || !memcmp(whole.data, odd.data, whole.len));
    buf_finish(&whole);
    buf_finish(&bytes);
    buf_finish(&odd);
    (void)ws_header_has(text, "websocket");
    (void)ws_key_is_valid(text);
    arena_destroy(a);
    return 0;
}
