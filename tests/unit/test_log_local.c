/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
/* The driver `local` and compressed files, through the whole of the log: write, rotate, read. */
#include "log_kit.h"

#include "format.h"
#include "logview.h"

#define T0 (1704164645 * NS_PER_S) /* 2024-01-02T03:04:05Z */

static void add_lines(struct log *g, int from, int n)
{
    char line[32];

    for (int i = from; i < from + n; i++) {
        snprintf(line, sizeof(line), "line %d\n", i);
        log_append(g, i % 3 == 2 ? STREAM_STDERR : STREAM_STDOUT, T0 + i * NS_PER_S, line,
                   strlen(line));
    }
}

static char *lines(int from, int to)
{
    struct buf b = {0};
    char *text;

    buf_puts(&b, "");
    for (int i = from; i < to; i++)
        buf_printf(&b, "line %d\n", i);
    text = arena_strdup(test_arena, b.data);
    buf_finish(&b);
    return text;
}

static void check_queries(struct kit *k, struct log *g)
{
    struct log_query q = ALL_LINES;
    int points[] = {0, 1, 500, 2500, 4998, 4999};

    CHECK_STR(log_text(k, g, &q), lines(0, 5000));
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        int p = points[i];

        q.since_ns = T0 + p * NS_PER_S;
        q.until_ns = 0;
        CHECK_STR(log_text(k, g, &q), lines(p, 5000));
        q.until_ns = q.since_ns;
        CHECK_STR(log_text(k, g, &q), lines(p, p + 1));
        q.since_ns = q.until_ns = 0;
        q.tail = 5000 - p;
        CHECK_STR(log_text(k, g, &q), lines(p, 5000));
        q.tail = -1;
    }
}

static int count(const char *suffix)
{
    int n = 0;

    for (int i = 1; i < 20; i++) {
        char *name =
            arena_printf(test_arena, "%s/local-logs/container.log.%d%s", test_dir(), i, suffix);

        n += !access(name, F_OK);
    }
    return n;
}

/* One more turn for those who compress; the loop itself waits. False: it has been long enough. */
static bool await_more(struct log *g, struct kit *k, int64_t begun)
{
    log_flush_now(k, g);
    timer_set(k->loop, &k->tick, 2, kit_on_tick);
    uv_run(loop_uv(k->loop), UV_RUN_ONCE);
    return clock_boot_ns() - begun < 40 * NS_PER_S;
}

static void await_zip(struct log *g, struct kit *k, int n)
{
    int64_t begun = clock_boot_ns();

    while (count(".gz") < n && await_more(g, k, begun))
        continue;
    CHECK_INT(count(".gz"), n);
    CHECK_INT(count(""), 0);
}

TEST(local_answers_queries_in_one_file)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "driver=local");

    CHECK(text_ends(log_path(g), "/local-logs/container.log"));
    add_lines(g, 0, 5000);
    check_queries(k, g);
    log_close(k, g);
    kit_close(k);
}

TEST(local_answers_queries_over_plain_files)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "driver=local,max-size=20k,max-file=20,compress=false");

    add_lines(g, 0, 5000);
    check_queries(k, g);
    CHECK(count("") > 3 && !count(".gz"));
    log_close(k, g);
    kit_close(k);
}

TEST(local_answers_queries_over_compressed_files)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "driver=local,max-size=20k,max-file=20");
    int n;

    add_lines(g, 0, 5000);
    check_queries(k, g); /* while they are being compressed */
    n = count(".gz") + count("");
    CHECK(n > 3);
    await_zip(g, k, n);
    check_queries(k, g);
    log_close(k, g);
    g = log_open_with(k, "driver=local,max-size=20k,max-file=20");
    check_queries(k, g);
    log_close(k, g);
    kit_close(k);
}

TEST(jsonfile_compresses_when_asked)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "max-size=100k,max-file=20,compress=true");
    int64_t begun = clock_boot_ns();

    add_lines(g, 0, 5000);
    check_queries(k, g);
    while ((!access(arena_printf(test_arena, "%s.1", log_path(g)), F_OK) ||
            access(arena_printf(test_arena, "%s.3.gz", log_path(g)), F_OK)) &&
           await_more(g, k, begun))
        continue;
    CHECK(!access(arena_printf(test_arena, "%s.3.gz", log_path(g)), F_OK));
    check_queries(k, g);
    log_close(k, g);
    kit_close(k);
}

TEST(local_skips_torn_and_foreign_bytes)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "driver=local");
    struct log_query q = ALL_LINES;
    char zeros[4096] = {0};
    int fd;

    add_lines(g, 0, 10);
    log_flush_now(k, g);
    fd = open(log_path(g), O_RDWR | O_CLOEXEC);
    CHECK(!ftruncate(fd, lseek(fd, 0, SEEK_END) - 3)); /* line 9 is torn */
    CHECK(pwrite(fd, zeros, sizeof(zeros), lseek(fd, 0, SEEK_END)) > 0);
    log_close(k, g);
    g = log_open_with(k, "driver=local");
    CHECK_STR(log_text(k, g, &q), lines(0, 9));
    log_append(g, STREAM_STDOUT, T0 + 9 * NS_PER_S, "line 9\n", 7);
    CHECK_STR(log_text(k, g, &q), lines(0, 10));
    CHECK(pwrite(fd, "\xff\xff rubbish \xfe", 12, lseek(fd, 0, SEEK_END)) == 12);
    CHECK_STR(log_text(k, g, &q), lines(0, 10));
    q.tail = 3;
    CHECK_STR(log_text(k, g, &q), lines(7, 10));
    close(fd);
    log_close(k, g);
    kit_close(k);
}

TEST(local_keeps_long_lines_whole)
{
    struct kit *k = kit_open();
    struct log *g = log_open_with(k, "driver=local");
    struct log_query q = ALL_LINES;
    char *big = arena_alloc(test_arena, 40002), *text;

    memset(big, 0xFE, 40000);
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

TEST(logzip_reads_at_any_place)
{
    char *path = arena_printf(test_arena, "%s/plain", test_dir());
    char *zip = arena_printf(test_arena, "%s/zip", test_dir());
    int in = open(path, O_RDWR | O_CREAT, 0600), out = open(zip, O_RDWR | O_CREAT, 0600);
    size_t n = 300000;
    char *all = arena_alloc(test_arena, n), *back = arena_alloc(test_arena, n);
    struct logview v;

    for (size_t i = 0; i < n; i++)
        all[i] = (char)(i * i / 7);
    CHECK(write(in, all, n) == (ssize_t)n);
    CHECK(logzip_write(in, out));
    logview_open(&v, out);
    CHECK(v.zip != NULL);
    CHECK_INT(logview_size(&v), (int64_t)n);
    CHECK_INT(logview_pread(&v, back, n, 0), n);
    CHECK(!memcmp(all, back, n));
    for (int64_t off = 0; off < (int64_t)n; off += 29989) {
        size_t want = n - (size_t)off < 70000 ? n - (size_t)off : 70000;

        CHECK_INT(logview_pread(&v, back, 70000, off), want);
        CHECK(!memcmp(all + off, back, want));
    }
    CHECK_INT(logview_pread(&v, back, 10, (int64_t)n), 0);
    logview_close(&v);
    close(in);
}

TEST(logzip_refuses_what_is_not_sound)
{
    char *path = arena_printf(test_arena, "%s/plain", test_dir());
    char *zip = arena_printf(test_arena, "%s/zip", test_dir());
    int in = open(path, O_RDWR | O_CREAT, 0600), out = open(zip, O_RDWR | O_CREAT, 0600);
    char text[1000] = "x", space[2000];
    struct logzip_index *z;
    off_t size;

    CHECK(write(in, text, sizeof(text)) == sizeof(text));
    CHECK(logzip_write(in, out));
    size = lseek(out, 0, SEEK_END);
    for (off_t at = 0; at < size; at++) { /* any flipped byte: refused, or read within bounds */
        char old, bad;

        CHECK(pread(out, &old, 1, at) == 1);
        bad = (char)(old ^ 0x81);
        CHECK(pwrite(out, &bad, 1, at) == 1);
        z = logzip_open(out);
        if (z)
            CHECK(logzip_pread(z, out, space, sizeof(space), 0) <= sizeof(space));
        logzip_close(z);
        CHECK(pwrite(out, &old, 1, at) == 1);
    }
    CHECK(logzip_open(in) == NULL);
    close(in);
    close(out);
}
