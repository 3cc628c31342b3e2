/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
/* Records of `local`, its CRC, and the messages of syslog and journald. */
#include "log_forward.h"
#include "logattrs.h"

#include <endian.h>

#include "base/clock.h"
#include "format.h"
#include "test.h"

#define WHEN (1704164645 * NS_PER_S + 123456789) /* 2024-01-02T03:04:05.123456789Z */

TEST(crc32c_known_values)
{
    char text[64] = {0};

    CHECK_INT(crc32c(0, "123456789", 9), 0xE3069283);
    CHECK_INT(crc32c(0, text, 32), 0x8A9136AA); /* RFC 3720 */
    CHECK_INT(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
}

static size_t put(char *out, const char *text, size_t n, bool ends_line)
{
    char time[RFC3339_MAX];
    struct log_piece p = {
        .stream = STREAM_STDERR, .text = text, .n = n, .ends_line = ends_line, .time = time};
    size_t used;

    clock_rfc3339(WHEN, time);
    used = format_local.write(out, &p, NULL, 0);
    CHECK(used <= format_local.room(&p, 0));
    CHECK(out[used - 1] == format_local.end);
    CHECK(memchr(out, format_local.end, used - 1) == NULL);
    return used;
}

static void check_same(const char *text, size_t n, bool ends_line)
{
    char out[2 * 600], back[600];
    size_t used = put(out, text, n, ends_line), got;
    struct log_record r;
    int64_t ns;

    CHECK(format_local.parse(out, used - 1, &r));
    CHECK_INT(r.stream, STREAM_STDERR);
    CHECK(format_local.ends_line(&r) == ends_line);
    CHECK(format_local.time(&r, &ns) && ns == WHEN);
    got = format_local.text(&r, back);
    CHECK_INT((int)got, (int)n + ends_line);
    CHECK(memcmp(back, text, n) == 0);
    for (size_t i = 0; i < used - 1; i++) { /* every flipped bit is seen */
        out[i] ^= 4;
        CHECK(!format_local.parse(out, used - 1, &r));
        out[i] ^= 4;
    }
    for (size_t i = 0; i < used - 1; i++)
        CHECK(!format_local.parse(out, i, &r));
}

TEST(local_record_gives_back_every_byte)
{
    char all[512];

    for (int i = 0; i < 512; i++)
        all[i] = (char)i;
    check_same(all, 512, true);
    check_same("", 0, true);
    check_same("x", 1, false);
    check_same("\xff\xff\xfe\xfe\xfe\x01\xff", 7, true);
    check_same("a plain line of text", 20, true);
}

TEST(local_record_behind_a_hole)
{
    char out[1200] = {0}, big[256];
    struct log_record r;
    size_t n;

    memset(big, 'b', sizeof(big));
    n = put(out + 500, big, 256, true); /* a length that begins with a zero byte */
    CHECK(format_local.parse(out, 500 + n - 1, &r));
    CHECK_INT((int)r.log_n, 256);
    n = put(out + 500, "", 0, true);
    CHECK(format_local.parse(out, 500 + n - 1, &r));
    CHECK(!format_local.parse(out, 500, &r));
}

/* ---- syslog ---- */

static struct log_forward_style style(bool has_micros)
{
    return (struct log_forward_style){.tag = (char *)"tag",
                                      .host = (char *)"host",
                                      .fixed = (char *)"-",
                                      .facility = 3,
                                      .pid = 42,
                                      .has_micros = has_micros};
}

static const char *written(void (*write)(const struct log_forward_style *,
                                         const struct log_forward_line *, struct buf *),
                           const struct log_forward_style *s, int stream)
{
    struct log_forward_line l = {.stream = stream, .wall_ns = WHEN, .text = "hello", .n = 5};
    autobuf struct buf out = {0};

    write(s, &l, &out);
    return arena_strdup(test_arena, out.data);
}

TEST(syslog_formats)
{
    struct log_forward_style s = style(false), micro = style(true);

    setenv("TZ", "UTC", 1);
    CHECK_STR(written(syslog_write_unix, &s, STREAM_STDOUT),
              "<30>Jan  2 03:04:05 tag[42]: hello\n");
    CHECK_STR(written(syslog_write_bsd, &s, STREAM_STDERR),
              "<27>Jan  2 03:04:05 host tag[42]: hello\n");
    CHECK_STR(written(syslog_write_5424, &s, STREAM_STDOUT),
              "<30>1 2024-01-02T03:04:05Z host tag 42 tag - hello\n");
    CHECK_STR(written(syslog_write_5424, &micro, STREAM_STDERR),
              "<27>1 2024-01-02T03:04:05.123456Z host tag 42 tag - hello\n");
}

static void check_address(const char *text, enum outlet_kind kind, const char *host,
                          const char *port)
{
    struct outlet_target t = {0};

    CHECK_OK(syslog_address(test_arena, text, &t));
    CHECK_INT(t.kind, kind);
    CHECK_STR(t.host, host);
    if (port)
        CHECK_STR(t.port, port);
}

TEST(syslog_addresses)
{
    struct outlet_target t;

    check_address(NULL, TARGET_UNIX, "/dev/log", NULL);
    check_address("unix:///run/x", TARGET_UNIX, "/run/x", NULL);
    check_address("unixgram:///run/x", TARGET_UNIX, "/run/x", NULL);
    check_address("udp://10.0.0.1:5140", TARGET_UDP, "10.0.0.1", "5140");
    check_address("tcp://log.example", TARGET_TCP, "log.example", "514");
    check_address("tcp://[::1]:99", TARGET_TCP, "::1", "99");
    check_address("udp://[fe80::1]", TARGET_UDP, "fe80::1", "514");
    CHECK_ERR(syslog_address(test_arena, "10.0.0.1", &t), ERR_INVALID);
    CHECK_ERR(syslog_address(test_arena, "tcp+tls://a", &t), ERR_INVALID);
    CHECK_ERR(syslog_address(test_arena, "unix://rel", &t), ERR_INVALID);
    CHECK_ERR(syslog_address(test_arena, "tcp://:1", &t), ERR_INVALID);
}

static struct err *check_option(const char *key, const char *value)
{
    struct pairs o = {0};

    pairs_set(test_arena, &o, key, value);
    return log_check("syslog", &o);
}

TEST(syslog_options)
{
    CHECK_OK(check_option("syslog-facility", "local7"));
    CHECK_OK(check_option("syslog-facility", "23"));
    CHECK_OK(check_option("syslog-format", "rfc5424micro"));
    CHECK_OK(check_option("labels", "a,b"));
    CHECK_ERR(check_option("syslog-facility", "24"), ERR_INVALID);
    CHECK_ERR(check_option("syslog-facility", "no"), ERR_INVALID);
    CHECK_ERR(check_option("syslog-format", "rfc1"), ERR_INVALID);
    CHECK_ERR(check_option("max-size", "1m"), ERR_INVALID);
}

/* ---- journald ---- */

TEST(journald_fields)
{
    struct log_forward_style s = {.fixed = (char *)"CONTAINER_ID=c\n"};
    struct log_forward_line l = {
        .stream = STREAM_STDERR, .wall_ns = WHEN, .text = "hello", .n = 5, .is_partial = true};
    autobuf struct buf out = {0}, long_one = {0};
    uint64_t length = htole64(3);

    journald_write(&s, &l, &out);
    CHECK_STR(out.data, "CONTAINER_ID=c\nPRIORITY=3\n"
                        "SYSLOG_TIMESTAMP=2024-01-02T03:04:05.123456789Z\n"
                        "CONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=hello\n");
    journald_add_field(&long_one, "M", "a\nb", 3);
    CHECK_INT((int)long_one.len, 14);
    CHECK(memcmp(long_one.data, "M\n", 2) == 0);
    CHECK(memcmp(long_one.data + 2, &length, 8) == 0);
    CHECK(memcmp(long_one.data + 10, "a\nb\n", 4) == 0);
}

/* ---- tags ---- */

TEST(tags)
{
    struct pairs o = {0};
    struct log_spec s = {.options = &o,
                         .container_id = "0123456789abcdef",
                         .container_name = "web",
                         .image_name = "nginx:1",
                         .image_id = "sha256:fedcba98765432100"};
    char *text;

    pairs_set(test_arena, &o, "tag",
              "{{.Name}}/{{.ID}}-{{.ImageName}}_{{.ImageID}} {{.DaemonName}}");
    CHECK_OK(log_tag(test_arena, &s, "", &text));
    CHECK_STR(text, "web/0123456789ab-nginx:1_fedcba987654 docker");
    pairs_set(test_arena, &o, "tag", "");
    CHECK_OK(log_tag(test_arena, &s, "{{.FullID}}", &text));
    CHECK_STR(text, "0123456789abcdef");
}
