/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of src/stream share: a loop with workers that runs until a claim
 * holds, and a sink that takes its bytes at once, bit by bit, or never.
 */
#pragma once

#include "base/clock.h"
#include "base/text.h"
#include "core/loop.h"
#include "stream/sink.h"

#include "test.h"

#include <signal.h>

struct kit {
    struct loop *loop;
    struct pools *pools;
    struct timer tick;
};

static inline void ignore_signal(int number)
{
    struct sigaction ignored = {.sa_handler = SIG_IGN};

    CHECK(sigaction(number, &ignored, NULL) == 0);
}

static inline struct kit *kit_open(void)
{
    struct kit *k = mem_new(struct kit);

    ignore_signal(SIGPIPE);
    k->loop = loop_create();
    k->pools = pools_create(k->loop, 1, 2);
    return k;
}

static inline void kit_on_tick(struct timer *t)
{
    (void)t;
}

/* Runs the loop until *flag; fails the test after 40 s. */
static inline void kit_until(struct kit *k, const bool *flag, int line)
{
    int64_t deadline = clock_boot_ns() + 40 * NS_PER_S;

    while (!*flag) {
        if (clock_boot_ns() > deadline)
            test_fail(__FILE__, line, "what line %d waits for did not happen", line);
        timer_set(k->loop, &k->tick, 5, kit_on_tick); /* RUN_ONCE runs timers, then polls */
        uv_run(loop_uv(k->loop), UV_RUN_ONCE);
    }
    timer_clear(k->loop, &k->tick);
}
#define KIT_UNTIL(k, flag) kit_until(k, flag, __LINE__)

/* A few turns without waiting. */
static inline void kit_turns(struct kit *k, int n)
{
    while (n-- > 0)
        uv_run(loop_uv(k->loop), UV_RUN_NOWAIT);
}

static inline void kit_set(void *ctx)
{
    *(bool *)ctx = true;
}

static inline void kit_close(struct kit *k)
{
    timer_clear(k->loop, &k->tick);
    pools_destroy(k->pools);
    loop_destroy(k->loop);
    free(k);
}

struct tsink {
    struct sink sink; /* first */
    struct kit *kit;
    struct buf got;
    size_t taken, step; /* step: taken per tick; 0: never */
    bool is_fast, is_ended, was_high;
    size_t most; /* highest queue seen */
    struct timer tick;
};

static inline size_t tsink_queued(const struct sink *s)
{
    const struct tsink *t = (const struct tsink *)s;

    return t->is_fast ? 0 : t->got.len - t->taken;
}

static inline void tsink_on_tick(struct timer *timer)
{
    struct tsink *t = container_of(timer, struct tsink, tick);
    size_t left = t->got.len - t->taken;

    t->taken += left < t->step ? left : t->step;
    if (t->was_high && t->got.len - t->taken < SINK_HIGH / 2) {
        t->was_high = false;
        if (t->sink.on_room)
            t->sink.on_room(t->sink.ctx);
    }
    if (t->taken < t->got.len)
        timer_set(t->kit->loop, &t->tick, 1, tsink_on_tick);
}

static inline void tsink_write(struct sink *s, const void *p, size_t n)
{
    struct tsink *t = (struct tsink *)s;

    CHECK(!t->is_ended);
    buf_add(&t->got, p, n);
    if (t->is_fast)
        return;
    if (tsink_queued(s) > t->most)
        t->most = tsink_queued(s);
    t->was_high = t->was_high || tsink_queued(s) > SINK_HIGH;
    if (t->step && !t->tick.due_ns)
        timer_set(t->kit->loop, &t->tick, 1, tsink_on_tick);
}

static inline void tsink_end(struct sink *s)
{
    struct tsink *t = (struct tsink *)s;

    CHECK(!t->is_ended);
    t->is_ended = true;
}

static inline void tsink_init(struct tsink *t, struct kit *k, bool is_fast, size_t step)
{
    *t = (struct tsink){.sink = {.write = tsink_write, .queued = tsink_queued, .end = tsink_end},
                        .kit = k,
                        .is_fast = is_fast,
                        .step = step};
    buf_puts(&t->got, "");
}

static inline void tsink_finish(struct tsink *t)
{
    timer_clear(t->kit->loop, &t->tick);
    buf_finish(&t->got);
}

/* The payload of one stream out of framed bytes; checks that the frames are whole. */
static inline void unframe(const struct buf *b, int stream, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)b->data, *end = p + b->len;

    buf_puts(out, "");
    while (p < end) {
        size_t n;

        CHECK(end - p >= FRAME_HEADER);
        CHECK(p[0] == 1 || p[0] == 2);
        CHECK(!p[1] && !p[2] && !p[3]);
        n = (size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 | p[7];
        p += FRAME_HEADER;
        CHECK((size_t)(end - p) >= n);
        if (p[-FRAME_HEADER] == stream)
            buf_add(out, p, n);
        p += n;
    }
}

/* Small, repeatable, not random enough to matter. */
static inline uint32_t test_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
