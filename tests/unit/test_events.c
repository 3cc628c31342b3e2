/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* Events: numbering, bounded history, subscribers that come and go. */
#include "core/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "core/loop.h"

#include "test.h"

static struct events *events;
static uint64_t last_seq;
static int n_seen;

static void publish(const char *action)
{
    struct event e = {.type = "container", .action = action, .id = "abc"};

    pairs_set(test_arena, &e.attrs, "name", "web");
    pairs_set(test_arena, &e.attrs, "image", "busybox");
    events_publish(events, &e);
}

static void count(void *ctx, const struct event *e)
{
    (void)ctx;
    CHECK(e->seq > last_seq);
    CHECK_STR(pairs_get(&e->attrs, "name"), "web");
    last_seq = e->seq;
    n_seen++;
}

TEST(subscribers_see_copies_with_number_and_time)
{
    struct events_sub sub = {.fn = count};
    struct loop *l = loop_create();

    events = events_create();
    events_subscribe(events, &sub);
    publish("create");
    publish("start");
    CHECK_INT(n_seen, 2);
    CHECK_INT(last_seq, 2);
    events_unsubscribe(&sub);
    events_unsubscribe(&sub);
    publish("die");
    CHECK_INT(n_seen, 2);
    events_destroy(events);
    loop_destroy(l);
}

TEST(history_is_bounded_in_number_and_replayed_in_order)
{
    struct loop *l = loop_create();

    events = events_create();
    for (int i = 0; i < EVENTS_HISTORY + 100; i++)
        publish("start");
    events_replay(events, 0, 0, count, NULL);
    CHECK_INT(n_seen, EVENTS_HISTORY);
    CHECK_INT(last_seq, EVENTS_HISTORY + 100);
    n_seen = 0;
    last_seq = 0;
    events_replay(events, 0, EVENTS_HISTORY + 90, count, NULL);
    CHECK_INT(n_seen, 10);
    events_replay(events, INT64_MAX, 0, count, NULL);
    CHECK_INT(n_seen, 10);
    events_destroy(events);
    loop_destroy(l);
}

static size_t n_attrs, n_history;

static void look(void *ctx, const struct event *e)
{
    (void)ctx;
    n_attrs = e->attrs.n;
    CHECK_STR(pairs_get(&e->attrs, "small"), "1");
    CHECK(!pairs_get(&e->attrs, "huge"));
    n_history++;
}

TEST(attributes_that_do_not_fit_are_left_out_and_bytes_are_bounded)
{
    struct event e = {.type = "container", .action = "start", .id = NULL};
    char *huge = arena_alloc(test_arena, EVENT_ATTRS_BYTES_MAX + 1);
    char *large = arena_alloc(test_arena, 60000);
    struct loop *l = loop_create();

    events = events_create();
    memset(huge, 'x', EVENT_ATTRS_BYTES_MAX);
    memset(large, 'x', 59999);
    pairs_set(test_arena, &e.attrs, "large", large);
    pairs_set(test_arena, &e.attrs, "huge", huge);
    pairs_set(test_arena, &e.attrs, "small", "1");
    for (int i = 0; i < 1000; i++)
        events_publish(events, &e);
    events_replay(events, 0, 0, look, NULL);
    CHECK_INT(n_attrs, 2);
    CHECK(n_history < EVENTS_BYTES_MAX / 60000 + 1 && n_history > 250);
    events_destroy(events);
    loop_destroy(l);
}

static struct events_sub first, second, third;
static char trace[64];

static void note(const char *s)
{
    size_t n = strlen(trace);

    snprintf(trace + n, sizeof(trace) - n, "%s", s);
}

static void on_first(void *ctx, const struct event *e)
{
    (void)ctx;
    note("1");
    events_unsubscribe(&first);
    events_unsubscribe(&second);
    if (!strcmp(e->action, "start"))
        publish("nested");
}

static void on_other(void *ctx, const struct event *e)
{
    (void)e;
    note(ctx);
}

TEST(subscribers_may_leave_and_publish_in_a_callback)
{
    struct loop *l = loop_create();

    events = events_create();
    first.fn = on_first;
    second = (struct events_sub){.fn = on_other, .ctx = "2"};
    third = (struct events_sub){.fn = on_other, .ctx = "3"};
    events_subscribe(events, &first);
    events_subscribe(events, &second);
    events_subscribe(events, &third);
    publish("start");
    CHECK_STR(trace, "133");
    events_destroy(events);
    loop_destroy(l);
}

/* ---- the history on disk ---- */

static char dir[64];
static struct loop *loop;
static struct pools *pools;

static void begin_engine(void)
{
    loop = loop_create();
    pools = pools_create(loop, 1, 1);
    events = events_create();
    CHECK_OK(events_keep(events, loop, pools, dir));
}

static void end_engine(void)
{
    pools_destroy(pools);
    loop_settle(loop);
    events_destroy(events);
    loop_destroy(loop);
}

/* As a SIGKILL leaves it: what was written is there, and nobody has said where numbers go on. */
static void kill_engine(void)
{
    char *text = NULL;
    size_t n;
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    CHECK_OK(file_read(test_arena, fd, "next", 64, &text, &n));
    end_engine();
    CHECK_OK(file_write_atomic(fd, "next", text, n, 0600, false));
    close(fd);
}

static void tell_odd(void)
{
    struct event e = {.type = "container", .action = "exec_create: a\tb\nc\\", .id = ""};

    pairs_set(test_arena, &e.attrs, "name", "web");
    pairs_set(test_arena, &e.attrs, "", "\\t\t\n");
    events_publish(events, &e);
}

static void check_odd(void *ctx, const struct event *e)
{
    (void)ctx;
    if (!text_starts(e->action, "exec_create"))
        return;
    n_seen++;
    CHECK_STR(e->action, "exec_create: a\tb\nc\\");
    CHECK_STR(e->id, "");
    CHECK_INT(e->attrs.n, 2);
    CHECK_STR(pairs_get(&e->attrs, ""), "\\t\t\n");
    CHECK(e->wall_ns > 0);
}

TEST(the_history_outlives_the_engine_and_numbers_go_on)
{
    snprintf(dir, sizeof(dir), "/tmp/test-events.XXXXXX");
    CHECK(mkdtemp(dir));
    begin_engine();
    CHECK_INT(events_last(events), 0);
    publish("create");
    tell_odd();
    end_engine();
    begin_engine();
    CHECK_INT(events_last(events), 2);
    events_replay(events, 0, 0, check_odd, NULL);
    CHECK_INT(n_seen, 1);
    publish("start");
    CHECK_INT(events_last(events), 3);
    kill_engine();
    begin_engine();
    CHECK(events_last(events) > 1000000); /* none of those that may have been told comes again */
    n_seen = 0;
    last_seq = 0;
    events_replay(events, 0, 0, count, NULL);
    CHECK_INT(n_seen, 3);
    end_engine();
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

TEST(damage_of_the_history_is_a_gap)
{
    static const char lines[] = "1 5\tcontainer\tstart\tabc\tname\tweb\n"
                                "junk\n\n2 5\tcontainer\n3 x\ta\tb\tc\n"
                                "4 5\tcontainer\tstart\tabc\tname\n"
                                "3 5\tcontainer\tstart\tabc\tname\tweb\n"
                                "2 5\tcontainer\tback\tabc\n"
                                "9 5\tcontainer\tstart\tabc\tname\tweb\ttorn";
    int fd;

    snprintf(dir, sizeof(dir), "/tmp/test-events.XXXXXX");
    CHECK(mkdtemp(dir));
    fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK_OK(file_write_atomic(fd, "log", lines, sizeof(lines) - 1, 0600, false));
    begin_engine();
    events_replay(events, 0, 0, count, NULL);
    CHECK_INT(n_seen, 2);
    CHECK_INT(last_seq, 3);
    CHECK(events_last(events) > 1000000); /* `next` is lost */
    end_engine();
    close(fd);
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}
