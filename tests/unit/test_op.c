/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* The runner of operations: steps, undo, lanes, admission, deadlines, cancel, faults, dump. */
#include "core/op.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

#include "test.h"

enum { TRACE_SIZE = 4096 };

/* One operation type for most tests: steps write into `trace`, which one op at a
 * time owns, so that no lock is needed. */
struct probe {
    struct op op;
    char *trace;
    const char *fail_at;      /* a step's letter */
    bool resumes_at_once;     /* in the event and keeper steps */
    struct err *resume_error; /* then with this */
};

static struct loop *loop;
static struct pools *pools;
static struct ops *ops;
static int n_done, n_finished;
static enum err_kind done_kind;
static char done_text[256];

static void set_up(int max_inflight)
{
    log_set_level(LOG_LEVEL_ERROR);
    loop = loop_create();
    pools = pools_create(loop, 4, 2);
    ops = ops_create(loop, pools, max_inflight);
}

static void tear_down(void)
{
    CHECK_INT(ops_in_flight(ops), 0);
    CHECK_INT(ops_waiting(ops), 0);
    ops_destroy(ops);
    pools_destroy(pools);
    loop_destroy(loop);
}

static void note(struct probe *p, const char *s)
{
    size_t n = strlen(p->trace);

    snprintf(p->trace + n, TRACE_SIZE - n, "%s", s);
}

/* As a carrier would that has been given the ticket. */
static void resume(struct op *op, struct err *err)
{
    ticket_answer(op->ticket, err);
}

static struct err *mark(struct op *op, const char *letter)
{
    struct probe *p = (struct probe *)op;

    note(p, letter);
    if (p->fail_at && !strcmp(p->fail_at, letter))
        return err_new(ERR_CONFLICT, "failed at %s", letter);
    return NULL;
}

static void unmark(struct op *op, const char *letter)
{
    struct probe *p = (struct probe *)op;

    note(p, "-");
    note(p, letter);
}

static struct err *run_a(struct op *op)
{
    CHECK(loop_is_current());
    return mark(op, "a");
}
static struct err *run_b(struct op *op)
{
    CHECK(worker_is_current());
    arena_alloc(op->arena, 100);
    return mark(op, "b");
}
static struct err *run_wait(struct op *op, const char *letter)
{
    struct probe *p = (struct probe *)op;

    CHECK(loop_is_current());
    TRY(mark(op, letter));
    op_wait(op);
    if (p->resumes_at_once)
        resume(op, steal_ptr(&p->resume_error));
    return NULL;
}
static struct err *run_c(struct op *op)
{
    return run_wait(op, "c");
}
static struct err *run_d(struct op *op)
{
    return run_wait(op, "d");
}
static struct err *run_e(struct op *op)
{
    CHECK(worker_is_current());
    return mark(op, "e");
}
static struct err *run_f(struct op *op)
{
    CHECK(loop_is_current());
    return mark(op, "f");
}
static void undo_a(struct op *op)
{
    CHECK(loop_is_current());
    unmark(op, "a");
}
static void undo_b(struct op *op)
{
    CHECK(worker_is_current());
    unmark(op, "b");
}
static void undo_c(struct op *op)
{
    CHECK(loop_is_current());
    unmark(op, "c");
    op_recall_ticket(op);
}
static void undo_d(struct op *op)
{
    CHECK(loop_is_current());
    unmark(op, "d");
    op_recall_ticket(op);
}
static void undo_e(struct op *op)
{
    CHECK(worker_is_current());
    unmark(op, "e");
}
static void finish_probe(struct op *op)
{
    (void)op;
    n_finished++;
}

static const struct op_step probe_steps[] = {
    {"a", ON_LOOP, run_a, undo_a},
    {"b", ON_WORKER, run_b, undo_b},
    {"c", ON_KEEPER, run_c, undo_c},
    {"d", ON_EVENT, run_d, undo_d},
    {"e", ON_DISK, run_e, undo_e},
    {"f", ON_LOOP, run_f, NULL},
    {NULL},
};
static const struct op_type probe_type = {"probe/run", OP_MUTATING, sizeof(struct probe),
                                          probe_steps, finish_probe};
OP_LISTED(probe_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    (void)op, (void)ctx;
    CHECK(loop_is_current());
    n_done++;
    done_kind = err ? err_kind(err) : 0;
    snprintf(done_text, sizeof(done_text), "%s", err ? err_text(err) : "");
    err_drop(err);
    loop_stop(loop);
}

static char trace[TRACE_SIZE];

static struct probe *probe_create(const struct op_type *type)
{
    struct probe *p = (struct probe *)op_create(ops, type);

    p->trace = trace;
    p->op.subject = "thing";
    return p;
}

static void on_stop_timer(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

static void run_for_ms(int ms)
{
    struct timer t = {0};

    timer_set(loop, &t, ms, on_stop_timer);
    loop_run(loop);
    timer_clear(loop, &t);
}

static void run_until_in_flight(int n)
{
    while (ops_in_flight(ops) > n)
        run_for_ms(1);
}

TEST(steps_run_in_order_each_in_its_place)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&probe_type);
    p->resumes_at_once = true;
    op_start(&p->op, on_done, NULL);
    loop_run(loop);
    CHECK_STR(trace, "abcdef");
    CHECK_INT(n_done, 1);
    CHECK_INT(n_finished, 1);
    CHECK_INT(done_kind, 0);
    tear_down();
}

TEST(a_failed_step_undoes_the_earlier_ones_in_reverse)
{
    static const char *const wanted[] = {
        "a", "ab-a", "abc-b-a", "abcd-c-b-a", "abcde-d-c-b-a", "abcdef-e-d-c-b-a",
    };
    static const char *const letters[] = {"a", "b", "c", "d", "e", "f"};

    set_up(8);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct probe *p = probe_create(&probe_type);

        trace[0] = '\0';
        p->resumes_at_once = true;
        p->fail_at = letters[i];
        op_start(&p->op, on_done, NULL);
        run_until_in_flight(0);
        CHECK_STR(trace, wanted[i]);
        CHECK_INT(done_kind, ERR_CONFLICT);
        CHECK_INT(n_done, i + 1);
        CHECK_INT(n_finished, i + 1);
    }
    tear_down();
}

TEST(a_fault_at_each_step_fails_it_before_it_runs)
{
    static const char *const wanted[] = {"",          "a-a",          "ab-b-a",
                                         "abc-c-b-a", "abcd-d-c-b-a", "abcde-e-d-c-b-a"};

    set_up(8);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct probe *p = probe_create(&probe_type);

        trace[0] = '\0';
        p->resumes_at_once = true;
        ops_inject_fault(ops, arena_printf(test_arena, "probe/run:%s", probe_steps[i].name), 1);
        op_start(&p->op, on_done, NULL);
        run_until_in_flight(0);
        CHECK_STR(trace, wanted[i]);
        CHECK_INT(done_kind, ERR_INTERNAL);
    }
    tear_down();
}

static bool runs_clean(void)
{
    struct probe *p = probe_create(&probe_type);

    p->resumes_at_once = true;
    trace[0] = '\0';
    op_start(&p->op, on_done, NULL);
    run_until_in_flight(0);
    return done_kind == 0;
}

TEST(faults_are_counted_cleared_and_read_from_the_environment)
{
    setenv("BERTH_FAULT", "probe/run:f*2,probe/run:b,other/x:a*9,junk", 1);
    set_up(8);
    CHECK(!runs_clean()); /* b */
    CHECK_STR(done_text, "fault injected at probe/run:b");
    CHECK(!runs_clean()); /* f */
    CHECK(!runs_clean()); /* f */
    CHECK(runs_clean());
    ops_inject_fault(ops, "probe/run:a", 100);
    CHECK(!runs_clean());
    ops_inject_fault(ops, "", 0);
    CHECK(runs_clean());
    tear_down();
}

TEST(a_later_resume_with_an_error_undoes_only_the_earlier_steps)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&probe_type);
    op_start(&p->op, on_done, NULL);
    while (!op_is_waiting(&p->op))
        run_for_ms(1);
    CHECK_STR(op_step_name(&p->op), "c");
    resume(&p->op, NULL);
    CHECK_STR(op_step_name(&p->op), "d");
    CHECK(op_is_waiting(&p->op));
    resume(&p->op, err_new(ERR_NOT_FOUND, "gone"));
    run_until_in_flight(0);
    CHECK_STR(trace, "abcd-c-b-a");
    CHECK_INT(done_kind, ERR_NOT_FOUND);
    tear_down();
}

/* ---- lanes ---- */

static struct err *run_nothing(struct op *op)
{
    (void)op;
    return NULL;
}
static const struct op_step quick_steps[] = {{"quick", ON_LOOP, run_nothing}, {NULL}};
static const struct op_type quick_type = {"quick/run", OP_MUTATING, sizeof(struct op), quick_steps};
OP_LISTED(quick_type);
static const struct op_step waiting_steps[] = {{"c", ON_EVENT, run_c, undo_c, 5000}, {NULL}};
static const struct op_type waiting_type = {"waiting/run", OP_MUTATING, sizeof(struct probe),
                                            waiting_steps, finish_probe};
OP_LISTED(waiting_type);

static uint64_t last_done_seq;
static int depth;

static void on_quick_done(struct op *op, struct err *err, void *ctx)
{
    (void)ctx;
    CHECK(!err);
    CHECK(op->seq > last_done_seq);
    CHECK_INT(++depth, 1);
    last_done_seq = op->seq;
    n_done++;
    depth--;
}

TEST(a_lane_runs_thousands_of_waiters_in_order_without_recursion)
{
    struct lane lane;
    struct probe *first;
    const int n = 20000;

    set_up(8);
    lane_init(&lane);
    first = probe_create(&waiting_type);
    op_start_in(&first->op, &lane, on_done, NULL);
    CHECK(lane_is_busy(&lane));
    for (int i = 0; i < n; i++)
        op_start_in(op_create(ops, &quick_type), &lane, on_quick_done, NULL);
    CHECK_INT(ops_in_flight(ops), n + 1);
    resume(&first->op, NULL);
    run_until_in_flight(0);
    CHECK_INT(n_done, n + 1);
    CHECK(!lane_is_busy(&lane));
    tear_down();
}

/* The object that holds the lane goes in finish, as `rm` does it. */
struct removal {
    struct op op;
    struct lane *lane;
};
static void finish_removal(struct op *op)
{
    free(((struct removal *)op)->lane);
}
static const struct op_type removal_type = {"removal/run", OP_MUTATING, sizeof(struct removal),
                                            quick_steps, finish_removal};
OP_LISTED(removal_type);

TEST(finish_may_free_the_object_with_the_lane)
{
    struct removal *r;

    set_up(8);
    r = (struct removal *)op_create(ops, &removal_type);
    r->lane = mem_new(struct lane);
    lane_init(r->lane);
    op_start_in(&r->op, r->lane, on_done, NULL);
    CHECK_INT(n_done, 1);
    tear_down();
}

static struct lane *restart_lane;

static void on_done_start_next(struct op *op, struct err *err, void *ctx)
{
    (void)op, (void)ctx;
    CHECK(!err);
    n_done++;
    if (n_done < 5)
        op_start_in(op_create(ops, &quick_type), restart_lane, on_done_start_next, NULL);
}

TEST(done_may_start_the_next_operation_of_the_lane)
{
    struct lane lane;

    set_up(8);
    lane_init(&lane);
    restart_lane = &lane;
    op_start_in(op_create(ops, &quick_type), &lane, on_done_start_next, NULL);
    run_until_in_flight(0); /* a slice may end between two of them */
    CHECK_INT(n_done, 5);
    CHECK(!lane_is_busy(&lane));
    tear_down();
}

/* ---- cancel ---- */

TEST(cancel_in_the_lane)
{
    struct lane lane;
    struct probe *first, *second;

    set_up(8);
    lane_init(&lane);
    first = probe_create(&waiting_type);
    second = probe_create(&probe_type);
    op_start_in(&first->op, &lane, on_done, NULL);
    op_start_in(&second->op, &lane, on_done, NULL);
    CHECK(op_cancel(&second->op));
    CHECK_INT(n_done, 1);
    CHECK_INT(done_kind, ERR_CANCELLED);
    CHECK_STR(done_text, "probe/run thing was cancelled");
    CHECK_STR(trace, "c");
    resume(&first->op, NULL);
    CHECK_INT(n_done, 2);
    tear_down();
}

TEST(cancel_in_an_event_step_undoes_it_too)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&probe_type);
    op_start(&p->op, on_done, NULL);
    while (!op_is_waiting(&p->op))
        run_for_ms(1);
    CHECK(!op_cancel(&p->op)); /* c is a keeper step */
    resume(&p->op, NULL);
    CHECK(op_cancel(&p->op));
    CHECK(!op_cancel(&p->op)); /* undoing */
    run_until_in_flight(0);
    CHECK_STR(trace, "abcd-d-c-b-a");
    CHECK_INT(n_done, 1);
    CHECK_INT(done_kind, ERR_CANCELLED);
    tear_down();
}

static struct err *run_cancel_itself(struct op *op)
{
    mark(op, "x");
    CHECK(op_cancel(op));
    return NULL;
}
static void undo_x(struct op *op)
{
    unmark(op, "x");
}
static const struct op_step self_cancel_steps[] = {
    {"a", ON_LOOP, run_a, undo_a}, {"x", ON_EVENT, run_cancel_itself, undo_x}, {NULL}};
static const struct op_type self_cancel_type = {"self/cancel", OP_MUTATING, sizeof(struct probe),
                                                self_cancel_steps};
OP_LISTED(self_cancel_type);

TEST(cancel_from_within_run_ends_the_step_after_it)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&self_cancel_type);
    op_start(&p->op, on_done, NULL);
    CHECK_STR(trace, "ax-x-a");
    CHECK_INT(done_kind, ERR_CANCELLED);
    tear_down();
}

/* ---- tickets ---- */

static struct ticket *carried; /* what a carrier holds */

static struct err *run_carried(struct op *op)
{
    carried = op_wait(op);
    return mark(op, "t");
}
static void undo_carried(struct op *op)
{
    unmark(op, "t");
}
static const struct op_step carried_steps[] = {
    {"a", ON_LOOP, run_a, undo_a}, {"t", ON_EVENT, run_carried, undo_carried, 20}, {NULL}};
static const struct op_type carried_type = {"carried/run", OP_MUTATING, sizeof(struct probe),
                                            carried_steps, finish_probe};
OP_LISTED(carried_type);

TEST(an_answer_in_time_ends_the_step)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&carried_type);
    op_start(&p->op, on_done, NULL);
    CHECK(ticket_op(carried) == &p->op);
    ticket_answer(carried, NULL);
    CHECK_STR(trace, "at");
    CHECK_INT(n_done, 1);
    CHECK_INT(ops_late(ops), 0);
    tear_down();
}

TEST(the_deadline_voids_the_ticket_and_the_late_answer_is_dropped)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&carried_type);
    op_start(&p->op, on_done, NULL);
    loop_run(loop);
    CHECK_INT(done_kind, ERR_TIMEOUT);
    CHECK_STR(trace, "at-t-a");
    CHECK_INT(n_finished, 1); /* the operation is gone, the ticket is not */
    CHECK(!ticket_op(carried));
    ticket_answer(carried, err_new(ERR_INTERNAL, "too late"));
    CHECK_INT(ops_late(ops), 1);
    CHECK_INT(n_done, 1);
    tear_down();
}

TEST(a_late_fault_is_a_deadline_at_once)
{
    struct probe *p;

    set_up(8);
    ops_inject_fault(ops, "carried/run:t!late", 1);
    p = probe_create(&carried_type);
    op_start(&p->op, on_done, NULL);
    CHECK_INT(done_kind, ERR_TIMEOUT);
    CHECK_STR(trace, "at-t-a");
    ticket_answer(carried, NULL);
    CHECK_INT(ops_late(ops), 1);
    tear_down();
}

TEST(a_cancel_voids_the_ticket)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&carried_type);
    op_start(&p->op, on_done, NULL);
    CHECK(op_cancel(&p->op));
    CHECK(!ticket_op(carried));
    ticket_drop(carried);
    CHECK_INT(ops_late(ops), 0);
    tear_down();
}

TEST(tickets_outlive_the_runner)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&carried_type);
    op_start(&p->op, on_done, NULL);
    CHECK(op_cancel(&p->op));
    ops_destroy(ops);
    ticket_answer(carried, NULL); /* frees the runner */
    pools_destroy(pools);
    loop_destroy(loop);
}

/* Between the end of the wait and its undo, the answer: neither may touch what the other freed. */
static void undo_recalled(struct op *op)
{
    unmark(op, "t");
    op_recall_ticket(op);
}
static const struct op_step recalled_steps[] = {{"t", ON_EVENT, run_carried, undo_recalled, 20},
                                                {NULL}};
static const struct op_type recalled_type = {"recalled/run", OP_MUTATING, sizeof(struct probe),
                                             recalled_steps};
OP_LISTED(recalled_type);

static void cancel_then_answer(struct op *op, struct err *err, void *ctx)
{
    struct probe *other = ctx; /* within the runner: what is cancelled waits for its turn */

    (void)op;
    err_drop(err);
    CHECK(op_cancel(&other->op));
    CHECK_STR(trace, "t");
    ticket_answer(carried, NULL);
}

TEST(an_answer_between_the_cancel_and_the_undo_is_late)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&recalled_type);
    op_start(&p->op, on_done, NULL);
    op_start(op_create(ops, &quick_type), cancel_then_answer, p);
    CHECK_STR(trace, "t-t");
    CHECK_INT(ops_late(ops), 1);
    tear_down();
}

TEST(a_ticket_that_its_carrier_forgot_is_recalled)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&recalled_type);
    op_start(&p->op, on_done, NULL);
    CHECK(op_cancel(&p->op)); /* the undo frees it: the leak checker looks */
    CHECK_INT(ops_late(ops), 0);
    tear_down();
}

static struct list queue;

static struct err *run_queued(struct op *op)
{
    ticket_queue(op_wait(op), &queue, op);
    return mark(op, "q");
}
static const struct op_step queued_steps[] = {{"q", ON_EVENT, run_queued}, {NULL}};
static const struct op_type queued_type = {"queued/run", OP_MUTATING, sizeof(struct probe),
                                           queued_steps, finish_probe};
OP_LISTED(queued_type);

TEST(a_queue_loses_what_is_cancelled_and_answers_the_rest)
{
    struct probe *made[4];

    set_up(8);
    list_init(&queue);
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        op_start(&(made[i] = probe_create(&queued_type))->op, on_done, NULL);
    CHECK(op_cancel(&made[1]->op));
    CHECK_INT(n_finished, 1);
    struct ticket *t = ticket_next(&queue);
    CHECK(ticket_ctx(t) == made[0]);
    ticket_answer(t, NULL);
    CHECK_INT(n_finished, 2);
    tickets_answer(&queue);
    CHECK_INT(n_finished, 4);
    CHECK(!ticket_next(&queue));
    tear_down();
}

static void on_first_cancels_second(struct op *op, struct err *err, void *ctx)
{
    struct probe *other = ctx;

    (void)op;
    err_drop(err);
    CHECK(op_cancel(&other->op));
}

TEST(a_ticket_taken_from_its_queue_outlives_a_cancel)
{
    struct probe *p;
    struct ticket *t;

    set_up(8);
    list_init(&queue);
    p = probe_create(&queued_type);
    op_start(&p->op, on_done, NULL);
    t = ticket_next(&queue);
    CHECK(op_cancel(&p->op));
    CHECK(!ticket_op(t));
    ticket_answer(t, NULL);
    CHECK_INT(ops_late(ops), 1);
    tear_down();
}

TEST(a_queue_that_is_worked_off_may_lose_tickets_meanwhile)
{
    struct probe *first, *second;

    set_up(8);
    list_init(&queue);
    first = probe_create(&queued_type);
    second = probe_create(&queued_type);
    op_start(&first->op, on_first_cancels_second, second);
    op_start(&second->op, on_done, NULL);
    tickets_answer(&queue);
    CHECK_INT(n_finished, 2);
    CHECK_INT(done_kind, ERR_CANCELLED);
    CHECK_INT(ops_late(ops), 0);
    tear_down();
}

static struct err *run_at_once(struct op *op)
{
    return mark(op, "o");
}
static struct err *run_sleep(struct op *op)
{
    op_wait_ms(op, 1);
    return mark(op, "s");
}
static const struct op_step idle_steps[] = {{"o", ON_EVENT, run_at_once},
                                            {"s", ON_EVENT, run_sleep, NULL, -1},
                                            {"o2", ON_KEEPER, run_at_once},
                                            {NULL}};
static const struct op_type idle_type = {"idle/run", OP_MUTATING, sizeof(struct probe), idle_steps};
OP_LISTED(idle_type);

TEST(a_step_without_a_ticket_is_over_and_one_may_sleep)
{
    struct probe *p;

    set_up(8);
    p = probe_create(&idle_type);
    op_start(&p->op, on_done, NULL);
    CHECK_STR(trace, "os");
    CHECK(op_is_waiting(&p->op));
    loop_run(loop);
    CHECK_STR(trace, "oso");
    CHECK_INT(done_kind, 0);
    p = probe_create(&idle_type);
    op_start(&p->op, on_done, NULL);
    CHECK(op_cancel(&p->op)); /* asleep */
    CHECK_INT(done_kind, ERR_CANCELLED);
    tear_down();
}

/* ---- steps that are passed over ---- */

static bool is_marked_a(const struct op *op)
{
    return strchr(((const struct probe *)op)->trace, 'a') != NULL;
}
static bool is_not_marked_a(const struct op *op)
{
    return !is_marked_a(op);
}
static const struct op_step choosing_steps[] = {
    {"a", ON_LOOP, run_a, undo_a, 0, is_not_marked_a},
    {"b", ON_WORKER, run_b, undo_b, 0, is_not_marked_a},
    {"e", ON_DISK, run_e, undo_e, 0, is_marked_a},
    {"b2", ON_WORKER, run_b, undo_b, 0, is_not_marked_a},
    {"f", ON_LOOP, run_f, NULL},
    {NULL}};
static const struct op_type choosing_type = {"choosing/run", OP_MUTATING, sizeof(struct probe),
                                             choosing_steps, finish_probe};
OP_LISTED(choosing_type);

TEST(what_is_passed_over_is_not_undone)
{
    struct probe *p;

    set_up(1);
    p = probe_create(&choosing_type);
    p->fail_at = "f";
    op_start(&p->op, on_done, NULL);
    run_until_in_flight(0);
    CHECK_STR(trace, "aef-e-a");
    tear_down();
}

static bool never(const struct op *op)
{
    (void)op;
    return false;
}
static const struct op_step parting_steps[] = {{"c", ON_KEEPER, run_c, undo_c},
                                               {"b", ON_WORKER, run_b, undo_b, 0, never},
                                               {"d", ON_EVENT, run_d, undo_d},
                                               {NULL}};
static const struct op_type parting_type = {"parting/run", OP_MUTATING, sizeof(struct probe),
                                            parting_steps, finish_probe};
OP_LISTED(parting_type);

/* The step that would have needed the slot is passed over, and the wait after it may be long. */
TEST(who_passes_over_its_last_work_gives_its_slot_back)
{
    struct probe *first, *second;

    set_up(1);
    op_start(&(first = probe_create(&parting_type))->op, on_done, NULL);
    op_start(&(second = probe_create(&parting_type))->op, on_done, NULL);
    CHECK_STR(trace, "c");
    CHECK_INT(ops_waiting(ops), 1);
    resume(&first->op, NULL);
    CHECK_STR(trace, "cdc");
    CHECK_INT(ops_waiting(ops), 0);
    resume(&second->op, NULL);
    resume(&first->op, NULL);
    resume(&second->op, NULL);
    CHECK_INT(n_done, 2);
    tear_down();
}

TEST(types_are_listed_with_their_steps)
{
    autobuf struct buf b = {0};

    op_types_dump(&b);
    CHECK(strstr(b.data, "choosing/run:b2 worker\n"));
    CHECK(strstr(b.data, "probe/run:a loop\nprobe/run:b worker\nprobe/run:c keeper\n"));
}

/* ---- admission ---- */

static atomic_int n_running, most_running;
static sem_t gate;

static void note_running(void)
{
    int n = atomic_fetch_add(&n_running, 1) + 1;
    int most = atomic_load(&most_running);

    while (n > most && !atomic_compare_exchange_weak(&most_running, &most, n))
        continue;
}

static struct err *run_busy(struct op *op)
{
    (void)op;
    note_running();
    atomic_fetch_sub(&n_running, 1);
    return NULL;
}
static const struct op_step busy_steps[] = {
    {"one", ON_WORKER, run_busy}, {"two", ON_DISK, run_busy}, {"three", ON_WORKER, run_busy}, {0}};
static const struct op_type busy_type = {"busy/run", OP_MUTATING, sizeof(struct op), busy_steps};
OP_LISTED(busy_type);

static void on_count(struct op *op, struct err *err, void *ctx)
{
    (void)op, (void)ctx;
    CHECK(!err || err_kind(err) == ERR_CANCELLED);
    err_drop(err);
    n_done++;
}

TEST(ten_thousand_operations_through_eight_slots)
{
    const int n = 10000;

    set_up(8);
    for (int i = 0; i < n; i++)
        op_start(op_create(ops, &busy_type), on_count, NULL);
    CHECK_INT(ops_waiting(ops), n - 8);
    CHECK(ops_are_full(ops));
    run_until_in_flight(0);
    CHECK_INT(n_done, n);
    CHECK(atomic_load(&most_running) <= 6); /* threads; slots are the larger number here */
    CHECK(!ops_are_full(ops));
    tear_down();
}

/* A keeper step holds its slot until it is resumed. */
static struct op *at_keeper[64];
static int n_at_keeper;

static struct err *run_at_keeper(struct op *op)
{
    op_wait(op);
    at_keeper[n_at_keeper++] = op;
    return NULL;
}
static const struct op_step keeper_steps[] = {
    {"first", ON_KEEPER, run_at_keeper}, {"second", ON_KEEPER, run_at_keeper}, {NULL}};
static const struct op_type keeper_type = {"keeper/run", OP_MUTATING, sizeof(struct op),
                                           keeper_steps};
OP_LISTED(keeper_type);
static const struct op_type urgent_type = {"urgent/run", OP_URGENT, sizeof(struct op),
                                           keeper_steps};
OP_LISTED(urgent_type);
static const struct op_type internal_type = {"internal/run", OP_INTERNAL, sizeof(struct op),
                                             keeper_steps};
OP_LISTED(internal_type);

static struct err *run_event(struct op *op)
{
    op_wait(op);
    return NULL;
}
static const struct op_step event_first_steps[] = {
    {"event", ON_EVENT, run_event}, {"first", ON_KEEPER, run_at_keeper}, {NULL}};
static const struct op_type event_first_type = {"event/first", OP_MUTATING, sizeof(struct op),
                                                event_first_steps};
OP_LISTED(event_first_type);

TEST(slots_go_to_the_oldest_operation)
{
    struct op *older, *made[4];

    set_up(2);
    op_start(older = op_create(ops, &event_first_type), on_count, NULL);
    for (int i = 0; i < 4; i++)
        op_start(made[i] = op_create(ops, &keeper_type), on_count, NULL);
    CHECK_INT(n_at_keeper, 2);
    CHECK_INT(ops_waiting(ops), 2);
    resume(older, NULL); /* now at the gate, before 2 and 3 */
    CHECK_INT(n_at_keeper, 2);
    resume(made[0], NULL); /* 0 needs its slot again, but the older one waits */
    CHECK(n_at_keeper == 3 && at_keeper[2] == older);
    resume(made[1], NULL); /* now 0 is older than 1 */
    CHECK(n_at_keeper == 4 && at_keeper[3] == made[0]);
    resume(older, NULL);
    CHECK(n_at_keeper == 5 && at_keeper[4] == made[1]);
    resume(made[1], NULL);
    CHECK(n_at_keeper == 6 && at_keeper[5] == made[2]);
    resume(made[2], NULL); /* keeps its slot for its second step: 3 is younger */
    CHECK(n_at_keeper == 7 && at_keeper[6] == made[2]);
    CHECK(op_cancel(made[3]));
    resume(made[0], NULL);
    resume(made[2], NULL);
    CHECK_INT(n_done, 5);
    tear_down();
}

TEST(urgent_operations_have_slots_of_their_own_and_internal_ones_need_none)
{
    struct op *all[40];
    int n = 0;

    set_up(1);
    for (int i = 0; i < 2; i++)
        op_start(all[n++] = op_create(ops, &keeper_type), on_count, NULL);
    CHECK_INT(n_at_keeper, 1);
    for (int i = 0; i < 33; i++)
        op_start(all[n++] = op_create(ops, &urgent_type), on_count, NULL);
    CHECK_INT(n_at_keeper, 1 + 32);
    CHECK_INT(ops_waiting(ops), 2);
    op_start(all[n++] = op_create(ops, &internal_type), on_count, NULL);
    CHECK_INT(n_at_keeper, 1 + 32 + 1);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < n; i++) {
            n_at_keeper = 0;
            if (all[i] && op_is_waiting(all[i])) {
                bool is_second = !strcmp(op_step_name(all[i]), "second");

                resume(all[i], NULL);
                if (is_second)
                    all[i] = NULL;
            }
        }
    }
    CHECK_INT(n_done, n);
    tear_down();
}

static struct op_room rooms[10];
static int n_rooms;

static void on_room(struct op_room *r)
{
    CHECK(r == &rooms[n_rooms == 0 ? 0 : n_rooms + 1]); /* 1 has left */
    n_rooms++;
}

TEST(connections_wait_for_room_in_arrival_order)
{
    struct op *made[5];

    set_up(1);
    for (int i = 0; i < 5; i++)
        op_start(made[i] = op_create(ops, &keeper_type), on_count, NULL);
    CHECK(ops_are_full(ops));
    for (int i = 0; i < 10; i++) {
        rooms[i].fn = on_room;
        ops_wait_room(ops, &rooms[i], NULL);
    }
    ops_leave_room(&rooms[1]);
    ops_leave_room(&rooms[1]);
    CHECK(op_cancel(made[4]));
    CHECK(op_cancel(made[3]));
    CHECK(op_cancel(made[2]));
    CHECK(!ops_are_full(ops));
    run_for_ms(2);
    CHECK(n_rooms >= 1);
    for (int i = 0; i < 4; i++)
        resume(made[i / 2], NULL);
    CHECK_INT(ops_in_flight(ops), 0);
    for (int i = 0; i < 10 && n_rooms < 9; i++) /* a few at a time */
        op_start(op_create(ops, &quick_type), on_count, NULL);
    CHECK_INT(n_rooms, 9);
    tear_down();
}

/* ---- shares ---- */

static struct op *begin_for(struct share *s, uint64_t rank)
{
    struct asking before = ops_ask(ops, (struct asking){s, rank});
    struct op *op = op_create(ops, &keeper_type);

    op_start(op, on_count, NULL);
    ops_ask(ops, before);
    return op;
}

/* Both steps of each, until none is left: the order in which they first came to the keeper. */
static void serve_all(struct op **order, int n)
{
    for (int done = 0; done < n; done++) {
        order[done] = at_keeper[n_at_keeper - 1];
        resume(order[done], NULL);
        resume(order[done], NULL);
    }
}

TEST(one_client_with_many_commands_does_not_hold_up_another)
{
    struct share *many, *one, *again;
    struct op *flood[20], *single[3], *served[23];

    set_up(1);
    many = share_open(ops, 1);
    again = share_open(ops, 1);
    CHECK(again == many);
    share_close(again);
    one = share_open(ops, 2);
    CHECK_INT(ops_clients(ops), 2);
    for (int i = 0; i < 20; i++)
        flood[i] = begin_for(many, 0);
    for (int i = 0; i < 3; i++)
        single[i] = begin_for(one, 0);
    serve_all(served, 23);
    CHECK(served[0] == flood[0]); /* it was alone */
    for (int i = 0; i < 3; i++) {
        CHECK(served[1 + 2 * i] == flood[1 + i] || served[1 + 2 * i] == single[i]);
        CHECK(served[2 + 2 * i] == flood[1 + i] || served[2 + 2 * i] == single[i]);
    }
    for (int i = 4; i < 20; i++) /* each in the order of its coming */
        CHECK(served[3 + i] == flood[i]);
    share_close(many);
    share_close(one);
    CHECK_INT(ops_clients(ops), 0);
    tear_down();
}

TEST(cancel_while_waiting_for_a_slot_undoes_the_earlier_steps)
{
    struct op *holder;
    struct probe *p;

    set_up(1);
    op_start(holder = op_create(ops, &keeper_type), on_count, NULL);
    p = probe_create(&probe_type);
    op_start(&p->op, on_done, NULL);
    CHECK_INT(ops_waiting(ops), 1);
    CHECK(op_cancel(&p->op));
    CHECK_INT(ops_waiting(ops), 0);
    CHECK_STR(trace, "a-a");
    CHECK_INT(done_kind, ERR_CANCELLED);
    resume(holder, NULL);
    resume(holder, NULL);
    tear_down();
}

/* ---- deadlines ---- */

static struct err *run_hung(struct op *op)
{
    sem_wait(&gate);
    return mark(op, "h");
}
static void undo_h(struct op *op)
{
    CHECK(worker_is_current());
    unmark(op, "h");
}
static const struct op_step hung_steps[] = {
    {"a", ON_LOOP, run_a, undo_a}, {"hang", ON_WORKER, run_hung, undo_h, 200}, {NULL}};
static const struct op_type hung_type = {"hung/run", OP_MUTATING, sizeof(struct probe), hung_steps,
                                         finish_probe};
OP_LISTED(hung_type);

TEST(a_hung_worker_step_answers_the_client_and_is_undone_when_it_returns)
{
    struct lane lane;
    struct probe *p;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    sem_init(&gate, 0, 0);
    set_up(1);
    lane_init(&lane);
    p = probe_create(&hung_type);
    op_start_in(&p->op, &lane, on_done, NULL);
    op_start_in(op_create(ops, &quick_type), &lane, on_count, NULL);
    loop_run(loop);
    CHECK_INT(n_done, 1);
    CHECK_INT(done_kind, ERR_TIMEOUT);
    CHECK_STR(done_text, "hung/run thing: step hang did not end within 0.2 s");
    CHECK_INT(n_finished, 0);
    CHECK(lane_is_busy(&lane));
    CHECK_INT(ops_in_flight(ops), 2);
    ops_dump(ops, &w);
    CHECK(strstr(b.data, "\"state\":\"abandoned\""));
    op_start(op_create(ops, &busy_type), on_count, NULL); /* its slot is free again */
    run_until_in_flight(2);
    CHECK_INT(n_done, 2);
    sem_post(&gate);
    run_until_in_flight(0);
    CHECK_STR(trace, "ah-h-a");
    CHECK_INT(n_finished, 1);
    CHECK_INT(n_done, 3);
    CHECK(!lane_is_busy(&lane));
    tear_down();
}

TEST(an_abandoned_step_that_fails_late_left_nothing_behind)
{
    struct probe *p;

    sem_init(&gate, 0, 0);
    set_up(1);
    p = probe_create(&hung_type);
    p->fail_at = "h";
    op_start(&p->op, on_done, NULL);
    loop_run(loop);
    CHECK_INT(done_kind, ERR_TIMEOUT);
    sem_post(&gate);
    run_until_in_flight(0);
    CHECK_STR(trace, "ah-a");
    CHECK_INT(n_done, 1);
    tear_down();
}

static void undo_hung(struct op *op)
{
    sem_wait(&gate);
    unmark(op, "b");
}
static const struct op_step hung_undo_steps[] = {
    {"b", ON_WORKER, run_b, undo_hung, 200}, {"f", ON_LOOP, run_f, NULL}, {NULL}};
static const struct op_type hung_undo_type = {"hung/undo", OP_MUTATING, sizeof(struct probe),
                                              hung_undo_steps, finish_probe};
OP_LISTED(hung_undo_type);

TEST(a_hung_undo_answers_the_client_with_the_error)
{
    struct probe *p;

    sem_init(&gate, 0, 0);
    set_up(1);
    p = probe_create(&hung_undo_type);
    p->fail_at = "f";
    op_start(&p->op, on_done, NULL);
    loop_run(loop);
    CHECK_INT(n_done, 1);
    CHECK_INT(done_kind, ERR_CONFLICT);
    CHECK_INT(ops_in_flight(ops), 1);
    sem_post(&gate);
    run_until_in_flight(0);
    CHECK_STR(trace, "bf-b");
    CHECK_INT(n_finished, 1);
    tear_down();
}

static const struct op_step late_steps[] = {
    {"a", ON_LOOP, run_a, undo_a}, {"c", ON_EVENT, run_c, undo_c, 10}, {NULL}};
static const struct op_type late_type = {"late/run", OP_MUTATING, sizeof(struct probe), late_steps};
OP_LISTED(late_type);

TEST(a_deadline_ends_an_event_step_and_undoes_it)
{
    struct probe *p;

    set_up(1);
    p = probe_create(&late_type);
    op_start(&p->op, on_done, NULL);
    loop_run(loop);
    CHECK_STR(trace, "ac-c-a");
    CHECK_INT(done_kind, ERR_TIMEOUT);
    CHECK_STR(done_text, "late/run thing: step c did not end within 0.01 s");
    tear_down();
}

static const struct op_step short_steps[] = {{"b", ON_WORKER, run_b, undo_b, 15}, {NULL}};
static const struct op_type short_type = {"short/run", OP_INTERNAL, sizeof(struct probe),
                                          short_steps};
OP_LISTED(short_type);

static void on_any_end(struct op *op, struct err *err, void *ctx)
{
    (void)op, (void)ctx;
    err_drop(err);
}

TEST(a_job_that_no_worker_begins_is_given_up_and_never_runs)
{
    struct probe *hung[4], *p;

    sem_init(&gate, 0, 0);
    set_up(8);
    for (int i = 0; i < 4; i++) {
        hung[i] = probe_create(&hung_type);
        hung[i]->trace = arena_alloc(test_arena, 64);
        op_start(&hung[i]->op, on_any_end, NULL);
    }
    p = probe_create(&short_type);
    op_start(&p->op, on_done, NULL);
    while (done_kind != ERR_TIMEOUT)
        run_for_ms(5);
    CHECK_INT(ops_in_flight(ops), 5);
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    run_until_in_flight(0);
    CHECK_STR(trace, "");
    tear_down();
}

/* ---- the rest ---- */

TEST(dump_shows_what_is_in_flight)
{
    struct lane lane;
    struct probe *first, *second;
    const struct json *doc, *it;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    set_up(1);
    lane_init(&lane);
    first = probe_create(&waiting_type);
    second = probe_create(&probe_type);
    op_start_in(&first->op, &lane, on_done, NULL);
    op_start_in(&second->op, &lane, on_done, NULL);
    ops_dump(ops, &w);
    CHECK_OK(json_parse(test_arena, b.data, b.len, &doc));
    CHECK_INT(json_len(doc), 2);
    it = json_first(doc);
    CHECK_STR(json_str(json_get(it, "type")), "waiting/run");
    CHECK_STR(json_str(json_get(it, "subject")), "thing");
    CHECK_STR(json_str(json_get(it, "step")), "c");
    CHECK_STR(json_str(json_get(it, "place")), "event");
    CHECK_STR(json_str(json_get(it, "state")), "waiting");
    CHECK_STR(json_str(json_get(json_next(it), "state")), "queued");
    CHECK(op_cancel(&second->op));
    resume(&first->op, NULL);
    tear_down();
}

TEST(an_unstarted_operation_and_one_without_done_leave_nothing)
{
    struct probe *p;

    set_up(1);
    op_destroy_unstarted(op_create(ops, &probe_type));
    p = probe_create(&probe_type);
    p->fail_at = "a";
    op_start(&p->op, NULL, NULL);
    CHECK_INT(n_finished, 1);
    tear_down();
}

/* Random ends of many operations at once: each is answered and finished once. */
static struct probe *waiting[512];

static void on_mixed_done(struct op *op, struct err *err, void *ctx)
{
    size_t at = (size_t)(intptr_t)ctx;

    CHECK(waiting[at] == (struct probe *)op);
    waiting[at] = NULL;
    err_drop(err);
    n_done++;
}

static void poke(uint32_t dice, struct probe *p)
{
    if (dice % 5 == 0)
        op_cancel(&p->op);
    else if (op_is_waiting(&p->op))
        resume(&p->op, dice % 7 == 0 ? err_new(ERR_INTERNAL, "dice") : NULL);
}

TEST(many_operations_with_random_ends_are_answered_once_each)
{
    const int n = ARRAY_LEN(waiting);
    struct lane lanes[16];
    uint32_t dice = 1;

    set_up(8);
    for (size_t i = 0; i < ARRAY_LEN(lanes); i++)
        lane_init(&lanes[i]);
    for (int i = 0; i < n; i++) {
        waiting[i] = probe_create(&probe_type);
        waiting[i]->trace = arena_alloc(test_arena, 64);
        op_start_in(&waiting[i]->op, &lanes[i % 16], on_mixed_done, (void *)(intptr_t)i);
    }
    while (ops_in_flight(ops) > 0) {
        for (int i = 0; i < n; i++) {
            dice = dice * 1664525 + 1013904223;
            if (waiting[i] && dice >> 31)
                poke(dice >> 8, waiting[i]);
        }
        run_for_ms(1);
    }
    CHECK_INT(n_done, n);
    CHECK_INT(n_finished, n);
    tear_down();
}
