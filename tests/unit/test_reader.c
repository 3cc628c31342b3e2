/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
#include "log_kit.h"

#define T0 (1704164645 * NS_PER_S) /* 2024-01-02T03:04:05Z */

/* n lines "line 0\n" … a second apart, every third on stderr. */
static void add_lines(struct log *g, int from, int n)
{
    char line[32];

    for (int i = from; i < from + n; i++) {
        snprintf(line, sizeof(line), "line %d\n", i);
        log_append(g, i % 3 == 2 ? STREAM_STDERR : STREAM_STDOUT, T0 + i * NS_PER_S, line,
                   strlen(line));
    }
}

static char *lines(int from, int to, int step)
{
    struct buf b = {0};
    char *text;

    buf_puts(&b, "");
    for (int i = from; i < to; i += step)
        buf_printf(&b, "line %d\n", i);
    text = arena_strdup(test_arena, b.data);
    buf_finish(&b);
    return text;
}

TEST(reader_answers_tail)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    int counts[] = {0, 1, 5, 99, 100, 1000};

    add_lines(g, 0, 100);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        q.tail = counts[i];
        CHECK_STR(log_text(k, g, &q), lines(counts[i] > 100 ? 0 : 100 - counts[i], 100, 1));
    }
    q.tail = 2;
    q.want_stdout = false;
    CHECK_STR(log_text(k, g, &q), "line 95\nline 98\n");
    log_close(k, g);
    kit_close(k);
}

TEST(reader_tail_counts_lines_not_pieces)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    char *big = arena_alloc(test_arena, 40002), *text;

    memset(big, 'x', 40000);
    big[40000] = '\n';
    log_puts(g, STREAM_STDOUT, "first\n");
    log_puts(g, STREAM_STDOUT, big);
    log_puts(g, STREAM_STDOUT, "tail");
    log_append_eof(g, STREAM_STDOUT);
    q.tail = 2;
    text = log_text(k, g, &q);
    CHECK_INT(strlen(text), 40005);
    CHECK(!memcmp(text, big, 40001));
    log_close(k, g);
    kit_close(k);
}

TEST(reader_answers_since_and_until)
{
    struct kit *k = kit_open();
    struct log *g =
        log_open_with(k, "max-size=100k,max-file=9"); /* several files, several blocks */
    struct log_query q = ALL_LINES;
    int points[] = {0, 1, 500, 2500, 4998, 4999};

    add_lines(g, 0, 5000);
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        int p = points[i];

        q.since_ns = T0 + p * NS_PER_S;
        q.until_ns = 0;
        CHECK_STR(log_text(k, g, &q), lines(p, 5000, 1));
        q.until_ns = q.since_ns;
        CHECK_STR(log_text(k, g, &q), lines(p, p + 1, 1));
        q.since_ns = 0;
        CHECK_STR(log_text(k, g, &q), lines(0, p + 1, 1));
        q.tail = 3;
        CHECK_STR(log_text(k, g, &q), lines(p < 2 ? 0 : p - 2, p + 1, 1));
        q.tail = -1;
    }
    q.until_ns = 0;
    q.since_ns = T0 + 5000 * NS_PER_S;
    CHECK_STR(log_text(k, g, &q), "");
    q.since_ns = 0;
    q.until_ns = T0 - 1;
    CHECK_STR(log_text(k, g, &q), "");
    log_close(k, g);
    kit_close(k);
}

TEST(reader_renders_timestamps_and_frames)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    struct tsink t;
    struct log_reader *r;
    bool is_done = false;

    add_lines(g, 1, 2);
    q.timestamps = true;
    CHECK_STR(log_text(k, g, &q), "2024-01-02T03:04:06.000000000Z line 1\n"
                                  "2024-01-02T03:04:07.000000000Z line 2\n");
    q.timestamps = false;
    q.details = true;
    CHECK_STR(log_text(k, g, &q), " line 1\n line 2\n");
    q.details = false;
    q.framed = true;
    tsink_init(&t, k, true, 0);
    CHECK_OK(log_read(g, &q, &t.sink, kit_set, &is_done, &r));
    KIT_UNTIL(k, &is_done);
    CHECK_INT(t.got.len, 30);
    CHECK(!memcmp(t.got.data, "\1\0\0\0\0\0\0\7line 1\n\2\0\0\0\0\0\0\7line 2\n", 30));
    tsink_finish(&t);
    log_close(k, g);
    kit_close(k);
}

TEST(reader_respects_the_sink)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    struct tsink t;
    struct log_reader *r;
    bool is_done = false;

    add_lines(g, 0, 100000);
    tsink_init(&t, k, false, 100000);
    CHECK_OK(log_read(g, &q, &t.sink, kit_set, &is_done, &r));
    KIT_UNTIL(k, &is_done);
    CHECK_STR(t.got.data, lines(0, 100000, 1));
    CHECK(t.most < SINK_HIGH + 2 * 256 * 1024);
    tsink_finish(&t);
    /* A sink that never takes anything, and a client that goes. */
    tsink_init(&t, k, false, 0);
    CHECK_OK(log_read(g, &q, &t.sink, kit_set, &is_done, &r));
    while (t.got.len <= SINK_HIGH)
        kit_turns(k, 1);
    for (int i = 0; i < 20; i++) {
        log_flush_now(k, g);
        kit_turns(k, 3);
    }
    CHECK(t.got.len < SINK_HIGH + 2 * 256 * 1024);
    log_read_cancel(r);
    CHECK(!t.is_ended);
    tsink_finish(&t);
    log_close(k, g);
    kit_close(k);
}

TEST(reader_skips_damage_and_serves_the_rest)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    autofree char *hole = mem_alloc(900000);
    char *text;
    int fd;

    add_lines(g, 0, 50);
    log_flush_now(k, g);
    text = file_text(log_path(g));
    fd = open(log_path(g), O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(write(fd, hole, 900000) == 900000); /* NULs, no newline behind */
    CHECK(write(fd, text, strlen(text)) > 0);
    CHECK(write(fd, "{\"log\":\"torn", 12) == 12);
    CHECK(write(fd, text, strlen(text)) > 0);
    memset(hole, 'z', 900000);
    CHECK(write(fd, hole, 900000) == 900000);
    CHECK(write(fd, "\njunk\n\n{}\n", 10) == 10);
    CHECK(write(fd, text, strlen(text)) > 0);
    close(fd);
    text = arena_printf(test_arena, "%s%s%s%s", lines(0, 50, 1), lines(0, 50, 1), lines(0, 50, 1),
                        lines(0, 50, 1));
    CHECK_STR(log_text(k, g, &q), text);
    q.tail = 60;
    CHECK_STR(log_text(k, g, &q),
              arena_printf(test_arena, "%s%s", lines(40, 50, 1), lines(0, 50, 1)));
    log_close(k, g);
    kit_close(k);
}

/* The file was cut, or its disk was full: what there is of the last line is whole, but for the
 * newline, and nobody will come to end it. */
TEST(reader_gives_a_last_line_without_an_end)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    char *text;
    int fd;

    add_lines(g, 0, 3);
    log_flush_now(k, g);
    text = file_text(log_path(g));
    fd = open(log_path(g), O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(write(fd, text, strlen(text) - 1) > 0);
    close(fd);
    text = arena_printf(test_arena, "%s%s", lines(0, 3, 1), lines(0, 3, 1));
    CHECK_STR(log_text(k, g, &q), text);
    log_close(k, g);
    kit_close(k);
}

TEST(reader_finds_since_behind_a_hole)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    autofree char *hole = mem_alloc(500000);
    int fd;

    add_lines(g, 0, 3000);
    log_flush_now(k, g);
    fd = open(log_path(g), O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(write(fd, hole, 500000) == 500000);
    close(fd);
    log_close(k, g);
    g = log_open_with(k, "");
    add_lines(g, 3000, 3000);
    for (int p = 10; p < 6000; p += 997) {
        q.since_ns = T0 + p * NS_PER_S;
        CHECK_STR(log_text(k, g, &q), lines(p, 6000, 1));
    }
    log_close(k, g);
    kit_close(k);
}

struct follow {
    struct tsink t;
    struct log_reader *r;
    bool is_done;
};

static void follow_begin(struct follow *f, struct kit *k, struct log *g, const struct log_query *q,
                         size_t step)
{
    f->is_done = false;
    tsink_init(&f->t, k, step == 0, step);
    CHECK_OK(log_read(g, q, &f->t.sink, kit_set, &f->is_done, &f->r));
}

TEST(reader_follows_to_the_end)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    struct follow a, b;

    q.follow = true;
    follow_begin(&a, k, g, &q, 0); /* before there is a file */
    kit_turns(k, 5);
    add_lines(g, 0, 10);
    log_flush_now(k, g);
    q.tail = 2;
    follow_begin(&b, k, g, &q, 0);
    kit_turns(k, 5);
    add_lines(g, 10, 10);
    log_puts(g, STREAM_STDOUT, "last");
    log_append_eof(g, STREAM_STDOUT);
    log_finish(g);
    KIT_UNTIL(k, &a.is_done);
    KIT_UNTIL(k, &b.is_done);
    CHECK_STR(a.t.got.data, arena_printf(test_arena, "%slast", lines(0, 20, 1)));
    CHECK(text_ends(b.t.got.data, "line 19\nlast"));
    CHECK(text_starts(b.t.got.data, "line 8\n"));
    tsink_finish(&a.t);
    tsink_finish(&b.t);
    follow_begin(&a, k, g, &q, 0); /* the next run */
    add_lines(g, 20, 1);
    log_finish(g);
    add_lines(g, 21, 1);
    KIT_UNTIL(k, &a.is_done);
    CHECK_STR(a.t.got.data, "line 19\nlastline 20\n");
    tsink_finish(&a.t);
    log_close(k, g);
    kit_close(k);
}

/* Followers of one place share what one of them reads; whoever leaves, the others miss nothing. */
TEST(reader_follows_in_a_crowd)
{
    enum { N = 12 };
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=100k,max-file=9");
    struct log_query q = ALL_LINES;
    struct follow f[N];
    int at = 0;

    q.follow = true;
    for (int i = 0; i < N; i++) {
        q.timestamps = i == 5; /* asks for something else */
        follow_begin(&f[i], k, g, &q, 0);
    }
    for (int round = 0; round < N; round++) {
        for (int part = 0; part < 8; part++, at += 60) {
            add_lines(g, at, 60);
            kit_turns(k, 1);
        }
        if (round == 5 || round == N - 1)
            continue;
        log_read_cancel(f[round].r); /* perhaps the one that reads for all */
    }
    log_finish(g);
    KIT_UNTIL(k, &f[N - 1].is_done);
    KIT_UNTIL(k, &f[5].is_done);
    CHECK_STR(f[N - 1].t.got.data, lines(0, at, 1));
    CHECK_INT(f[5].t.got.len, strlen(lines(0, at, 1)) + (size_t)at * 31);
    for (int i = 0; i < N; i++) {
        if (i != 5 && f[i].t.got.len)
            CHECK(text_starts(lines(0, at, 1), f[i].t.got.data));
        tsink_finish(&f[i].t);
    }
    log_close(k, g);
    kit_close(k);
}

TEST(reader_follows_through_rotation)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=300k,max-file=1000");
    struct log_query q = ALL_LINES;
    struct follow f[8];
    uint32_t seed = 7;
    int n = 0;

    q.follow = true;
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        follow_begin(&f[i], k, g, &q, i % 2 ? 60000 : 0);
        for (int turn = 0; turn < 20; turn++) {
            int more = (int)(test_random(&seed) % 300);

            add_lines(g, n, more);
            n += more;
            kit_turns(k, (int)(test_random(&seed) % 3));
        }
    }
    log_finish(g);
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        KIT_UNTIL(k, &f[i].is_done);
        CHECK_STR(f[i].t.got.data, lines(0, n, 1));
        tsink_finish(&f[i].t);
    }
    log_close(k, g);
    kit_close(k);
}

TEST(reader_follow_ends_at_until)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    struct follow a, b;

    q.follow = true;
    q.until_ns = clock_wall_ns() + 50 * NS_PER_MS;
    follow_begin(&a, k, g, &q, 0); /* by the clock */
    q.until_ns = clock_wall_ns() + 3600 * NS_PER_S;
    follow_begin(&b, k, g, &q, 0); /* by a later record */
    log_puts(g, STREAM_STDOUT, "now\n");
    KIT_UNTIL(k, &a.is_done);
    CHECK_STR(a.t.got.data, "now\n");
    log_append(g, STREAM_STDOUT, q.until_ns + 1, "later\n", 6);
    KIT_UNTIL(k, &b.is_done);
    CHECK_STR(b.t.got.data, "now\n");
    tsink_finish(&a.t);
    tsink_finish(&b.t);
    log_close(k, g);
    kit_close(k);
}

TEST(reader_is_ended_when_the_log_goes)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    struct follow fast, stuck;

    add_lines(g, 0, 100000);
    q.follow = true;
    follow_begin(&fast, k, g, &q, 0);
    follow_begin(&stuck, k, g, &q, 1); /* takes a byte a tick: is cut */
    log_flush_now(k, g);
    add_lines(g, 100000, 10);
    log_close(k, g);
    CHECK(fast.is_done && stuck.is_done);
    CHECK_STR(fast.t.got.data, lines(0, 100010, 1));
    CHECK(stuck.t.got.len > 0);
    tsink_finish(&fast.t);
    tsink_finish(&stuck.t);
    kit_close(k);
}

/* Random text in random chunks on two streams comes back byte for byte. */
TEST(reader_gives_back_what_was_written)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=100m");
    struct log_query q = ALL_LINES;
    autofree char *bytes = mem_alloc(1 << 20);
    struct buf wrote[2] = {{0}, {0}};
    uint32_t seed = 12345;
    size_t total = 0;

    while (total < 6u << 20) {
        int stream = test_random(&seed) % 2 ? STREAM_STDOUT : STREAM_STDERR;
        uint32_t kind = test_random(&seed) % 4;
        size_t n = 1 + test_random(&seed) % (kind == 0 ? 3 : kind == 3 ? 1 << 20 : 9000);

        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(test_random(&seed) % 128);
        if (kind == 3)
            memset(bytes, 'l', n - 1); /* long lines */
        log_append(g, stream, clock_wall_ns(), bytes, n);
        buf_add(&wrote[stream == STREAM_STDERR], bytes, n);
        total += n;
        kit_turns(k, (int)(test_random(&seed) % 2));
    }
    log_append_eof(g, STREAM_STDOUT);
    log_append_eof(g, STREAM_STDERR);
    for (int i = 0; i < 2; i++) {
        struct log_reader *r;
        struct tsink t;
        bool is_done = false;

        q.want_stdout = i == 0;
        q.want_stderr = i == 1;
        tsink_init(&t, k, true, 0);
        CHECK_OK(log_read(g, &q, &t.sink, kit_set, &is_done, &r));
        KIT_UNTIL(k, &is_done);
        CHECK_INT(t.got.len, wrote[i].len);
        CHECK(!memcmp(t.got.data, wrote[i].data, wrote[i].len));
        tsink_finish(&t);
        buf_finish(&wrote[i]);
    }
    log_close(k, g);
    kit_close(k);
}
