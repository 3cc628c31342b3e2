/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
#include "stream/log.h"

#include "cutter.h"
#include "log_record.h"
#include "test.h"

#include "base/json.h"

static char *write_record(const char *text, size_t n, bool ends_line, const char *attrs)
{
    struct log_piece p = {.stream = STREAM_STDOUT,
                          .text = text,
                          .n = n,
                          .ends_line = ends_line,
                          .time = "2024-01-02T03:04:05.6Z"};
    size_t attrs_n = attrs ? strlen(attrs) : 0;
    char *out = arena_alloc(test_arena, log_record_room(&p, attrs_n) + 1);

    log_record_write(out, &p, attrs, attrs_n);
    return out;
}

TEST(jsonlog_writes_dockers_bytes)
{
    CHECK_STR(write_record("hi", 2, true, NULL),
              "{\"log\":\"hi\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05.6Z\"}\n");
    CHECK_STR(write_record("hi", 2, false, "{\"a\":\"b\"}"),
              "{\"log\":\"hi\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"},\"time\":"
              "\"2024-01-02T03:04:05.6Z\"}\n");
}

static char *escape(const char *s, size_t n)
{
    char *out = arena_alloc(test_arena, n * 6 + 1);

    log_record_escape(out, s, n);
    return out;
}

TEST(jsonlog_escapes_like_docker)
{
    CHECK_STR(escape("\"\\\n\r\t\b\x01\x1f", 8), "\\\"\\\\\\n\\r\\u0009\\u0008\\u0001\\u001f");
    CHECK_STR(escape("<&>\x7f", 4), "\\u003c\\u0026\\u003e\x7f");
    CHECK_STR(escape("\0", 1), "\\u0000");
    CHECK_STR(escape("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 15),
              "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK_STR(escape("\xe2\x80\xa8\xe2\x80\xa9", 6), "\\u2028\\u2029");
    CHECK_STR(escape("a\xff"
                     "b\xc3",
                     4),
              "a\\ufffdb\\ufffd");
    CHECK_STR(escape("\xed\xa0\x80", 3), "\\ufffd\\ufffd\\ufffd");
    CHECK_STR(escape("\xc0\x80\xf5", 3), "\\ufffd\\ufffd\\ufffd");
}

/* Every byte at every place of a word, against base's own JSON. */
TEST(jsonlog_escapes_every_byte_at_every_place)
{
    for (int c = 1; c < 128; c++) {
        for (size_t at = 0; at < 20; at++) {
            char s[21] = "aaaaaaaaaaaaaaaaaaaa", *text;
            const struct json *doc;

            s[at] = (char)c;
            text = arena_printf(test_arena, "{\"log\":\"%s\"}", escape(s, 20));
            CHECK_OK(json_parse(test_arena, text, strlen(text), &doc));
            CHECK_STR(json_str(json_get(doc, "log")), s);
        }
    }
}

static char *text_of(const char *line)
{
    struct log_record r;
    char *out;

    CHECK(log_record_parse(line, strlen(line), &r));
    out = arena_alloc(test_arena, r.log_n + 1);
    log_record_text(&r, out);
    return out;
}

TEST(jsonlog_reads_what_others_write)
{
    struct log_record r;
    const char *line = "{\"time\": \"2024-01-02T03:04:05+01:00\", \"stream\": \"stderr\", "
                       "\"x\": [1, {\"y\": \"]\"}], \"log\": \"a\\u00fc\\ud83d\\ude00\\t\\/\"}";
    char fixed[RFC3339_MAX] = {0};

    CHECK_STR(text_of(line), "a\xc3\xbc\xf0\x9f\x98\x80\t/");
    CHECK(log_record_parse(line, strlen(line), &r));
    CHECK_INT(r.stream, STREAM_STDERR);
    log_record_time_fixed(&r, fixed);
    CHECK_STR(fixed, "2024-01-02T02:04:05.000000000Z");
    CHECK(!log_record_ends_line(&r));
    line = "{\"log\":\"x\\\\n\",\"time\":\"2024-01-02T03:04:05.12Z\"}";
    CHECK(log_record_parse(line, strlen(line), &r));
    CHECK(!log_record_ends_line(&r));
    memset(fixed, 0, sizeof(fixed));
    log_record_time_fixed(&r, fixed);
    CHECK_STR(fixed, "2024-01-02T03:04:05.120000000Z");
    CHECK_STR(text_of("{\"log\":\"\\ud800x\\uZZ\\q\",\"time\":\"\"}"), "\xef\xbf\xbdx\\uZZ\\q");
}

TEST(jsonlog_finds_a_record_behind_damage)
{
    struct log_record r;
    char line[200] = {0};
    const char *good =
        "{\"log\":\"ok\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05Z\"}";
    const char *torn = "{\"log\":\"half of a rec";

    memcpy(line + 32, good, strlen(good)); /* 32 NULs in front */
    CHECK(log_record_parse(line, 32 + strlen(good), &r));
    CHECK_INT(r.log_n, 4);
    CHECK_STR(text_of(arena_printf(test_arena, "%s%s", torn, good)), "ok\n");
    CHECK(!log_record_parse(torn, strlen(torn), &r));
    CHECK(!log_record_parse("", 0, &r));
    CHECK(!log_record_parse("\0\0\0", 3, &r));
    CHECK(!log_record_parse("{\"log\":\"x\"}", 11, &r)); /* no time */
}

struct pieces {
    struct buf text; /* "o16384+" for a piece, "o5." for the end of a line */
    struct buf all;
};

static void on_piece(void *ctx, const struct log_piece *p)
{
    struct pieces *out = ctx;

    buf_printf(&out->text, "%c%zu%s", p->stream == STREAM_STDERR ? 'e' : 'o', p->n,
               p->ends_line ? "." : "+");
    buf_add(&out->all, p->text, p->n);
    if (p->ends_line)
        buf_putc(&out->all, '\n');
}

/* All of it. */
static void cut(struct cutter *c, int stream, int64_t wall_ns, const char *p, size_t n)
{
    for (size_t at = 0; at < n;)
        at += cutter_next(c, stream, wall_ns, p + at, n - at);
}

TEST(jsonlog_cuts_lines_the_same_whatever_the_chunks)
{
    size_t total = 70000, steps[] = {1, 7, 4096, 16383, 16384, 16385, 65536, 70000};
    char *bytes = arena_alloc(test_arena, total);

    memset(bytes, 'x', total);
    bytes[10] = bytes[11] = bytes[11 + 16384 + 1] = bytes[69000] = '\n';
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct pieces out = {0};
        struct land_line lines[2] = {0};
        char *text = arena_alloc(test_arena, 2 * RECORD_PIECE);
        struct cutter c = {.line = {&lines[0], &lines[1]},
                           .text = {text, text + RECORD_PIECE},
                           .emit = on_piece,
                           .ctx = &out};

        for (size_t at = 0; at < total; at += steps[i])
            cut(&c, STREAM_STDOUT, 1, bytes + at, total - at < steps[i] ? total - at : steps[i]);
        cutter_end(&c, STREAM_STDOUT, 1);
        CHECK_STR(out.text.data, "o10.o0.o16384+o0.o16384+o16384+o16384+o3451.o999+");
        CHECK_INT(out.all.len, total);
        CHECK(!memcmp(out.all.data, bytes, total));
        buf_finish(&out.text);
        buf_finish(&out.all);
    }
}

static void on_text(void *ctx, const struct log_piece *p)
{
    struct buf *all = ctx;

    CHECK(p->n <= RECORD_PIECE && text_is_utf8(p->text, p->n));
    CHECK(p->ends_line || p->n > RECORD_PIECE - 4);
    buf_add(all, p->text, p->n);
}

TEST(jsonlog_cuts_no_character)
{
    static const char *const characters[] = {"\xc3\xa4", "\xe5\x86\x9b", "\xf0\x9f\x9a\xa2"};
    size_t steps[] = {1, 5, 16383, 16384, 65537, 200000};

    for (size_t k = 0; k < 3 * ARRAY_LEN(steps); k++) {
        const char *character = characters[k % 3];
        size_t step = steps[k / 3];
        autobuf struct buf bytes = {0}, all = {0};
        struct land_line lines[2] = {0};
        char *text = arena_alloc(test_arena, 2 * RECORD_PIECE);
        struct cutter c = {.line = {&lines[0], &lines[1]},
                           .text = {text, text + RECORD_PIECE},
                           .emit = on_text,
                           .ctx = &all};

        buf_puts(&bytes, "x");
        while (bytes.len < 70000)
            buf_puts(&bytes, character);
        buf_putc(&bytes, '\n');
        for (size_t at = 0; at < bytes.len; at += step)
            cut(&c, STREAM_STDOUT, 1, bytes.data + at,
                bytes.len - at < step ? bytes.len - at : step);
        CHECK_INT(all.len, bytes.len - 1);
        CHECK(!memcmp(all.data, bytes.data, all.len));
    }
}
