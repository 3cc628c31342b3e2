/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* The state file: group commit, order, reopening as after SIGKILL, damage, a full disk. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/text.h"
#include "core/db.h"
#include "core/loop.h"
#include "core/op.h"

#include "test.h"

static struct loop *loop;
static struct db *db;
static int n_ok, n_failed, n_wanted;
static char last_error[512];

static char *db_path(void)
{
    return path_join(test_arena, test_dir(), "state.db");
}

static void open_at(const char *path)
{
    if (!loop)
        loop = loop_create();
    CHECK_OK(db_open(loop, path, &db));
}

static void close_all(void)
{
    db_close(db);
    loop_destroy(loop);
    loop = NULL;
}

static void on_written(void *ctx, struct err *err)
{
    (void)ctx;
    CHECK(loop_is_current());
    if (err) {
        n_failed++;
        snprintf(last_error, sizeof(last_error), "%s", err_text(err));
    } else {
        n_ok++;
    }
    err_drop(err);
    if (n_ok + n_failed == n_wanted)
        loop_stop(loop);
}

static void put(const char *kind, const char *id, const char *json)
{
    n_wanted++;
    db_put(db, kind, id, json, on_written, NULL);
}

static struct err *list_one(void *ctx, const char *id, const char *json)
{
    struct buf *b = ctx;

    buf_printf(b, "%s=%s ", id, json);
    return NULL;
}

static const char *listed(const char *kind)
{
    autobuf struct buf b = {0};

    CHECK_OK(db_each(db, kind, list_one, &b));
    return arena_strdup(test_arena, b.data ? b.data : "");
}

TEST(documents_come_back_in_order_of_first_insertion)
{
    open_at(db_path());
    put("volume", "zeta", "{\"n\":1}");
    put("volume", "alpha", "{\"n\":2}");
    put("container", "alpha", "{}");
    loop_run(loop);
    put("volume", "zeta", "{\"n\":3}");
    put("volume", "beta", "it's \"text\"");
    db_delete(db, "volume", "none", NULL, NULL);
    loop_run(loop);
    CHECK_STR(listed("volume"), "zeta={\"n\":3} alpha={\"n\":2} beta=it's \"text\" ");
    close_all();
    open_at(db_path());
    CHECK_STR(listed("volume"), "zeta={\"n\":3} alpha={\"n\":2} beta=it's \"text\" ");
    CHECK_STR(listed("container"), "alpha={} ");
    CHECK_STR(listed("network"), "");
    put("volume", "omega", "4");
    n_wanted++;
    db_delete(db, "volume", "zeta", on_written, NULL);
    put("volume", "zeta", "5"); /* new again: last */
    loop_run(loop);
    CHECK_STR(listed("volume"), "alpha={\"n\":2} beta=it's \"text\" omega=4 zeta=5 ");
    CHECK_INT(n_failed, 0);
    close_all();
}

TEST(a_thousand_puts_share_a_few_commits)
{
    struct db_stats stats;
    char id[16];

    open_at(db_path());
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "%d", i);
        put("container", id, "{\"Name\":\"web\"}");
    }
    loop_run(loop);
    db_stats(db, &stats);
    CHECK_INT(n_ok, 1000);
    CHECK_INT(stats.writes, 1000);
    CHECK(stats.batches < 100);
    printf("# 1000 puts in %d commits\n", (int)stats.batches);
    close_all();
}

TEST(the_last_of_many_puts_of_one_key_wins_and_all_are_answered)
{
    char json[16];

    open_at(db_path());
    for (int i = 0; i < 500; i++) {
        snprintf(json, sizeof(json), "%d", i);
        put("container", "one", json);
    }
    loop_run(loop);
    CHECK_INT(n_ok, 500);
    CHECK_STR(listed("container"), "one=499 ");
    close_all();
}

TEST(closing_writes_what_is_queued_and_answers_later)
{
    char id[16];

    open_at(db_path());
    for (int i = 0; i < 700; i++) {
        snprintf(id, sizeof(id), "%03d", i);
        put("container", id, "x");
    }
    db_close(db);
    loop_run(loop);
    CHECK_INT(n_ok, 700);
    open_at(db_path());
    CHECK_INT(strlen(listed("container")), 700 * strlen("000=x "));
    close_all();
}

static void copy_file(const char *from, const char *to)
{
    char *data;
    size_t len;

    CHECK_OK(file_read(test_arena, AT_FDCWD, from, 64 << 20, &data, &len));
    CHECK_OK(file_write_atomic(AT_FDCWD, to, data, len, 0600, false));
}

TEST(a_copy_of_file_and_log_holds_what_was_answered)
{
    char *copy = path_join(test_arena, test_dir(), "copy.db");

    open_at(db_path());
    put("container", "a", "1");
    put("container", "b", "2");
    loop_run(loop);
    copy_file(db_path(), copy);
    copy_file(arena_printf(test_arena, "%s-wal", db_path()),
              arena_printf(test_arena, "%s-wal", copy));
    close_all();
    open_at(copy);
    CHECK_STR(listed("container"), "a=1 b=2 ");
    close_all();
}

/* In a child: answers go to a pipe; the parent kills it in the middle of its writes. */
static int answers_fd;

static void on_child_written(void *ctx, struct err *err)
{
    int number = (int)(intptr_t)ctx;
    char id[16];

    CHECK_OK(err);
    CHECK(write(answers_fd, &number, sizeof(number)) == sizeof(number));
    number++;
    snprintf(id, sizeof(id), "%06d", number);
    db_put(db, "container", id, "x", on_child_written, (void *)(intptr_t)number);
}

static void check_sigkill(void (*open_it)(const char *path))
{
    int fds[2], number, last = -1, status;
    pid_t pid;

    CHECK_OK(fd_pipe(fds, 0));
    pid = fork();
    if (pid == 0) {
        answers_fd = fds[1];
        open_it(db_path());
        db_put(db, "container", "000000", "x", on_child_written, (void *)0);
        loop_run(loop);
        _exit(1);
    }
    close(fds[1]);
    for (int i = 0; i < 100; i++)
        CHECK(read(fds[0], &last, sizeof(last)) == sizeof(last));
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    while (read(fds[0], &number, sizeof(number)) == sizeof(number))
        last = number;
    close(fds[0]);
    open_it(db_path());
    CHECK(strlen(listed("container")) >= (size_t)(last + 1) * strlen("000000=x "));
    close_all();
}

TEST(what_was_answered_survives_sigkill)
{
    check_sigkill(open_at);
}

static void open_volatile_at(const char *path)
{
    if (!loop)
        loop = loop_create();
    CHECK_OK(db_open_volatile(loop, path, &db));
}

TEST(what_a_volatile_one_answered_survives_sigkill)
{
    check_sigkill(open_volatile_at);
}

/* ---- refusals ---- */

static void check_refused(const char *path, const char *why)
{
    struct err *err;

    loop = loop_create();
    err = db_open(loop, path, &db);
    CHECK(err);
    CHECK_INT(err_kind(err), ERR_INTERNAL);
    if (!strstr(err_text(err), why))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", err_text(err), why);
    err_drop(err);
    loop_destroy(loop);
    loop = NULL;
}

static void exec_sql(const char *sql)
{
    sqlite3 *s;

    CHECK(sqlite3_open(db_path(), &s) == SQLITE_OK);
    CHECK(sqlite3_exec(s, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(s);
}

TEST(a_newer_format_is_refused)
{
    open_at(db_path());
    close_all();
    exec_sql("UPDATE meta SET format = 2; PRAGMA user_version = 2");
    check_refused(db_path(), "written by a newer berth (format 2, this one knows 1)");
}

TEST(a_foreign_database_is_refused)
{
    exec_sql("CREATE TABLE people (name TEXT)");
    check_refused(db_path(), "not one of berth");
}

TEST(junk_is_refused_and_kept)
{
    char *after;
    size_t len;

    CHECK_OK(file_write_atomic(AT_FDCWD, db_path(), "junk, not a database, at all", 28, 0600, 0));
    check_refused(db_path(), "is damaged");
    CHECK_OK(file_read(test_arena, AT_FDCWD, db_path(), 4096, &after, &len));
    CHECK_STR(after, "junk, not a database, at all");
}

TEST(a_damaged_file_is_refused)
{
    char *junk = arena_alloc(test_arena, 4096 * 20), id[16];
    int fd;

    open_at(db_path());
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "%d", i);
        put("container", id, arena_printf(test_arena, "%01000d", i));
    }
    loop_run(loop);
    close_all();
    fd = open(db_path(), O_WRONLY | O_CLOEXEC);
    memset(junk, 0xa5, 4096 * 20);
    CHECK(pwrite(fd, junk, 4096 * 20, 4096 * 4) == 4096 * 20);
    close(fd);
    check_refused(db_path(), "is damaged");
}

TEST(a_directory_that_is_absent_is_refused)
{
    check_refused("/nonexistent/state.db", "state file /nonexistent/state.db cannot be used");
}

TEST(a_second_engine_is_refused)
{
    struct db *first;

    open_at(db_path());
    first = db;
    CHECK_ERR(db_open(loop, db_path(), &db), ERR_INTERNAL);
    db = first;
    close_all();
}

TEST(the_files_are_for_their_owner_alone)
{
    struct stat st;

    open_at(db_path());
    put("container", "a", "1");
    loop_run(loop);
    CHECK(stat(db_path(), &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK(stat(arena_printf(test_arena, "%s-wal", db_path()), &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    close_all();
}

TEST(an_empty_file_is_a_new_one)
{
    CHECK_OK(file_write_atomic(AT_FDCWD, db_path(), "", 0, 0600, false));
    open_at(db_path());
    CHECK_STR(listed("container"), "");
    close_all();
}

/* ---- a full disk ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST(a_full_disk_fails_the_batch_and_later_ones_are_tried_again)
{
    char *large = arena_alloc(test_arena, 200001);

    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    memset(large, 'x', 200000);
    open_at(db_path());
    put("container", "a", "1");
    loop_run(loop);
    limit_files(100000);
    put("container", "b", large);
    put("container", "c", "3");
    loop_run(loop);
    CHECK(n_failed >= 1);
    CHECK(strstr(last_error, "write state: "));
    put("container", "d", large);
    loop_run(loop);
    CHECK(n_failed >= 2);
    limit_files(RLIM_INFINITY);
    put("container", "e", "5");
    loop_run(loop);
    CHECK(strstr(listed("container"), "a=1 "));
    CHECK(strstr(listed("container"), "e=5 "));
    CHECK(!strstr(listed("container"), "b="));
    close_all();
    open_at(db_path());
    CHECK(strstr(listed("container"), "e=5 "));
    CHECK(!strstr(listed("container"), "d="));
    close_all();
}

/* ---- for operations ---- */

static struct err *run_save(struct op *op)
{
    db_put_for(db, op, "container", "op", "saved");
    return NULL;
}
static void undo_save(struct op *op)
{
    (void)op;
    db_delete(db, "container", "op", NULL, NULL);
}
static struct err *run_fail(struct op *op)
{
    (void)op;
    return err_new(ERR_CONFLICT, "late");
}
static const struct op_step save_steps[] = {{"save", ON_EVENT, run_save, undo_save}, {NULL}};
static const struct op_step fail_steps[] = {
    {"save", ON_EVENT, run_save, undo_save}, {"fail", ON_LOOP, run_fail}, {NULL}};
static const struct op_type save_type = {"save/run", OP_MUTATING, sizeof(struct op), save_steps};
OP_LISTED(save_type);
static const struct op_type fail_type = {"save/fail", OP_MUTATING, sizeof(struct op), fail_steps};
OP_LISTED(fail_type);

static void on_op_done(struct op *op, struct err *err, void *ctx)
{
    (void)op;
    on_written(ctx, err);
}

TEST(operations_wait_for_their_write)
{
    struct pools *pools;
    struct ops *ops;
    struct op *op;

    open_at(db_path());
    pools = pools_create(loop, 1, 1);
    ops = ops_create(loop, pools, 8);
    n_wanted = 1;
    op_start(op_create(ops, &save_type), on_op_done, NULL);
    loop_run(loop);
    CHECK_INT(n_ok, 1);
    CHECK_STR(listed("container"), "op=saved ");
    n_wanted = 2;
    op_start(op_create(ops, &fail_type), on_op_done, NULL);
    loop_run(loop);
    CHECK_INT(n_failed, 1);
    /* Cancelled while its write is under way: the write's end finds no op. */
    op_start(op = op_create(ops, &save_type), on_op_done, NULL);
    CHECK(op_cancel(op));
    CHECK_INT(n_failed, 2);
    n_wanted = 4;
    db_put(db, "container", "last", "1", on_written, NULL);
    loop_run(loop);
    CHECK_STR(listed("container"), "last=1 ");
    ops_destroy(ops);
    pools_destroy(pools);
    close_all();
}

/* ---- volatile ---- */

static void check_begins_anew(void)
{
    open_volatile_at(db_path());
    CHECK_STR(listed("exec"), "");
    put("exec", "a", "1");
    loop_run(loop);
    CHECK_INT(n_failed, 0);
    close_all();
    open_volatile_at(db_path());
    CHECK_STR(listed("exec"), "a=1 ");
    close_all();
}

TEST(a_volatile_one_begins_anew_after_junk)
{
    CHECK_OK(file_write_atomic(AT_FDCWD, db_path(), "junk, not a database, at all", 28, 0600, 0));
    check_begins_anew();
}

TEST(a_volatile_one_begins_anew_after_a_newer_format)
{
    open_volatile_at(db_path());
    close_all();
    exec_sql("UPDATE meta SET format = 2; PRAGMA user_version = 2");
    check_begins_anew();
}

TEST(a_volatile_one_in_use_is_refused_and_kept)
{
    struct db *first;

    open_volatile_at(db_path());
    put("exec", "a", "1");
    loop_run(loop);
    first = db;
    CHECK_ERR(db_open_volatile(loop, db_path(), &db), ERR_INTERNAL);
    db = first;
    CHECK_STR(listed("exec"), "a=1 ");
    close_all();
}
