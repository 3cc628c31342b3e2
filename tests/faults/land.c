/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a byte ever lost, doubled or torn between a pipe and its log when the engine is killed? A
 * small engine (splice into a slot, format, pwrite, flip: the real code of wire/ and stream/)
 * is killed after every single user instruction, and at random; another one then goes on. The
 * test plays keeper: it holds pipe, pty, relay and landing memory.
 *
 *   land step   pipe|pty|rotate|recover [land|plain] [STRIDE]
 *   land random pipe|pty|rotate         [land|plain] [KILLS]
 *
 * Prints "kills N missing N doubled N torn N". With `plain` (read, then the same writing) the
 * figures must not be zero: that shows that this test can fail.
 */
/* links: stream core base wire */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "stream/log.h"
#include "wire/land.h"

#include "land_kit.h"
#include "log_record.h"
#include "logdisk.h"

#define N_LINES 4
#define TRIES 20

struct world {
    bool is_pty, lands, recovers;
    int rotates; /* size of a file, 0: never */
    struct land land;
    int from, to; /* what the engine reads, what the container writes */
    int relay[2];
    char dir[64], log[128];
};

/* ---- the engine that is killed ---- */

struct engine {
    struct land land;
    struct land_record *record;
    struct logfiles files;
    struct logdisk disk;
    struct log_batch batch;
    uint64_t seq;
};

static void open_engine(struct engine *e, const struct world *w)
{
    memset(e, 0, sizeof(*e));
    logfiles_init(&e->files, mem_strdup(w->log), w->rotates ? 100000 : 1);
    logdisk_init(&e->disk, &e->files);
    e->disk.is_blocking = true;
    e->disk.max_size = w->rotates ? w->rotates : (int64_t)1 << 40;
    e->disk.out = mem_alloc(e->disk.out_room = 1 << 16); /* no long memset to step through */
    log_batch_add(&e->batch, CHUNK_EOF, NULL, 0);
    e->batch.n = 0;
    if (!w->lands)
        return;
    must(!land_open(&e->land, w->land.fds), "open the landing memory");
    e->record = land_record(&e->land, 0);
    logdisk_share(&e->disk, e->record, true);
    e->seq = land_state(e->record)->seq;
}

static void write_batch(struct engine *e)
{
    e->batch.at = 0;
    must(logdisk_run(&e->disk, &e->batch), "write the log");
    e->batch.n = 0;
}

static void land_slot_now(struct engine *e, unsigned slot)
{
    const struct land_slot *s = land_slot(&e->land, slot);
    struct chunk *c = log_batch_add(&e->batch, CHUNK_SLOT, NULL, 0);

    c->stream = s->stream;
    c->wall_ns = s->wall_ns;
    c->landed.bytes = land_bytes(&e->land, slot);
    c->landed.n_bytes = (uint32_t)land_filled(&e->land, slot);
    c->landed.seq = e->seq = s->seq;
    c->landed.slot = slot;
    write_batch(e);
    land_release(&e->land, slot);
}

/* As landing.c: what is bound, filled and not in the record's state. */
static void recover(struct engine *e)
{
    log_batch_add(&e->batch, CHUNK_SPOOL, "", 1);
    for (unsigned i = 0; i < 2; i++) {
        const struct land_slot *s = land_slot(&e->land, i);

        if (s->record == 1 && s->seq > land_state(e->record)->seq && land_filled(&e->land, i))
            land_slot_now(e, i);
        else
            land_release(&e->land, i);
    }
}

static bool land_once(struct engine *e, const struct world *w)
{
    unsigned slot = (unsigned)(e->seq % 2);
    int pipe = w->is_pty ? w->relay[0] : w->from;
    ssize_t n = land_fill(&e->land, slot, 0, e->seq + 1, STREAM_STDOUT, clock_wall_ns(), pipe);

    if (n > 0) {
        land_slot_now(e, slot);
        return true;
    }
    return w->is_pty && splice(w->from, NULL, w->relay[1], NULL, LAND_WINDOW,
                               SPLICE_F_NONBLOCK | SPLICE_F_MOVE) > 0;
}

static bool read_once(struct engine *e, const struct world *w)
{
    char space[4096];
    ssize_t n = read(w->from, space, sizeof(space));
    struct chunk *c;

    if (n <= 0)
        return false;
    c = log_batch_add(&e->batch, CHUNK_BYTES, space, (size_t)n);
    c->stream = STREAM_STDOUT;
    c->wall_ns = clock_wall_ns();
    write_batch(e);
    return true;
}

static bool run_once(struct engine *e, const struct world *w)
{
    return w->lands ? land_once(e, w) : read_once(e, w);
}

/* Takes all there is. A stepped one stops after its setting up and does one turn: of recovery, or
 * of the usual, which for a pty is to fill the relay and then to land it. */
static void run_engine(const void *world, bool is_stepped)
{
    const struct world *w = world;
    static struct engine e;

    open_engine(&e, w);
    if (is_stepped && (w->recovers || !w->lands))
        raise(SIGSTOP);
    if (w->lands)
        recover(&e);
    if (is_stepped && !w->recovers && w->lands)
        raise(SIGSTOP);
    if (!is_stepped)
        while (run_once(&e, w))
            ;
    else if (!w->recovers && run_once(&e, w) && w->is_pty)
        run_once(&e, w);
    _exit(0);
}

/* ---- what was written, what is in the log ---- */

struct result {
    long kills, missing, doubled, torn;
};

static void read_records(const char *path, struct buf *text, struct result *r)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *p, *at, *end;

    if (fd < 0 || fstat(fd, &st) || !st.st_size)
        return;
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    must(p != MAP_FAILED, "map the log");
    for (at = p, end = p + st.st_size; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        struct log_record record;

        if (!newline || *at != '{' || !log_record_parse(at, (size_t)(newline - at), &record)) {
            r->torn++;
        } else {
            buf_reserve(text, record.log_n);
            text->len += log_record_text(&record, text->data + text->len);
        }
        at = newline ? newline + 1 : end;
    }
    munmap(p, (size_t)st.st_size);
}

static void read_log(const struct world *w, struct buf *text, struct result *r)
{
    char path[160];
    int age = 0;

    do
        snprintf(path, sizeof(path), "%s.%d", w->log, ++age);
    while (!access(path, F_OK));
    while (--age > 0) {
        snprintf(path, sizeof(path), "%s.%d", w->log, age);
        read_records(path, text, r);
    }
    read_records(w->log, text, r);
}

static void compare(const struct world *w, unsigned n, struct result *r)
{
    autobuf struct buf text = {0};
    unsigned next = 0;
    char *at, *end, *newline;

    buf_puts(&text, "");
    read_log(w, &text, r);
    for (at = text.data, end = at + text.len; at < end; at = newline + 1) {
        char want[128];
        unsigned i;

        newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            r->torn++;
            break;
        }
        i = newline - at > 13 ? (unsigned)strtoul(at + 5, NULL, 10) : n;
        if (i >= n || make_line(want, i) != (size_t)(newline + 1 - at) ||
            memcmp(want, at, (size_t)(newline + 1 - at)) != 0) {
            r->torn++;
            continue;
        }
        if (i < next)
            r->doubled++;
        else
            r->missing += i - next;
        if (i >= next)
            next = i + 1;
    }
    r->missing += n - next;
}

/* ---- the keeper's part ---- */

static void open_source(struct world *w)
{
    int ends[2];

    if (w->is_pty) {
        struct termios raw;

        must(!openpty(&w->from, &w->to, NULL, NULL, NULL), "open a pty");
        tcgetattr(w->to, &raw);
        cfmakeraw(&raw);
        tcsetattr(w->to, TCSANOW, &raw);
        must(!pipe2(w->relay, O_CLOEXEC | O_NONBLOCK), "make a pipe");
    } else {
        must(!pipe2(ends, O_CLOEXEC), "make a pipe");
        w->from = ends[0];
        w->to = ends[1];
    }
    fcntl(w->from, F_SETFL, O_RDWR | O_NONBLOCK);
}

static void open_world(struct world *w)
{
    snprintf(w->dir, sizeof(w->dir), "/tmp/land.XXXXXX");
    must(mkdtemp(w->dir), "make a directory");
    snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
    must(!land_create(&w->land), "make the landing memory");
    open_source(w);
}

static void clear_world(struct world *w)
{
    char path[160];

    for (int age = 1;; age++) {
        snprintf(path, sizeof(path), "%s.%d", w->log, age);
        if (unlink(path))
            break;
    }
    unlink(w->log);
    for (unsigned i = 0; i < LAND_SLOTS; i++)
        land_release(&w->land, i);
    land_record_free(&w->land, 0); /* of the world before */
    land_record_use(&w->land, 0, "c", LAND_BLOCK);
}

static void finish_with_engine(const struct world *w)
{
    pid_t pid = start_engine(run_engine, w, false);
    int status;

    must(waitpid(pid, &status, 0) == pid && !status, "the last engine failed");
}

/* ---- after every instruction ---- */

/* A pty hands over by a worker of the kernel's: what an engine finds would be a matter of luck, and
 * the run one that is not met again. */
static void await_input(const struct world *w, size_t bytes)
{
    int there = 0;

    for (int ms = 0; w->is_pty && ms < 10000; ms++) {
        must(!ioctl(w->from, FIONREAD, &there), "ask for what is there");
        if ((size_t)there >= bytes)
            return;
        poll(NULL, 0, 1);
    }
    must(!w->is_pty, "see the input arrive");
}

static size_t bytes_of_lines(unsigned from, unsigned to)
{
    char line[LINE_ROOM];
    size_t bytes = 0;

    for (unsigned i = from; i < to; i++)
        bytes += make_line(line, i);
    return bytes;
}

/* The first half of a line before, so that the record holds it; then the rest. */
static void give_input(struct world *w)
{
    char line[128];
    size_t n = make_line(line, 1);

    write_some_lines(w->to, 0, 1);
    must(write(w->to, line, n / 2) > 0, "write half a line");
    await_input(w, bytes_of_lines(0, 1) + n / 2);
    if (w->recovers) /* an engine that died right after its splice */
        must(land_fill(&w->land, 0, 0, 1, STREAM_STDOUT, 1, w->from) > 0, "fill a slot");
    else
        finish_with_engine(w);
    must(write(w->to, line + n / 2, n - n / 2) > 0, "write the other half");
    write_some_lines(w->to, 2, N_LINES - 1);
    await_input(w, n - n / 2 + bytes_of_lines(2, N_LINES - 1));
}

static void step(struct world *w, long stride, struct result *r)
{
    struct trace trace = {0};
    long not_met = 0;

    clear_world(w);
    give_input(w);
    trace_record(&trace, run_engine, w);
    finish_with_engine(w);
    for (long k = 0; k < trace.n; k += stride) {
        bool is_killed = false;

        /* It may have gone another way: once more. */
        for (int tries = 0; tries < TRIES && !is_killed; tries++) {
            clear_world(w);
            give_input(w);
            is_killed = trace_kill_at(&trace, k, run_engine, w);
            write_some_lines(w->to, N_LINES - 1, N_LINES);
            finish_with_engine(w);
            compare(w, N_LINES, r);
        }
        r->kills += is_killed;
        not_met += !is_killed;
        if (getenv("LAND_WHERE") && (r->missing || r->doubled || r->torn)) {
            fprintf(stderr, "# first wrong at %ld (%lx)\n", k, trace.at[k]);
            exit(3);
        }
    }
    fprintf(stderr, "# %ld instructions; %ld of them not met again\n", trace.n, not_met);
    trace_finish(&trace);
}

/* ---- at random ---- */

static unsigned *shared_count;

static void at_random(struct world *w, long kills, struct result *r)
{
    unsigned seed = seed_of_run();
    int status;
    pid_t writer;

    shared_count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    clear_world(w);
    writer = start_line_writer(w->to, shared_count);
    for (r->kills = 0; r->kills < kills; r->kills++) {
        struct timespec life = {0, rand_r(&seed) % 2500000};
        pid_t pid = start_engine(run_engine, w, false);

        nanosleep(&life, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    shared_count[1] = 1;
    while (waitpid(writer, &status, WNOHANG) == 0)
        finish_with_engine(w);
    finish_with_engine(w);
    compare(w, shared_count[0], r);
    fprintf(stderr, "# %u lines were written\n", shared_count[0]);
}

int main(int argc, char **argv)
{
    struct world w = {.relay = {-1, -1}};
    struct result r = {0};
    const char *mode = argc > 1 ? argv[1] : "", *source = argc > 2 ? argv[2] : "";

    w.is_pty = !strcmp(source, "pty");
    if (!strcmp(source, "rotate"))
        w.rotates = !strcmp(mode, "step") ? 100 : 1 << 18;
    w.recovers = !strcmp(source, "recover");
    w.lands = argc < 4 || strcmp(argv[3], "plain") != 0;
    open_world(&w);
    if (!strcmp(mode, "step"))
        stay_on_one_cpu();
    if (!strcmp(mode, "step"))
        step(&w, argc > 4 ? strtol(argv[4], NULL, 10) : 1, &r);
    else if (!strcmp(mode, "random"))
        at_random(&w, argc > 4 ? strtol(argv[4], NULL, 10) : 3000, &r);
    else
        return 2;
    printf("kills %ld missing %ld doubled %ld torn %ld\n", r.kills, r.missing, r.doubled, r.torn);
    clear_world(&w);
    rmdir(w.dir);
    return r.missing || r.doubled || r.torn;
}
