/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to a container and back: through `cat` on an attached or exec'ed stdin and stdout, with a
 * terminal and without. Prints MB/s of the echo (each byte counted once), the round trip of one
 * byte in microseconds, CPU milliseconds of the engine per MiB. Nothing may be lost or changed.
 *
 *   bench_attach SOCKET attach|attach-tty|exec|exec-tty|relay|relay-tty PIDS MiB ROUNDS [DRIVER]
 *
 * relay: SOCKET is floor_echo's.
 */
#include "stream_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART (64u << 10)

struct echo {
    struct stream stream;
    size_t sent, received, total;
    char pattern[PART];
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_attach: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The same bytes come back in the same order. */
static void check(void *ctx, const char *p, size_t n)
{
    struct echo *e = ctx;

    while (n > 0) {
        size_t at = e->received % PART, part = PART - at < n ? PART - at : n;

        if (memcmp(e->pattern + at, p, part) != 0) {
            errno = EBADMSG;
            die("other bytes than were sent");
        }
        e->received += part;
        p += part;
        n -= part;
    }
}

static void send_some(struct echo *e)
{
    while (e->sent < e->total) {
        size_t at = e->sent % PART, n = PART - at;
        ssize_t w =
            send(e->stream.fd, e->pattern + at, n < e->total - e->sent ? n : e->total - e->sent,
                 MSG_DONTWAIT | MSG_NOSIGNAL);

        if (w < 0 && errno == EAGAIN)
            return;
        if (w < 0)
            die("send");
        e->sent += (size_t)w;
    }
}

static void receive_some(struct echo *e)
{
    static char data[4 * PART];
    ssize_t n = recv(e->stream.fd, data, sizeof(data), MSG_DONTWAIT);

    if (n == 0)
        die("the stream has ended");
    if (n < 0 && errno != EAGAIN)
        die("recv");
    if (n > 0)
        stream_decode(&e->stream, data, (size_t)n, check, e);
}

static double run_echo(struct echo *e, size_t total)
{
    int64_t begin = now_ns();

    e->sent = e->received = 0;
    e->total = total;
    while (e->received < total) {
        struct pollfd p = {e->stream.fd, (short)(POLLIN | (e->sent < total ? POLLOUT : 0)), 0};

        if (poll(&p, 1, 20000) < 1)
            die("the stream is stuck");
        if (p.revents & POLLOUT)
            send_some(e);
        if (p.revents & (POLLIN | POLLHUP))
            receive_some(e);
    }
    return (double)total * 1e3 / (double)(now_ns() - begin);
}

static void run_rounds(struct echo *e, int rounds)
{
    double *took = calloc((size_t)rounds, sizeof(*took));

    e->received = 0;
    for (int i = -rounds / 10; i < rounds; i++) {
        int64_t begin = now_ns();
        size_t before = e->received;

        if (write(e->stream.fd, e->pattern + before % PART, 1) != 1)
            die("write");
        while (e->received == before) {
            char data[64];
            ssize_t n = read(e->stream.fd, data, sizeof(data));

            if (n <= 0)
                die("read");
            stream_decode(&e->stream, data, (size_t)n, check, e);
        }
        if (i >= 0)
            took[i] = (double)(now_ns() - begin) / 1e3;
    }
    qsort(took, (size_t)rounds, sizeof(*took), by_value);
    printf("rtt_p50 %.1f\nrtt_p99 %.1f\n", took[rounds / 2], took[rounds * 99 / 100]);
    free(took);
}

static void skip(void *ctx, const char *p, size_t n)
{
    *(bool *)ctx |= memchr(p, '!', n) != NULL;
}

/* A terminal must be raw before anything is sent: the command says "!" then. */
static void await_raw(struct stream *s)
{
    bool is_raw = false;

    stream_decode_early(s, skip, &is_raw);
    while (!is_raw) {
        char data[64];
        ssize_t n = read(s->fd, data, sizeof(data));

        if (n <= 0)
            die("read");
        stream_decode(s, data, (size_t)n, skip, &is_raw);
    }
}

#define CAT "\"Cmd\":[\"/bin/cat\"]"
#define CAT_TTY "\"Cmd\":[\"/bin/sh\",\"-c\",\"stty raw -echo; printf !; exec cat\"]"

static void open_attach(struct client *c, struct stream *s, bool is_tty, const char *driver,
                        char id[65])
{
    char more[1024], target[256];

    snprintf(more, sizeof(more),
             "%s,\"OpenStdin\":true,\"AttachStdin\":true,\"AttachStdout\":true,\"Tty\":%s,"
             "\"HostConfig\":{\"NetworkMode\":\"none\",\"LogConfig\":{\"Type\":\"%s\"}}",
             is_tty ? CAT_TTY : CAT, is_tty ? "true" : "false", driver);
    container_make(c, more, id);
    snprintf(target, sizeof(target),
             "/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys=ctrl-@", id);
    stream_open(s, c->path, "POST", target, NULL, !is_tty);
    container_do(c, id, "start");
}

static void open_exec(struct client *c, struct stream *s, bool is_tty, char id[65])
{
    static struct answer a;
    char json[512], target[256];
    const char *p;

    container_make(c, "\"Cmd\":[\"/bin/sleep\",\"1000\"],\"HostConfig\":{\"NetworkMode\":\"none\"}",
                   id);
    container_do(c, id, "start");
    snprintf(target, sizeof(target), "/v1.41/containers/%s/exec", id);
    snprintf(json, sizeof(json),
             "{%s,\"AttachStdin\":true,\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":%s,"
             "\"DetachKeys\":\"ctrl-@\"}",
             is_tty ? CAT_TTY : CAT, is_tty ? "true" : "false");
    call_expect(c, "POST", target, json, 201, &a);
    p = strstr(a.body, "\"Id\":\"");
    snprintf(target, sizeof(target), "/exec/%.64s/start", p ? p + 6 : "");
    stream_open(s, c->path, "POST", target, is_tty ? "{\"Tty\":true}" : "{\"Tty\":false}", !is_tty);
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    static struct echo e;
    const char *kind = argc > 5 ? argv[2] : "";
    bool is_tty = strstr(kind, "-tty") != NULL;
    size_t mib = argc > 5 ? strtoul(argv[4], NULL, 10) : 0;
    int rounds = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 0;
    char id[65] = "";
    double cpu, speed;

    if (mib < 1 || rounds < 1) {
        fprintf(stderr, "usage: bench_attach SOCKET KIND PIDS MiB ROUNDS [DRIVER]\n");
        return 2;
    }
    c.path = argv[1];
    for (size_t i = 0; i < PART; i++) /* lines of 65 bytes; nothing that means a detach key */
        e.pattern[i] = i % 65 == 64 ? '\n' : (char)('a' + i / 65 % 26);
    if (!strncmp(kind, "relay", 5))
        stream_open(&e.stream, c.path, "POST", "/echo", NULL, !is_tty);
    else if (!strncmp(kind, "exec", 4))
        open_exec(&c, &e.stream, is_tty, id);
    else
        open_attach(&c, &e.stream, is_tty, argc > 6 ? argv[6] : "json-file", id);
    if (is_tty)
        await_raw(&e.stream);
    run_rounds(&e, rounds);
    run_echo(&e, 4 << 20);
    cpu = cpu_of(argv[3]);
    speed = run_echo(&e, mib << 20);
    cpu = cpu_of(argv[3]) - cpu;
    printf("echo %.1f\ncpu %.2f\n", speed, cpu / (double)mib);
    close(e.stream.fd);
    if (*id)
        container_drop(&c, id);
    client_close(&c);
    return 0;
}
