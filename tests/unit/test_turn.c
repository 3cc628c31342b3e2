/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* The turn watch: who held the loop, by work or by sleep, and whom a name is given back to. */
#include "core/turn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/op.h"

#include "loop_inner.h"
#include "test.h"

static struct loop *loop;

static int64_t thread_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void work_ms(int ms)
{
    int64_t end = thread_cpu_ns() + ms * NS_PER_MS;

    while (thread_cpu_ns() < end)
        continue;
}

static void on_work(struct timer *t)
{
    (void)t;
    work_ms(3);
}

static void on_sleep(struct timer *t)
{
    (void)t;
    nanosleep(&(struct timespec){.tv_nsec = 3 * NS_PER_MS}, NULL);
}

static void on_end(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void on_stop(struct timer *t)
{
    (void)t;
    loop_post(loop, on_end, NULL); /* so that the turn of the others has ended */
}

static const struct turn_holder *holder(const char *of, const char *what)
{
    for (size_t i = 0; i < TURN_LONGEST; i++) {
        const struct turn_holder *h = &loop->turns.longest[i];

        if (h->count && !strcmp(h->name.of, of) && !strcmp(h->name.what ? h->name.what : "", what))
            return h;
    }
    return NULL;
}

static uint64_t sum(const uint64_t *counts, size_t from)
{
    uint64_t n = 0;

    for (size_t i = from; i < TURN_BUCKETS; i++)
        n += counts[i];
    return n;
}

static void run_timer(void (*fn)(struct timer *t), const char *name)
{
    struct timer t = {0}, stop = {0};

    timer_set_as(loop, name, &t, 1, fn);
    timer_set(loop, &stop, 2, on_stop);
    loop_run(loop);
}

TEST(a_hold_of_work_is_told_from_one_that_sleeps)
{
    loop = loop_create();
    run_timer(on_work, "work");
    run_timer(on_sleep, "sleep");
    CHECK(holder("work", "") != NULL);
    CHECK(holder("work", "")->cpu_ns >= 3 * NS_PER_MS - NS_PER_MS / 100);
    CHECK_INT(holder("work", "")->n_sleeps, 0);
    CHECK(holder("sleep", "") != NULL);
    CHECK(holder("sleep", "")->ns >= 3 * NS_PER_MS);
    CHECK(holder("sleep", "")->cpu_ns < 2 * NS_PER_MS);
    CHECK_INT(holder("sleep", "")->n_sleeps, 1);
    CHECK(sum(loop->turns.turns, 0) >= 2);
    CHECK_INT(sum(loop->turns.turns_cpu, 19), 0); /* nothing near a second */
    loop_destroy(loop);
}

/* ---- operations ---- */

static struct err *do_work(struct op *op)
{
    (void)op;
    work_ms(2);
    return NULL;
}

static const struct op_step steps[] = {{"heavy", ON_LOOP, do_work, NULL, 0}, {0}};
static const struct op_type work_type = {"test/work", OP_INTERNAL, sizeof(struct op), steps, NULL};
OP_LISTED(work_type);
static struct ops *ops;

static void on_start(struct timer *t)
{
    (void)t;
    op_start(op_create(ops, &work_type), NULL, NULL);
    work_ms(2);
}

TEST(a_step_has_a_name_and_its_caller_goes_on_under_its_own)
{
    struct pools *pools;

    loop = loop_create();
    pools = pools_create(loop, 1, 1);
    ops = ops_create(loop, pools, 4);
    run_timer(on_start, "caller");
    CHECK(holder("test/work", "heavy") != NULL);
    CHECK_INT(holder("test/work", "heavy")->count, 1);
    CHECK(holder("caller", "") != NULL);
    CHECK_INT(holder("caller", "")->count, 1);
    ops_destroy(ops);
    pools_destroy(pools);
    loop_destroy(loop);
}

/* ---- the table ---- */

static char names[TURN_LONGEST + 1][8];

static void on_many(struct timer *t)
{
    (void)t;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(names[i], sizeof(names[i]), "n%zu", i);
        turn_enter(loop, names[i], NULL);
        work_ms(i == 0 ? 2 : 4); /* the first is the shortest, and gives way */
    }
}

TEST(the_shortest_gives_way_to_a_longer_one)
{
    loop = loop_create();
    run_timer(on_many, "many");
    CHECK(holder("n0", "") == NULL);
    CHECK(holder(names[TURN_LONGEST], "") != NULL);
    CHECK_INT(sum(loop->turns.holds_cpu, 11), TURN_LONGEST + 1);
    loop_destroy(loop);
}

TEST(what_is_shown)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    loop = loop_create();
    run_timer(on_work, "work");
    jw_obj(&w, NULL);
    turns_dump(loop, &w);
    jw_obj_end(&w);
    CHECK(strstr(b.data, "\"longest\":[{\"of\":\"work\",\"what\":\"\",\"count\":1,") != NULL);
    loop_destroy(loop);
}
