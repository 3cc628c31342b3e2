/* SPDX-License-Identifier: Apache-2.0 */
/* links: stream core base wire */
#include "stream/landing.h"

#include "base/fd.h"
#include "stream/hub.h"

#include "log_kit.h"

#include <pty.h>
#include <termios.h>

/* An engine, and the keeper that survives it: the landing memory and the pipes. */
struct bench {
    struct kit *k;
    struct land kept;
    struct landing *landing;
    struct log *log;
    struct hub *h;
    int out, err, pty, relay[2]; /* the process's ends; the keeper's relay */
    int ours[3];                 /* the keeper's duplicates of the engine's ends */
    bool has_drained;
};

static int copy(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static char *spool_dir(void)
{
    return path_join(test_arena, test_dir(), "spool");
}

static void engine_open(struct bench *b, const char *option)
{
    static const struct hub_hooks hooks;
    struct pairs o = {0};
    struct log_spec spec = {.options = &o, .dir = test_dir(), .container_id = "c"};
    int fds[LAND_FDS];

    for (int i = 0; i < LAND_FDS; i++)
        fds[i] = copy(b->kept.fds[i]);
    b->k = kit_open();
    CHECK_OK(landing_adopt(spool_dir(), fds, &b->landing));
    spec.landing = b->landing;
    pairs_set(test_arena, &o, "max-size", "100m");
    if (option)
        pairs_set(test_arena, &o, "mode", option);
    CHECK_OK(log_create(b->k->loop, b->k->pools, &spec, &b->log));
    b->h = hub_create(b->k->loop, b->k->pools, &hooks, b);
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){.out = -1, .err = -1, .pty = -1, .relay = {-1, -1}, .ours = {-1, -1, -1}};
    CHECK_INT(land_create(&b->kept), 0);
    CHECK(mkdir(spool_dir(), 0700) == 0);
    engine_open(b, NULL);
}

static void run(struct bench *b)
{
    struct hub_streams s = {.in = -1,
                            .out = copy(b->ours[0]),
                            .err = copy(b->ours[1]),
                            .pty = copy(b->ours[2]),
                            .relay = {copy(b->relay[0]), copy(b->relay[1])},
                            .log = b->log};

    b->has_drained = false;
    hub_run(b->h, &s, kit_set, &b->has_drained);
}

static void make_pipes(struct bench *b)
{
    int p[2];

    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    b->ours[0] = p[0];
    b->out = p[1];
    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    b->ours[1] = p[0];
    b->err = p[1];
}

static void make_tty(struct bench *b)
{
    struct termios raw;

    CHECK(openpty(&b->ours[2], &b->pty, NULL, NULL, NULL) == 0);
    tcgetattr(b->pty, &raw);
    cfmakeraw(&raw);
    tcsetattr(b->pty, TCSANOW, &raw);
    CHECK_OK(fd_set_nonblock(b->ours[2]));
    CHECK_OK(fd_pipe(b->relay, O_NONBLOCK));
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void exit_now(struct bench *b)
{
    close_end(&b->out);
    close_end(&b->err);
    close_end(&b->pty);
    hub_process_exited(b->h);
    KIT_UNTIL(b->k, &b->has_drained);
}

/* As its death: nothing is finished, nothing is told. */
static void engine_close(struct bench *b)
{
    hub_destroy(b->h);
    log_close(b->k, b->log);
    landing_destroy(b->landing);
    kit_close(b->k);
}

static void bench_close(struct bench *b)
{
    engine_close(b);
    land_close(&b->kept);
    for (int i = 0; i < 3; i++)
        close_end(&b->ours[i]);
    close_end(&b->relay[0]);
    close_end(&b->relay[1]);
}

static void put(int fd, const char *s)
{
    CHECK_INT(write(fd, s, strlen(s)), strlen(s));
}

static char *text_of(struct bench *b)
{
    struct log_query q = ALL_LINES;

    return log_text(b->k, b->log, &q);
}

static int records_in_use(const struct bench *b)
{
    int n = 0;

    for (unsigned i = 0; i < land_records_touched(&b->kept); i++)
        n += (int)land_record(&b->kept, i)->is_used;
    return n;
}

static int slots_in_use(const struct bench *b)
{
    int n = 0;

    for (unsigned i = 0; i < LAND_SLOTS; i++)
        n += land_slot(&b->kept, i)->record != 0;
    return n;
}

TEST(landing_takes_pipes_to_the_log)
{
    struct bench b;

    bench_open(&b);
    make_pipes(&b);
    run(&b);
    CHECK_INT(records_in_use(&b), 1);
    put(b.out, "one\ntw");
    kit_turns(b.k, 20);
    put(b.out, "o\nno end");
    put(b.err, "error\n");
    exit_now(&b);
    CHECK(strstr(text_of(&b), "one\ntwo\n") != NULL);
    CHECK(strstr(text_of(&b), "error\n") != NULL);
    CHECK(strstr(text_of(&b), "no end") != NULL);
    CHECK_INT(records_in_use(&b), 0);
    CHECK_INT(slots_in_use(&b), 0);
    make_pipes(&b); /* another run */
    run(&b);
    put(b.out, "three\n");
    exit_now(&b);
    CHECK(strstr(text_of(&b), "three\n") != NULL);
    bench_close(&b);
}

TEST(landing_takes_a_tty_by_its_relay)
{
    struct bench b;

    bench_open(&b);
    make_tty(&b);
    CHECK_INT(write(b.relay[1], "left in the relay\n", 18), 18);
    run(&b);
    put(b.pty, "prompt> ");
    kit_turns(b.k, 50);
    put(b.pty, "typed\n");
    kit_turns(b.k, 50);
    exit_now(&b);
    CHECK_STR(text_of(&b), "left in the relay\nprompt> typed\n");
    bench_close(&b);
}

static void put_chunk(struct buf *to, int stream, const char *text, uint32_t n)
{
    struct spool_chunk c = {SPOOL_MAGIC, n, 1704164645 * NS_PER_S, stream, 0};

    buf_add(to, &c, sizeof(c));
    buf_puts(to, text);
}

static void make_spool(uint64_t gen)
{
    autobuf struct buf file = {0};
    struct spool_head head = {SPOOL_MAGIC, LAND_VERSION, gen};
    autoclose int dir = open(spool_dir(), O_PATH | O_CLOEXEC);

    buf_add(&file, &head, sizeof(head));
    put_chunk(&file, STREAM_STDOUT, "of the slot\nfirst of the spool\n", 31);
    put_chunk(&file, STREAM_STDERR, "an error\n", 9);
    put_chunk(&file, STREAM_STDOUT, "last of the sp", SPOOL_OPEN);
    CHECK_OK(file_write_atomic(dir, "c", file.data, file.len, 0600, false));
}

/* What an engine had in a slot comes first, then the spool, then what is in the pipe. */
TEST(landing_goes_on_where_an_engine_died)
{
    struct bench b;
    char *path;

    bench_open(&b);
    make_pipes(&b);
    run(&b);
    put(b.out, "landed\nhalf ");
    while (land_state(land_record(&b.kept, 0))->line[0].n == 0)
        kit_turns(b.k, 1);
    engine_close(&b);
    CHECK_INT(records_in_use(&b), 1);
    put(b.out, "a line ");
    CHECK_INT(land_fill(&b.kept, 5, 0, land_state(land_record(&b.kept, 0))->seq + 1, STREAM_STDOUT,
                        clock_wall_ns(), b.ours[0]),
              7);
    make_spool(17);
    land_record(&b.kept, 0)->lost = 12;
    put(b.out, "new\n");
    engine_open(&b, NULL);
    run(&b);
    put(b.out, "newer\n");
    exit_now(&b);
    CHECK_STR(text_of(&b), "landed\nhalf a line of the slot\nfirst of the spool\nan error\n"
                           "last of the spberth: 12 bytes of log were dropped here\nnew\nnewer\n");
    path = path_join(test_arena, spool_dir(), "c");
    CHECK(access(path, F_OK) != 0);
    CHECK_INT(records_in_use(&b), 0);
    CHECK_INT(slots_in_use(&b), 0);
    bench_close(&b);
}

/* Killed in the middle of merging: the record says what is done, even in the middle of a chunk. */
TEST(landing_merges_a_spool_once)
{
    struct land_record *r;
    struct land_state *s;
    struct bench b;

    bench_open(&b);
    engine_close(&b);
    land_record_use(&b.kept, 0, "c", LAND_BLOCK);
    r = land_record(&b.kept, 0);
    s = land_begin(r);
    s->spool_gen = 17;
    s->spool_off = sizeof(struct spool_head);
    s->base = 12;
    land_flip(r);
    make_spool(17);
    engine_open(&b, NULL);
    make_pipes(&b);
    run(&b);
    exit_now(&b);
    CHECK_STR(text_of(&b), "first of the spool\nan error\nlast of the sp");
    bench_close(&b);
}

static bool claim_by_log(void *ctx, const char *id)
{
    struct bench *b = ctx;

    if (strcmp(id, "c") != 0)
        return false;
    log_recover(b->log);
    return true;
}

TEST(landing_sweeps_what_nobody_runs)
{
    struct bench b;
    char *stray;

    bench_open(&b);
    engine_close(&b);
    land_record_use(&b.kept, 0, "gone", LAND_BLOCK);
    land_record_use(&b.kept, 1, "c", LAND_BLOCK);
    make_pipes(&b);
    put(b.out, "of nobody\n");
    CHECK(land_fill(&b.kept, 1, 0, 1, STREAM_STDOUT, 1, b.ours[0]) > 0);
    put(b.out, "of c\n");
    CHECK(land_fill(&b.kept, 0, 1, 1, STREAM_STDOUT, 1, b.ours[0]) > 0);
    make_spool(1);
    stray = path_join(test_arena, spool_dir(), "stray");
    CHECK(symlink("x", stray) == 0);
    engine_open(&b, NULL);
    landing_sweep(b.landing, claim_by_log, &b);
    CHECK(strstr(text_of(&b), "of c\nof the slot\nfirst") != NULL);
    CHECK_INT(records_in_use(&b), 0);
    CHECK_INT(slots_in_use(&b), 0);
    CHECK(access(stray, F_OK) != 0);
    bench_close(&b);
}

TEST(landing_without_a_free_slot_waits)
{
    struct bench b;

    bench_open(&b);
    make_pipes(&b);
    for (int i = 0; i < LAND_SLOTS; i++)
        CHECK(landing_take_slot(b.landing) >= 0);
    CHECK_INT(landing_take_slot(b.landing), -1);
    run(&b);
    put(b.out, "waits\n");
    kit_turns(b.k, 20);
    CHECK_STR(text_of(&b), "");
    landing_give_slot(b.landing, 3);
    exit_now(&b);
    CHECK_STR(text_of(&b), "waits\n");
    bench_close(&b);
}

/* Frames of a client have at most 32 KiB, and their headers must not touch what lands. */
TEST(landing_gives_clients_every_byte)
{
    struct attach_request r = {
        .want_stdout = true, .want_stderr = true, .stream = true, .framed = true};
    size_t total = 1 << 20, done = 0;
    char *bytes = arena_alloc(test_arena, total);
    autobuf struct buf got = {0};
    uint32_t random = 7;
    struct attachment *a;
    struct tsink t;
    struct bench b;

    for (size_t i = 0; i < total; i++)
        bytes[i] = test_random(&random) % 50 ? (char)('a' + i % 26) : '\n';
    bytes[total - 1] = '\n';
    bench_open(&b);
    make_pipes(&b);
    run(&b);
    tsink_init(&t, b.k, true, 0);
    CHECK_OK(hub_attach(b.h, &r, b.log, &t.sink, NULL, NULL, &a));
    while (done < total) {
        ssize_t n = write(b.out, bytes + done, total - done);

        done += n > 0 ? (size_t)n : 0;
        kit_turns(b.k, 1);
    }
    exit_now(&b);
    unframe(&t.got, 1, &got);
    CHECK_INT(got.len, total);
    CHECK(!memcmp(got.data, bytes, total));
    CHECK(!memcmp(text_of(&b), bytes, total));
    hub_end_clients(b.h);
    tsink_finish(&t);
    bench_close(&b);
}

struct found {
    int n;
    unsigned slot[4];
    char text[4][8];
    struct landing *l;
};

static void on_found(void *ctx, unsigned slot, size_t n)
{
    struct found *f = ctx;

    CHECK(f->n < 4 && n < 8);
    f->slot[f->n] = slot;
    memcpy(f->text[f->n], land_bytes(landing_memory(f->l), slot), n);
    f->n++;
}

/* Two slots of a log whose server hangs, all others taken. */
static void fill_two(struct landing *l, unsigned record, unsigned slots[2])
{
    int p[2];

    CHECK_OK(fd_pipe(p, O_NONBLOCK));
    for (int i = 0; i < 2; i++) {
        slots[i] = (unsigned)landing_take_slot(l);
        CHECK(write(p[1], i ? "two" : "one", 3) == 3);
        CHECK_INT(
            land_fill(landing_memory(l), slots[i], record, (uint64_t)i + 1, STREAM_STDOUT, 7, p[0]),
            3);
    }
    CHECK_INT(landing_park(l, slots[0]), slots[0]); /* there is no need yet */
    while (landing_take_slot(l) >= 0)
        ;
    close(p[0]);
    close(p[1]);
}

static struct landing *adopt_kept(const struct land *kept)
{
    struct landing *l;
    int fds[LAND_FDS];

    for (int i = 0; i < LAND_FDS; i++)
        fds[i] = copy(kept->fds[i]);
    CHECK_OK(landing_adopt(spool_dir(), fds, &l));
    return l;
}

TEST(landing_parks_slots_that_others_need)
{
    struct land kept;
    struct landing *l;
    struct found f = {0};
    unsigned slots[2], parked;
    int record;

    CHECK_INT(land_create(&kept), 0);
    l = adopt_kept(&kept);
    record = landing_take_record(l, "c", LAND_BLOCK);
    fill_two(l, (unsigned)record, slots);
    parked = landing_park(l, slots[0]);
    CHECK(parked >= LAND_SLOTS);
    CHECK_INT(landing_take_slot(l), slots[0]); /* free for somebody else */
    CHECK(!memcmp(land_bytes(landing_memory(l), parked), "one", 3));
    /* killed between the copy and the giving back of the second */
    land_park(landing_memory(l), slots[1], parked - LAND_SLOTS + 1);
    landing_destroy(l);
    for (int round = 0; round < 2; round++) { /* the next is killed before it has done anything */
        f = (struct found){.l = l = adopt_kept(&kept)};
        CHECK_INT(landing_adopt_record(l, "c", on_found, &f), record);
        CHECK_INT(f.n, 2);
        CHECK_STR(f.text[0], "one");
        CHECK_STR(f.text[1], "two");
        CHECK(f.slot[0] >= LAND_SLOTS && f.slot[1] >= LAND_SLOTS);
        if (!round)
            landing_destroy(l);
    }
    land_begin(land_record(landing_memory(l), (unsigned)record))->seq = 1; /* the first is sent */
    land_flip(land_record(landing_memory(l), (unsigned)record));
    landing_destroy(l);
    f = (struct found){.l = l = adopt_kept(&kept)};
    CHECK_INT(landing_adopt_record(l, "c", on_found, &f), record);
    CHECK_INT(f.n, 1);
    CHECK_STR(f.text[0], "two");
    landing_give_slot(l, f.slot[0]);
    for (int i = 0; i < LAND_SLOTS; i++)
        CHECK(landing_take_slot(l) >= 0);
    CHECK_INT(landing_take_slot(l), -1);
    landing_destroy(l);
    land_close(&kept);
}

/* Each record counts for itself. What it has counted is in the log already, and the room is free.
 */
TEST(landing_frees_what_a_record_has_done)
{
    struct found f = {0};
    struct land kept;
    struct landing *l;
    unsigned slots[2];
    int ours, other, parked;

    CHECK_INT(land_create(&kept), 0);
    l = adopt_kept(&kept);
    ours = landing_take_record(l, "c", LAND_BLOCK);
    other = landing_take_record(l, "other", LAND_BLOCK);
    parked = landing_take_record(l, "parked", LAND_BLOCK);
    CHECK_INT(other, ours + 1);
    fill_two(l, (unsigned)ours, slots);
    land_park(landing_memory(l), slots[0], (unsigned)parked);
    land_begin(land_record(landing_memory(l), (unsigned)ours))->seq = 1;
    land_flip(land_record(landing_memory(l), (unsigned)ours));
    land_begin(land_record(landing_memory(l), (unsigned)other))->seq = 2;
    land_flip(land_record(landing_memory(l), (unsigned)other));
    landing_destroy(l);
    f.l = l = adopt_kept(&kept);
    CHECK(!land_record(&kept, (unsigned)parked)->is_used);
    CHECK_INT(landing_adopt_record(l, "c", on_found, &f), ours);
    CHECK_INT(f.n, 1);
    CHECK_STR(f.text[0], "two");
    for (int i = 1; i < LAND_SLOTS; i++)
        CHECK(landing_take_slot(l) >= 0);
    CHECK_INT(landing_take_slot(l), -1);
    landing_destroy(l);
    land_close(&kept);
}
