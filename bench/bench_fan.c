/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients of one container: each follows its log or is attached to it while it writes lines
 * at a steady rate. Every client that reads must get every line once, in order; of each line the
 * time from its write to the last client is taken. STOPPED of the clients never read.
 *
 *   bench_fan SOCKET PIDS logs|attach CLIENTS STOPPED PER_S SECONDS WRITER
 */
#include "stream_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE 65

struct client_end { /* of one client */
    struct stream stream;
    char line[LINE];
    size_t line_n;
    long next; /* the line that must come */
};

static struct {
    long total;
    int64_t *last;    /* of each line: when the slowest reader had it, ns after its write */
    int64_t now;      /* of the read that is decoded */
    long lost, wrong; /* lines */
} fan;

static void take_line(struct client_end *e)
{
    long number = strtol(e->line, NULL, 10);
    int64_t took = fan.now - strtoll(e->line + 9, NULL, 10);

    if (number < e->next || number >= fan.total) {
        fan.wrong++;
        return;
    }
    fan.lost += number - e->next;
    e->next = number + 1;
    if (took > fan.last[number])
        fan.last[number] = took;
}

static void on_payload(void *ctx, const char *p, size_t n)
{
    struct client_end *e = ctx;

    while (n > 0) {
        size_t part = LINE - e->line_n < n ? LINE - e->line_n : n;

        memcpy(e->line + e->line_n, p, part);
        e->line_n += part;
        p += part;
        n -= part;
        if (e->line_n < LINE)
            continue;
        take_line(e);
        e->line_n = 0;
    }
}

/* False: the stream has ended. */
static bool receive(struct client_end *e)
{
    static char data[64 << 10];
    ssize_t n = recv(e->stream.fd, data, sizeof(data), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0)
        return false;
    fan.now = now_ns();
    stream_decode(&e->stream, data, (size_t)n, on_payload, e);
    return !e->stream.has_ended;
}

static void receive_all(struct client_end *ends, int n, int n_stopped)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), open = n - n_stopped;

    for (int i = n_stopped; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ends[i]};

        stream_decode_early(&ends[i].stream, on_payload, &ends[i]);
        epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i].stream.fd, &event);
    }
    while (open > 0) {
        struct epoll_event events[256];
        int got = epoll_wait(epoll, events, 256, 30000);

        if (got <= 0) {
            fprintf(stderr, "bench_fan: %d clients wait in vain\n", open);
            break;
        }
        for (int i = 0; i < got; i++) {
            struct client_end *e = events[i].data.ptr;

            if (receive(e))
                continue;
            epoll_ctl(epoll, EPOLL_CTL_DEL, e->stream.fd, NULL);
            open--;
        }
    }
    for (int i = n_stopped; i < n; i++)
        fan.lost += fan.total - ends[i].next;
    close(epoll);
}

static void print_delays(void)
{
    double *ms = calloc((size_t)fan.total, sizeof(*ms));

    for (long i = 0; i < fan.total; i++)
        ms[i] = (double)fan.last[i] / 1e6;
    qsort(ms, (size_t)fan.total, sizeof(*ms), by_value);
    printf("p50 %.1f\np99 %.1f\n", ms[fan.total / 2], ms[fan.total * 99 / 100]);
    free(ms);
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    int n = argc == 9 ? (int)strtol(argv[4], NULL, 10) : 0;
    int n_stopped = argc == 9 ? (int)strtol(argv[5], NULL, 10) : 0;
    struct client_end *ends = calloc((size_t)n + 1, sizeof(*ends));
    char more[1024], target[256], id[65];
    int64_t begin;
    double cpu;

    if (n < 1) {
        fprintf(stderr, "usage: bench_fan SOCKET PIDS logs|attach N STOPPED PER_S S WRITER\n");
        return 2;
    }
    c.path = argv[1];
    fan.total = strtol(argv[6], NULL, 10) * strtol(argv[7], NULL, 10);
    fan.last = calloc((size_t)fan.total, sizeof(*fan.last));
    snprintf(more, sizeof(more),
             "\"Cmd\":[\"/bin/sh\",\"-c\",\"read go; exec /line_writer rate %s %s\"],"
             "\"OpenStdin\":true,\"StdinOnce\":true,"
             "\"HostConfig\":{\"NetworkMode\":\"none\",\"Binds\":[\"%s:/line_writer:ro\"]}",
             argv[6], argv[7], argv[8]);
    container_make(&c, more, id);
    container_do(&c, id, "start");
    snprintf(target, sizeof(target),
             !strcmp(argv[3], "logs") ? "/containers/%s/logs?follow=1&stdout=1&stderr=1"
                                      : "/containers/%s/attach?stream=1&stdout=1&stderr=1",
             id);
    for (int i = 0; i < n; i++)
        stream_open(&ends[i].stream, c.path, strcmp(argv[3], "logs") ? "POST" : "GET", target, NULL,
                    true);
    snprintf(target, sizeof(target), "/containers/%s/attach?stream=1&stdin=1", id);
    stream_open(&ends[n].stream, c.path, "POST", target, NULL, true);
    cpu = cpu_of(argv[2]);
    begin = now_ns();
    if (write(ends[n].stream.fd, "go\n", 3) != 3)
        return 1;
    receive_all(ends, n, n_stopped);
    printf("seconds %.2f\ncpu %.0f\nlost %ld\nwrong %ld\n", (double)(now_ns() - begin) / 1e9,
           cpu_of(argv[2]) - cpu, fan.lost, fan.wrong);
    print_delays();
    for (int i = 0; i <= n; i++)
        close(ends[i].stream.fd);
    container_drop(&c, id);
    client_close(&c);
    free(ends);
    free(fan.last);
    return 0;
}
