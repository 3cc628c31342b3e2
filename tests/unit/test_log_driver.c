/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
#include "log_kit.h"

#include <sys/resource.h>

static void check_says(struct err *e, const char *text)
{
    CHECK(e != NULL);
    CHECK_INT(err_kind(e), ERR_INVALID);
    CHECK_STR(err_text(e), text);
    err_drop(e);
}

static struct err *check_option(const char *key, const char *value)
{
    struct pairs o = {0};

    pairs_set(test_arena, &o, key, value);
    return log_check("json-file", &o);
}

TEST(log_checks_options_in_dockers_words)
{
    struct pairs none = {0}, one = {0}, tagged = {0};

    pairs_set(test_arena, &tagged, "tag", "{{.Name}}/{{.ID}}");
    CHECK_OK(log_check(NULL, &none));
    CHECK_OK(log_check("", NULL));
    CHECK_OK(log_check("none", &none));
    CHECK_OK(check_option("max-size", "10m"));
    CHECK_OK(check_option("max-size", "1.5gb"));
    CHECK_OK(check_option("max-file", "3"));
    CHECK_OK(check_option("mode", "non-blocking"));
    CHECK_OK(check_option("compress", "false"));
    CHECK_OK(check_option("labels-regex", "^a"));
    CHECK_OK(check_option("tag", "x-{{.ID}}"));
    check_says(log_check("foo", &none),
               "error looking up logging plugin foo: plugin \"foo\" not found");
    check_says(check_option("x", "1"), "unknown log opt 'x' for json-file log driver");
    check_says(check_option("max-size", "tall"), "invalid size: 'tall'");
    check_says(check_option("max-size", "0"), "max-size must be a positive number");
    check_says(check_option("max-file", "0"), "max-file cannot be less than 1");
    check_says(check_option("mode", "x"), "logger: logging mode not supported: x");
    check_says(check_option("max-buffer-size", "1m"),
               "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    CHECK_OK(check_option("compress", "true"));
    pairs_set(test_arena, &one, "max-size", "1m");
    pairs_set(test_arena, &one, "compress", "true");
    check_says(log_check("json-file", &one), "compress cannot be true when max-file is less than 2 "
                                             "or max-size is not set");
    CHECK_OK(log_check("local", &one));
    check_says(log_check("local", &tagged), "unknown log opt 'tag' for local log driver");
    CHECK_OK(log_check("syslog", &tagged));
    CHECK_OK(log_check("journald", &tagged));
    CHECK_ERR(check_option("compress", "x"), ERR_INVALID);
    CHECK_ERR(check_option("env-regex", "("), ERR_INVALID);
    CHECK_ERR(check_option("tag", "{{.Nam}}"), ERR_INVALID);
}

TEST(log_writes_dockers_file)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");

    CHECK(access(log_path(g), F_OK) != 0); /* nothing before the first append */
    log_append(g, STREAM_STDOUT, 1704164645 * NS_PER_S, "hello\nwor", 9);
    log_append(g, STREAM_STDERR, 1704164646 * NS_PER_S, "err\n", 4);
    log_append(g, STREAM_STDOUT, 1704164647 * NS_PER_S + 5000000, "ld\ntail", 7);
    log_append_eof(g, STREAM_STDOUT);
    log_append_eof(g, STREAM_STDERR);
    log_flush_now(k, g);
    CHECK_INT(log_backlog(g), 0);
    CHECK(text_starts(
        file_text(log_path(g)),
        "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05Z\"}\n"
        "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"2024-01-02T03:04:06Z\"}\n"
        "{\"log\":\"world\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:07.005Z\"}\n"
        "{\"log\":\"tail\",\"stream\":\"stdout\",\"time\":\""));
    log_close(k, g);
    kit_close(k);
}

TEST(log_adds_attributes)
{
    struct kit *k = kit_open();
    struct pairs o = {0}, labels = {0};
    struct strs env = {0};
    struct log_spec spec = {.options = &o,
                            .labels = &labels,
                            .env = &env,
                            .dir = test_dir(),
                            .container_id = "0123456789abcdef"};
    struct log *g;

    pairs_set(test_arena, &o, "labels", "b, a");
    pairs_set(test_arena, &o, "env-regex", "^X");
    pairs_set(test_arena, &o, "tag", "t-{{.ID}}");
    pairs_set(test_arena, &labels, "b", "<2>");
    pairs_set(test_arena, &labels, "a", "1 \"");
    pairs_set(test_arena, &labels, "c", "3");
    strs_add(test_arena, &env, "XY=z=1");
    strs_add(test_arena, &env, "Y=1");
    CHECK_OK(log_create(k->loop, k->pools, &spec, &g));
    log_append(g, STREAM_STDOUT, 1704164645 * NS_PER_S, "hi\n", 3);
    log_flush_now(k, g);
    CHECK_STR(file_text(log_path(g)),
              "{\"log\":\"hi\\n\",\"stream\":\"stdout\",\"attrs\":{\"XY\":\"z=1\",\"a\":\"1 \\\"\","
              "\"b\":\"\\u003c2\\u003e\",\"tag\":\"t-0123456789ab\"},\"time\":"
              "\"2024-01-02T03:04:05Z\"}\n");
    struct log_query q = ALL_LINES;
    q.details = true;
    CHECK_STR(log_text(k, g, &q), "XY=z%3D1,a=1+%22,b=%3C2%3E,tag=t-0123456789ab hi\n");
    log_close(k, g);
    kit_close(k);
}

/* Each byte of it takes six in JSON. */
TEST(log_attributes_may_be_long)
{
    struct kit *k = kit_open();
    struct pairs o = {0}, labels = {0};
    struct strs env = {0};
    struct log_spec spec = {.options = &o,
                            .labels = &labels,
                            .env = &env,
                            .dir = test_dir(),
                            .container_id = "0123456789abcdef"};
    static char value[8001], wanted[48001];
    const char *text;
    struct log *g;

    memset(value, 1, sizeof(value) - 1);
    for (size_t i = 0; i < sizeof(value) - 1; i++)
        memcpy(wanted + 6 * i, "\\u0001", 6);
    pairs_set(test_arena, &o, "labels", "a");
    pairs_set(test_arena, &labels, "a", value);
    CHECK_OK(log_create(k->loop, k->pools, &spec, &g));
    log_append(g, STREAM_STDOUT, 1704164645 * NS_PER_S, "hi\n", 3);
    log_flush_now(k, g);
    text = strstr(file_text(log_path(g)), "\\u0001");
    CHECK(text && strlen(text) > sizeof(wanted));
    CHECK(!memcmp(text, wanted, sizeof(wanted) - 1));
    log_close(k, g);
    kit_close(k);
}

TEST(log_none_takes_and_gives_nothing)
{
    struct kit *k = kit_open();
    struct log_spec spec = {.type = "none", .dir = test_dir(), .container_id = "c"};
    struct log_query q = ALL_LINES;
    struct log_reader *r;
    struct tsink t;
    struct log *g;
    struct err *e;

    tsink_init(&t, k, true, 0);
    CHECK_OK(log_create(k->loop, k->pools, &spec, &g));
    CHECK_STR(log_path(g), "");
    log_puts(g, STREAM_STDOUT, "x\n");
    log_append_eof(g, STREAM_STDOUT);
    log_finish(g);
    log_flush_now(k, g);
    e = log_read(g, &q, &t.sink, NULL, NULL, &r);
    CHECK_STR(err_text(e), "configured logging driver does not support reading");
    CHECK_INT(err_kind(e), ERR_NOT_IMPLEMENTED);
    err_drop(e);
    log_close(k, g);
    tsink_finish(&t);
    kit_close(k);
}

static char *rotated(const struct log *g, int n)
{
    return file_text(arena_printf(test_arena, "%s.%d", log_path(g), n));
}

TEST(log_rotates_and_reads_all_files)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=1k,max-file=3");
    struct log_query q = ALL_LINES;
    autobuf struct buf wanted = {0};
    char line[64], *text;

    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "line %03d\n", i);
        log_puts(g, STREAM_STDOUT, line);
    }
    log_flush_now(k, g);
    CHECK(strlen(rotated(g, 1)) >= 1000);
    CHECK(strlen(rotated(g, 2)) >= 1000);
    CHECK(strlen(rotated(g, 2)) < 1200);
    CHECK_STR(rotated(g, 3), "");
    text = log_text(k, g, &q);
    for (int i = 100 - (int)strlen(text) / 9; i < 100; i++)
        buf_printf(&wanted, "line %03d\n", i);
    CHECK(strlen(text) > 200);
    CHECK_STR(text, wanted.data);
    q.tail = 15; /* over the border of two files */
    CHECK_STR(log_text(k, g, &q), wanted.data + wanted.len - 15 * 9);
    log_close(k, g);
    g = log_open_with(k, "max-size=1k,max-file=3"); /* the next engine */
    q.tail = -1;
    CHECK_STR(log_text(k, g, &q), wanted.data);
    log_close(k, g);
    kit_close(k);
}

TEST(log_of_one_file_stays_bounded)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=1k");
    struct log_query q = ALL_LINES;

    for (int i = 0; i < 100; i++)
        log_puts(g, STREAM_STDOUT, "some line\n");
    log_flush_now(k, g);
    CHECK(strlen(file_text(log_path(g))) < 1200);
    CHECK_STR(rotated(g, 1), "");
    CHECK(strlen(log_text(k, g, &q)) > 0);
    log_close(k, g);
    kit_close(k);
}

TEST(log_mends_a_torn_tail)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    const char *torn =
        "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05Z\"}\n"
        "{\"log\":\"torn";
    int fd = open(log_path(g), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char byte;

    CHECK(write(fd, torn, strlen(torn)) > 0);
    CHECK(write(fd, "\0\0\0\0", 4) == 4);
    close(fd);
    CHECK_STR(log_text(k, g, &q), "a\n");
    log_puts(g, STREAM_STDOUT, "b\n");
    CHECK_STR(log_text(k, g, &q), "a\nb\n");
    fd = open(log_path(g), O_RDONLY | O_CLOEXEC); /* other readers of the file need a new line */
    CHECK(pread(fd, &byte, 1, (off_t)strlen(torn) + 4) == 1);
    CHECK_INT(byte, '\n');
    close(fd);
    log_close(k, g);
    kit_close(k);
}

static void limit_files(rlim_t n)
{
    struct rlimit l = {n, RLIM_INFINITY};

    ignore_signal(SIGXFSZ);
    CHECK(setrlimit(RLIMIT_FSIZE, &l) == 0);
}

/* A file size limit stands for a full disk: a short write, then errors. */
TEST(log_blocking_waits_for_a_full_disk)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;
    autobuf struct buf wanted = {0};
    bool has_room = false;
    char *part;

    limit_files(10000);
    for (int i = 0; i < 300; i++) {
        buf_printf(&wanted, "line %d of a log on a full disk\n", i);
        log_puts(g, STREAM_STDOUT, wanted.data + wanted.len);
    }
    log_append(g, STREAM_STDOUT, clock_wall_ns(), wanted.data, wanted.len);
    part = log_text(k, g, &q); /* readers get what is there */
    CHECK(strlen(part) > 1000);
    CHECK(strlen(part) < wanted.len);
    CHECK(text_starts(wanted.data, part));
    CHECK_INT(part[strlen(part) - 1], '\n');
    CHECK(text_ends(file_text(log_path(g)), "\"}\n"));
    CHECK(log_backlog(g) > 0);
    limit_files(RLIM_INFINITY);
    log_on_room(g, kit_set, &has_room);
    KIT_UNTIL(k, &has_room);
    CHECK_STR(log_text(k, g, &q), wanted.data);
    log_close(k, g);
    kit_close(k);
}

TEST(log_non_blocking_drops_and_says_so)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "mode=non-blocking");
    struct log_query q = ALL_LINES;
    char *text;

    limit_files(10000);
    for (int i = 0; i < 300; i++)
        log_puts(g, STREAM_STDOUT, "a line of a log on a full disk\n");
    log_flush_now(k, g);
    CHECK(!log_is_full(g));
    limit_files(RLIM_INFINITY);
    log_puts(g, STREAM_STDOUT, "after\n");
    text = log_text(k, g, &q);
    CHECK(strstr(text, "bytes of log were dropped here\nafter\n") != NULL);
    log_close(k, g);
    kit_close(k);
}

TEST(log_non_blocking_bounds_its_buffer)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "mode=non-blocking,max-buffer-size=100");
    struct log_query q = ALL_LINES;
    char *text;

    for (int i = 0; i < 20; i++) /* the loop does not turn: nothing is written meanwhile */
        log_puts(g, STREAM_STDOUT, "123456789\n");
    CHECK(log_backlog(g) <= 100);
    log_flush_now(k, g);
    log_puts(g, STREAM_STDOUT, "after\n");
    text = log_text(k, g, &q);
    CHECK(strstr(text, "berth: 100 bytes of log were dropped here\nafter\n") != NULL);
    log_close(k, g);
    kit_close(k);
}

TEST(log_closes_with_a_full_disk)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");

    limit_files(0);
    log_puts(g, STREAM_STDOUT, "x\n");
    kit_turns(k, 3);
    log_close(k, g);
    limit_files(RLIM_INFINITY);
    kit_close(k);
}

TEST(log_survives_truncation_by_hand)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "");
    struct log_query q = ALL_LINES;

    log_puts(g, STREAM_STDOUT, "before\n");
    log_flush_now(k, g);
    CHECK(truncate(log_path(g), 0) == 0);
    log_puts(g, STREAM_STDOUT, "after\n");
    CHECK_STR(log_text(k, g, &q), "after\n");
    CHECK(unlink(log_path(g)) == 0);
    log_puts(g, STREAM_STDOUT, "again\n");
    CHECK_STR(log_text(k, g, &q), "again\n");
    log_close(k, g);
    kit_close(k);
}
