/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* A state file, its log and its mark with wrong bits, cut off, or gone, after a SIGKILL: either all
 * documents are there, or it is refused and a salvage brings them all back. SEED repeats a run. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/text.h"
#include "core/db.h"
#include "core/db_salvage.h"
#include "core/loop.h"
#include "core/quarantine.h"

#include "test.h"

enum { N_FILES = 3, FILE_MAX = 16 << 20 };
static const char *const endings[N_FILES] = {"", "-wal", "-mark"};
static const char *const kinds[] = {"container", "image", "volume", "network"};

static struct loop *loop;
static struct db *db;
static const char *path;

struct image { /* of one file */
    char *text;
    size_t len;
    bool exists;
};
static struct image saved[N_FILES];
static const char *expected;

/* ---- documents ---- */

static struct err *list_one(void *ctx, const char *id, const char *json)
{
    strs_add(test_arena, ctx, arena_printf(test_arena, "%s=%s\n", id, json));
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By id: copies do not know their order. */
static char *listed(void)
{
    struct strs lines = {0};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        CHECK_OK(db_each(db, kinds[i], list_one, &lines));
    qsort(lines.v, lines.n, sizeof(char *), by_text);
    return strs_join(test_arena, &lines, "");
}

static int n_due;

static void on_written(void *ctx, struct err *err)
{
    (void)ctx;
    CHECK_OK(err);
    if (--n_due == 0)
        loop_stop(loop);
}

static void put(int i, int version, int bytes)
{
    char id[16];

    snprintf(id, sizeof(id), "id%04d", i);
    n_due++;
    db_put(db, kinds[i % 4], id,
           arena_printf(test_arena, "{\"Id\":\"%s\",\"version\":%d,\"text\":\"%0*d\"}", id, version,
                        bytes, version),
           on_written, NULL);
}

static void drop(int i)
{
    char id[16];

    snprintf(id, sizeof(id), "id%04d", i);
    n_due++;
    db_delete(db, kinds[i % 4], id, on_written, NULL);
}

/* Deterministic: what the test takes for random. */
static uint64_t dice;
static uint32_t roll(uint32_t below)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice >> 33) % below;
}

static void write_life(int n_rounds)
{
    for (int i = 0; i < 60; i++)
        put(i, 0, 100 + (i * 397) % 3000);
    loop_run(loop);
    usleep(100000); /* else those that go soon have no copy: only their folder tells of them */
    for (int r = 1; r <= n_rounds; r++) {
        put((int)roll(60), r, 50 + (int)roll(6000));
        loop_run(loop);
        if (r % 7 == 0) {
            drop(60 - r / 7 % 20);
            loop_run(loop);
        }
    }
    put(70, 1, 10);
    loop_run(loop);
}

/* A child writes, tells what there is, waits until the copies are written, and is killed. */
static void live_and_die(int n_rounds, bool after_a_clean_end)
{
    char *list = path_join(test_arena, test_dir(), "list");
    int status, fds[2];
    char byte;
    pid_t pid;

    CHECK_OK(fd_pipe(fds, 0));
    pid = fork();
    if (pid == 0) {
        char *text;

        loop = loop_create();
        CHECK_OK(db_open(loop, path, &db));
        write_life(n_rounds);
        if (after_a_clean_end) {
            db_close(db);
            CHECK_OK(db_open(loop, path, &db));
            put(71, 1, 700);
            put(3, 99, 700);
            loop_run(loop);
        }
        text = listed();
        CHECK_OK(file_write_atomic(AT_FDCWD, list, text, strlen(text), 0600, false));
        usleep(200000); /* the copies are a moment behind, and nobody is told when they are there */
        CHECK(write(fds[1], "x", 1) == 1);
        pause();
    }
    CHECK(read(fds[0], &byte, 1) == 1);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    close(fds[0]);
    close(fds[1]);
    CHECK_OK(file_read(test_arena, AT_FDCWD, list, FILE_MAX, (char **)&expected, NULL));
}

static char *name_of(int file)
{
    return arena_printf(test_arena, "%s%s", path, endings[file]);
}

static void save_files(void)
{
    for (int i = 0; i < N_FILES; i++) {
        saved[i].exists = access(name_of(i), F_OK) == 0;
        if (saved[i].exists)
            CHECK_OK(file_read(test_arena, AT_FDCWD, name_of(i), FILE_MAX, &saved[i].text,
                               &saved[i].len));
    }
}

static void restore_files(void)
{
    for (int i = 0; i < N_FILES; i++) {
        (void)!unlink(name_of(i));
        if (saved[i].exists)
            CHECK_OK(
                file_write_atomic(AT_FDCWD, name_of(i), saved[i].text, saved[i].len, 0600, false));
    }
}

static void set_up(int n_rounds, bool after_a_clean_end)
{
    const char *seed = getenv("SEED");

    dice = seed ? strtoull(seed, NULL, 10) : 20240229;
    path = path_join(test_arena, test_dir(), "state.db");
    live_and_die(n_rounds, after_a_clean_end);
    save_files();
    loop = loop_create();
}

/* ---- the judgement ---- */

static int n_whole, n_refused;

static void check_same(const char *what)
{
    const char *now = listed();

    if (strcmp(now, expected) != 0)
        test_fail(__FILE__, __LINE__, "%s: documents are not what they were", what);
    db_close(db);
}

/* A document whose key is damaged is offered, too: who knows what it is about tells by its text. */
static void salvage_all(const char *what)
{
    struct salvage *s;
    struct err *err = salvage_read(path, &s);

    if (err)
        test_fail(__FILE__, __LINE__, "%s: %s", what, err_text(err));
    list_each (d, &s->documents, struct salvaged, link)
        d->is_wanted = strstr(d->json, arena_printf(test_arena, "\"%s\"", d->id)) != NULL;
    CHECK_OK(salvage_write(s, path));
    for (size_t i = 0; s->set_aside && i < N_FILES; i++)
        (void)!unlink(arena_printf(test_arena, "%s%s", s->set_aside, endings[i]));
    salvage_destroy(s);
}

static void judge(const char *what)
{
    struct err *err = db_open(loop, path, &db);

    if (!err) {
        n_whole++;
        check_same(what);
        restore_files();
        return;
    }
    n_refused++;
    if (!strstr(err_text(err), "--recover"))
        test_fail(__FILE__, __LINE__, "%s: %s", what, err_text(err));
    err_drop(err);
    salvage_all(what);
    err = db_open(loop, path, &db);
    if (err)
        test_fail(__FILE__, __LINE__, "%s: after the salvage: %s", what, err_text(err));
    check_same(what);
    restore_files();
}

static void flip(int file, size_t at, unsigned char bits)
{
    int fd = open(name_of(file), O_WRONLY | O_CLOEXEC);
    char byte = (char)(saved[file].text[at] ^ bits);

    CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
    close(fd);
}

static void flip_many(int file, int n)
{
    for (int i = 0; i < n; i++) {
        /* every fourth in the first 200 bytes: heads */
        size_t at = roll(i % 4 && saved[file].len > 200 ? (uint32_t)saved[file].len : 200);
        unsigned char bits = (unsigned char)(1 + roll(255));

        if (at >= saved[file].len)
            continue;
        flip(file, at, bits);
        judge(arena_printf(test_arena, "state.db%s, byte %zu ^ %02x", endings[file], at, bits));
    }
}

static void flip_all(void)
{
    flip_many(0, 25);
    flip_many(1, 35);
    flip_many(2, 10);
    printf("# %d whole, %d refused and salvaged\n", n_whole, n_refused);
    CHECK(n_whole > 10 && n_refused > 10);
}

/* A copy that stays would be of a document that the database has lost. */
TEST(what_one_commit_writes_and_deletes_leaves_no_copy)
{
    path = path_join(test_arena, test_dir(), "state.db");
    loop = loop_create();
    CHECK_OK(db_open(loop, path, &db));
    for (int i = 0; i < 100; i++) {
        put(i, 1, 10);
        drop(i);
    }
    put(100, 1, 10);
    drop(101);
    put(101, 1, 10);
    loop_run(loop);
    db_close(db);
    for (int i = 0; i <= 101; i++)
        CHECK_INT(
            access(arena_printf(test_arena, "%s-copies/%s/id%04d", path, kinds[i % 4], i), F_OK),
            i < 100 ? -1 : 0);
    loop_destroy(loop);
}

TEST(wrong_bits_in_a_young_log)
{
    set_up(30, false);
    flip_all();
}

TEST(wrong_bits_behind_a_checkpoint)
{
    set_up(500, false);
    flip_all();
}

TEST(wrong_bits_in_the_log_after_a_clean_end)
{
    set_up(100, true);
    flip_all();
}

static void cut(int file, size_t len)
{
    if (len >= saved[file].len)
        return;
    CHECK(truncate(name_of(file), (off_t)len) == 0);
    judge(arena_printf(test_arena, "state.db%s cut to %zu", endings[file], len));
}

static void cut_all(void)
{
    for (size_t i = 0; i * 4120 < saved[1].len; i += 1 + saved[1].len / 4120 / 12) {
        cut(1, 32 + i * 4120);
        cut(1, 32 + i * 4120 + 1 + roll(4119));
    }
    for (size_t i = 0; i * 4096 < saved[0].len; i += 1 + saved[0].len / 4096 / 8) {
        cut(0, i * 4096);
        cut(0, i * 4096 + 1 + roll(4095));
    }
    for (size_t i = 0; i < 32; i += 7)
        cut(1, i);
    cut(2, 0);
    cut(2, 700);
    for (int i = 0; i < N_FILES; i++) {
        CHECK(unlink(name_of(i)) == 0);
        judge(arena_printf(test_arena, "state.db%s gone", endings[i]));
    }
    printf("# %d whole, %d refused and salvaged\n", n_whole, n_refused);
}

TEST(cut_off_or_gone)
{
    set_up(60, false);
    cut_all();
}

TEST(cut_off_or_gone_behind_a_checkpoint)
{
    set_up(500, false);
    cut_all();
}
