/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See voice.h. The stream is JSON, whose text is whole characters: one that is cut between two
 * pieces waits for its rest. What is said never waits for the client, whose queue has its own
 * bound.
 */
#include "voice.h"

#include <string.h>

#include "run/commands.h"
#include "stream/hub.h"

static struct voice *of(const struct sink *s)
{
    return container_of((struct sink *)s, struct voice, sink);
}

/* How many bytes at the end begin a character of UTF-8 that is longer. */
static size_t cut_len(const char *p, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)p[n - back];
        size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

        if ((c & 0xc0) != 0x80)
            return whole > back ? back : 0;
    }
    return 0;
}

static void sink_write(struct sink *s, const void *p, size_t n)
{
    struct voice *v = of(s);
    autobuf struct buf all = {0};
    size_t cut;

    buf_add(&all, v->cut, v->n_cut);
    buf_add(&all, p, n);
    cut = cut_len(all.data, all.len);
    v->n_cut = cut;
    memcpy(v->cut, all.data + all.len - cut, cut);
    if (all.len > cut)
        stage_say_bytes(v->stage, all.data, all.len - cut, v->is_stderr);
}

static size_t sink_queued(const struct sink *s)
{
    (void)s;
    return 0;
}

static void flush(struct voice *v)
{
    if (v->n_cut)
        stage_say_bytes(v->stage, v->cut, v->n_cut, v->is_stderr);
    v->n_cut = 0;
}

static void sink_end(struct sink *s)
{
    flush(of(s));
}

static void on_gone(void *ctx)
{
    ((struct voice *)ctx)->attachment = NULL;
}

struct err *voice_open(struct voice *v, struct build_stage *s, struct container *c, bool is_stderr)
{
    const struct attach_request r = {
        .want_stdout = !is_stderr, .want_stderr = is_stderr, .stream = true};

    *v = (struct voice){.sink = {.write = sink_write, .queued = sink_queued, .end = sink_end},
                        .stage = s,
                        .is_stderr = is_stderr};
    return container_attach(c, &r, &v->sink, on_gone, v, &v->attachment);
}

void voice_close(struct voice *v)
{
    struct attachment *a = steal_ptr(&v->attachment);

    if (a)
        attach_leave(a);
}
