/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of an exec's run: its exit is known and its streams are drained. The keeper forgets it
 * when the code is written, so that it is known to the next engine whenever this one dies. Also
 * execs whose keeper was killed, and signals. Loop thread.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "container/container_table.h"
#include "container/keeper_entry.h"
#include "container/orphan.h"
#include "container/process.h"
#include "exec/exec_object.h"
#include "runtime/keeper_conn.h"

#include "exec_probe.h"
#include "exec_strays.h"

/* ---- the record of the end ---- */

struct exec_ending {
    struct op op;
    struct exec *e;
    int pid; /* of the keeper's entry */
};

static struct err *save(struct op *op)
{
    exec_save_for(((struct exec_ending *)op)->e, op);
    return NULL;
}

static void finish(struct op *op)
{
    exec_release(((struct exec_ending *)op)->e, 1);
}

static const struct op_step end_steps[] = {
    {"save", ON_EVENT, save, NULL, 0},
    {0},
};
static const struct op_type end_type = {"container/exec-end", OP_INTERNAL,
                                        sizeof(struct exec_ending), end_steps, finish};
OP_LISTED(end_type);

static void let_go(struct exec *e, int pid)
{
    ASSERT(e->parts->keeper);
    e->is_recorded = true;
    keeper_ack(e->parts->keeper, e->keeper_id, pid);
}

/* A store that fails must not fill the keeper: it forgets the exec in any case. */
static void on_recorded(struct op *op, struct err *err, void *ctx)
{
    struct exec_ending *o = (struct exec_ending *)op;

    (void)ctx;
    if (err)
        log_error("the end of an exec was not written", KV("id", o->e->keeper_id),
                  KV("error", err_text(err)));
    err_drop(err);
    let_go(o->e, o->pid);
}

static void record(struct exec *e)
{
    struct exec_ending *o;

    if (e->is_probe || !e->c) { /* nobody will ask; at the engine's end the next one will */
        if (e->is_probe || !e->table->stopped)
            let_go(e, e->exit.pid);
        return;
    }
    o = (struct exec_ending *)op_create(e->parts->ops, &end_type);
    e->refs++;
    o->e = e;
    o->pid = e->exit.pid;
    o->op.subject = arena_strdup(o->op.arena, e->doc.id);
    op_start(&o->op, on_recorded, NULL);
}

/* ---- the end ---- */

static int exit_code_of(const struct exit_record *r)
{
    if (r->is_unknown)
        return 255;
    return WIFSIGNALED(r->status) ? 128 + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

/* Both must be there, whichever comes first: the exit says the code, the drained streams that all
 * output is with the clients. */
static void end_if_over(struct exec *e)
{
    char code[16];

    ASSERT(e->magic == EXEC_MAGIC);
    if (e->doc.has_ended || !e->has_exited || !e->is_drained)
        return;
    timer_clear(e->parts->loop, &e->saving);
    e->doc.has_ended = true;
    e->is_running = false;
    e->doc.ended_ns = e->exit.wall_ns;
    e->doc.ended_boot_ns = clock_boot_ns();
    e->doc.has_unknown_code = e->exit.is_unknown;
    e->doc.exit_code = exit_code_of(&e->exit);
    if (e->exit.is_unknown)
        log_warn("an exec's exit code is unknown: the keeper was killed and the kernel does not "
                 "tell",
                 KV("id", e->keeper_id));
    if (e->pidfd >= 0)
        close(steal_fd(&e->pidfd));
    exec_check(e);
    snprintf(code, sizeof(code), "%d", e->doc.exit_code);
    exec_event(e, "exec_die", code);
    hub_end_clients(e->hub);
    record(e);
    if (!e->c)
        map_take(e->table->execs, e->doc.id);
    exec_release(e, 1 + exec_end_probe(e, NULL, e->doc.exit_code)); /* 1: the run's reference */
}

void exec_on_drained(void *exec)
{
    struct exec *e = exec_of_ctx(exec);

    ASSERT(!e->is_drained);
    e->is_drained = true;
    end_if_over(e);
    exec_release(e, 1);
}

void exec_work_off_exit(struct exec *e)
{
    ASSERT(e->exit.is_set && e->hub);
    e->has_exited = true;
    if (hub_is_running(e->hub))
        hub_process_exited(e->hub);
    end_if_over(e);
}

static void exec_note_exit(struct exec *e, const struct exit_record *r)
{
    if (e->exit.is_set)
        return; /* the keeper repeats itself until it is answered */
    e->exit = *r;
    e->exit.is_set = true;
    if (e->is_running) /* else a start that is still being finished looks at e->exit */
        exec_work_off_exit(e);
}

/* A start that failed or was never seen to succeed: it can be started again. */
static void exec_unsettle(struct exec *e)
{
    ASSERT(e->is_settling && e->refs >= 2);
    hub_destroy(steal_ptr(&e->hub));
    e->is_settling = e->is_started = e->must_close_stdin = false;
    if (!e->c)
        map_take(e->table->execs, e->doc.id);
    exec_release(e, 2); /* the run's */
}

/* The keeper's word of an end. An exec that was still settling has run and ended in the time
 * without an engine: it is begun first. */
void exec_exited(struct container_table *t, const struct keeper_entry *entry)
{
    struct exec *e = exec_of_keeper_id(t, entry->id);
    struct exit_record r = keeper_entry_exit(entry);

    ASSERT_LOOP();
    if (t->stopped && !e) /* let go of by execs_close: the next engine is told */
        return;
    if (e && e->is_settling && !entry->has_failed)
        exec_note_running(e, entry->pid, -1, entry->started_wall_ns);
    else if (e && e->is_settling)
        exec_unsettle(e);
    if (e && e->is_started && !e->is_recorded && !entry->has_failed && entry->pid == e->doc.pid) {
        exec_note_exit(e, &r);
        return;
    }
    keeper_ack(t->parts->keeper, entry->id, entry->pid);
}

/* ---- without its keeper ---- */

static void on_orphan_exit(void *ctx, const struct exit_record *r)
{
    exec_note_exit(exec_of_ctx(ctx), r);
}

void exec_watch_orphan(struct exec *e)
{
    if (!e->orphan && !e->exit.is_set)
        orphan_watch(e->table, e->doc.pid, e->pidfd, on_orphan_exit, e, &e->orphan);
}

/* The keeper was killed: the new one gets duplicates, and since the process is no child of its, the
 * engine itself watches for the exit. */
void exec_hand_back(struct exec *e)
{
    keeper_entry_hand_back(e->parts->keeper, e->keeper_id, e->doc.pid, e->pidfd, e->doc.started_ns,
                           e->hub);
    exec_watch_orphan(e);
}

static void on_strays_ended(void *ctx)
{
    struct exec *e = exec_of_ctx(ctx);

    if (e->is_settling)
        exec_unsettle(e);
    exec_release(e, 1);
}

/* A start that was on its way has died with the keeper. */
void execs_hand_back(struct container *c)
{
    list_each (e, &c->execs, struct exec, link) {
        if (e->is_settling) {
            e->refs++;
            exec_end_strays(c, on_strays_ended, e);
        } else if (e->pidfd >= 0 && !e->doc.has_ended)
            exec_hand_back(e);
    }
}

/* ---- signals ---- */

/* One that has no process yet is killed as soon as it has. */
void exec_kill(struct exec *e)
{
    if (e->doc.has_ended)
        return;
    if (!e->is_running || e->pidfd < 0)
        e->is_doomed = true;
    else
        process_kill_group(e->pidfd);
}

/* The container's pid 1 is dead, so all of these are: the keeper reports each. What was not started
 * was meant for this life. */
void execs_end(struct container *c)
{
    list_each (e, &c->execs, struct exec, link) {
        e->is_stale |= !e->is_started;
        if (e->is_running && e->pidfd >= 0)
            syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0);
    }
}
