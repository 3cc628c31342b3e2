/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a run. An exit is an event, not a command: it never queues behind one.
 * It arrives from the keeper (perhaps twice, perhaps while start is still finishing),
 * is noted, and worked off by the steps at the end of this file. Clients of wait are
 * answered as soon as the output is drained; the keeper forgets the exit only when it
 * is on disk. An exit cannot be undone: when a step fails, the steps run once more; when that does
 * not help, the write goes on alone (unsaved.c). Loop thread.
 */
#include "run/exited.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "container/wait.h"
#include "exec/exec.h"
#include "exec/health.h"
#include "image/image.h"
#include "net/net.h"
#include "place/endpoints.h"
#include "run/commands.h"
#include "run/file_binds.h"
#include "run/mounts.h"
#include "run/oom.h"
#include "run/restart.h"
#include "run/volume_mounts.h"
#include "runtime/keeper_conn.h"
#include "stream/hub.h"
#include "stream/log.h"

#include "unsaved.h"

#define ATTEMPTS_MAX 3

struct exited {
    struct op op;
    struct container *c;
    struct exit_record record;
    struct parts *parts; /* for the worker: mechanisms only */
    const char *id, *cgroup;
    int64_t oom_kills;
    bool was_killed, has_failed;
};

/* The shell's convention, which Docker has: 128 and the signal. */
static int exit_code_of_status(int status)
{
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    return WEXITSTATUS(status);
}

/* ---- steps ---- */

/* Clients of wait and `docker run` must find all output in the log when they hear of the exit. The
 * last attempt does not wait: an exit that is never told is worse than a late line. */
static struct err *drain_streams(struct op *op)
{
    struct exited *o = (struct exited *)op;
    bool waits = o->c->exit_attempts < ATTEMPTS_MAX - 1;

    ASSERT(o->c->is_exiting);
    if (!o->c->hub || !hub_is_running(o->c->hub))
        return NULL;
    if (waits) /* at last they drain without being waited for */
        ticket_queue(op_wait(op), &o->c->draining, NULL);
    hub_process_exited(o->c->hub); /* may end the waiting */
    return NULL;
}

/* Without a watch of its own (oom.h) only a death by SIGKILL can have been for want of memory. */
static bool was_killed(const struct op *op)
{
    return ((const struct exited *)op)->was_killed;
}

/* Before the cgroup goes: its counter (memory.events, oom_kill) is the only witness. */
static struct err *read_oom(struct op *op)
{
    struct exited *o = (struct exited *)op;

    o->oom_kills = cgroup_oom_kills(o->parts->cgroups, o->cgroup);
    return NULL;
}

/* For an operator: how it ended, and how long it ran. */
static void tell_log(const struct container *c)
{
    const struct container_state *s = &c->doc.state;
    char room[DURATION_MAX];
    const char *ran = clock_duration(c->last_run_ns, room);

    if (s->oom_killed)
        log_warn("a container has exited: out of memory", KV("name", c->name), KV("id", c->doc.id),
                 KV("image", c->doc.image_name), KV_INT("code", s->exit_code), KV("ran", ran));
    else
        log_info("a container has exited", KV("name", c->name), KV("id", c->doc.id),
                 KV("image", c->doc.image_name), KV_INT("code", s->exit_code), KV("ran", ran),
                 KV("next", s->status == STATUS_RESTARTING ? "restart" : "none"));
}

static struct err *record(struct op *op)
{
    struct exited *o = (struct exited *)op;
    struct container *c = o->c;
    struct container_state *s = &c->doc.state;
    char code[16];

    ASSERT(c->magic == CONTAINER_MAGIC && c->is_exiting);
    if (c->pidfd < 0)
        return NULL; /* an earlier attempt came past here */
    s->exit_code = o->record.is_unknown ? 255 : exit_code_of_status(o->record.status);
    s->has_unknown_code = o->record.is_unknown;
    s->finished_ns = o->record.wall_ns;
    s->pid = 0;
    c->last_run_ns = state_run_ns(c);
    health_stop(c);
    s->was_stopped = s->was_stopped || c->has_been_killed;
    s->status = restart_policy_wants(c, false) ? STATUS_RESTARTING : STATUS_EXITED;
    if (o->record.is_unknown)
        state_set_error(
            c, "the exit code is unknown: the keeper was killed and this kernel does not tell");
    close(steal_fd(&c->pidfd));
    oom_watch_end(c, o->oom_kills);
    snprintf(code, sizeof(code), "%d", s->exit_code);
    container_event(c, "die", "exitCode", code);
    tell_log(c);
    execs_end(c);
    if (c->log && s->status != STATUS_RESTARTING)
        log_finish(c->log);
    if (c->hub) /* also of one that comes back: who is attached is attached to a run */
        hub_end_clients(c->hub);
    images_ref(c, false);
    container_check(c);
    waiters_notify(c, false);
    return NULL;
}

/* rmdir(2) of a cgroup fails with EBUSY while a process of it is still dying; that is waited for
 * there. */
static struct err *release_kernel(struct op *op)
{
    struct exited *o = (struct exited *)op;
    struct err *err = cgroup_remove(o->parts->cgroups, o->cgroup);

    if (err) {
        log_warn("a cgroup cannot be removed", KV("id", o->id), KV("error", err_text(err)));
        err_drop(err);
    }
    return NULL;
}

static struct err *release_addresses(struct op *op)
{
    struct exited *o = (struct exited *)op;

    networks_leave(o->c);
    volume_mounts_end(o->c);
    file_binds_end(o->c);
    volumes_tell(o->c, "unmount");
    return NULL;
}

static struct err *save(struct op *op)
{
    struct exited *o = (struct exited *)op;

    container_save_for(o->c, op);
    return NULL;
}

/* The exit is on disk: from now on the keeper's memory of it would only be told again. */
static struct err *forget_in_keeper(struct op *op)
{
    struct exited *o = (struct exited *)op;

    if (o->c->parts->keeper)
        keeper_ack(o->c->parts->keeper, o->c->doc.id, o->record.pid);
    return NULL;
}

/* A step failed: the exit is put back and all steps run once more, up to ATTEMPTS_MAX times. They
 * are written so that what is done is not done twice. */
static void finish(struct op *op)
{
    struct exited *o = (struct exited *)op;
    struct container *c = o->c;

    ASSERT(c->is_exiting && !c->is_starting);
    c->is_exiting = false;
    if (o->has_failed && ++c->exit_attempts < ATTEMPTS_MAX && !c->is_gone) {
        c->exit = o->record;
        container_work_off_exit(c);
        container_unref(c);
        return;
    }
    c->exit_attempts = 0;
    c->is_leaving = c->doc.host.auto_remove && !c->is_restarted;
    if (o->has_failed && !c->is_gone)
        unsaved_keep(c, o->record.pid);
    container_wake_settlers(c);
    container_check(c);
    if (!c->is_gone) {
        if (c->is_leaving)
            container_remove(c, true, true, false, NULL, NULL);
        else if (c->doc.state.status == STATUS_RESTARTING)
            restart_policy_apply(c);
    }
    container_unref(c);
}

static const struct op_step exited_steps[] = {
    {"drain-streams", ON_EVENT, drain_streams, NULL, HUB_DRAIN_MS * 4},
    {"read-oom", ON_WORKER, read_oom, NULL, 0, was_killed}, /* a hop the usual exit is spared */
    {"record", ON_LOOP, record, NULL, 0},
    {"release-kernel", ON_WORKER, release_kernel, NULL, 0},
    {"release-addresses", ON_LOOP, release_addresses, NULL, 0},
    {"save", ON_EVENT, save, NULL, 0},
    {"forget-in-keeper", ON_LOOP, forget_in_keeper, NULL, 0},
    {0},
};

static const struct op_type exited_type = {"container/exited", OP_INTERNAL, sizeof(struct exited),
                                           exited_steps, finish};
OP_LISTED(exited_type);

/* The operation has no client: a failure is logged, and `finish` tries again. */
static void on_worked_off(struct op *op, struct err *err, void *ctx)
{
    struct exited *o = (struct exited *)op;

    (void)ctx;
    if (!err)
        return;
    log_warn("the end of a run could not be worked off", KV("id", o->id),
             KV("step", op_step_name(op)), KV("error", err_text(err)));
    err_drop(err);
    o->has_failed = true;
}

void container_work_off_exit(struct container *c)
{
    struct exited *o;

    ASSERT_LOOP();
    if (!c->exit.is_set || c->is_exiting || c->is_starting)
        return;
    o = (struct exited *)op_create(c->parts->ops, &exited_type);
    o->c = container_ref(c);
    o->record = c->exit;
    o->parts = c->parts;
    o->id = c->doc.id;
    o->cgroup = container_cgroup(o->op.arena, c);
    o->was_killed = WIFSIGNALED(c->exit.status) && WTERMSIG(c->exit.status) == SIGKILL;
    o->op.subject = c->doc.id;
    c->exit.is_set = false;
    c->is_exiting = true;
    op_start(&o->op, on_worked_off, NULL);
}
