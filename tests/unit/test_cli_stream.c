/* SPDX-License-Identifier: Apache-2.0 */
/* links: cli base */
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#include "cli.h"
#include "demux.h"
#include "http.h"
#include "run_launch.h"
#include "session.h"

static struct err *collect(void *ctx, int stream, const char *p, size_t n)
{
    struct buf *b = ctx;

    buf_add(&b[stream - 1], p, n);
    return NULL;
}

TEST(demux_takes_frames_cut_anywhere)
{
    static const char frames[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0"
                                 "\1\0\0\0\0\0\0\1!";
    struct buf b[2] = {{0}};

    for (size_t step = 1; step < 12; step++) {
        struct demux d = {0};

        buf_finish(&b[0]);
        buf_finish(&b[1]);
        for (size_t at = 0; at < sizeof(frames) - 1; at += step) {
            size_t left = sizeof(frames) - 1 - at;

            CHECK_OK(demux_feed(&d, frames + at, left < step ? left : step, collect, b));
        }
        CHECK_STR(b[0].data, "out!");
        CHECK_STR(b[1].data, "err");
    }
    buf_finish(&b[0]);
    buf_finish(&b[1]);
}

TEST(demux_refuses_strange_streams)
{
    struct buf b[2] = {{0}};
    struct demux d = {0};

    CHECK_ERR(demux_feed(&d, "\7\0\0\0\0\0\0\1x", 9, collect, b), ERR_INVALID);
    d = (struct demux){0};
    CHECK_ERR(demux_feed(&d, "\3\0\0\0\0\0\0\1x", 9, collect, b), ERR_INTERNAL);
}

static struct err *begin(struct http_reply *r, const char *method, const char *head)
{
    return http_reply_begin(r, test_arena, method, head, strlen(head));
}

TEST(http_head)
{
    static const char text[] = "HTTP/1.1 404 Not Found\r\ncontent-type:  application/json \r\n"
                               "Content-Length: 5\r\nApi-Version: 1.41\r\n\r\nhello";
    struct http_reply r;
    size_t len = http_head_len(text, sizeof(text) - 1);

    CHECK_INT(len, sizeof(text) - 1 - 5);
    CHECK_INT(http_head_len(text, len - 1), 0);
    CHECK_OK(http_reply_begin(&r, test_arena, "GET", text, len));
    CHECK_INT(r.head.status, 404);
    CHECK_STR(r.head.reason, "Not Found");
    CHECK_STR(r.head.type, "application/json");
    CHECK_STR(r.head.api_version, "1.41");
    CHECK(!r.is_done && !r.closes);
    CHECK_OK(begin(&r, "GET", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n"));
    CHECK_STR(r.head.reason, "");
    CHECK(!r.head.type);
}

TEST(http_bad_heads)
{
    static const char *const bad[] = {
        "SMTP\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    };
    struct http_reply r;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(begin(&r, "GET", bad[i]), ERR_INVALID);
}

/* Where a body ends: what is taken of "abcdef", and whether another reply may follow. */
TEST(http_ends_of_bodies)
{
    static const struct {
        const char *method, *head, *body;
        bool is_done, closes, may_end;
    } replies[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "abc", true, false, true},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "abcdef", false, false, false},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true, false, true},
        {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n", "abcdef", true,
         true, true},
        {"GET", "HTTP/1.1 200 OK\r\n\r\n", "abcdef", false, true, true},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n", "abcdef", true, true, true},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "", true, false, true},
        {"HEAD", "HTTP/1.1 200 OK\r\n\r\n", "", true, false, true},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", true, false, true},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", "", true, false, true},
        {"GET", "HTTP/1.1 100 Continue\r\n\r\n", "", true, false, true},
        {"POST", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "abcdef",
         false, true, true},
        {"POST", "HTTP/1.1 101 UPGRADED\r\n\r\n", "abcdef", false, true, true},
        {"POST", "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "abcdef", false,
         true, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        autobuf struct buf in = {0}, out = {0};
        struct err *e;
        struct http_reply r;

        CHECK_OK(begin(&r, replies[i].method, replies[i].head));
        buf_puts(&in, "abcdef");
        CHECK_OK(http_reply_feed(&r, &in, &out));
        if (strcmp(out.data ? out.data : "", replies[i].body) || r.is_done != replies[i].is_done ||
            r.closes != replies[i].closes)
            test_fail(__FILE__, __LINE__, "%s: %s", replies[i].head, out.data);
        CHECK_INT(in.len, 6 - strlen(replies[i].body));
        e = http_reply_end(&r);
        CHECK_INT(!e, replies[i].may_end);
        CHECK(e || r.is_done);
        err_drop(e);
    }
}

static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(http_chunks_cut_anywhere)
{
    static const char text[] =
        "5\r\nhello\r\nB;ext=1\r\n chunked wo\r\n3\r\nrld\r\n0\r\nContent-Type: y\r\n\r\n";

    for (size_t step = 1; step < 20; step++) {
        autobuf struct buf in = {0}, out = {0};
        struct http_reply r;

        CHECK_OK(begin(&r, "GET", chunked));
        for (size_t at = 0; at < sizeof(text) - 1; at += step) {
            size_t left = sizeof(text) - 1 - at;

            CHECK(!r.is_done);
            buf_add(&in, text + at, left < step ? left : step);
            CHECK_OK(http_reply_feed(&r, &in, &out));
        }
        CHECK(r.is_done);
        CHECK(!r.head.type);
        CHECK_STR(out.data, "hello chunked world");
    }
}

TEST(http_broken_chunks)
{
    static const char *const broken[] = {"x\r\n", "-1\r\n", "fffffffffffffffffff\r\n",
                                         "1\r\nab\r\n", "\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        autobuf struct buf in = {0}, out = {0};
        struct http_reply r;

        CHECK_OK(begin(&r, "GET", chunked));
        buf_puts(&in, broken[i]);
        CHECK_ERR(http_reply_feed(&r, &in, &out), ERR_INVALID);
    }
}

/* An engine that says all at once, so that the body is received with the head. */
static struct http_conn *conn_with(const char *reply)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "engine.sock"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client;
    struct http_conn *c;
    struct http_head head;

    CHECK(bind(server, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(server, 1) == 0);
    CHECK_OK(http_conn_open(at.sun_path, &c));
    client = accept(server, NULL, NULL);
    CHECK(write(client, reply, strlen(reply)) == (ssize_t)strlen(reply));
    CHECK_OK(http_conn_read_head(c, test_arena, "POST", &head));
    unlink(at.sun_path);
    return c;
}

TEST(session_ends_by_an_exit_that_came_with_the_head)
{
    struct cli cli = {.arena = test_arena};
    struct session s = {.cli = &cli};

    s.wait = conn_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "11\r\n{\"StatusCode\":7}\n\r\n0\r\n\r\n");
    CHECK_OK(session_run(&s));
    CHECK_INT(s.exit_code, 7);
    http_conn_close(s.wait);
}

TEST(exit_codes_by_phrase)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"exec: \"x\": executable file not found in $PATH", 127},
        {"stat /x: no such file or directory", 127},
        {"exec: \"/tmp\": permission denied", 126},
        {"exec: \"/tmp\": is a directory", 126},
        {"port is already allocated", 125},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err *e = err_new(ERR_INVALID, "%s", cases[i].text);

        CHECK_INT(run_launch_exit_code(e), cases[i].code);
        err_drop(e);
    }
}
