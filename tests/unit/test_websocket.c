/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Frames as RFC 6455 has them, whole and a byte at a time, and what may not be. */
#include "websocket.h"

#include <string.h>

#include "base/text.h"
#include "test.h"

#define MASK "\x37\xfa\x21\x3d"

/* The event that ended it; data and the number of pings are collected. */
struct result {
    enum ws_event event;
    unsigned code, n_pings;
    struct buf data, ping;
};

static struct result read_all(const void *bytes, size_t n, size_t step)
{
    struct ws_reader r = {0};
    struct result out = {.event = WS_MORE};
    unsigned char data[1024];

    for (size_t at = 0; at < n; at += step) {
        size_t end = at + step < n ? at + step : n, used = at;
        struct ws_piece piece = {0};

        while (piece.event != WS_MORE) {
            used += ws_read(&r, (const unsigned char *)bytes + used, end - used, data, &piece);
            if (piece.event == WS_DATA)
                buf_add(&out.data, data, piece.n);
            if (piece.event == WS_PINGED) {
                out.n_pings++;
                buf_add(&out.ping, r.control, piece.n);
            }
            if (piece.event == WS_CLOSED || piece.event == WS_BROKEN) {
                out.event = piece.event;
                out.code = piece.code;
                return out;
            }
        }
        CHECK_INT(used, end);
    }
    return out;
}

static void finish(struct result *r)
{
    buf_finish(&r->data);
    buf_finish(&r->ping);
}

/* A masked frame at the end of b. */
static void add(struct buf *b, unsigned first, const char *payload, size_t n)
{
    unsigned char header[WS_HEADER_MAX];
    size_t len = ws_frame_header(header, WS_BINARY, n);

    header[0] = (unsigned char)first;
    header[1] |= 0x80;
    buf_add(b, header, len);
    buf_add(b, MASK, 4);
    for (size_t i = 0; i < n; i++)
        buf_putc(b, (char)(payload[i] ^ MASK[i % 4]));
}

static void expect(const struct buf *b, enum ws_event event, unsigned code, const char *data)
{
    for (size_t step = 1; step <= b->len;
         step = step < b->len && step * 3 > b->len ? b->len : step * 3) {
        struct result r = read_all(b->data, b->len, step);

        CHECK_INT(r.event, event);
        if (event != WS_MORE)
            CHECK_INT(r.code, code);
        CHECK_STR(r.data.len ? r.data.data : "", data);
        finish(&r);
        if (step == b->len)
            break;
    }
}

TEST(websocket_accepts_the_key_of_the_rfc)
{
    char accept[WS_ACCEPT_SIZE];

    ws_accept_of("dGhlIHNhbXBsZSBub25jZQ==", accept);
    CHECK_STR(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ=="));
    CHECK(!ws_key_is_valid(""));
    CHECK(!ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ"));
    CHECK(!ws_key_is_valid("dGhlIHNhbXBsZSBub25j****"));
}

TEST(websocket_finds_tokens_in_headers)
{
    CHECK(ws_header_has("keep-alive, Upgrade", "upgrade"));
    CHECK(ws_header_has("WebSocket", "websocket"));
    CHECK(!ws_header_has("websockets", "websocket"));
    CHECK(!ws_header_has("h2c", "websocket"));
    CHECK(!ws_header_has("", "websocket"));
    CHECK(!ws_header_has(NULL, "websocket"));
}

TEST(websocket_reads_the_frame_of_the_rfc)
{
    struct result r = read_all("\x81\x85" MASK "\x7f\x9f\x4d\x51\x58", 11, 11);

    CHECK_INT(r.event, WS_MORE);
    CHECK_STR(r.data.data, "Hello");
    finish(&r);
}

TEST(websocket_writes_short_lengths)
{
    unsigned char h[WS_HEADER_MAX];

    CHECK_INT(ws_frame_header(h, WS_BINARY, 125), 2);
    CHECK_INT(h[0], 0x82);
    CHECK_INT(h[1], 125);
    CHECK_INT(ws_frame_header(h, WS_BINARY, 126), 4);
    CHECK(h[1] == 126 && h[2] == 0 && h[3] == 126);
    CHECK_INT(ws_frame_header(h, WS_BINARY, 65536), 10);
    CHECK(h[1] == 127 && h[6] == 0 && h[7] == 1 && h[8] == 0 && h[9] == 0);
}

TEST(websocket_joins_fragments_around_control_frames)
{
    autobuf struct buf b = {0};
    struct result r;

    add(&b, 0x01, "one ", 4);
    add(&b, 0x89, "are you there", 13);
    add(&b, 0x00, "", 0);
    add(&b, 0x8a, "yes", 3);
    add(&b, 0x80, "two ", 4);
    add(&b, 0x82, "three", 5);
    expect(&b, WS_MORE, 0, "one two three");
    r = read_all(b.data, b.len, 1);
    CHECK_INT(r.n_pings, 1);
    CHECK_STR(r.ping.data, "are you there");
    finish(&r);
}

TEST(websocket_reads_long_frames_as_they_come)
{
    autobuf struct buf b = {0};
    char text[700];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    add(&b, 0x82, text, sizeof(text) - 1);
    expect(&b, WS_MORE, 0, text);
}

TEST(websocket_reads_the_close)
{
    autobuf struct buf code = {0}, none = {0}, reason = {0};

    add(&code, 0x82, "bye", 3);
    add(&code, 0x88, "\x03\xe9", 2);
    add(&code, 0x82, "more", 4);
    expect(&code, WS_CLOSED, 1001, "bye");
    add(&none, 0x88, "", 0);
    expect(&none, WS_CLOSED, WS_NO_CODE, "");
    add(&reason, 0x88, "\x0f\xa0gone", 6);
    expect(&reason, WS_CLOSED, 4000, "");
}

static void expect_broken(const char *bytes, size_t n)
{
    struct buf b = {.data = (char *)bytes, .len = n};

    expect(&b, WS_BROKEN, WS_PROTOCOL_ERROR, "");
}
#define BROKEN(s) expect_broken(s, sizeof(s) - 1)

TEST(websocket_refuses_what_may_not_be)
{
    BROKEN("\x81\x05Hello");                                 /* not masked */
    BROKEN("\xc1\x85" MASK "Hello");                         /* a reserved bit */
    BROKEN("\x83\x85" MASK "Hello");                         /* reserved opcodes */
    BROKEN("\x8b\x80" MASK);                                 /* … of control */
    BROKEN("\x80\x85" MASK "Hello");                         /* nothing to continue */
    BROKEN("\x09\x80" MASK);                                 /* a fragmented ping */
    BROKEN("\x89\xfe\x00\x7e" MASK);                         /* a long ping */
    BROKEN("\x82\xfe\x00\x7d" MASK);                         /* 125 in 16 bits */
    BROKEN("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff" MASK); /* 16 bits in 64 */
    BROKEN("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASK); /* 64 bits */
    BROKEN("\x88\x81\x00\x00\x00\x00\x03");                  /* half a code */
    BROKEN("\x88\x82\x00\x00\x00\x00\x03\xed");              /* 1005 */
    BROKEN("\x88\x82\x00\x00\x00\x00\x00\x01");              /* 1 */
    BROKEN("\x01\x80" MASK "\x01\x80" MASK);                 /* a message in a message */
}
