/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a message ever lost, or doubled but for the one in flight, between a container's pipe and its
 * syslog server when the engine is killed? The engine here is the real log with its loop, landing
 * memory, spool and socket; it is killed after every single user instruction of a run, and at
 * random; another one then goes on. The test plays keeper and server, which counts.
 *
 *   forward_land step   slot|left|spool|park [land|plain] [STRIDE]
 *   forward_land random gram|stream|spool    [land|plain] [KILLS]
 *
 * slot: what is in the pipe. left: a slot that the engine before had filled. park: the server takes
 * nothing, the slots are parked. spool: what the keeper took. gram, stream: the kind of its socket.
 * Prints "kills N missing N extra N torn N"; extra: more than one a kill. With `plain` (read and
 * appended in memory, as without landing) lines are missing: that shows that this test can fail.
 */
/* links: stream core base wire */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/loop.h"
#include "stream/landing.h"
#include "stream/log.h"
#include "wire/land.h"

#include "land_kit.h"
#include "log_forward.h"
#include "log_inner.h"

#define N_LINES 4
#define TRIES 4
#define N_OTHERS 40 /* slots that somebody else has, so that ours are parked */
#define MAX_LIFE_NS 4000000
#define SPOOL_ROUND 3 /* chunks that the keeper takes between two engines, at most */

struct result {
    long kills, missing, doubled, extra, torn;
    unsigned next;     /* line */
    unsigned in_doubt; /* doubled or cut off since the last death: one is allowed */
};

struct world {
    bool lands, is_stream, has_spool, parks, has_left;
    struct land land;
    int from, to; /* the container's pipe */
    char dir[64], spool_dir[80], spool[96], socket[96];
    int server, client; /* client: of a stream, -1 */
    char text[8192];    /* of the stream, not a message yet */
    size_t n_text;
    struct result r;
};

/* ---- the engine that is killed ---- */

struct engine {
    struct loop *loop;
    struct landing *landing;
    struct log *log;
};

static void open_engine(struct engine *e, const struct world *w)
{
    char address[128];
    struct pair pair = {(char *)"syslog-address", address};
    struct pairs options = {&pair, 1};
    struct log_spec spec = {.type = "syslog",
                            .options = &options,
                            .dir = w->dir,
                            .container_id = "c",
                            .container_name = "c",
                            .image_name = "i",
                            .image_id = "i"};

    snprintf(address, sizeof(address), "unix://%s", w->socket);
    e->loop = loop_create();
    if (w->lands)
        must(!landing_adopt(w->spool_dir, w->land.fds, &e->landing), "adopt the landing memory");
    spec.landing = e->landing;
    must(!log_create(e->loop, pools_create(e->loop, 1, 1), &spec, &e->log), "make the log");
}

static ssize_t take(struct engine *e, const struct world *w)
{
    char space[4096], *bytes;
    ssize_t n;

    if (w->lands)
        return log_land(e->log, STREAM_STDOUT, w->from, &bytes);
    if (log_is_full(e->log))
        return -EBUSY;
    n = read(w->from, space, sizeof(space));
    if (n > 0)
        log_append(e->log, STREAM_STDOUT, clock_wall_ns(), space, (size_t)n);
    return n < 0 ? -errno : n;
}

static bool is_at_rest(const struct log *g)
{
    return !g->job_runs && !g->pending.n && !g->flying.n;
}

/* Takes all there is, until it is sent; a stepped one does not wait for a server. */
static void run_engine(const void *world, bool is_stepped)
{
    const struct world *w = world;
    struct engine e = {0};

    open_engine(&e, w);
    if (is_stepped)
        raise(SIGSTOP);
    log_begin_run(e.log);
    for (;;) {
        ssize_t n = take(&e, w);

        if (n <= 0 && n != -EBUSY && is_at_rest(e.log))
            _exit(0);
        if (is_stepped && log_forward_is_waiting(e.log->forward))
            _exit(0);
        uv_run(loop_uv(e.loop), n > 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
}

/* ---- the server's part ---- */

static void doubt(struct result *r)
{
    r->doubled++;
    if (++r->in_doubt > 1)
        r->extra++;
}

static void count_message(struct result *r, const char *p, size_t n)
{
    char want[LINE_ROOM];
    const char *at = memmem(p, n, "line ", 5);
    unsigned i;
    size_t n_want;

    if (!at && memmem(p, n, "fill", 4))
        return;
    n_want = at ? make_line(want, i = (unsigned)strtoul(at + 5, NULL, 10)) - 1 : 0;
    if (!at || n_want != n - (size_t)(at - p) || memcmp(want, at, n_want) != 0) {
        r->torn++;
        return;
    }
    if (i + 1 == r->next)
        doubt(r);
    else if (i < r->next)
        r->extra++;
    else
        r->missing += i - r->next;
    if (i >= r->next)
        r->next = i + 1;
}

static bool take_gram(struct world *w)
{
    char text[4096];
    ssize_t n = recv(w->server, text, sizeof(text) - 1, MSG_DONTWAIT);

    if (n <= 0)
        return false;
    text[n] = '\0';
    count_message(&w->r, text, (size_t)n - (text[n - 1] == '\n'));
    return true;
}

static void count_messages(struct world *w)
{
    char *at = w->text, *newline;

    while ((newline = memchr(at, '\n', w->n_text - (size_t)(at - w->text)))) {
        *newline = '\0';
        count_message(&w->r, at, (size_t)(newline - at));
        at = newline + 1;
    }
    w->n_text -= (size_t)(at - w->text);
    memmove(w->text, at, w->n_text);
}

/* A connection is read to its end before the next: they are in order. */
static bool take_stream(struct world *w)
{
    ssize_t n;

    if (w->client < 0)
        w->client = accept4(w->server, NULL, NULL, SOCK_CLOEXEC);
    if (w->client < 0)
        return false;
    n = recv(w->client, w->text + w->n_text, sizeof(w->text) - w->n_text, MSG_DONTWAIT);
    if (n < 0)
        return false;
    w->n_text += (size_t)n;
    count_messages(w);
    if (n)
        return true;
    if (w->n_text) /* the one in flight: comes again, whole */
        doubt(&w->r);
    w->n_text = 0;
    close(steal_fd(&w->client));
    return true;
}

static void take_all(struct world *w)
{
    while (w->is_stream ? take_stream(w) : take_gram(w))
        continue;
}

/* Serves until the time is over or the process, which is not waited for, has ended. */
static void serve(struct world *w, pid_t pid, int64_t until_ns)
{
    autoclose int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int64_t left;

    must(pidfd >= 0, "watch the engine");
    while ((left = until_ns - clock_boot_ns()) > 0) {
        struct pollfd p[] = {{.fd = pidfd, .events = POLLIN},
                             {.fd = w->client >= 0 ? w->client : w->server, .events = POLLIN}};
        struct timespec t = {left / NS_PER_S, left % NS_PER_S};

        ppoll(p, 2, &t, NULL);
        take_all(w);
        if (p[0].revents)
            return;
    }
}

static void open_server(struct world *w)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int type = (w->is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

    snprintf(w->socket, sizeof(w->socket), "%s/socket", w->dir);
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", w->socket);
    w->client = -1;
    w->server = socket(AF_UNIX, type, 0);
    must(w->server >= 0 && !bind(w->server, (struct sockaddr *)&addr, sizeof(addr)), "bind");
    must(!w->is_stream || !listen(w->server, 64), "listen");
}

static void fill_server(const struct world *w)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", w->socket);
    while (sendto(fd, "fill", 4, 0, (struct sockaddr *)&addr, sizeof(addr)) == 4)
        continue;
    must(errno == EAGAIN, "fill the server");
}

/* ---- the keeper's part ---- */

/* As keeper/drain.c: a chunk's header stands before its bytes. `is_cut`: it dies before it has
 * written how many. */
static bool put_chunk(int fd, off_t at, int from, bool is_cut)
{
    struct spool_chunk c = {SPOOL_MAGIC, SPOOL_OPEN, clock_wall_ns(), STREAM_STDOUT, 0};
    ssize_t n;

    must(pwrite(fd, &c, sizeof(c), at) == sizeof(c) && lseek(fd, at + (off_t)sizeof(c), SEEK_SET),
         "write a chunk");
    n = splice(from, NULL, fd, NULL, LAND_WINDOW, SPLICE_F_NONBLOCK);
    if (n <= 0) {
        must(!ftruncate(fd, at), "take a chunk back");
        return false;
    }
    c.n = (uint32_t)n;
    must(is_cut || pwrite(fd, &c, sizeof(c), at) == sizeof(c), "end a chunk");
    return true;
}

static void spool(const struct world *w, unsigned chunks, bool is_cut)
{
    struct spool_head head = {SPOOL_MAGIC, LAND_VERSION, (uint64_t)clock_boot_ns()};
    autoclose int fd = open(w->spool, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    must(fd >= 0 && !fstat(fd, &st), "open the spool");
    if (!st.st_size)
        must(write(fd, &head, sizeof(head)) == sizeof(head), "begin the spool");
    for (; chunks > 0; chunks--) {
        must(!fstat(fd, &st), "look at the spool");
        if (!put_chunk(fd, st.st_size, w->from, is_cut && chunks == 1))
            return;
    }
}

static void open_world(struct world *w)
{
    int ends[2];

    snprintf(w->dir, sizeof(w->dir), "/tmp/land.XXXXXX");
    must(mkdtemp(w->dir), "make a directory");
    snprintf(w->spool_dir, sizeof(w->spool_dir), "%s/spool", w->dir);
    snprintf(w->spool, sizeof(w->spool), "%s/c", w->spool_dir);
    must(!mkdir(w->spool_dir, 0700), "make a directory");
    must(!land_create(&w->land), "make the landing memory");
    must(!pipe2(ends, O_CLOEXEC), "make a pipe");
    w->from = ends[0];
    w->to = ends[1];
    fcntl(w->from, F_SETFL, O_RDWR | O_NONBLOCK);
    open_server(w);
}

static void close_world(const struct world *w)
{
    unlink(w->spool);
    rmdir(w->spool_dir);
    unlink(w->socket);
    rmdir(w->dir);
}

static void clear_world(struct world *w)
{
    unlink(w->spool);
    for (unsigned i = 0; i < LAND_SLOTS; i++)
        land_release(&w->land, i);
    for (unsigned i = 0; i < land_records_touched(&w->land); i++)
        land_record_free(&w->land, i);
    land_record_use(&w->land, 0, "c", LAND_BLOCK);
    w->r.next = w->r.in_doubt = 0;
}

static void finish_with_engine(struct world *w)
{
    pid_t pid = start_engine(run_engine, w, false);
    int status;

    serve(w, pid, INT64_MAX);
    must(waitpid(pid, &status, 0) == pid && !status, "the last engine failed");
    take_all(w);
}

static void fill_slot(const struct world *w, unsigned slot, unsigned record, int from)
{
    must(land_fill(&w->land, slot, record, slot + 1, STREAM_STDOUT, 1, from) > 0, "fill a slot");
}

static void occupy_slots(const struct world *w)
{
    int ends[2];

    must(!pipe2(ends, O_CLOEXEC), "make a pipe");
    land_record_use(&w->land, 1, "other", LAND_BLOCK);
    for (unsigned i = 0; i < N_OTHERS; i++) {
        must(write(ends[1], "x", 1) == 1, "write to a pipe");
        fill_slot(w, LAND_SLOTS - 1 - i, 1, ends[0]);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- after every instruction ---- */

/* The first half of a line before, so that the record holds it; then the rest, where the source
 * wants it. */
static void give_input(struct world *w)
{
    char line[LINE_ROOM];
    size_t n = make_line(line, 1);

    write_some_lines(w->to, 0, 1);
    if (!w->has_left) {
        must(write(w->to, line, n / 2) > 0, "write half a line");
        finish_with_engine(w);
        must(write(w->to, line + n / 2, n - n / 2) > 0, "write the other half");
    } else {
        write_some_lines(w->to, 1, 2);
        fill_slot(w, 0, 0, w->from);
    }
    write_some_lines(w->to, 2, N_LINES - 1);
    if (w->has_spool)
        spool(w, 1, true);
    if (w->parks) {
        occupy_slots(w);
        fill_server(w);
    }
}

static void go_on(struct world *w)
{
    take_all(w);
    write_some_lines(w->to, N_LINES - 1, N_LINES);
    finish_with_engine(w);
    w->r.missing += N_LINES - w->r.next;
}

static void step(struct world *w, long stride)
{
    struct trace trace;
    long not_met = 0;

    clear_world(w);
    give_input(w);
    trace_record(&trace, run_engine, w);
    go_on(w);
    for (long k = 0; k < trace.n; k += stride) {
        bool is_killed = false;

        /* It may have gone another way: once more. */
        for (int tries = 0; tries < TRIES && !is_killed; tries++) {
            clear_world(w);
            give_input(w);
            is_killed = trace_kill_at(&trace, k, run_engine, w);
            go_on(w);
        }
        w->r.kills += is_killed;
        not_met += !is_killed;
        if (getenv("LAND_WHERE") && (w->r.missing || w->r.extra || w->r.torn)) {
            fprintf(stderr, "# first wrong at %ld (%lx)\n", k, trace.at[k]);
            exit(3);
        }
    }
    fprintf(stderr, "# %ld instructions; %ld of them not met again; %ld doubled\n", trace.n,
            not_met, w->r.doubled);
    trace_finish(&trace);
}

/* ---- at random ---- */

static void at_random(struct world *w, long kills)
{
    unsigned seed = seed_of_run();
    unsigned *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t writer;

    clear_world(w);
    writer = start_line_writer(w->to, count);
    for (; w->r.kills < kills; w->r.kills++) {
        pid_t pid = start_engine(run_engine, w, false);

        serve(w, pid, clock_boot_ns() + rand_r(&seed) % MAX_LIFE_NS);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        take_all(w);
        w->r.in_doubt = 0;
        if (w->has_spool && access(w->spool, F_OK) != 0)
            spool(w, 1 + (unsigned)rand_r(&seed) % SPOOL_ROUND, rand_r(&seed) % 2);
    }
    __atomic_store_n(&count[1], 1, __ATOMIC_SEQ_CST);
    while (waitpid(writer, &status, WNOHANG) == 0)
        finish_with_engine(w);
    finish_with_engine(w);
    w->r.missing += count[0] > w->r.next ? count[0] - w->r.next : 0;
    fprintf(stderr, "# %u lines were written; %ld doubled\n", count[0], w->r.doubled);
}

int main(int argc, char **argv)
{
    static struct world w;
    const char *mode = argc > 1 ? argv[1] : "", *source = argc > 2 ? argv[2] : "";
    bool steps = !strcmp(mode, "step");

    log_set_level(LOG_LEVEL_ERROR); /* a loop that is stepped is slow, and would say so */
    if (!steps && strcmp(mode, "random") != 0)
        return 2;
    w.is_stream = !strcmp(source, "stream");
    w.has_spool = !strcmp(source, "spool");
    w.parks = !strcmp(source, "park");
    w.has_left = !strcmp(source, "left");
    w.lands = argc < 4 || strcmp(argv[3], "plain") != 0;
    open_world(&w);
    if (steps)
        stay_on_one_cpu();
    if (steps)
        step(&w, argc > 4 ? strtol(argv[4], NULL, 10) : 1);
    else
        at_random(&w, argc > 4 ? strtol(argv[4], NULL, 10) : 3000);
    printf("kills %ld missing %ld extra %ld torn %ld\n", w.r.kills, w.r.missing, w.r.extra,
           w.r.torn);
    close_world(&w);
    return w.r.missing || w.r.extra || w.r.torn;
}
