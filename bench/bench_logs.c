/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a container's lines into its log and back to a client.
 *
 *   bench_logs SOCKET PIDS write DRIVER MiB WRITER [follow]
 *       a container writes MiB of 65-byte lines (WRITER, of the host, is line_writer); alone or
 * with `logs -f` reading all; then the log is read again, also with timestamps bench_logs SOCKET
 * PIDS read TARGET [ROUNDS] GET TARGET: payload and best time of ROUNDS, milliseconds bench_logs
 * SOCKET PIDS floor MiB the same against floor_logs
 */
#include "stream_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *pids;

struct reading {
    size_t bytes, lines;
};

static void count(void *ctx, const char *p, size_t n)
{
    struct reading *r = ctx;
    const char *end = p + n;

    r->bytes += n;
    for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        r->lines++;
}

/* To the end of the answer. */
static struct reading read_all(struct stream *s)
{
    static char data[256 << 10];
    struct reading r = {0};

    stream_decode_early(s, count, &r);
    while (!s->has_ended) {
        ssize_t n = read(s->fd, data, sizeof(data));

        if (n < 0) {
            perror("bench_logs: read");
            exit(1);
        }
        if (n == 0)
            break;
        stream_decode(s, data, (size_t)n, count, &r);
    }
    close(s->fd);
    return r;
}

static double mbps(size_t bytes, int64_t since)
{
    return (double)bytes * 1e3 / (double)(now_ns() - since);
}

static void expect_bytes(const struct reading *r, size_t total, const char *what)
{
    if (r->bytes == total && r->lines == total / 65)
        return;
    fprintf(stderr, "bench_logs: %s: %zu of %zu bytes, %zu lines\n", what, r->bytes, total,
            r->lines);
    exit(1);
}

static void read_again(struct client *c, const char *id, size_t total)
{
    char target[256];

    for (int k = 0; k < 2; k++) {
        struct stream s;
        struct reading r;
        int64_t begin = now_ns();
        double cpu = cpu_of(pids);
        double speed;

        snprintf(target, sizeof(target), "/containers/%s/logs?stdout=1&stderr=1%s", id,
                 k ? "&timestamps=1" : "");
        stream_open(&s, c->path, "GET", target, NULL, true);
        r = read_all(&s);
        speed = mbps(total, begin);
        r.bytes -= k * r.lines * 31;
        expect_bytes(&r, total, "read again");
        printf("read%s %.1f\nread%s_cpu %.2f\n", k ? "_stamped" : "", speed, k ? "_stamped" : "",
               (cpu_of(pids) - cpu) / ((double)total / (1 << 20)));
    }
}

static void write_log(struct client *c, const char *driver, size_t total, const char *writer,
                      bool follows)
{
    static struct answer a;
    char more[2048], target[256], id[65];
    struct stream s = {.fd = -1};
    struct reading r;
    int64_t begin;
    double cpu;

    snprintf(
        more, sizeof(more),
        "\"Cmd\":[\"/line_writer\",\"bytes\",\"%zu\"],\"HostConfig\":{\"NetworkMode\":\"none\","
        "\"Binds\":[\"%s:/line_writer:ro\"],\"LogConfig\":{\"Type\":\"%s\",\"Config\":"
        "{\"max-size\":\"1g\",\"max-file\":\"2\"%s}}}",
        total, writer, driver, strcmp(driver, "local") ? "" : ",\"compress\":\"false\"");
    container_make(c, more, id);
    cpu = cpu_of(pids);
    container_do(c, id, "start");
    begin = now_ns();
    if (follows) {
        snprintf(target, sizeof(target), "/containers/%s/logs?stdout=1&stderr=1&follow=1", id);
        stream_open(&s, c->path, "GET", target, NULL, true);
        r = read_all(&s);
        expect_bytes(&r, total, "follow");
    } else {
        snprintf(target, sizeof(target), "/v1.41/containers/%s/wait", id);
        call_expect(c, "POST", target, NULL, 200, &a);
    }
    printf("write %.1f\nwrite_cpu %.2f\n", mbps(total, begin),
           (cpu_of(pids) - cpu) / ((double)total / (1 << 20)));
    snprintf(target, sizeof(target), "/v1.41/containers/%s/wait", id);
    call_expect(c, "POST", target, NULL, 200, &a);
    read_again(c, id, total);
    container_drop(c, id);
}

static void time_target(struct client *c, const char *target, int rounds)
{
    double best = 1e9, cpu = cpu_of(pids);
    struct reading r = {0};

    for (int i = 0; i < rounds; i++) {
        struct stream s;
        int64_t begin = now_ns();
        double took;

        stream_open(&s, c->path, "GET", target, NULL, true);
        r = read_all(&s);
        took = (double)(now_ns() - begin) / 1e6;
        if (took < best)
            best = took;
    }
    printf("ms %.2f\nlines %zu\nbytes %zu\ncpu %.2f\n", best, r.lines, r.bytes,
           (cpu_of(pids) - cpu) / rounds);
}

static void measure_floor(struct client *c, size_t total)
{
    static const char *const names[] = {"write", "read"};

    for (int k = 0; k < 2; k++) {
        int64_t begin = now_ns();
        double cpu = cpu_of(pids);
        struct stream s;
        struct reading r;

        stream_open(&s, c->path, "GET", k ? "/read" : "/follow", NULL, true);
        r = read_all(&s);
        expect_bytes(&r, total, names[k]);
        printf("%s %.1f\n%s_cpu %.2f\n", names[k], mbps(total, begin), names[k],
               (cpu_of(pids) - cpu) / ((double)total / (1 << 20)));
    }
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    const char *what = argc > 4 ? argv[3] : "";

    if (argc < 5) {
        fprintf(stderr, "usage: bench_logs SOCKET PIDS write|read|floor …\n");
        return 2;
    }
    c.path = argv[1];
    pids = argv[2];
    if (!strcmp(what, "write") && argc > 6)
        write_log(&c, argv[4], (strtoul(argv[5], NULL, 10) << 20) / 65 * 65, argv[6], argc > 7);
    else if (!strcmp(what, "read"))
        time_target(&c, argv[4], argc > 5 ? (int)strtol(argv[5], NULL, 10) : 1);
    else if (!strcmp(what, "floor"))
        measure_floor(&c, (strtoul(argv[4], NULL, 10) << 20) / 65 * 65);
    else
        return 2;
    client_close(&c);
    return 0;
}
