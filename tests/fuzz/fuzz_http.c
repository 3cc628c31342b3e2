/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/*
 * Any bytes from a client into a connection, in pieces whose size is the first byte. Handlers
 * echo, stream and hold; afterwards nothing may be left.
 */
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct front front;

static void handle_echo(struct request *r)
{
    struct buf b = {0};

    buf_add(&b, r->body.data, r->body.len);
    reply_body(r, 200, TYPE_TEXT, "", &b);
}

static void handle_stream(struct request *r)
{
    reply_begin(r, 200, TYPE_JSON);
    reply_write(r, request_param(r, "x"), strlen(request_param(r, "x")));
    reply_end(r);
}

static void handle_body(struct request *r)
{
    int fd;
    struct err *e = conn_body_pipe(r->conn, &fd);

    if (!e)
        close(fd);
    err_drop(e);
    reply_empty(r, 200);
}

static void handle_json(struct request *r)
{
    const char *text;
    size_t n;

    if (!reply_failed(r, request_need_json(r, &text, &n)))
        reply_empty(r, 204);
}

static void on_gone(void *ctx)
{
    request_abandon(ctx);
}

static void handle_hold(struct request *r)
{
    request_on_gone(r, on_gone, r);
}

static const struct route routes[] = {
    {"GET", "/e", handle_echo, 0},
    {"POST", "/e", handle_echo, 0},
    {"GET", "/s", handle_stream, 0},
    {"POST", "/b", handle_body, ROUTE_STREAMS},
    {"POST", "/j", handle_json, 0},
    {"GET", "/h", handle_hold, 0},
    {0},
};

static void open_once(void)
{
    if (loop)
        return;
    loop = loop_create();
    front = (struct front){.routes = routes, .oldest = 124, .newest = 151, .headers = ""};
    front.loop = loop;
    front_init(&front);
}

static void turn(int fd)
{
    char discard[4096];

    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    while (recv(fd, discard, sizeof(discard), MSG_DONTWAIT) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size ? (size_t)data[0] + 1 : 1;
    int pair[2];
    struct conn *c;

    open_once();
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return 0;
    if (size / piece > 64)
        piece = size / 64;
    conn_open(&front, pair[0]);
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;

        if (send(pair[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turn(pair[1]);
    }
    close(pair[1]);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    while ((c = front_first(&front)))
        conn_close(c);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    ASSERT(front.n_conns == 0 && front.n_requests == 0);
    return 0;
}
