/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Connections over a socket pair with handlers of our own: parsing, order, bounds, the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "conn.h"
#include "hijack.h"
#include "reply.h"
#include "test.h"

static struct loop *loop;
static struct front front;
static int client = -1;
static struct buf got;

/* ---- handlers ---- */

static struct request *held;
static int n_handled, n_gone;

static void handle_hello(struct request *r)
{
    struct buf b = {0};

    n_handled++;
    buf_printf(&b, "hello %s", request_param(r, "n"));
    reply_body(r, 200, TYPE_TEXT, "", &b);
}

static void handle_echo(struct request *r)
{
    struct buf b = {0};

    buf_add(&b, r->body.data, r->body.len);
    reply_body(r, 200, TYPE_TEXT, "", &b);
}

static void handle_json(struct request *r)
{
    const char *text;
    size_t n;

    if (!reply_failed(r, request_json(r, &text, &n)))
        reply_empty(r, 204);
}

static void handle_hold(struct request *r)
{
    n_handled++;
    held = r;
}

static void on_gone(void *ctx)
{
    n_gone++;
    held = NULL;
    request_abandon(ctx);
}

static void handle_endless(struct request *r)
{
    request_on_gone(r, on_gone, r);
    reply_begin(r, 200, TYPE_JSON);
    reply_write(r, "first", 5);
    held = r;
}

struct count {
    struct request *request;
    struct watch *watch;
    int fd;
    size_t bytes, limit;
};

static void end_count(struct count *c)
{
    struct request *r = c->request;
    struct buf b = {0};

    watch_close(c->watch);
    close(c->fd);
    buf_printf(&b, "%zu", c->bytes);
    reply_body(r, 200, TYPE_TEXT, "", &b);
}

static void on_body(void *arg, int events)
{
    struct count *c = arg;
    char data[1000];
    ssize_t n = read(c->fd, data, sizeof(data));

    (void)events;
    if (n > 0)
        c->bytes += (size_t)n;
    if (n == 0 || (c->limit && c->bytes >= c->limit))
        end_count(c);
}

static void handle_count(struct request *r)
{
    struct count *c = arena_new(r->arena, struct count);
    int64_t limit;

    CHECK_OK(query_i64(&r->query, "limit", 0, &limit));
    c->limit = (size_t)limit;
    c->request = r;
    CHECK_OK(conn_body_pipe(r->conn, &c->fd));
    c->watch = watch_open(loop, c->fd, UV_READABLE, on_body, c);
}

static struct buf taken_in;
static bool taken_eof, taken_gone;

static bool on_taken_input(void *ctx, const void *p, size_t n)
{
    struct request *r = ctx;

    buf_add(&taken_in, p, n);
    conn_queue(r->conn, p, n);
    conn_flush(r->conn);
    return true;
}

static void on_taken_eof(void *ctx)
{
    struct request *r = ctx;

    taken_eof = true;
    conn_queue(r->conn, "bye", 3);
    conn_flush(r->conn);
}

static void on_taken_gone(void *ctx)
{
    taken_gone = true;
    reply_is_complete(ctx);
}

static void handle_take(struct request *r)
{
    static const char head[] = "HTTP/1.1 101 UPGRADED\r\n\r\n";
    struct takeover t = {on_taken_input, on_taken_eof, on_taken_gone, r};

    conn_queue(r->conn, head, sizeof(head) - 1);
    conn_take_over(r->conn, &t);
    held = r;
}

static const struct route routes[] = {
    {"GET", "/hello", handle_hello, 0},
    {"HEAD", "/hello", handle_hello, 0},
    {"POST", "/echo", handle_echo, 0},
    {"POST", "/json", handle_json, 0},
    {"GET", "/hold", handle_hold, 0},
    {"GET", "/endless", handle_endless, 0},
    {"POST", "/count", handle_count, ROUTE_STREAMS},
    {"POST", "/take", handle_take, 0},
    {0},
};

/* ---- the client ---- */

static void begin(void)
{
    loop = loop_create();
    front =
        (struct front){.routes = routes, .oldest = 124, .newest = 151, .headers = "Server: t\r\n"};
    front.loop = loop;
    front_init(&front);
}

static struct conn *connect_client(void)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    client = pair[1];
    got.len = 0;
    return conn_open(&front, pair[0]);
}

static bool client_has_eof;

static void turn(void)
{
    char data[65536];
    ssize_t n;

    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    while ((n = recv(client, data, sizeof(data), 0)) > 0)
        buf_add(&got, data, (size_t)n);
    client_has_eof = n == 0;
}

static void say_n(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(client, p, n, MSG_NOSIGNAL);

        if (k > 0) {
            p += k;
            n -= (size_t)k;
        } else if (errno != EAGAIN) {
            return;
        }
        if (n > 0)
            turn();
    }
}

static void say(const char *text)
{
    say_n(text, strlen(text));
    turn();
}

static void hang_up(void)
{
    close(client);
    client = -1;
    for (int i = 0; i < 4; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void end(void)
{
    struct conn *c;

    if (client >= 0)
        close(client);
    client = -1;
    while ((c = front_first(&front)))
        conn_close(c);
    for (int i = 0; i < 4; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    CHECK_INT(front.n_conns, 0);
    CHECK_INT(front.n_requests, 0);
    buf_finish(&got);
    buf_finish(&taken_in);
    loop_destroy(loop);
}

static int times(const char *needle)
{
    int n = 0;

    for (const char *s = got.len ? got.data : ""; (s = strstr(s, needle)); s += strlen(needle))
        n++;
    return n;
}

static bool got_has(const char *needle)
{
    return times(needle) > 0;
}

/* ---- tests ---- */

TEST(http_answers_with_headers_and_stays_open)
{
    begin();
    connect_client();
    say("GET /hello?n=1 HTTP/1.1\r\nHost: d\r\n\r\n");
    CHECK(got_has("HTTP/1.1 200 OK\r\nServer: t\r\nContent-Type: text/plain"));
    CHECK(got_has("Content-Length: 7\r\n\r\nhello 1"));
    CHECK(!client_has_eof);
    say("GET /v1.41/hello?n=2 HTTP/1.1\r\n\r\n");
    CHECK(got_has("hello 2"));
    end();
}

TEST(http_reads_requests_split_at_every_byte)
{
    static const char request[] = "POST /v1.41/echo?a=%20 HTTP/1.1\r\nHost: x\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
                                  "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz"
                                  "GET /hello?n=9 HTTP/1.1\r\n\r\n";

    begin();
    for (size_t at = 1; at < sizeof(request) - 1; at++) {
        connect_client();
        say_n(request, at);
        turn();
        say(request + at);
        CHECK_INT(times("HTTP/1.1 200 OK"), 3);
        CHECK(strstr(got.data, "abcdefg") < strstr(got.data, "xyz"));
        CHECK(strstr(got.data, "xyz") < strstr(got.data, "hello 9"));
        hang_up();
    }
    connect_client();
    for (size_t at = 0; at < sizeof(request) - 1; at++) {
        say_n(request + at, 1);
        turn();
    }
    CHECK_INT(times("HTTP/1.1 200 OK"), 3);
    end();
}

TEST(http_answers_pipelined_requests_in_order)
{
    begin();
    connect_client();
    say("GET /hold HTTP/1.1\r\n\r\nGET /hello?n=second HTTP/1.1\r\n\r\n");
    CHECK_INT(n_handled, 1);
    CHECK_INT(got.len, 0);
    reply_empty(held, 204);
    turn();
    CHECK_INT(n_handled, 2);
    CHECK(strstr(got.data, "204 No Content") < strstr(got.data, "hello second"));
    end();
}

/* The watch looks away from what is not to be read yet, or the loop would turn without end. */
TEST(http_leaves_what_comes_before_an_answer_in_the_socket)
{
    struct pollfd ready;

    begin();
    connect_client();
    say("GET /hold HTTP/1.1\r\n\r\n");
    say("GET /hello?n=second HTTP/1.1\r\n\r\n");
    for (int i = 0; i < 3; i++)
        turn();
    CHECK_INT(n_handled, 1);
    ready = (struct pollfd){.fd = uv_backend_fd(loop_uv(loop)), .events = POLLIN};
    CHECK_INT(poll(&ready, 1, 0), 0);
    reply_empty(held, 204);
    turn();
    CHECK_INT(n_handled, 2);
    CHECK(got_has("hello second"));
    end();
}

TEST(http_serves_ten_thousand_requests_on_one_connection)
{
    autobuf struct buf many = {0};

    begin();
    connect_client();
    for (int i = 0; i < 10000; i++)
        buf_printf(&many, "GET /hello?n=%d HTTP/1.1\r\nHost: docker\r\n\r\n", i);
    say_n(many.data, many.len);
    for (int i = 0; i < 1000 && times("hello 9999") == 0; i++)
        turn();
    CHECK_INT(n_handled, 10000);
    CHECK_INT(times("HTTP/1.1 200 OK"), 10000);
    CHECK(got_has("hello 9999"));
    end();
}

TEST(http_refuses_malformed_requests_and_closes)
{
    static const char *const bad[] = {
        "\x16\x03\x01 tls?\r\n\r\n",
        "GET /hello HTTP/9.9\r\n\r\n",
        "GET /hello HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };

    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        connect_client();
        say(bad[i]);
        CHECK(got_has("HTTP/1.1 400 Bad Request\r\n"));
        CHECK(client_has_eof);
        hang_up();
    }
    end();
}

TEST(http_bounds_heads_and_bodies)
{
    autobuf struct buf big = {0};

    begin();
    connect_client();
    buf_puts(&big, "GET /hello HTTP/1.1\r\nX: ");
    for (unsigned i = 0; i < HEAD_BYTES_MAX; i++)
        buf_putc(&big, 'x');
    say(big.data);
    CHECK(got_has("HTTP/1.1 431 "));
    CHECK(client_has_eof);
    hang_up();
    connect_client();
    say("POST /echo HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n");
    CHECK(got_has("HTTP/1.1 413 "));
    CHECK(client_has_eof);
    hang_up();
    connect_client();
    say("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000001\r\n");
    big.len = 0;
    for (unsigned i = 0; i < 1u << 20; i++)
        buf_putc(&big, 'x');
    for (int i = 0; i < 17 && !got_has("413"); i++)
        say_n(big.data, big.len);
    CHECK(got_has("HTTP/1.1 413 "));
    end();
}

TEST(http_errors_are_json_with_the_exact_type)
{
    begin();
    connect_client();
    say("GET /nowhere HTTP/1.1\r\n\r\n");
    CHECK(got_has("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"));
    CHECK(got_has("\r\n\r\n{\"message\":\"page not found\"}\n"));
    say("DELETE /hello HTTP/1.1\r\n\r\n");
    CHECK_INT(times("page not found"), 2);
    got.len = 0;
    say("GET /v1.99/hello HTTP/1.1\r\n\r\n");
    CHECK(got_has("400 Bad Request\r\nServer: t\r\nContent-Type: application/json\r\n"));
    got.len = 0;
    say("GET /v1.12/hello HTTP/1.1\r\n\r\n");
    CHECK(got_has("Content-Type: text/plain"));
    CHECK(got_has("\r\n\r\nclient version 1.12 is too old."));
    got.len = 0;
    say("POST /json HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}");
    CHECK(got_has("unsupported Content-Type header (text/plain): must be 'application/json'"));
    say("POST /json HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(got_has("HTTP/1.1 204 No Content"));
    CHECK(!got_has("204 No Content\r\nServer: t\r\nContent-"));
    end();
}

TEST(http_head_has_no_body_and_old_clients_are_closed)
{
    begin();
    connect_client();
    say("HEAD /hello HTTP/1.1\r\n\r\n");
    CHECK(got_has("Content-Length: 0\r\n"));
    CHECK(!got_has("hello"));
    say("GET /hello HTTP/1.0\r\n\r\n");
    CHECK(got_has("Connection: close\r\n\r\nhello"));
    CHECK(client_has_eof);
    end();
}

TEST(http_closes_when_asked_and_after_a_half_close)
{
    begin();
    connect_client();
    say("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(got_has("hello") && client_has_eof);
    hang_up();
    connect_client();
    say_n("GET /hello HTTP/1.1\r\n\r\n", 23);
    shutdown(client, SHUT_WR);
    turn();
    CHECK(got_has("hello") && client_has_eof);
    end();
}

TEST(http_says_continue_before_the_body)
{
    begin();
    connect_client();
    say("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK_STR(got.data, "HTTP/1.1 100 Continue\r\n\r\n");
    say("abc");
    CHECK(got_has("\r\n\r\nabc"));
    end();
}

TEST(http_late_answers_to_a_vanished_client_are_swallowed)
{
    begin();
    connect_client();
    say("GET /hold HTTP/1.1\r\n\r\n");
    hang_up();
    CHECK_INT(front.n_conns, 0);
    CHECK(!held->conn);
    reply_err(held, err_new(ERR_INTERNAL, "too late"));
    CHECK_INT(front.n_requests, 0);
    connect_client();
    say("GET /hold HTTP/1.1\r\n\r\n");
    hang_up();
    reply_begin(held, 200, TYPE_JSON);
    reply_write(held, "x", 1);
    reply_end(held);
    end();
}

TEST(http_streams_in_chunks_and_tells_of_the_clients_end)
{
    begin();
    connect_client();
    say("GET /endless HTTP/1.1\r\n\r\n");
    CHECK(got_has("Transfer-Encoding: chunked\r\n"));
    CHECK(got_has("\r\n\r\n5\r\nfirst\r\n"));
    shutdown(client, SHUT_WR);
    turn();
    CHECK_INT(n_gone, 1);
    CHECK_INT(front.n_conns, 0);
    hang_up();
    connect_client();
    say("GET /endless HTTP/1.1\r\n\r\n");
    hang_up();
    CHECK_INT(n_gone, 2);
    connect_client();
    say("GET /endless HTTP/1.1\r\n\r\n");
    reply_end(held);
    turn();
    CHECK(got_has("0\r\n\r\n") && !client_has_eof);
    end();
}

TEST(http_streams_large_bodies_through_a_pipe)
{
    autobuf struct buf part = {0};

    begin();
    connect_client();
    for (unsigned i = 0; i < 1u << 20; i++)
        buf_putc(&part, 'b');
    say("POST /count HTTP/1.1\r\nContent-Length: 20971520\r\n\r\n");
    for (int i = 0; i < 20; i++)
        say_n(part.data, part.len);
    for (int i = 0; i < 100000 && !got_has("20971520"); i++)
        turn();
    CHECK(got_has("\r\n\r\n20971520"));
    got.len = 0;
    say("POST /count HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    turn();
    CHECK(got_has("\r\n\r\n3"));
    say("POST /count HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(got_has("\r\n\r\n0"));
    CHECK(!client_has_eof);
    end();
}

TEST(http_answers_although_the_body_is_not_finished)
{
    begin();
    connect_client();
    say("POST /count?limit=10 HTTP/1.1\r\nContent-Length: 100000\r\n\r\n0123456789");
    turn();
    CHECK(got_has("Connection: close\r\n\r\n10"));
    CHECK(client_has_eof);
    end();
}

TEST(http_hijack_gets_leftovers_half_close_and_hang_up)
{
    begin();
    connect_client();
    say("POST /take HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: "
        "0\r\n\r\nearly");
    CHECK_STR(got.data, "HTTP/1.1 101 UPGRADED\r\n\r\n");
    conn_uncork(held->conn);
    turn();
    CHECK_STR(taken_in.data, "early");
    say(" late");
    CHECK_STR(taken_in.data, "early late");
    shutdown(client, SHUT_WR);
    turn();
    CHECK(taken_eof && !taken_gone);
    CHECK(got_has("early latebye"));
    hang_up();
    CHECK(taken_gone);
    end();
}

TEST(http_hijack_ends_with_eof_after_the_last_byte)
{
    begin();
    connect_client();
    say("POST /take HTTP/1.1\r\nUpgrade: tcp\r\n\r\n");
    conn_queue(held->conn, "last", 4);
    conn_end(held->conn);
    conn_uncork(held->conn);
    reply_is_complete(held);
    turn();
    CHECK(got_has("UPGRADED\r\n\r\nlast"));
    CHECK(client_has_eof && !taken_gone);
    end();
}

TEST(http_idle_connections_give_way_longest_first)
{
    int first, second;

    begin();
    connect_client();
    first = client;
    say("GET /hello HTTP/1.1\r\n\r\n");
    connect_client();
    second = client;
    say("GET /hello HTTP/1.1\r\n\r\n");
    client = first;
    say("GET /hello HTTP/1.1\r\n\r\n");
    CHECK(front_close_idle(&front, 0));
    client = second;
    turn();
    CHECK(client_has_eof);
    close(second);
    client = first;
    say("GET /hold HTTP/1.1\r\n\r\n");
    CHECK(!front_close_idle(&front, 0));
    reply_empty(held, 204);
    end();
}
