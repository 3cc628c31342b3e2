/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base */
#include "stream/hub.h"

#include "base/fd.h"

#include "hub_inner.h"
#include "log_kit.h"

#include <errno.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>

/* A hub whose process is the test: it holds the other ends. */
struct bench {
    struct kit *k;
    struct hub *h;
    struct log *log;
    int in, out, err, pty; /* the process's ends; -1 when not there */
    int n_closed_stdin, n_detached;
    bool has_drained;
};

static void on_close_stdin(void *ctx)
{
    ((struct bench *)ctx)->n_closed_stdin++;
}

static void on_detached(void *ctx)
{
    ((struct bench *)ctx)->n_detached++;
}

static void bench_open(struct bench *b)
{
    static const struct hub_hooks hooks = {on_close_stdin, on_detached};

    *b = (struct bench){.k = kit_open(), .in = -1, .out = -1, .err = -1, .pty = -1};
    b->log = log_open_with(b->k, "max-size=100m");
    b->h = hub_create(b->k->loop, b->k->pools, &hooks, b);
}

static int nonblocking(int fd)
{
    CHECK_OK(fd_set_nonblock(fd));
    return fd;
}

/* A run on three pipes; the process's ends do not block either. */
static void bench_run(struct bench *b, bool stdin_once)
{
    struct hub_streams s = {.pty = -1, .stdin_once = stdin_once, .log = b->log};
    int p[2];

    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    b->in = p[0];
    s.in = p[1];
    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    s.out = p[0];
    b->out = p[1];
    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    s.err = p[0];
    b->err = p[1];
    b->has_drained = false;
    hub_run(b->h, &s, kit_set, &b->has_drained);
}

static void bench_run_tty(struct bench *b)
{
    struct hub_streams s = {.in = -1, .out = -1, .err = -1, .log = b->log};
    struct termios raw;

    CHECK(openpty(&s.pty, &b->pty, NULL, NULL, NULL) == 0);
    tcgetattr(b->pty, &raw);
    cfmakeraw(&raw);
    tcsetattr(b->pty, TCSANOW, &raw);
    nonblocking(s.pty);
    nonblocking(b->pty);
    b->has_drained = false;
    hub_run(b->h, &s, kit_set, &b->has_drained);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The process dies. */
static void bench_exit(struct bench *b)
{
    close_end(&b->in);
    close_end(&b->out);
    close_end(&b->err);
    close_end(&b->pty);
    hub_process_exited(b->h);
}

static void bench_close(struct bench *b)
{
    close_end(&b->in);
    close_end(&b->out);
    close_end(&b->err);
    close_end(&b->pty);
    hub_destroy(b->h);
    log_close(b->k, b->log);
    kit_close(b->k);
}

struct client {
    struct tsink t;
    struct attachment *a;
    bool is_gone, is_ready;
};

static void on_ready(void *ctx)
{
    ((struct client *)ctx)->is_ready = true;
}

static void on_gone(void *ctx)
{
    ((struct client *)ctx)->is_gone = true;
}

#define OUTPUTS .want_stdout = true, .want_stderr = true, .stream = true

static void join(struct bench *b, struct client *c, struct attach_request r, bool is_fast,
                 size_t step)
{
    *c = (struct client){0};
    tsink_init(&c->t, b->k, is_fast, step);
    CHECK_OK(hub_attach(b->h, &r, b->log, &c->t.sink, on_gone, c, &c->a));
}

static void put(int fd, const char *s)
{
    CHECK_INT(write(fd, s, strlen(s)), strlen(s));
}

/* What the process finds on its stdin: up to n bytes, waiting for them. */
static char *take(struct bench *b, int fd, size_t n)
{
    char *text = arena_alloc(test_arena, n + 1);
    size_t done = 0;
    int64_t deadline = clock_boot_ns() + 5 * NS_PER_S;

    while (done < n && clock_boot_ns() < deadline) {
        ssize_t r = read(fd, text + done, n - done);

        if (r == 0)
            break;
        if (r > 0)
            done += (size_t)r;
        kit_turns(b->k, 1);
    }
    text[done] = '\0';
    return text;
}

/* Turns until the client has n bytes. */
static void await_bytes(struct bench *b, struct client *c, size_t n)
{
    int64_t deadline = clock_boot_ns() + 5 * NS_PER_S;

    while (c->t.got.len < n && clock_boot_ns() < deadline)
        kit_turns(b->k, 1);
    CHECK(c->t.got.len >= n);
}

TEST(hub_fans_out_framed_and_raw)
{
    struct bench b;
    struct client framed, raw, err_only;
    struct log_query q = ALL_LINES;

    bench_open(&b);
    join(&b, &framed, (struct attach_request){OUTPUTS, .framed = true}, true, 0); /* before start */
    bench_run(&b, false);
    join(&b, &raw, (struct attach_request){OUTPUTS}, true, 0);
    join(&b, &err_only, (struct attach_request){.want_stderr = true, .stream = true}, true, 0);
    put(b.out, "out\n");
    await_bytes(&b, &framed, 12);
    put(b.err, "err\n");
    await_bytes(&b, &framed, 24);
    put(b.out, "no newline");
    bench_exit(&b);
    CHECK(!b.has_drained);
    CHECK(hub_is_running(b.h));
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK(!hub_is_running(b.h));
    CHECK(!framed.is_gone);
    hub_end_clients(b.h);
    CHECK(framed.is_gone && raw.is_gone && err_only.is_gone && framed.t.is_ended);
    CHECK_INT(framed.t.got.len, 42);
    CHECK(!memcmp(framed.t.got.data,
                  "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n\1\0\0\0\0\0\0\12no newline", 42));
    CHECK_STR(raw.t.got.data, "out\nerr\nno newline");
    CHECK_STR(err_only.t.got.data, "err\n");
    CHECK_STR(log_text(b.k, b.log, &q), "out\nerr\nno newline");
    tsink_finish(&framed.t);
    tsink_finish(&raw.t);
    tsink_finish(&err_only.t);
    bench_close(&b);
}

TEST(hub_waits_for_exit_and_for_leaked_ends)
{
    struct bench b;
    int64_t start;
    int leaked;

    bench_open(&b);
    b.h->drain_ms = 300;
    bench_run(&b, false);
    close_end(&b.out);
    close_end(&b.err);
    kit_turns(b.k, 20);
    CHECK(!b.has_drained); /* all outputs ended, the process has not */
    hub_process_exited(b.h);
    KIT_UNTIL(b.k, &b.has_drained);
    bench_run(&b, false);
    put(b.out, "kept\n");
    leaked = fcntl(b.out, F_DUPFD_CLOEXEC, 0);
    start = clock_boot_ns();
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK(clock_boot_ns() - start >= 250 * NS_PER_MS);
    CHECK(clock_boot_ns() - start < 1300 * NS_PER_MS);
    close(leaked);
    bench_close(&b);
}

TEST(hub_keeps_early_input_and_bounds_it)
{
    struct bench b;
    struct client c, d;
    char *big = arena_alloc(test_arena, 300001);

    memset(big, 'i', 300000);
    bench_open(&b);
    join(&b, &c, (struct attach_request){.want_stdin = true, .stream = true}, true, 0);
    join(&b, &d, (struct attach_request){.want_stdin = true, .stream = true}, true, 0);
    CHECK(!attach_input(c.a, "early ", 6, on_ready)); /* not started: pause */
    kit_turns(b.k, 3);
    CHECK(!c.is_ready);
    bench_run(&b, false);
    CHECK(c.is_ready);
    CHECK_STR(take(&b, b.in, 6), "early ");
    CHECK(attach_input(c.a, "more", 4, on_ready));
    CHECK_STR(take(&b, b.in, 4), "more");
    c.is_ready = false;
    CHECK(!attach_input(c.a, big, 300000, on_ready)); /* taken, but no more for now */
    CHECK(!attach_input(d.a, "second", 6, on_ready));
    CHECK_INT(strlen(take(&b, b.in, 300000)), 300000);
    CHECK_STR(take(&b, b.in, 6), "second");
    KIT_UNTIL(b.k, &c.is_ready);
    KIT_UNTIL(b.k, &d.is_ready);
    attach_input_eof(c.a); /* no StdinOnce: stays open */
    kit_turns(b.k, 5);
    CHECK(attach_input(d.a, "still", 5, on_ready));
    CHECK_STR(take(&b, b.in, 5), "still");
    CHECK_INT(b.n_closed_stdin, 0);
    attach_leave(c.a);
    CHECK(!d.is_gone);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h); /* -a stdin alone does not hang */
    CHECK(d.is_gone && d.t.is_ended && !c.is_gone);
    tsink_finish(&c.t);
    tsink_finish(&d.t);
    bench_close(&b);
}

TEST(hub_stdin_once_closes_after_the_last_byte)
{
    struct bench b;
    struct client c;
    char *big = arena_alloc(test_arena, 200001);

    memset(big, 'i', 200000);
    bench_open(&b);
    for (int run = 0; run < 3; run++) {
        join(&b, &c, (struct attach_request){.want_stdin = true, .stream = true}, true, 0);
        if (run == 0)
            attach_input(c.a, big, 200000, on_ready); /* all of it before the start */
        if (run == 0)
            attach_input_eof(c.a);
        bench_run(&b, true);
        if (run > 0)
            attach_input(c.a, big, 200000, on_ready);
        CHECK_INT(b.n_closed_stdin, run);
        if (run == 1)
            attach_input_eof(c.a);
        if (run == 2)
            attach_leave(c.a);                             /* vanishes */
        CHECK_INT(strlen(take(&b, b.in, 300000)), 200000); /* to EOF */
        CHECK_INT(b.n_closed_stdin, run + 1);
        bench_exit(&b);
        KIT_UNTIL(b.k, &b.has_drained);
        hub_end_clients(b.h);
        CHECK(c.is_gone == (run < 2));
        tsink_finish(&c.t);
    }
    bench_close(&b);
}

TEST(hub_swallows_input_that_nobody_reads)
{
    struct bench b;
    struct client c;

    bench_open(&b);
    join(&b, &c, (struct attach_request){.want_stdin = true, OUTPUTS}, true, 0);
    bench_run(&b, false);
    close_end(&b.in);
    for (int i = 0; i < 100; i++)
        CHECK(attach_input(c.a, "xxxxxxxxxxxxxxxx", 16, on_ready));
    put(b.out, "alive");
    await_bytes(&b, &c, 5);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h);
    tsink_finish(&c.t);
    bench_close(&b);
}

TEST(hub_ends_pointless_clients)
{
    struct bench b;
    struct client none, in_only;
    struct hub_streams s = {.in = -1, .out = -1, .err = -1, .pty = -1};

    bench_open(&b);
    join(&b, &none, (struct attach_request){.want_stdout = true}, true,
         0); /* neither logs nor stream */
    CHECK(!none.is_gone);
    KIT_UNTIL(b.k, &none.is_gone);
    join(&b, &in_only, (struct attach_request){.want_stdin = true, .stream = true}, true, 0);
    hub_run(b.h, &s, kit_set, &b.has_drained); /* a run without stdin */
    KIT_UNTIL(b.k, &in_only.is_gone);
    CHECK(in_only.t.is_ended);
    hub_process_exited(b.h);
    KIT_UNTIL(b.k, &b.has_drained);
    tsink_finish(&none.t);
    tsink_finish(&in_only.t);
    bench_close(&b);
}

TEST(hub_serves_a_tty)
{
    struct bench b;
    struct client c;
    struct winsize size;

    bench_open(&b);
    CHECK_ERR(hub_resize(b.h, 1, 1), ERR_CONFLICT);
    join(&b, &c, (struct attach_request){.want_stdin = true, .tty = true, OUTPUTS}, true, 0);
    bench_run_tty(&b);
    CHECK_OK(hub_resize(b.h, 33, 77));
    CHECK(ioctl(b.pty, TIOCGWINSZ, &size) == 0);
    CHECK_INT(size.ws_row, 33);
    CHECK_INT(size.ws_col, 77);
    CHECK(attach_input(c.a, "ls\n", 3, on_ready));
    CHECK_STR(take(&b, b.pty, 3), "ls\n");
    put(b.pty, "file");
    await_bytes(&b, &c, 4);
    CHECK(attach_input(c.a, "a\20b\20", 4, on_ready)); /* ctrl-p a prefix only, then held back */
    CHECK_STR(take(&b, b.pty, 3), "a\20b");
    CHECK(!attach_input(c.a, "\21rest", 5, on_ready));
    CHECK(c.is_gone && c.t.is_ended);
    CHECK_INT(b.n_detached, 1);
    put(b.pty, "unseen");
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK_INT(b.n_closed_stdin, 0);
    tsink_finish(&c.t);
    bench_close(&b);
}

TEST(hub_outlives_a_tty_that_nobody_holds)
{
    struct bench b;
    struct client c;
    char name[64];

    bench_open(&b);
    join(&b, &c, (struct attach_request){.tty = true, OUTPUTS}, true, 0);
    bench_run_tty(&b);
    CHECK(ttyname_r(b.pty, name, sizeof(name)) == 0);
    put(b.pty, "one");
    await_bytes(&b, &c, 3);
    close_end(&b.pty); /* the only process on it execs something that opens it again */
    for (int i = 0; i < 3; i++)
        log_flush_now(b.k, b.log);
    CHECK(!b.has_drained);
    b.pty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(b.pty >= 0);
    put(b.pty, "two");
    await_bytes(&b, &c, 6);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK_STR(c.t.got.data, "onetwo");
    hub_end_clients(b.h);
    tsink_finish(&c.t);
    bench_close(&b);
}

TEST(hub_refuses_bad_requests)
{
    struct bench b;
    struct client c = {0};
    struct attach_request r = {.tty = true, .detach_keys = "ctrl-ä", OUTPUTS};
    struct log_spec spec = {.type = "none", .dir = test_dir(), .container_id = "c"};
    struct log *none;

    bench_open(&b);
    tsink_init(&c.t, b.k, true, 0);
    CHECK_ERR(hub_attach(b.h, &r, NULL, &c.t.sink, on_gone, &c, &c.a), ERR_INVALID);
    r = (struct attach_request){.logs = true, OUTPUTS};
    CHECK_OK(log_create(b.k->loop, b.k->pools, &spec, &none));
    CHECK_ERR(hub_attach(b.h, &r, none, &c.t.sink, on_gone, &c, &c.a), ERR_NOT_IMPLEMENTED);
    log_close(b.k, none);
    tsink_finish(&c.t);
    bench_close(&b);
}

/* Writes to fd what it takes of the numbered lines from *at on. */
static void write_lines(int fd, int *at, int n)
{
    char line[32];

    while (n-- > 0) {
        int len = snprintf(line, sizeof(line), "line %d\n", *at);

        if (write(fd, line, (size_t)len) != len)
            return;
        (*at)++;
    }
}

static char *numbered(int n)
{
    struct buf b = {0};
    char *text;

    buf_puts(&b, "");
    for (int i = 0; i < n; i++)
        buf_printf(&b, "line %d\n", i);
    text = arena_strdup(test_arena, b.data);
    buf_finish(&b);
    return text;
}

TEST(hub_replays_without_gap_or_double)
{
    struct bench b;
    struct client c[12];
    uint32_t seed = 99;
    int at = 0;

    bench_open(&b);
    bench_run(&b, false);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        for (int turn = 0; turn < 60; turn++) {
            write_lines(b.out, &at, (int)(test_random(&seed) % 200));
            kit_turns(b.k, (int)(test_random(&seed) % 3));
        }
        /* Fast, slow, slower; attached in the middle of whatever is going on. */
        join(&b, &c[i], (struct attach_request){OUTPUTS, .logs = true}, i % 3 == 0,
             i % 3 == 1 ? 200000 : 40000);
    }
    while (write(b.out, "unended", 7) != 7) /* the pipe may be full */
        kit_turns(b.k, 1);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        KIT_UNTIL(b.k, &c[i].is_gone);
        CHECK_STR(c[i].t.got.data, arena_printf(test_arena, "%sunended", numbered(at)));
        tsink_finish(&c[i].t);
    }
    bench_close(&b);
}

TEST(hub_replays_an_unterminated_line)
{
    struct bench b;
    struct client c, only_logs;

    bench_open(&b);
    bench_run(&b, false);
    put(b.out, "done\nprompt> ");
    for (;;) { /* until it has landed: the disk worker takes its time on a busy machine */
        join(&b, &only_logs, (struct attach_request){.want_stdout = true, .logs = true}, true, 0);
        KIT_UNTIL(b.k, &only_logs.is_gone);
        if (only_logs.t.got.len)
            break;
        tsink_finish(&only_logs.t);
    }
    CHECK_STR(only_logs.t.got.data, "done\nprompt> ");
    join(&b, &c, (struct attach_request){OUTPUTS, .logs = true, .framed = true}, true, 0);
    await_bytes(&b, &c, 13 + 16);
    put(b.out, "typed\n");
    await_bytes(&b, &c, 13 + 16 + 14);
    CHECK(!memcmp(c.t.got.data,
                  "\1\0\0\0\0\0\0\5done\n\1\0\0\0\0\0\0\10prompt> \1\0\0\0\0\0\0\6typed\n", 43));
    attach_leave(c.a);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    tsink_finish(&c.t);
    tsink_finish(&only_logs.t);
    bench_close(&b);
}

/* Random bytes in random chunks; every client gets each stream byte for byte. */
TEST(hub_is_byte_exact)
{
    struct bench b;
    struct client c[5];
    struct buf wrote[2] = {{0}, {0}};
    autofree char *bytes = mem_alloc(1 << 20);
    uint32_t seed = 4711;
    struct log_query q = ALL_LINES;

    bench_open(&b);
    for (int run = 0; run < 3; run++) {
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
            join(&b, &c[i], (struct attach_request){OUTPUTS, .framed = true}, i < 2,
                 i == 2 ? 300000 : 50000);
        bench_run(&b, false);
        buf_finish(&wrote[0]);
        buf_finish(&wrote[1]);
        buf_puts(&wrote[0], "");
        buf_puts(&wrote[1], "");
        for (int part = 0; part < 40; part++) {
            int stream = (int)(test_random(&seed) % 2);
            size_t n = 1 + test_random(&seed) % (part % 8 == 0 ? 1 << 20 : 5000), done = 0;

            for (size_t i = 0; i < n; i++)
                bytes[i] = (char)test_random(&seed);
            while (done < n) {
                ssize_t w = write(stream ? b.err : b.out, bytes + done, n - done);

                done += w > 0 ? (size_t)w : 0;
                if (w <= 0)
                    uv_run(loop_uv(b.k->loop), UV_RUN_ONCE);
            }
            buf_add(&wrote[stream], bytes, n);
            if (part == 20)
                attach_leave(c[4].a); /* vanishes */
        }
        bench_exit(&b);
        KIT_UNTIL(b.k, &b.has_drained);
        hub_end_clients(b.h);
        for (size_t i = 0; i < ARRAY_LEN(c); i++) {
            for (int s = 0; s < 2 && i < 4; s++) {
                struct buf got = {0};

                unframe(&c[i].t.got, s + 1, &got);
                CHECK_INT(got.len, wrote[s].len);
                CHECK(!memcmp(got.data, wrote[s].data, got.len));
                buf_finish(&got);
            }
            CHECK_INT(c[i].is_gone, i < 4);
            tsink_finish(&c[i].t);
        }
    }
    CHECK(strlen(log_text(b.k, b.log, &q)) > 0);
    buf_finish(&wrote[0]);
    buf_finish(&wrote[1]);
    bench_close(&b);
}

/* A client that takes nothing holds the output for a bounded time, and the exit not at all. */
TEST(hub_exit_does_not_wait_for_a_stalled_client)
{
    struct bench b;
    struct client stalled, fast;
    int at = 0;
    int64_t start;

    bench_open(&b);
    bench_run(&b, false);
    join(&b, &stalled, (struct attach_request){OUTPUTS}, false, 0);
    join(&b, &fast, (struct attach_request){OUTPUTS}, true, 0);
    for (int i = 0; i < 300; i++) {
        write_lines(b.out, &at, 1000);
        kit_turns(b.k, 1);
    }
    CHECK(stalled.t.got.len > SINK_HIGH);
    CHECK(stalled.t.got.len < SINK_HIGH + (128u << 10));
    start = clock_boot_ns();
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK(clock_boot_ns() - start < 500 * NS_PER_MS);
    CHECK(
        text_starts(numbered(at), fast.t.got.data)); /* a line may be cut where the pipe was full */
    CHECK(fast.t.got.len >= stalled.t.got.len);
    hub_end_clients(b.h);
    CHECK(stalled.is_gone);
    tsink_finish(&stalled.t);
    tsink_finish(&fast.t);
    bench_close(&b);
}

TEST(hub_cuts_a_client_that_takes_nothing)
{
    struct bench b;
    struct client stalled, slow, replaying;
    int at = 0;

    bench_open(&b);
    b.h->stall_ms = 400;
    bench_run(&b, false);
    join(&b, &stalled, (struct attach_request){OUTPUTS}, false, 0);
    join(&b, &slow, (struct attach_request){OUTPUTS}, false, 3000);
    while (at < 50000 || (!stalled.is_gone && at < 1000000)) {
        write_lines(b.out, &at, 1000);
        uv_run(loop_uv(b.k->loop), UV_RUN_ONCE);
    }
    CHECK(stalled.is_gone && stalled.t.is_ended);
    CHECK(!slow.is_gone); /* slower than the stall limit for a whole queue, but it moves */
    join(&b, &replaying, (struct attach_request){OUTPUTS, .logs = true}, false, 0);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h); /* the replay may go on, but not for ever */
    CHECK(slow.is_gone && !replaying.is_gone);
    KIT_UNTIL(b.k, &replaying.is_gone);
    CHECK_STR(slow.t.got.data, numbered(at));
    tsink_finish(&stalled.t);
    tsink_finish(&slow.t);
    tsink_finish(&replaying.t);
    bench_close(&b);
}

/* With others there, one that does not read holds nothing back for long, and goes when its queue
 * has run over, far before HUB_STALL_MS. */
TEST(hub_leaves_a_stalled_client_behind)
{
    struct bench b;
    struct client stalled, fast;
    int at = 0;
    int64_t start = clock_boot_ns();

    bench_open(&b);
    bench_run(&b, false);
    join(&b, &stalled, (struct attach_request){OUTPUTS}, false, 0);
    join(&b, &fast, (struct attach_request){OUTPUTS}, true, 0);
    while (at < 200000 && clock_boot_ns() - start < 5 * NS_PER_S) {
        write_lines(b.out, &at, 1000);
        timer_set(b.k->loop, &b.k->tick, 5, kit_on_tick);
        uv_run(loop_uv(b.k->loop), UV_RUN_ONCE);
    }
    CHECK(stalled.is_gone && !fast.is_gone);
    CHECK(stalled.t.got.len < 2 * SINK_HIGH + (128u << 10));
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h);
    CHECK_STR(fast.t.got.data, numbered(at));
    tsink_finish(&stalled.t);
    tsink_finish(&fast.t);
    bench_close(&b);
}

/* One that has not read for long before its queue is full does not hold the others for a moment. */
TEST(hub_does_not_wait_for_who_has_stopped_long_ago)
{
    struct bench b;
    struct client stalled, fast;
    int at = 0;

    bench_open(&b);
    bench_run(&b, false);
    join(&b, &stalled, (struct attach_request){OUTPUTS}, false, 0);
    join(&b, &fast, (struct attach_request){OUTPUTS}, true, 0);
    write_lines(b.out, &at, 1);
    await_bytes(&b, &fast, strlen(numbered(at)));
    stalled.a->moved_ns -= 400 * NS_PER_MS; /* that is how long ago it was */
    stalled.a->progress_ns -= 400 * NS_PER_MS;
    for (int i = 0; i < 2000 && !stalled.is_gone; i++) {
        write_lines(b.out, &at, 1000);
        CHECK_INT(b.h->n_slow, 0);
        kit_turns(b.k, 1);
    }
    CHECK(stalled.is_gone && !fast.is_gone);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h);
    CHECK(text_starts(numbered(at), fast.t.got.data));
    tsink_finish(&stalled.t);
    tsink_finish(&fast.t);
    bench_close(&b);
}

/* Byte i of what is written is 'a' + i % 26; a pty may take part of a write. */
static void write_letters(int fd, size_t *at)
{
    char part[2600];
    ssize_t n;

    for (size_t i = 0; i < sizeof(part); i++)
        part[i] = (char)('a' + (*at + i) % 26);
    n = write(fd, part, sizeof(part));
    *at += n > 0 ? (size_t)n : 0;
}

TEST(hub_waits_for_the_only_client_of_a_tty)
{
    struct bench b;
    struct client c;
    size_t at = 0;

    bench_open(&b);
    b.h->stall_ms = 300;
    bench_run_tty(&b);
    join(&b, &c, (struct attach_request){.tty = true, OUTPUTS}, false, 0);
    for (int64_t end = clock_boot_ns() + 800 * NS_PER_MS; clock_boot_ns() < end;) {
        write_letters(b.pty, &at);
        timer_set(b.k->loop, &b.k->tick, 5, kit_on_tick);
        uv_run(loop_uv(b.k->loop), UV_RUN_ONCE);
    }
    CHECK(!c.is_gone);
    CHECK(c.t.got.len > SINK_HIGH);
    CHECK(c.t.got.len < SINK_HIGH + (128u << 10));
    c.t.step = 100000; /* it reads again */
    timer_set(b.k->loop, &c.t.tick, 1, tsink_on_tick);
    for (int i = 0; i < 5000 && at < 1000000; i++) {
        write_letters(b.pty, &at);
        uv_run(loop_uv(b.k->loop), UV_RUN_ONCE);
    }
    CHECK(at >= 1000000);
    bench_exit(&b);
    KIT_UNTIL(b.k, &b.has_drained);
    hub_end_clients(b.h);
    /* A dead terminal takes its unread output along; what came is in order. */
    CHECK(c.t.got.len > 900000 && c.t.got.len <= at);
    for (size_t i = 0; i < c.t.got.len; i++)
        CHECK(c.t.got.data[i] == (char)('a' + i % 26));
    tsink_finish(&c.t);
    bench_close(&b);
}

TEST(hub_pauses_for_a_full_log)
{
    struct bench b;
    int at = 0, before;
    struct log_query q = ALL_LINES;
    struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};

    bench_open(&b);
    bench_run(&b, false);
    ignore_signal(SIGXFSZ);
    CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
    do {
        before = at;
        write_lines(b.out, &at, 10000);
        kit_turns(b.k, 20);
    } while (at != before);
    CHECK(log_backlog(b.log) >= LOG_BACKLOG_HIGH);
    CHECK(log_backlog(b.log) < LOG_BACKLOG_HIGH + (256u << 10));
    bench_exit(&b); /* nor does a full disk delay the exit */
    KIT_UNTIL(b.k, &b.has_drained);
    CHECK(setrlimit(RLIMIT_FSIZE, &all) == 0);
    log_flush_now(b.k, b.log);
    CHECK_STR(log_text(b.k, b.log, &q), numbered(at));
    bench_close(&b);
}

TEST(hub_can_go_at_any_time)
{
    for (int stage = 0; stage < 5; stage++) {
        struct bench b;
        struct client c, d;

        bench_open(&b);
        join(&b, &c, (struct attach_request){.want_stdin = true, OUTPUTS, .logs = true}, true, 0);
        if (stage > 0)
            bench_run(&b, true);
        join(&b, &d, (struct attach_request){.want_stdin = true, OUTPUTS}, false, 0);
        if (stage > 0)
            put(b.out, "x\n");
        attach_input(c.a, "in", 2, on_ready);
        if (stage > 1)
            kit_turns(b.k, 3);
        if (stage > 2)
            bench_exit(&b);
        if (stage > 3)
            kit_turns(b.k, 1);
        hub_destroy(b.h);
        b.h = NULL;
        CHECK(c.is_gone && d.is_gone);
        kit_turns(b.k, 3);
        tsink_finish(&c.t);
        tsink_finish(&d.t);
        bench_close(&b);
    }
}
