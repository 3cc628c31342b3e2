/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to the engine: blocking sends, one recv at a time. Not thread-safe.
 * Trap: while a body is uploaded the engine may already answer (progress of `load`); what it says
 * is read into c->in meanwhile, or both sides would wait for each other with full buffers.
 */
#include "http.h"

#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define READ_SIZE (256u << 10)

struct err *http_conn_open(const char *socket_path, struct http_conn **out)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_sys("make a socket");
    if (strlen(socket_path) >= sizeof(addr.sun_path))
        return err_new(ERR_INVALID, "socket path is too long: %s", socket_path);
    memcpy(addr.sun_path, socket_path, strlen(socket_path));
    while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        if (errno == EACCES)
            return err_new(ERR_FORBIDDEN,
                           "permission denied while trying to connect to the berth engine socket "
                           "at unix://%s",
                           socket_path);
        if (errno != EINTR)
            return err_new(ERR_UNAVAILABLE,
                           "Cannot connect to the berth engine at unix://%s. Is berthd running?",
                           socket_path);
    }
    *out = mem_new(struct http_conn);
    (*out)->fd = steal_fd(&fd);
    return NULL;
}

void http_conn_close(struct http_conn *c)
{
    if (!c)
        return;
    close(c->fd);
    buf_finish(&c->in);
    free(c);
}

/* The engine closes idle connections when it needs their descriptors: looked at before one is used
 * again. */
bool http_conn_is_closed(const struct http_conn *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* A reset is an end as well: the answer may be complete by then. */
static struct err *receive(struct http_conn *c, bool *out_eof)
{
    ssize_t n;

    buf_reserve(&c->in, READ_SIZE);
    do {
        n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET)
        return err_sys("read from the engine");
    *out_eof = n <= 0;
    if (n > 0) {
        c->in.len += (size_t)n;
        c->in.data[c->in.len] = '\0';
    }
    return NULL;
}

/* Waits until the socket takes bytes; takes in what the engine says meanwhile. */
static struct err *wait_writable(struct http_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};
    bool eof = false;

    for (;;) {
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return err_sys("poll");
        if (p.revents & POLLIN)
            TRY(receive(c, &eof));
        if (eof || c->in.len > HTTP_REPLY_MAX || (p.revents & (POLLERR | POLLHUP)))
            return err_new(ERR_UNAVAILABLE, "the engine closed the connection");
        if (p.revents & POLLOUT)
            return NULL;
    }
}

static struct err *send_all(struct http_conn *c, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            TRY(wait_writable(c));
            continue;
        }
        if (sent < 0)
            return err_sys("write to the engine");
        p += sent;
        n -= (size_t)sent;
    }
    return NULL;
}

/* HTTP/1.1, RFC 9112, 7.1: length in hex, bytes, an empty chunk at the end. */
static struct err *send_chunk(struct http_conn *c, const char *p, size_t n)
{
    char size[24];

    snprintf(size, sizeof(size), "%zx\r\n", n);
    TRY(send_all(c, size, strlen(size)));
    TRY(send_all(c, p, n));
    return send_all(c, "\r\n", 2);
}

static struct err *read_file(int fd, struct buf *out, bool *is_end)
{
    ssize_t n;

    buf_reserve(out, READ_SIZE);
    do
        n = read(fd, out->data, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys("read the input");
    out->len = (size_t)n;
    *is_end = n == 0;
    return NULL;
}

/* A send that fails is no error here: the engine has said why, or the reader will find EOF. What
 * cannot be produced is one, and the engine never sees the body's end. */
static struct err *upload(struct http_conn *c, const struct http_request *r)
{
    autobuf struct buf piece = {0};
    struct err *e = NULL;
    bool is_end = false;

    while (!e && !is_end) {
        piece.len = 0;
        if (r->produce)
            TRY(r->produce(r->ctx, &piece, &is_end));
        else
            TRY(read_file(r->upload_fd, &piece, &is_end));
        if (piece.len)
            e = send_chunk(c, piece.data, piece.len);
    }
    if (!e)
        e = send_chunk(c, "", 0);
    err_drop(e);
    return NULL;
}

struct err *http_conn_send(struct http_conn *c, const struct http_request *r)
{
    autobuf struct buf b = {0};

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: berth\r\nUser-Agent: Berth-Client/%s (linux)\r\n",
               r->method, r->path, BERTH_VERSION);
    if (r->auth)
        buf_printf(&b, "X-Registry-Auth: %s\r\n", r->auth);
    if (r->registries)
        buf_printf(&b, "X-Registry-Config: %s\r\n", r->registries);
    if (r->secrets)
        buf_printf(&b, "X-Berth-Build-Secrets: %s\r\n", r->secrets);
    if (r->quiet_risks)
        buf_puts(&b, "X-Berth-Risk-Warnings: off\r\n");
    if (r->upgrades)
        buf_puts(&b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
    if (r->upload_fd > 0 || r->produce) {
        buf_puts(&b, "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
        TRY(send_all(c, b.data, b.len));
        return upload(c, r);
    }
    if (r->body)
        buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(r->body), r->body);
    else if (strcmp(r->method, "POST") == 0 && r->upgrades)
        buf_puts(&b, "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
    else if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0)
        buf_puts(&b, "\r\n");
    else
        buf_puts(&b, "Content-Length: 0\r\n\r\n");
    return send_all(c, b.data, b.len);
}

static struct err *read_one_head(struct http_conn *c, struct arena *a, const char *method)
{
    size_t len;
    bool eof = false;

    while (!(len = http_head_len(c->in.data, c->in.len))) {
        if (eof)
            return err_new(ERR_UNAVAILABLE, "the engine closed the connection without an answer");
        if (c->in.len > HTTP_HEAD_MAX)
            return err_new(ERR_INVALID, "the engine sent no HTTP reply");
        TRY(receive(c, &eof));
    }
    TRY(http_reply_begin(&c->reply, a, method, c->in.data, len));
    buf_drop_front(&c->in, len);
    return NULL;
}

struct err *http_conn_read_head(struct http_conn *c, struct arena *a, const char *method,
                                struct http_head *out)
{
    do {
        TRY(read_one_head(c, a, method));
    } while (c->reply.head.status < 200 && c->reply.head.status != 101);
    c->is_spent = c->is_spent || c->reply.closes;
    *out = c->reply.head;
    return NULL;
}

struct err *http_conn_read_some(struct http_conn *c, struct buf *out)
{
    bool eof = false;

    if (c->reply.is_done)
        return NULL;
    if (!c->in.len)
        TRY(receive(c, &eof));
    TRY(http_reply_feed(&c->reply, &c->in, out));
    return eof ? http_reply_end(&c->reply) : NULL;
}

bool http_conn_wait(const struct http_conn *c, int out_fd)
{
    struct pollfd p[] = {{.fd = c->fd, .events = POLLIN}, {.fd = out_fd}};

    if (c->in.len)
        return true;
    while (poll(p, ARRAY_LEN(p), -1) < 0 && errno == EINTR)
        continue;
    return !(p[1].revents & (POLLERR | POLLHUP));
}

struct err *http_conn_read_all(struct http_conn *c, struct buf *out)
{
    while (!c->reply.is_done) {
        TRY(http_conn_read_some(c, out));
        if (out->len > HTTP_REPLY_MAX)
            return err_new(ERR_TOO_LARGE, "the engine's reply is too large");
    }
    return NULL;
}
