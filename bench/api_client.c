/* SPDX-License-Identifier: Apache-2.0 */
/* See api_client.h. Single thread, no retries: a benchmark must not hide failures. */
#include "api_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void client_connect(struct client *c)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (c->fd >= 0)
        return;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        die("connect");
    c->len = 0;
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void fill(struct client *c)
{
    ssize_t n = read(c->fd, c->buf + c->len, sizeof(c->buf) - c->len - 1);

    if (n <= 0)
        die("the engine closed the connection");
    c->len += (size_t)n;
    c->buf[c->len] = '\0';
}

static void take(struct client *c, size_t n)
{
    memmove(c->buf, c->buf + n, c->len - n);
    c->len -= n;
    c->buf[c->len] = '\0';
}

static void keep(struct answer *a, const char *p, size_t n)
{
    size_t room = sizeof(a->body) - 1 - a->body_len;

    if (n > room)
        n = room;
    memcpy(a->body + a->body_len, p, n);
    a->body_len += n;
    a->body[a->body_len] = '\0';
}

static void read_bytes(struct client *c, struct answer *a, size_t n)
{
    while (n > 0) {
        size_t part;

        if (c->len == 0)
            fill(c);
        part = c->len < n ? c->len : n;
        keep(a, c->buf, part);
        take(c, part);
        n -= part;
    }
}

static void read_chunks(struct client *c, struct answer *a)
{
    for (;;) {
        char *end;
        size_t n;

        while (!(end = strstr(c->buf, "\r\n")))
            fill(c);
        n = strtoul(c->buf, NULL, 16);
        take(c, (size_t)(end - c->buf) + 2);
        read_bytes(c, a, n);
        while (c->len < 2)
            fill(c);
        take(c, 2);
        if (n == 0)
            return;
    }
}

static const char *header(const char *head, const char *name)
{
    const char *p = strcasestr(head, name);

    return p ? p + strlen(name) : NULL;
}

void client_call(struct client *c, const char *method, const char *target, const char *json,
                 struct answer *out)
{
    static char request[8192];
    char *end, head[4096];
    const char *value;
    int n = snprintf(request, sizeof(request),
                     "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", method, target,
                     json ? "Content-Type: application/json\r\n" : "", json ? strlen(json) : 0,
                     json ? json : "");

    client_connect(c);
    out->body_len = 0;
    out->body[0] = '\0';
    if (write(c->fd, request, (size_t)n) != n)
        die("write");
    c->buf[c->len] = '\0';
    while (c->len == 0 || !(end = strstr(c->buf, "\r\n\r\n")))
        fill(c);
    snprintf(head, sizeof(head), "%.*s\r\n", (int)(end - c->buf), c->buf);
    take(c, (size_t)(end - c->buf) + 4);
    out->status = (int)strtol(head + 9, NULL, 10);
    value = header(head, "\r\ncontent-length:");
    if (header(head, "\r\ntransfer-encoding: chunked"))
        read_chunks(c, out);
    else if (value)
        read_bytes(c, out, strtoul(value, NULL, 10));
}
