/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* A journal: order, rotation, torn lines, what is lost when the disk is full or does not answer. */
#include "core/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/loop.h"

#include "test.h"

static struct loop *loop;
static struct pools *pools;
static char dir[64], path[96];

static void tell_gap(void *ctx, struct buf *out, uint64_t n)
{
    (void)ctx;
    buf_printf(out, "gap %llu", (unsigned long long)n);
}

static struct journal *open_journal(int64_t max_bytes, int max_files, size_t pending_max)
{
    const struct journal_settings s = {.path = path,
                                       .max_bytes = max_bytes,
                                       .max_files = max_files,
                                       .pending_max = pending_max,
                                       .tell_gap = tell_gap};
    struct journal *j = NULL;

    CHECK_OK(journal_open(loop, pools, &s, &j));
    return j;
}

static void up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/test-journal.XXXXXX");
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    loop = loop_create();
    pools = pools_create(loop, 1, 1);
}

static void down(struct journal *j)
{
    pools_destroy(pools);
    loop_settle(loop);
    journal_close(j);
    loop_destroy(loop);
}

static const char *content(const char *suffix)
{
    char *text = NULL, *name = arena_printf(test_arena, "%s%s", path, suffix);
    size_t n;
    struct err *err = file_read(test_arena, AT_FDCWD, name, 1 << 20, &text, &n);

    if (err)
        text = arena_strdup(test_arena, "(none)");
    err_drop(err);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return text;
}

static void add(struct journal *j, const char *line)
{
    journal_add(j, line, strlen(line));
}

static void stop(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

static void run_ms(int64_t ms)
{
    struct timer t = {0};

    timer_set(loop, &t, ms, stop);
    loop_run(loop);
}

TEST(lines_come_in_order_and_are_there_soon)
{
    struct journal *j;

    up();
    j = open_journal(1 << 20, 2, 1 << 10);
    add(j, "one");
    add(j, "two");
    run_ms(200);
    CHECK_STR(content(""), "one two ");
    add(j, "three"); /* by the end itself */
    down(j);
    CHECK_STR(content(""), "one two three ");
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

TEST(files_are_rotated)
{
    struct journal *j;

    up();
    j = open_journal(10, 3, 1 << 10);
    for (int i = 0; i < 5; i++) {
        add(j, arena_printf(test_arena, "line%d", i));
        run_ms(60);
    }
    down(j);
    CHECK_STR(content(""), "line4 ");
    CHECK_STR(content(".1"), "line3 ");
    CHECK_STR(content(".2"), "line2 ");
    CHECK_STR(content(".3"), "(none)");
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

TEST(a_torn_line_is_ended_and_a_moved_file_made_anew)
{
    struct journal *j;

    up();
    CHECK_OK(file_write_atomic(AT_FDCWD, path, "whole\nto", 8, 0600, false));
    j = open_journal(1 << 20, 2, 1 << 10);
    add(j, "next");
    run_ms(100);
    CHECK_STR(content(""), "whole to next ");
    CHECK(rename(path, arena_printf(test_arena, "%s.old", path)) == 0);
    add(j, "anew");
    down(j);
    CHECK_STR(content(""), "anew ");
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

TEST(what_has_no_room_is_counted_where_it_is_missing)
{
    struct journal *j;

    up();
    j = open_journal(1 << 20, 2, 20);
    add(j, "0123456789");
    add(j, "0123456789"); /* no room */
    add(j, "x");          /* would fit, but stood behind a gap that is told later */
    CHECK_INT(journal_lost(j), 2);
    run_ms(100);
    add(j, "y");
    down(j);
    CHECK_STR(content(""), "0123456789 gap 2 y ");
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

/* A folder in the file's place is a disk that takes nothing. */
TEST(what_the_disk_does_not_take_is_counted)
{
    struct journal *j;

    up();
    j = open_journal(1 << 20, 2, 1 << 10);
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    add(j, "one");
    add(j, "two");
    run_ms(100);
    CHECK_INT(journal_lost(j), 2);
    CHECK(rmdir(path) == 0);
    add(j, "three");
    down(j);
    CHECK_STR(content(""), "gap 2 three ");
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}

/* A folder where the older file belongs cannot be replaced; behind the limit nothing is written. */
TEST(a_file_that_cannot_be_rotated_keeps_what_it_has)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct rlimit limit = {12, 12};
    struct journal *j;

    up();
    j = open_journal(10, 2, 1 << 10);
    add(j, "0123456789");
    run_ms(60);
    CHECK(mkdir(arena_printf(test_arena, "%s.1", path), 0700) == 0);
    CHECK(sigaction(SIGXFSZ, &ignore, NULL) == 0);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    add(j, "abc");
    run_ms(60);
    CHECK_INT(journal_lost(j), 1);
    CHECK_STR(content(""), "0123456789 ");
    down(j);
    CHECK_OK(dir_remove_tree(AT_FDCWD, dir));
}
