/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec start: the configuration is compiled on a worker, the keeper makes the process, the hub
 * takes its streams. The client is attached before, so that it misses nothing. Loop thread but
 * for the worker step.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cgroup/cgroup.h"
#include "container/ids.h"
#include "container/labels.h"
#include "container/process.h"
#include "exec/exec_object.h"
#include "place/legacy_links.h"
#include "runtime/sandbox.h"
#include "stream/hub.h"

#include "exec_probe.h"
#include "exec_strays.h"

/* ---- a run, also an adopted one ---- */

static void close_stdin(void *ctx)
{
    struct exec *e = exec_of_ctx(ctx);

    keeper_close_hold(e->parts->keeper, e->keeper_id, e->doc.pid, ROLE_STDIN, NULL, NULL);
}

static const struct hub_hooks exec_hooks = {close_stdin, NULL};

/* Made when it is needed first. */
static struct hub *exec_hub(struct exec *e)
{
    if (!e->hub)
        e->hub = hub_create(e->parts->loop, e->parts->pools, &exec_hooks, e);
    return e->hub;
}

void exec_run_streams(struct exec *e, const struct hub_streams *s)
{
    struct hub_streams streams = *s;

    ASSERT_LOOP();
    ASSERT(exec_is_alive(e));
    streams.stdin_once = true;
    e->refs += 2; /* until the end is known, until the streams are drained */
    hub_run(exec_hub(e), &streams, exec_on_drained, e);
    if (e->orphan && e->c) /* the keeper died before these were in place */
        exec_hand_back(e);
    if (e->rows > 0 && s->pty >= 0)
        err_drop(hub_resize(e->hub, e->rows, e->cols));
}

/* ---- steps ---- */

struct exec_start {
    struct op op;
    struct exec *e;
    struct parts *parts;
    int pid, pidfd; /* of the container */
    const char *container_id, *cgroup;
    const struct config *container;
    const struct host_config *host;
    const struct id_map *ids;
    const char *label; /* of SELinux, NULL: none */
    struct container *c;
    struct launch launch;
    uint64_t spawning; /* the number of the keeper's request; 0: none */
    struct err *lost;  /* with its keeper */
};

/* What the keeper's answer needs, whether the operation is still there or not. */
struct spawn_wait {
    struct ticket *ticket;
    struct container *c;
};

/* A duplicate of the container's pidfd is for the worker: the loop may close its own when the
 * container ends. */
static struct err *claim(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct container *c = o->e->c;

    if (!c)
        return err_new(ERR_NOT_FOUND, "No such container: it was removed, and this exec with it");
    TRY(container_check_runs(c));
    if (c->doc.state.status == STATUS_PAUSED || c->is_pausing)
        return err_new(ERR_CONFLICT, "Container %s is paused, unpause the container before exec",
                       c->doc.id);
    if (o->e->is_started)
        return err_new(ERR_CONFLICT, "Error: Exec command %s is already running", o->e->doc.id);
    TRY(ids_of(o->op.arena, &c->doc, &o->ids));
    o->label = arena_strdup(o->op.arena, labels_process(c));
    o->c = container_ref(c);
    c->n_exec_starts++;
    o->pidfd = fcntl(c->pidfd, F_DUPFD_CLOEXEC, 0);
    if (o->pidfd < 0)
        return err_sys("exec in container %s", c->doc.id);
    o->pid = c->doc.state.pid;
    o->parts = c->parts;
    o->container_id = c->doc.id;
    o->cgroup = container_cgroup(o->op.arena, c);
    o->container = legacy_links_config(c, o->op.arena); /* with the variables of its links */
    o->host = &c->doc.host;
    o->e->is_started = true;
    return NULL;
}

/* Nothing ran: the exec can be started again, as Docker allows. */
static void unclaim(struct op *op)
{
    struct exec *e = ((struct exec_start *)op)->e;

    e->is_started = false;
    e->exit = (struct exit_record){0};
}

/* It goes when the container has ended. */
static struct err *open_cgroup(const struct exec_start *o, struct cgroup_join *out)
{
    struct err *err = cgroup_open_beside(o->parts->cgroups, o->cgroup, o->pid, out);

    if (!err || (err_errno(err) != ENOENT && err_errno(err) != ENODEV))
        return err;
    err_drop(err);
    return err_new(ERR_CONFLICT, "container %s is not running", o->container_id);
}

static struct err *prepare(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct cgroup_join join = {.dir = -1};
    struct exec_input in;

    ASSERT_WORKER();
    ASSERT(o->pidfd >= 0 && o->pid > 0);
    TRY(open_cgroup(o, &join));
    in = (struct exec_input){
        .id = o->e->keeper_id,
        .config = &o->e->doc.config,
        .container = o->container,
        .host = o->host,
        .ids = o->ids,
        .lsm = o->parts->lsm,
        .label = o->label,
        .pidfd = steal_fd(&o->pidfd),
        .pid = o->pid,
        .cgroup_tasks = join.tasks,
        .n_cgroup_tasks = join.n_tasks,
        .cgroup_dir = join.dir,
    };
    return exec_compile(op->arena, &in, &o->launch);
}

static void end_spawn_wait(struct spawn_wait *w, struct err *err)
{
    ticket_answer(w->ticket, err);
    container_unref(w->c);
    free(w);
}

/* The keeper died during the start. Whatever it may have made is ended, so now the client can be
 * told that nothing runs. */
static void on_strays_ended(void *ctx)
{
    struct spawn_wait *w = ctx;
    struct exec_start *o = (struct exec_start *)ticket_op(w->ticket);

    end_spawn_wait(w, o ? steal_ptr(&o->lost) : NULL);
}

static void on_spawned(void *ctx, struct err *err, int pid, int pidfd)
{
    struct spawn_wait *w = ctx;
    struct exec_start *o = (struct exec_start *)ticket_op(w->ticket);

    if (err && err_kind(err) == ERR_UNAVAILABLE) { /* nobody knows how far it came */
        if (o)
            o->lost = err;
        else
            err_drop(err);
        exec_end_strays(w->c, on_strays_ended, w);
        return;
    }
    ASSERT(err || (pid > 0 && pidfd >= 0));
    if (!err && o) {
        o->e->doc.pid = pid;
        o->e->pidfd = pidfd;
    } else if (!err) { /* nobody waits any more: the keeper tells of its end, a stranger's */
        process_kill_group(pidfd);
        close(pidfd);
    }
    end_spawn_wait(w, err);
}

static struct err *spawn(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct spawn_wait *w = mem_new(struct spawn_wait);

    ASSERT(o->e->is_started && o->e->pidfd < 0);
    snprintf(o->launch.id, sizeof(o->launch.id), "%s", o->e->keeper_id);
    *w = (struct spawn_wait){op_wait(op), container_ref(o->c)};
    o->spawning = keeper_spawn(o->c->parts->keeper, &o->launch, on_spawned, w);
    return NULL;
}

static void unspawn(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct exec *e = o->e;

    keeper_spawn_cancel(o->c->parts->keeper, o->spawning);
    if (e->pidfd < 0)
        return;
    process_kill_group(e->pidfd); /* the keeper tells of its end: a stranger's */
    close(steal_fd(&e->pidfd));
}

/* A short command has ended before its start has: its exit waits in e->exit. */
static struct err *run(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct exec *e = o->e;
    struct hub_streams s = {
        .in = launch_take_hold(&o->launch, ROLE_STDIN),
        .out = launch_take_hold(&o->launch, ROLE_STDOUT),
        .err = launch_take_hold(&o->launch, ROLE_STDERR),
        .pty = launch_take_hold(&o->launch, ROLE_PTY),
    };

    ASSERT(e->is_started && !e->is_running && e->pidfd >= 0);
    exec_note_running(e, e->doc.pid, steal_fd(&e->pidfd), clock_wall_ns());
    exec_run_streams(e, &s);
    if (e->is_doomed)
        exec_kill(e);
    if (e->exit.is_set) /* it was short */
        exec_work_off_exit(e);
    return NULL;
}

static void finish(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;

    if (o->pidfd >= 0)
        close(o->pidfd);
    err_drop(o->lost);
    launch_close(&o->launch);
    if (o->c && --o->c->n_exec_starts == 0)
        tickets_answer(&o->c->exec_starts);
    container_unref(o->c);
    exec_release(o->e, 1);
}

static const struct op_step exec_steps[] = {
    {"claim", ON_LOOP, claim, unclaim, 0},
    {"prepare", ON_WORKER, prepare, NULL, 0},
    {"spawn", ON_KEEPER, spawn, unspawn, 0},
    {"run", ON_LOOP, run, NULL, 0},
    {0},
};
static const struct op_type exec_type = {"container/exec", OP_MUTATING, sizeof(struct exec_start),
                                         exec_steps, finish};
OP_LISTED(exec_type);

struct exec_call {
    struct exec *e;
    container_done_fn done;
    void *ctx;
};

/* It is shown as ended, with the code that a shell would give: 126 and 127 (POSIX, 2.8.2). */
static void note_failure(struct exec *e, const struct err *err)
{
    ASSERT(!e->is_running);
    e->is_started = true;
    e->is_recorded = true; /* the keeper has nothing of it */
    e->doc.has_ended = true;
    e->doc.ended_ns = clock_wall_ns();
    e->doc.ended_boot_ns = clock_boot_ns();
    e->doc.exit_code = spawn_exit_code(err, 126);
    exec_save(e);
}

/* Not the command's fault: it can be started again. */
static bool may_try_again(const struct err *err)
{
    return err_kind(err) == ERR_CONFLICT || err_kind(err) == ERR_UNAVAILABLE;
}

static void on_exec_started(struct op *op, struct err *err, void *ctx)
{
    struct exec_call *call = ctx;

    (void)op;
    if (err && !may_try_again(err) && !call->e->is_running)
        note_failure(call->e, err);
    call->done(call->ctx, err);
    exec_release(call->e, 1);
    free(call);
}

static const struct jfield start_fields[] = {
    J(J_BOOL, struct exec_start_request, detach, "Detach"),
    J(J_BOOL, struct exec_start_request, tty, "Tty"),
    J(J_U32X2, struct exec_start_request, console_size, "ConsoleSize"),
    J_END,
};
const struct jtable exec_start_json = {sizeof(struct exec_start_request), start_fields};

static struct err *attach(struct exec *e, bool framed, struct sink *sink, void (*gone)(void *ctx),
                          void *ctx, struct attachment **out)
{
    struct attach_request r = {
        .want_stdin = e->doc.config.attach_stdin,
        .want_stdout = e->doc.config.attach_stdout,
        .want_stderr = e->doc.config.attach_stderr,
        .stream = true,
        .framed = framed,
        .tty = e->doc.config.tty,
        .detach_keys = text_is_empty(e->doc.config.detach_keys) ? NULL : e->doc.config.detach_keys,
    };

    return hub_attach(e->hub, &r, NULL, sink, gone, ctx, out);
}

void exec_start(struct exec *e, const struct exec_start_request *r, struct sink *sink,
                void (*gone)(void *ctx), container_done_fn done, void *ctx, struct attachment **out)
{
    struct exec_start *o;
    struct exec_call *call;
    struct err *err = NULL;

    ASSERT_LOOP();
    exec_check(e);
    if (e->is_started) {
        done(ctx, err_new(ERR_CONFLICT, "Error: Exec command %s has already run", e->doc.id));
        return;
    }
    if (e->is_stale || !e->c || !state_is_running(e->c)) {
        done(ctx, err_new(ERR_NOT_FOUND, "No such exec instance: %s", e->doc.id));
        return;
    }
    exec_hub(e);
    if (!r->detach && sink)
        err = attach(e, !r->tty, sink, gone, ctx, out);
    if (err) {
        done(ctx, err);
        return;
    }
    if (r->console_size[0] && r->console_size[1])
        memcpy(e->doc.config.console_size, r->console_size, sizeof(r->console_size));
    o = (struct exec_start *)op_create(e->parts->ops, &exec_type);
    o->e = e;
    o->pidfd = -1;
    o->op.subject = arena_strdup(o->op.arena, e->doc.id);
    launch_init(&o->launch);
    call = mem_new(struct exec_call);
    *call = (struct exec_call){e, done, ctx};
    e->refs += 2;
    op_start(&o->op, on_exec_started, call);
}

/* The container's end, or a command that is not there: the probe is over without having begun. */
static void on_probe_started(void *ctx, struct err *err)
{
    struct exec *e = exec_of_ctx(ctx);

    if (!err)
        return;
    if (e->hub)
        hub_end_clients(e->hub);
    exec_release(e, exec_end_probe(e, err, -1));
    err_drop(err);
}

void exec_run_probe(struct exec *e, struct sink *sink,
                    void (*on_end)(void *ctx, const struct err *err, int exit_code), void *ctx)
{
    const struct exec_start_request r = {.tty = true}; /* one stream, not framed */
    struct attachment *attachment;

    ASSERT(e->is_probe && on_end);
    e->on_end = on_end;
    e->end_ctx = ctx;
    exec_start(e, &r, sink, NULL, on_probe_started, e, &attachment);
}
