/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/* The table of volumes with a real loop and database: making, finding, using, removing, restart. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "core/db.h"
#include "core/events.h"
#include "core/loop.h"
#include "core/op.h"
#include "storage/volume.h"

#include "test.h"
#include "volume_table.h"

static struct loop *loop;
static struct pools *pools;
static struct ops *ops;
static struct db *db;
static struct events *events;
static struct volume_table *table;
static struct events_sub sub;
static char seen[512]; /* events */
static int wanted, answered;
static struct err *last;
static struct volume *made;

static char *data_root(void)
{
    return path_join(test_arena, test_dir(), "root");
}

static void on_event(void *ctx, const struct event *e)
{
    size_t n = strlen(seen);

    (void)ctx;
    snprintf(seen + n, sizeof(seen) - n, "%s %s;", e->action, e->id);
}

static void set_up(void)
{
    CHECK_OK(dir_make_all(data_root(), 0755));
    loop = loop_create();
    pools = pools_create(loop, 2, 2);
    ops = ops_create(loop, pools, 64);
    CHECK_OK(db_open(loop, path_join(test_arena, data_root(), "state.db"), &db));
    events = events_create();
    sub.fn = on_event;
    events_subscribe(events, &sub);
    CHECK_OK(volume_table_open(data_root(), ops, db, events, &table));
}

static void on_quiet(void *arg)
{
    if (answered < wanted || ops_in_flight(ops))
        loop_post(loop, on_quiet, arg);
    else
        loop_stop(loop);
}

/* Until all that was asked is answered and nothing runs any more. */
static void run(void)
{
    loop_post(loop, on_quiet, NULL);
    loop_run(loop);
    wanted = answered = 0;
}

static void tear_down(void)
{
    volume_table_close(table);
    events_unsubscribe(&sub);
    db_close(db);
    ops_destroy(ops);
    pools_destroy(pools);
    events_destroy(events);
    loop_destroy(loop);
    err_drop(steal_ptr(&last));
}

static void on_created(void *ctx, struct err *err, struct volume *v)
{
    (void)ctx;
    answered++;
    err_drop(last);
    last = err;
    made = v;
}

static void on_removed(void *ctx, struct err *err)
{
    on_created(ctx, err, NULL);
}

static void create(const char *name)
{
    struct volume_request r = {.name = (char *)name};

    wanted++;
    volume_create(table, &r, false, on_created, NULL);
}

static void check_last(enum err_kind kind, const char *text)
{
    CHECK(last);
    CHECK_INT(err_kind(last), kind);
    if (!strstr(err_text(last), text))
        test_fail(__FILE__, __LINE__, "no \"%s\" in: %s", text, err_text(last));
}

static void step_create(void *name)
{
    create(name);
}

/* The loop thread is whoever runs it. */
static void create_and_run(const char *name)
{
    loop_post(loop, step_create, (void *)name);
    run();
}

struct removal_step {
    const char *name;
    bool force;
};

static void step_remove(void *arg)
{
    struct removal_step *s = arg;

    wanted++;
    volume_remove(table, s->name, s->force, on_removed, NULL);
}

static void remove_and_run(const char *name, bool force)
{
    struct removal_step s = {name, force};

    loop_post(loop, step_remove, &s);
    run();
}

static bool has_data(const char *name)
{
    char *path = arena_printf(test_arena, "%s/volumes/%s/_data", data_root(), name);
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

TEST(volume_names_are_checked)
{
    CHECK_OK(volume_check_name("db_data-1.x"));
    CHECK_OK(volume_check_name("ab"));
    CHECK_ERR(volume_check_name("a"), ERR_INVALID);
    CHECK_ERR(volume_check_name(".."), ERR_INVALID);
    CHECK_ERR(volume_check_name("a/b"), ERR_INVALID);
    CHECK_ERR(volume_check_name("-ab"), ERR_INVALID);
    CHECK_ERR(volume_check_name("./ab"), ERR_INVALID);
    CHECK_ERR(volume_check_name("a\nb"), ERR_INVALID);
    CHECK_ERR(volume_check_name(""), ERR_INVALID);
}

TEST(volume_options_are_checked)
{
    struct pairs o = {0};

    CHECK_OK(volume_check_options(&o));
    pairs_set(test_arena, &o, "type", "tmpfs");
    CHECK_ERR(volume_check_options(&o), ERR_INVALID);
    pairs_set(test_arena, &o, "device", "tmpfs");
    CHECK_OK(volume_check_options(&o));
    pairs_set(test_arena, &o, "o", "size=1m");
    CHECK_OK(volume_check_options(&o));
    pairs_set(test_arena, &o, "size", "1m");
    CHECK_ERR(volume_check_options(&o), ERR_INVALID);
    o = (struct pairs){0};
    pairs_set(test_arena, &o, "foo", "x");
    CHECK_ERR(volume_check_options(&o), ERR_INVALID);
}

TEST(volume_comes_and_goes)
{
    autobuf struct buf text = {0};
    struct jw w = {.out = &text};
    size_t cursor = 0;

    set_up();
    create_and_run("data");
    CHECK(!last && made == volume_find(table, "data"));
    CHECK(has_data("data"));
    CHECK_STR(volume_path(made), arena_printf(test_arena, "%s/volumes/data/_data", data_root()));
    volume_write_json(made, &w, VOLUME_UNMEASURED);
    CHECK(strstr(text.data, "\"Driver\":\"local\"") && strstr(text.data, "\"Name\":\"data\""));
    CHECK(volume_next(table, &cursor) == made && !volume_next(table, &cursor));
    remove_and_run("data", false);
    CHECK(!last && !volume_find(table, "data") && !has_data("data"));
    remove_and_run("data", false);
    check_last(ERR_NOT_FOUND, "get data: no such volume");
    remove_and_run("data", true);
    CHECK(!last);
    CHECK_STR(seen, "create data;destroy data;");
    tear_down();
}

TEST(volume_create_is_idempotent)
{
    struct volume *first;

    set_up();
    create_and_run("data");
    first = made;
    create_and_run("data");
    CHECK(!last && made == first);
    CHECK_STR(seen, "create data;");
    tear_down();
}

static void step_storm(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++)
        create("same");
    wanted++;
    volume_remove(table, "same", false, on_removed, NULL);
    create("same");
    CHECK(!volume_find(table, "same"));
}

TEST(volume_operations_of_a_name_queue)
{
    set_up();
    loop_post(loop, step_storm, NULL);
    run();
    CHECK(!last && made && volume_find(table, "same") == made);
    CHECK(has_data("same"));
    CHECK_STR(seen, "create same;destroy same;create same;");
    tear_down();
}

TEST(volume_in_use_stays)
{
    set_up();
    create_and_run("data");
    volume_ref(made, "c0ffee");
    volume_ref(made, "c0ffee");
    CHECK_INT(volume_users(made), 1);
    remove_and_run("data", true);
    check_last(ERR_CONFLICT, "remove data: volume is in use - [c0ffee]");
    volume_unref(volume_find(table, "data"), "c0ffee");
    remove_and_run("data", false);
    CHECK(!last && !volume_find(table, "data"));
    tear_down();
}

static void step_bad(void *arg)
{
    struct volume_request r = {.name = "data", .driver = "nfs"};

    (void)arg;
    wanted += 2;
    volume_create(table, &r, false, on_created, NULL);
    check_last(ERR_NOT_FOUND, "plugin \"nfs\" not found");
    r = (struct volume_request){.name = "da/ta"};
    volume_create(table, &r, false, on_created, NULL);
    check_last(ERR_INVALID, "includes invalid characters for a local volume name");
}

TEST(volume_create_refuses)
{
    set_up();
    loop_post(loop, step_bad, NULL);
    run();
    CHECK_STR(seen, "");
    tear_down();
}

TEST(volume_anonymous_has_an_id)
{
    set_up();
    create_and_run("");
    CHECK(!last && made);
    CHECK(id_is_valid(volume_name(made)));
    CHECK(volume_is_anonymous(made));
    tear_down();
}

TEST(volume_failures_leave_nothing)
{
    static const char *const steps[] = {"claim", "make-directory", "save", "publish"};

    set_up();
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        ops_inject_fault(ops, arena_printf(test_arena, "volume/create:%s", steps[i]), 1);
        create_and_run("data");
        CHECK(last && !volume_find(table, "data"));
        CHECK(!has_data("data"));
    }
    create_and_run("data");
    CHECK(!last);
    volume_table_close(table);
    CHECK_OK(volume_table_open(data_root(), ops, db, events, &table));
    CHECK(volume_find(table, "data"));
    tear_down();
}

TEST(volume_removal_failures_leave_it)
{
    static const char *const steps[] = {"claim", "put-aside", "forget", "publish"};

    set_up();
    create_and_run("data");
    CHECK_OK(file_write_atomic(AT_FDCWD, path_join(test_arena, volume_path(made), "f"), "x", 1,
                               0600, false));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        ops_inject_fault(ops, arena_printf(test_arena, "volume/remove:%s", steps[i]), 1);
        remove_and_run("data", false);
        CHECK(last && volume_find(table, "data"));
        CHECK(access(path_join(test_arena, volume_path(volume_find(table, "data")), "f"), F_OK) ==
              0);
    }
    volume_table_close(table);
    CHECK_OK(volume_table_open(data_root(), ops, db, events, &table));
    CHECK(volume_find(table, "data"));
    tear_down();
}

static void reopen(void)
{
    tear_down();
    set_up();
}

static void step_full(void *arg)
{
    struct volume_request r = {.name = "data"};

    (void)arg;
    pairs_set(test_arena, &r.labels, "a", "b");
    pairs_set(test_arena, &r.options, "type", "tmpfs");
    pairs_set(test_arena, &r.options, "device", "tmpfs");
    wanted++;
    volume_create(table, &r, false, on_created, NULL);
}

TEST(volume_survives_restarts)
{
    int64_t created_ns;

    set_up();
    loop_post(loop, step_full, NULL);
    run();
    CHECK(!last);
    created_ns = made->r.created_ns;
    reopen();
    made = volume_find(table, "data");
    CHECK(made);
    CHECK_INT(made->r.created_ns, created_ns);
    CHECK_STR(pairs_get(volume_labels(made), "a"), "b");
    CHECK_STR(pairs_get(volume_options(made), "type"), "tmpfs");
    tear_down();
}

/* What only the disk or only the database knows. */
TEST(volume_start_up_reconciles)
{
    set_up();
    create_and_run("lost");
    CHECK_OK(dir_make_all(arena_printf(test_arena, "%s/volumes/full/_data", data_root()), 0755));
    CHECK_OK(dir_make_all(arena_printf(test_arena, "%s/volumes/bare/_data", data_root()), 0755));
    CHECK_OK(dir_make_all(arena_printf(test_arena, "%s/volumes/left/_data", data_root()), 0755));
    CHECK(chmod(arena_printf(test_arena, "%s/volumes/left", data_root()), 01700) == 0);
    CHECK_OK(file_write_atomic(AT_FDCWD,
                               arena_printf(test_arena, "%s/volumes/full/_data/f", data_root()),
                               "x", 1, 0600, false));
    CHECK_OK(dir_remove_tree(AT_FDCWD, arena_printf(test_arena, "%s/volumes/lost", data_root())));
    reopen();
    CHECK(volume_find(table, "full"));
    CHECK(volume_find(table, "bare"));
    CHECK(!volume_find(table, "left") && !has_data("left"));
    CHECK(volume_find(table, "lost") && has_data("lost"));
    tear_down();
}
