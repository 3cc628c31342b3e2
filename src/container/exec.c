/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec: one more process in a running container, through the same setup programs and
 * keeper as the container itself. An exec is kept after its end for inspect, bounded
 * in number per container. Loop thread but for the worker step.
 */
#include "object.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "runtime/sandbox.h"
#include "start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define EXECS_MAX 4096 /* per container, running and ended; ended ones go first */

struct exec {
    struct list link;    /* in the container */
    struct container *c; /* NULL when it is gone */
    struct container_table *table;
    struct parts *parts;
    struct arena *arena;
    char id[ID_MAX];
    char keeper_id[KEEPER_ID_MAX];
    struct exec_config config;
    struct hub *hub;
    size_t refs;
    int pid, pidfd, exit_code;
    struct orphan *orphan;
    bool is_started, is_running, has_ended, is_drained, has_exited;
    bool is_probe, is_doomed; /* doomed: killed before it ran */
    void (*on_end)(void *ctx, const struct err *err, int exit_code); /* a probe's */
    void *end_ctx;
    struct exit_record exit;
    int64_t started_ns;
    int rows, cols; /* asked for before it ran; 0: not */
};

static void exec_release(struct exec *e, size_t n_refs)
{
    e->refs -= n_refs;
    if (e->refs > 0)
        return;
    orphan_forget(e->orphan);
    hub_destroy(e->hub);
    if (e->pidfd >= 0)
        close(e->pidfd);
    arena_destroy(e->arena);
    free(e);
}

static void exec_unref(struct exec *e)
{
    exec_release(e, 1);
}

static void exec_event(struct exec *e, const char *action, const char *key, const char *value)
{
    if (e->c)
        container_event(e->c, action, key, value);
}

/* Out of the container's list, whose reference becomes the caller's. One that still runs (pid 1 of
 * its namespace is not its container's) stays findable by its id, so that the keeper's word of its
 * end reaches it. */
static void take_out(struct exec *e)
{
    list_remove(&e->link);
    if (!e->is_running)
        map_take(e->table->execs, e->id);
    e->c = NULL;
}

static void drop(struct exec *e)
{
    take_out(e);
    exec_unref(e);
}

static void drop_oldest_ended(struct container *c)
{
    size_t n = 0;

    list_each (e, &c->execs, struct exec, link)
        n++;
    list_each (e, &c->execs, struct exec, link) {
        if (n < EXECS_MAX)
            return;
        if (e->has_ended || !e->is_started) {
            drop(e);
            n--;
        }
    }
}

static struct exec *exec_new(struct container *c)
{
    struct exec *e = mem_new(struct exec);

    e->arena = arena_create();
    e->pidfd = -1;
    e->refs = 1;
    e->parts = c->parts;
    e->table = c->table;
    return e;
}

static void publish(struct exec *e, struct container *c)
{
    autobuf struct buf action = {0};

    id_random(e->id);
    snprintf(e->keeper_id, sizeof(e->keeper_id), "%s/%s", c->doc.id, e->id);
    e->c = c;
    list_append(&c->execs, &e->link);
    map_put(c->table->execs, e->id, e);
    buf_printf(&action, "exec_create: %s", strs_join(e->arena, &e->config.cmd, " "));
    container_event(c, action.data, "execID", e->id);
}

struct err *exec_create(struct container *c, const char *body, size_t len, const char **out_id)
{
    struct exec *e;
    struct err *err;

    if (c->doc.state.status == STATUS_PAUSED)
        return err_new(ERR_CONFLICT, "Container %s is paused, unpause the container before exec",
                       c->doc.id);
    if (!state_is_running(c) || c->is_exiting)
        return err_new(ERR_CONFLICT, "container %s is not running", c->doc.id);
    drop_oldest_ended(c);
    e = exec_new(c);
    err = json_decode(e->arena, body, len, &exec_config_json, &e->config);
    if (!err && e->config.cmd.n == 0)
        err = err_new(ERR_INVALID, "No exec command specified");
    if (err) {
        exec_unref(e);
        return err;
    }
    publish(e, c);
    *out_id = e->id;
    return NULL;
}

struct exec *exec_open_probe(struct container *c, const struct strs *cmd)
{
    struct exec *e = exec_new(c);

    e->is_probe = true;
    e->config.attach_stdout = e->config.attach_stderr = true;
    e->config.cmd = strs_copy(e->arena, cmd);
    publish(e, c);
    return e;
}

struct err *exec_find(struct container_table *t, const char *id, struct exec **out)
{
    *out = map_get(t->execs, id);
    return *out ? NULL : err_new(ERR_NOT_FOUND, "No such exec instance: %s", id);
}

bool exec_has_tty(const struct exec *e)
{
    return e->config.tty;
}

/* ---- the end ---- */

/* Returns how many references the caller has to release for it. */
static size_t end_probe(struct exec *e, const struct err *err, int exit_code)
{
    if (!e->on_end)
        return 0;
    e->on_end(e->end_ctx, err, exit_code);
    e->on_end = NULL;
    if (!e->c)
        return 0;
    take_out(e);
    return 1;
}

static int exit_code_of(const struct exit_record *r)
{
    if (r->is_unknown)
        return 255;
    return WIFSIGNALED(r->status) ? 128 + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

static void end_if_over(struct exec *e)
{
    char code[16];

    if (e->has_ended || !e->has_exited || !e->is_drained)
        return;
    e->has_ended = true;
    e->is_running = false;
    e->exit_code = exit_code_of(&e->exit);
    if (e->exit.is_unknown)
        log_warn("an exec's exit code is unknown: the keeper was killed and the kernel does not "
                 "tell",
                 KV("id", e->keeper_id));
    if (e->pidfd >= 0)
        close(steal_fd(&e->pidfd));
    snprintf(code, sizeof(code), "%d", e->exit_code);
    exec_event(e, "exec_die", "exitCode", code);
    hub_end_clients(e->hub);
    keeper_ack(e->parts->keeper, e->keeper_id, e->exit.pid);
    if (!e->c)
        map_take(e->table->execs, e->id);
    exec_release(e, 1 + end_probe(e, NULL, e->exit_code)); /* 1: the run's reference */
}

static void note_exit(struct exec *e, const struct exit_record *r)
{
    if (e->exit.is_set)
        return; /* the keeper repeats itself until it is answered */
    e->exit = *r;
    e->exit.is_set = true;
    if (!e->is_running)
        return; /* a start that is still being finished looks at e->exit */
    e->has_exited = true;
    if (hub_is_running(e->hub))
        hub_process_exited(e->hub);
    end_if_over(e);
}

void exec_exited(struct container_table *t, const struct keeper_entry *entry)
{
    const char *slash = strchr(entry->id, '/');
    struct exec *e = slash ? map_get(t->execs, slash + 1) : NULL;
    struct exit_record r = {true, entry->pid, entry->status, entry->exited_wall_ns, false};

    if (!e || !e->is_started || e->has_ended)
        keeper_ack(t->parts->keeper, entry->id, entry->pid);
    else
        note_exit(e, &r);
}

bool exec_is_known(struct container_table *t, const struct keeper_entry *entry)
{
    const char *slash = strchr(entry->id, '/');
    const struct exec *e = slash ? map_get(t->execs, slash + 1) : NULL;

    return e && e->pidfd >= 0 && e->pid == entry->pid;
}

/* ---- without its keeper ---- */

static void on_orphan_exit(void *ctx, const struct exit_record *r)
{
    note_exit(ctx, r);
}

static void hand_back(struct exec *e)
{
    orphan_hand_back(e->parts->keeper, e->keeper_id, e->pid, e->pidfd, e->started_ns, e->hub);
    if (!e->orphan && !e->exit.is_set)
        orphan_watch(e->c->table, e->pid, e->pidfd, on_orphan_exit, e, &e->orphan);
}

void execs_hand_back(struct container *c)
{
    list_each (e, &c->execs, struct exec, link)
        if (e->pidfd >= 0 && !e->has_ended)
            hand_back(e);
}

static void on_drained(void *ctx)
{
    struct exec *e = ctx;

    e->is_drained = true;
    end_if_over(e);
    exec_unref(e);
}

/* The group, so that what a shell has started does not stay behind (Linux 6.9; else the one alone).
 */
#define SIGNAL_PROCESS_GROUP (1u << 2) /* PIDFD_SIGNAL_PROCESS_GROUP */
void exec_kill(struct exec *e)
{
    if (e->has_ended)
        return;
    if (!e->is_running || e->pidfd < 0)
        e->is_doomed = true;
    else if (syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, SIGNAL_PROCESS_GROUP) != 0)
        syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0);
}

/* The container's pid 1 is dead, so all of these are: the keeper reports each. */
void execs_end(struct container *c)
{
    list_each (e, &c->execs, struct exec, link)
        if (e->is_running && e->pidfd >= 0)
            syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0);
}

void execs_running(struct container *c, struct arena *a, struct strs *out)
{
    list_each (e, &c->execs, struct exec, link)
        if (e->is_running && !e->is_probe)
            strs_add(a, out, e->id);
}

void execs_drop(struct container *c)
{
    list_each (e, &c->execs, struct exec, link)
        drop(e);
}

/* The engine ends: they go on running, their clients do not. */
void execs_close(struct container *c)
{
    list_each (e, &c->execs, struct exec, link) {
        hub_destroy(steal_ptr(&e->hub));
        if (e->is_running) /* the run's reference and the streams' */
            e->refs -= e->is_drained ? 1 : 2;
        e->is_running = false;
        drop(e);
    }
}

/* ---- start ---- */

struct exec_start {
    struct op op;
    struct exec *e;
    struct parts *parts;
    int pid, pidfd; /* of the container */
    const char *container_id;
    const struct config *container;
    const struct host_config *host;
    struct container *c;
    struct launch launch;
};

static struct err *claim(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct container *c = o->e->c;

    if (!c || !state_is_running(c) || c->pidfd < 0)
        return err_new(ERR_CONFLICT, "container %s is not running", c ? c->doc.id : "of this exec");
    if (c->doc.state.status == STATUS_PAUSED)
        return err_new(ERR_CONFLICT, "Container %s is paused, unpause the container before exec",
                       c->doc.id);
    if (o->e->is_started)
        return err_new(ERR_CONFLICT, "Error: Exec command %s is already running", o->e->id);
    o->c = container_ref(c);
    o->pidfd = fcntl(c->pidfd, F_DUPFD_CLOEXEC, 0);
    if (o->pidfd < 0)
        return err_sys("exec in container %s", c->doc.id);
    o->pid = c->doc.state.pid;
    o->parts = c->parts;
    o->container_id = c->doc.id;
    o->container = &c->doc.config;
    o->host = &c->doc.host;
    o->e->is_started = true;
    return NULL;
}

static struct err *prepare(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct cgroup_join join = {.dir = -1};
    struct exec_input in;

    TRY(cgroup_open_beside(o->parts->cgroups, o->container_id, o->pid, &join));
    in = (struct exec_input){
        .id = o->e->keeper_id,
        .config = &o->e->config,
        .container = o->container,
        .host = o->host,
        .pidfd = steal_fd(&o->pidfd),
        .pid = o->pid,
        .cgroup_tasks = join.tasks,
        .n_cgroup_tasks = join.n_tasks,
        .cgroup_dir = join.dir,
    };
    return exec_compile(op->arena, &in, &o->launch);
}

static void on_spawned(void *ctx, struct err *err, int pid, int pidfd)
{
    struct exec_start *o = ctx;

    if (!err) {
        o->e->pid = pid;
        o->e->pidfd = pidfd;
    }
    op_resume(&o->op, err);
}

static struct err *spawn(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;

    snprintf(o->launch.id, sizeof(o->launch.id), "%s", o->e->keeper_id);
    keeper_spawn(o->c->parts->keeper, &o->launch, on_spawned, o);
    return NULL;
}

static struct err *run(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;
    struct exec *e = o->e;
    struct hub_streams s = {
        .in = launch_take_hold(&o->launch, ROLE_STDIN),
        .out = launch_take_hold(&o->launch, ROLE_STDOUT),
        .err = launch_take_hold(&o->launch, ROLE_STDERR),
        .pty = launch_take_hold(&o->launch, ROLE_PTY),
        .stdin_once = true,
    };
    autobuf struct buf action = {0};

    e->is_running = true;
    e->started_ns = clock_wall_ns();
    e->refs += 2; /* until the end is known, until the streams are drained */
    hub_run(e->hub, &s, on_drained, e);
    if (e->orphan && e->c) /* the keeper died before these were in place */
        hand_back(e);
    if (e->rows > 0 && s.pty >= 0)
        err_drop(hub_resize(e->hub, e->rows, e->cols));
    buf_printf(&action, "exec_start: %s", strs_join(op->arena, &e->config.cmd, " "));
    exec_event(e, action.data, "execID", e->id);
    if (e->is_doomed)
        exec_kill(e);
    if (e->exit.is_set) { /* it was short */
        e->has_exited = true;
        if (hub_is_running(e->hub))
            hub_process_exited(e->hub);
        end_if_over(e);
    }
    return NULL;
}

static void finish(struct op *op)
{
    struct exec_start *o = (struct exec_start *)op;

    if (o->pidfd >= 0)
        close(o->pidfd);
    launch_close(&o->launch);
    container_unref(o->c);
    exec_unref(o->e);
}

static const struct op_step exec_steps[] = {
    {"claim", ON_LOOP, claim, NULL, 0},
    {"prepare", ON_WORKER, prepare, NULL, 0},
    {"spawn", ON_KEEPER, spawn, NULL, 0},
    {"run", ON_LOOP, run, NULL, 0},
    {0},
};
static const struct op_type exec_type = {"container/exec", OP_MUTATING, sizeof(struct exec_start),
                                         exec_steps, finish};

struct exec_call {
    struct exec *e;
    container_done_fn done;
    void *ctx;
};

/* A command that could not be run: 126 or 127 for inspect, as shells have it. */
static void note_failure(struct exec *e, const struct err *err)
{
    const char *t = err_text(err);

    e->has_ended = true;
    e->exit_code = strstr(t, "permission denied") || strstr(t, "is a directory") ? 126 : 127;
}

static void on_exec_started(struct op *op, struct err *err, void *ctx)
{
    struct exec_call *call = ctx;

    (void)op;
    if (err && err_kind(err) != ERR_CONFLICT && !call->e->is_running)
        note_failure(call->e, err);
    call->done(call->ctx, err);
    exec_unref(call->e);
    free(call);
}

static void close_stdin(void *ctx)
{
    struct exec *e = ctx;

    keeper_close_hold(e->parts->keeper, e->keeper_id, e->pid, ROLE_STDIN, NULL, NULL);
}

static const struct hub_hooks exec_hooks = {close_stdin, NULL};

static struct err *attach(struct exec *e, struct sink *sink, void (*gone)(void *ctx), void *ctx,
                          struct attachment **out)
{
    struct attach_request r = {
        .want_stdin = e->config.attach_stdin,
        .want_stdout = e->config.attach_stdout,
        .want_stderr = e->config.attach_stderr,
        .stream = true,
        .framed = !e->config.tty && !e->is_probe,
        .tty = e->config.tty,
        .detach_keys = text_is_empty(e->config.detach_keys) ? NULL : e->config.detach_keys,
    };

    return hub_attach(e->hub, &r, NULL, sink, gone, ctx, out);
}

void exec_start(struct exec *e, bool detach, bool tty, struct sink *sink, void (*gone)(void *ctx),
                container_done_fn done, void *ctx, struct attachment **out)
{
    struct exec_start *o;
    struct exec_call *call;
    struct err *err = NULL;

    (void)tty; /* the CLI repeats what create said */
    if (e->is_started) {
        done(ctx, err_new(ERR_CONFLICT, "Error: Exec command %s has already run", e->id));
        return;
    }
    if (!e->hub)
        e->hub = hub_create(e->parts->loop, e->parts->pools, &exec_hooks, e);
    if (!detach && sink)
        err = attach(e, sink, gone, ctx, out);
    if (err) {
        done(ctx, err);
        return;
    }
    o = (struct exec_start *)op_create(e->parts->ops, &exec_type);
    o->e = e;
    o->pidfd = -1;
    o->op.subject = arena_strdup(o->op.arena, e->id);
    launch_init(&o->launch);
    call = mem_new(struct exec_call);
    *call = (struct exec_call){e, done, ctx};
    e->refs += 2;
    op_start(&o->op, on_exec_started, call);
}

static void on_probe_started(void *ctx, struct err *err)
{
    struct exec *e = ctx;

    if (!err)
        return;
    if (e->hub)
        hub_end_clients(e->hub);
    exec_release(e, end_probe(e, err, -1));
    err_drop(err);
}

void exec_run_probe(struct exec *e, struct sink *sink,
                    void (*on_end)(void *ctx, const struct err *err, int exit_code), void *ctx)
{
    struct attachment *attachment;

    e->on_end = on_end;
    e->end_ctx = ctx;
    exec_start(e, false, false, sink, NULL, on_probe_started, e, &attachment);
}

struct err *exec_resize(struct exec *e, int rows, int cols)
{
    if (e->has_ended)
        return err_new(ERR_CONFLICT, "exec process has ended");
    if (e->hub && hub_is_running(e->hub))
        return hub_resize(e->hub, rows, cols);
    e->rows = rows; /* clients resize while the start is on its way */
    e->cols = cols;
    return NULL;
}

void exec_write_json(struct exec *e, struct jw *w)
{
    struct strs arguments = {.v = e->config.cmd.v + 1, .n = e->config.cmd.n - 1};

    jw_obj(w, NULL);
    jw_str(w, "ID", e->id);
    jw_bool(w, "Running", e->is_running);
    if (e->has_ended)
        jw_int(w, "ExitCode", e->exit_code);
    else
        jw_null(w, "ExitCode");
    jw_obj(w, "ProcessConfig");
    jw_bool(w, "tty", e->config.tty);
    jw_str(w, "entrypoint", e->config.cmd.v[0]);
    jw_strs(w, "arguments", &arguments);
    jw_bool(w, "privileged", e->config.privileged);
    if (!text_is_empty(e->config.user))
        jw_str(w, "user", e->config.user);
    jw_obj_end(w);
    jw_bool(w, "OpenStdin", e->config.attach_stdin);
    jw_bool(w, "OpenStderr", e->config.attach_stderr);
    jw_bool(w, "OpenStdout", e->config.attach_stdout);
    jw_bool(w, "CanRemove", e->has_ended);
    jw_str(w, "ContainerID", e->c ? e->c->doc.id : "");
    jw_str(w, "DetachKeys", e->config.detach_keys);
    jw_int(w, "Pid", e->pid);
    jw_obj_end(w);
}
