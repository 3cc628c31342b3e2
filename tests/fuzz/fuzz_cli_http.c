/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
/* What an engine may send to the command line: a head, a body in pieces, frames, progress. */
#include "base/err.h"

#include "demux.h"
#include "http.h"
#include "progress_bars.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err *ignore(void *ctx, int stream, const char *p, size_t n)
{
    (void)ctx;
    (void)stream;
    (void)p;
    (void)n;
    return NULL;
}

static void feed(struct arena *a, struct http_reply *r, const char *p, size_t n)
{
    autobuf struct buf in = {0}, out = {0}, shown = {0};
    struct progress_bars progress = {.a = a, .out = &shown, .width = n % 2 ? 100 : 0};
    struct demux d = {0};
    struct err *e = NULL;

    for (size_t at = 0; at < n && !e && !r->is_done; at += 7) {
        buf_add(&in, p + at, n - at < 7 ? n - at : 7);
        e = http_reply_feed(r, &in, &out);
        ASSERT(e || r->is_done || !in.len);
    }
    ASSERT(out.len <= n);
    if (!e)
        e = http_reply_end(r);
    err_drop(e);
    err_drop(demux_feed(&d, out.data ? out.data : "", out.len, ignore, NULL));
    err_drop(progress_bars_feed(&progress, out.data ? out.data : "", out.len));
    progress_bars_finish(&progress);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    size_t len = http_head_len((const char *)data, size);
    struct http_reply r;
    struct err *e;

    if (!len)
        return 0;
    e = http_reply_begin(&r, a, size % 5 ? "GET" : "HEAD", (const char *)data, len);
    if (e) {
        err_drop(e);
        return 0;
    }
    feed(a, &r, (const char *)data + len, size - len);
    return 0;
}
