/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's output costs on its way to the log: a pipe with 65-byte lines, a hub, a
 * json-file log, with and without landing, alone and with a follower. MB/s of payload and CPU
 * milliseconds of this process (the writer is another) per MiB.
 *
 *   bench_landing [MiB] [DIR]
 */
/* links: stream core base wire */
#include "stream/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "core/loop.h"
#include "stream/landing.h"
#include "stream/log.h"
#include "stream/sink.h"

#define LINE 65

struct bench {
    struct loop *loop;
    struct pools *pools;
    struct landing *landing;
    const char *dir;
    size_t total;
    bool is_drained, is_read;
    size_t followed;
};

static void write_lines(int fd, size_t total)
{
    static char lines[1000 * LINE];

    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % LINE == LINE - 1 ? '\n' : (char)('a' + i % 26);
    while (total > 0) {
        size_t n = total < sizeof(lines) ? total : sizeof(lines);
        ssize_t w = write(fd, lines, n);

        if (w <= 0)
            _exit(1);
        total -= (size_t)w;
    }
    _exit(0);
}

static void on_drained(void *ctx)
{
    struct bench *b = ctx;

    b->is_drained = true;
}

static void on_read(void *ctx)
{
    struct bench *b = ctx;

    b->is_read = true;
}

struct counter {
    struct sink sink; /* first */
    struct bench *bench;
};

static void counter_write(struct sink *s, const void *p, size_t n)
{
    (void)p;
    ((struct counter *)s)->bench->followed += n;
}

static size_t counter_queued(const struct sink *s)
{
    (void)s;
    return 0;
}

static void counter_end(struct sink *s)
{
    (void)s;
}

static double cpu_ms(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static void run_until(struct bench *b, const bool *flag)
{
    while (!*flag)
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
}

static void must(struct err *e)
{
    if (!e)
        return;
    fprintf(stderr, "bench_landing: %s\n", err_text(e));
    exit(1);
}

static void measure(struct bench *b, const char *name, bool lands, bool follows)
{
    static const struct hub_hooks hooks;
    struct log_spec spec = {
        .dir = b->dir, .container_id = name, .landing = lands ? b->landing : NULL};
    struct log_query q = {.want_stdout = true, .tail = -1, .follow = true, .framed = true};
    struct counter c = {.sink = {counter_write, counter_queued, counter_end}, .bench = b};
    struct hub_streams s = {.in = -1, .err = -1, .pty = -1, .relay = {-1, -1}};
    struct hub *hub = hub_create(b->loop, b->pools, &hooks, b);
    struct log_reader *reader;
    struct log *log;
    int ends[2];
    int64_t begin;
    double cpu;
    pid_t writer;

    b->is_drained = b->is_read = false;
    b->followed = 0;
    must(log_create(b->loop, b->pools, &spec, &log));
    if (pipe2(ends, O_CLOEXEC))
        exit(1);
    writer = fork();
    if (!writer)
        write_lines(ends[1], b->total);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    s.out = ends[0];
    s.log = log;
    begin = clock_boot_ns();
    cpu = cpu_ms();
    hub_run(hub, &s, on_drained, b);
    hub_process_exited(hub); /* drained comes after the end of file */
    if (follows)
        must(log_read(log, &q, &c.sink, on_read, b, &reader));
    run_until(b, &b->is_drained);
    log_finish(log);
    if (follows)
        run_until(b, &b->is_read);
    printf("%-28s %7.0f MB/s  %5.2f CPU ms/MiB\n", name,
           (double)b->total * 1e3 / (double)(clock_boot_ns() - begin),
           (cpu_ms() - cpu) / ((double)b->total / (1 << 20)));
    waitpid(writer, NULL, 0);
    hub_destroy(hub);
    b->is_drained = false;
    log_destroy(log, on_drained, b);
    run_until(b, &b->is_drained);
}

int main(int argc, char **argv)
{
    struct bench b = {.total = (size_t)(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 128) << 20,
                      .dir = argc > 2 ? argv[2] : "/tmp"};
    char dir[4096];

    snprintf(dir, sizeof(dir), "%s/bench-landing.XXXXXX", b.dir);
    b.dir = mkdtemp(dir);
    if (!b.dir)
        return 1;
    b.loop = loop_create();
    b.pools = pools_create(b.loop, 1, 2);
    must(landing_create(b.dir, &b.landing));
    measure(&b, "read-append", false, false);
    measure(&b, "land", true, false);
    measure(&b, "read-append-follow", false, true);
    measure(&b, "land-follow", true, true);
    pools_destroy(b.pools);
    landing_destroy(b.landing);
    must(dir_remove_tree(AT_FDCWD, b.dir));
    return 0;
}
