/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start: reserve what others could take, prepare everything that must exist as fds on
 * a worker, let the keeper clone it, open the streams. Read the step table at the end
 * first. The worker sees only `prep`, which is copied or immutable.
 *
 * The document is written as running while the preparation goes on (`intend`), so
 * that an engine that dies right after the clone is followed by one that knows the
 * addresses; the answer waits for that write, which by then has long happened.
 */
#include "start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/event.h"
#include "container/ids.h"
#include "container/process.h"
#include "container/start_permit.h"
#include "container/wait.h"
#include "core/db.h"
#include "exec/health.h"
#include "image/image.h"
#include "net/network.h"
#include "place/endpoints.h"
#include "place/legacy_links.h"
#include "place/networks.h"
#include "place/published.h"
#include "place/sockets.h"
#include "run/commands.h"
#include "run/file_binds.h"
#include "run/mounts.h"
#include "run/oom.h"
#include "run/streams.h"
#include "run/volume_mounts.h"
#include "storage/rootfs.h"
#include "stream/hub.h"

#include "label_claim.h"
#include "namespaces.h"
#include "prepare.h"

struct start {
    struct op op;
    struct container *c;
    struct prep prep;
    struct start_permit permit;
    struct root_hold root;
    struct intent *intent;
    uint64_t spawning; /* the number of the keeper's request; 0: none */
    bool is_claimed;   /* nothing stood against it: a failure from here on is the container's */
};

/* The write of `intend`, which may outlive an operation that fails early. */
struct intent {
    bool is_written, is_forgotten; /* whoever is second frees it */
    struct ticket *ticket;         /* of await-save; NULL: it has not come to that */
    struct err *err;
};

/* ---- settle, claim ---- */

/* A run that is ending must be over: its addresses, ports and name of its cgroup are needed
 * again. */
static struct err *settle(struct op *op)
{
    struct start *o = (struct start *)op;

    ASSERT(o->c->magic == CONTAINER_MAGIC);
    if (!state_is_running(o->c) || o->c->is_exiting || o->c->exit.is_set)
        container_settle_for(o->c, op);
    return NULL; /* claim says what is to be said */
}

static struct err *claim(struct op *op)
{
    struct start *o = (struct start *)op;
    struct container *c = o->c;

    if (c->is_gone || c->doc.state.status == STATUS_REMOVING)
        return err_new(ERR_CONFLICT, "container is marked for removal and cannot be started");
    if (c->doc.state.status == STATUS_DEAD)
        return err_new(ERR_CONFLICT, "container is dead and cannot be started: remove it");
    if (c->is_leaving)
        return err_new(ERR_CONFLICT, "container is marked for removal and cannot be started");
    if (c->doc.state.status == STATUS_PAUSED)
        return err_new(ERR_CONFLICT, "cannot start a paused container, try unpause instead");
    if (state_is_running(c))
        return err_new(ERR_NOT_MODIFIED, "container %s is already running", c->doc.id);
    o->is_claimed = true;
    if (!c->image)
        return err_new(ERR_NOT_FOUND,
                       "No such image: %s (it was removed while the container existed)",
                       c->doc.image_name);
    timer_clear(c->parts->loop, &c->restart_timer);
    c->has_been_killed = c->has_sigkill = false;
    TRY(container_open_log(c));
    return NULL;
}

/* ---- reserve: addresses, ports, other containers' namespaces ---- */

static struct err *join_networks(struct container *c)
{
    struct err *err;

    TRY(networks_join(c));
    err = legacy_links_check(c);
    if (err)
        networks_leave(c);
    return err;
}

static struct err *reserve(struct op *op)
{
    struct start *o = (struct start *)op;
    struct container *c = o->c;
    struct err *err = ids_settle(c);

    if (!err)
        err = label_settle(c);

    if (!err)
        err = namespaces_open(c, &o->prep.ns);
    if (!err)
        err = join_networks(c);
    if (err)
        namespaces_close(&o->prep.ns);
    return err;
}

static void release(struct op *op)
{
    struct start *o = (struct start *)op;

    namespaces_close(&o->prep.ns);
    networks_leave(o->c);
}

/* ---- intend: write down what is about to run ---- */

static void free_intent(struct intent *i)
{
    err_drop(i->err);
    free(i);
}

static void on_intended(void *ctx, struct err *err)
{
    struct intent *i = ctx;
    struct ticket *t = steal_ptr(&i->ticket);

    ASSERT(!i->is_written);
    i->is_written = true;
    if (!t)
        i->err = err;
    if (i->is_forgotten)
        free_intent(i);
    if (t) /* the operation may end in here, and frees what is not forgotten yet */
        ticket_answer(t, err);
}

static void forget_intent(struct start *o)
{
    struct intent *i = steal_ptr(&o->intent);

    if (!i)
        return;
    i->is_forgotten = true;
    if (i->is_written)
        free_intent(i);
}

/* Everything the worker reads: a copy in the operation's arena, or parts of the document that do
 * not change while a lifecycle operation holds the lane. */
static struct err *copy_for_worker(struct start *o)
{
    struct container *c = o->c;
    struct prep *p = &o->prep;

    TRY(prep_plan_root(o->op.arena, c, p));
    TRY(ids_of(o->op.arena, &c->doc, &p->ids));
    p->cgroup = container_cgroup(o->op.arena, c);
    p->config = legacy_links_config(c, o->op.arena);
    p->specs = arena_array(o->op.arena, c->n_endpoints + 1, sizeof(struct endpoint_spec));
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i]->network)
            p->specs[p->n_specs++] = c->endpoints[i]->spec;
    p->ports = c->ports;
    dns_start_plan(&p->dns, c);
    etc_files_plan(o->op.arena, c, &p->files);
    return NULL;
}

static struct err *intend(struct op *op)
{
    struct start *o = (struct start *)op;
    struct container *c = o->c;
    struct container_state shown = c->doc.state;
    char *json;

    ASSERT(!o->intent && !state_is_running(c));
    TRY(copy_for_worker(o));
    c->doc.state.status = STATUS_RUNNING;
    c->doc.state.starting_from = shown.status + 1; /* what it is again if nothing was spawned */
    c->doc.state.pid = 0;
    json = doc_encode(op->arena, c);
    c->doc.state = shown; /* others see it running only when it does */
    o->intent = mem_new(struct intent);
    db_put(c->parts->db, "container", c->doc.id, json, on_intended, o->intent);
    return NULL;
}

/* The document says "running" since `intend`: it is written as it is shown. */
static void take_back(struct op *op)
{
    struct start *o = (struct start *)op;

    container_save(o->c);
}

/* ---- await-permit ---- */

/* Without a deadline: behind a thousand starts the last one waits for all of them. */
static struct err *await_permit(struct op *op)
{
    struct start *o = (struct start *)op;

    return start_permit_take(o->c->table, &o->permit, op);
}

static void release_permit(struct op *op)
{
    struct start *o = (struct start *)op;

    start_permit_release(o->c->table, &o->permit);
}

/* The ports of a run that has just ended are closed by the keeper last. */
static struct err *await_unheld(struct op *op)
{
    struct start *o = (struct start *)op;

    if (o->c->ports)
        sockets_settle(o->c->table, op);
    return NULL;
}

/* Until it runs, or does not: who wants its files meanwhile waits. */
static struct err *take_root(struct op *op)
{
    struct start *o = (struct start *)op;

    return root_gate_take(&o->c->root, &o->root, op);
}

static void give_root(struct op *op)
{
    struct start *o = (struct start *)op;

    root_gate_give(&o->c->root, &o->root);
}

static struct err *borrow_root(struct op *op)
{
    struct start *o = (struct start *)op;

    o->prep.lent_root =
        root_gate_borrow(&o->c->root, o->prep.ids, o->prep.as.context, &o->prep.has_other_owners);
    return NULL;
}

/* ---- mount-volumes ---- */

static bool mounts_volumes(const struct op *op)
{
    return volume_mounts_are_wanted(((const struct start *)op)->c);
}

static struct err *mount_volumes(struct op *op)
{
    return volume_mounts_begin(((struct start *)op)->c, op);
}

static void unmount_volumes(struct op *op)
{
    volume_mounts_end(((struct start *)op)->c);
}

/* ---- prepare (worker) ---- */

static struct err *prepare(struct op *op)
{
    ASSERT_WORKER();
    return prep_make(op->arena, &((struct start *)op)->prep);
}

static void discard(struct op *op)
{
    prep_discard(&((struct start *)op)->prep);
}

/* ---- apply-rules ---- */

/* Before the clone: the first packet of the container must find its rules. */
static struct err *apply_rules(struct op *op)
{
    struct start *o = (struct start *)op;

    if (!o->c->ports) {
        net_rules_leave_for(o->c->parts->net, op, o->prep.specs, o->prep.n_specs);
        return NULL;
    }
    networks_note_ports(o->c);
    net_rules_apply_for(o->c->parts->net, op);
    return NULL;
}

/* ---- spawn ---- */

/* Nobody waits any more: the keeper will tell of its end, as of a stranger's. */
static void end_late(int pidfd)
{
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    close(pidfd);
}

static void on_spawned(void *ctx, struct err *err, int pid, int pidfd)
{
    struct start *o = (struct start *)ticket_op(ctx);

    ASSERT(err || (pid > 0 && pidfd >= 0));
    if (o && !err) {
        o->c->doc.state.pid = pid;
        o->c->pidfd = pidfd;
        start_permit_release(o->c->table, &o->permit); /* the descriptors are the child's */
    } else if (!err) {
        end_late(pidfd);
    }
    ticket_answer(ctx, err);
}

/* From here until `finish` an exit waits (is_starting): the keeper may report the end of a short
 * process before the answer to this request is worked off. */
static struct err *spawn(struct op *op)
{
    struct start *o = (struct start *)op;

    ASSERT(o->c->pidfd < 0 && !o->c->is_starting && !o->c->is_exiting);
    o->c->is_starting = true;
    snprintf(o->prep.launch.id, sizeof(o->prep.launch.id), "%s", o->c->doc.id);
    o->spawning = keeper_spawn(o->c->parts->keeper, &o->prep.launch, on_spawned, op_wait(op));
    return NULL;
}

/* The process may run already, or its start may still be with the keeper: both are ended. */
static void kill_spawned(struct op *op)
{
    struct start *o = (struct start *)op;

    keeper_spawn_cancel(o->c->parts->keeper, o->spawning);
    err_drop(container_signal(o->c, SIGKILL));
}

/* ---- open-streams, mark-running ---- */

/* Ports are served when the process is there: before, a client would be accepted and get
 * nothing. */
static struct err *open_streams(struct op *op)
{
    struct start *o = (struct start *)op;

    ASSERT(o->c->is_starting && o->c->pidfd >= 0);
    container_run_streams(o->c, &o->prep.launch);
    if (o->c->ports) {
        ports_serve(o->c->ports);
        ports_hold(o->c);
    }
    dns_start_serve(&o->prep.dns, o->c);
    return NULL;
}

static struct err *await_save(struct op *op)
{
    struct start *o = (struct start *)op;

    ASSERT(o->intent && !o->intent->ticket);
    if (o->intent->is_written)
        return steal_ptr(&o->intent->err);
    o->intent->ticket = op_wait(op);
    return NULL;
}

static void note_files(struct start *o)
{
    struct mount_point *m = o->c->doc.mounts.v;

    for (size_t i = 0; i < o->prep.n_mounts; i++) {
        if (!text_same(m[i].led_to, o->prep.file_ids[i].led_to))
            m[i].led_to = arena_strdup(o->c->arena, o->prep.file_ids[i].led_to);
        m[i].source_dev = o->prep.file_ids[i].dev;
        m[i].source_ino = o->prep.file_ids[i].ino;
        m[i].is_replaced = false;
    }
}

/* Health checks, events and `docker ps` see it from this moment. */
static struct err *mark_running(struct op *op)
{
    struct start *o = (struct start *)op;
    struct container *c = o->c;

    ASSERT(c->is_starting && c->pidfd >= 0);
    state_begin_run(c, clock_wall_ns());
    note_files(o);
    container_check(c);
    root_gate_give(&c->root, &o->root);
    images_ref(c, true);
    health_start(c);
    oom_watch_begin(c);
    container_save(c); /* the pid: for people, not for recovery */
    file_binds_begin(c);
    volumes_tell(c, "mount");
    container_event(c, "start", NULL, NULL);
    log_info("a container has started", KV("name", c->name), KV("id", c->doc.id),
             KV("image", c->doc.image_name), KV_INT("pid", c->doc.state.pid));
    return NULL;
}

static void finish(struct op *op)
{
    struct start *o = (struct start *)op;

    forget_intent(o);
    namespaces_close(&o->prep.ns);
    dns_start_close(&o->prep.dns);
    launch_close(&o->prep.launch);
    if (o->prep.lent_root >= 0)
        close(o->prep.lent_root);
    o->c->is_starting = false;
    container_look_at_exit(o->c); /* a short-lived one has ended meanwhile */
    container_unref(o->c);
}

static const struct op_step start_steps[] = {
    {"settle", ON_EVENT, settle, NULL, 0},
    {"claim", ON_LOOP, claim, NULL, 0},
    {"reserve", ON_LOOP, reserve, release, 0},
    {"intend", ON_LOOP, intend, take_back, 0},
    {"await-permit", ON_EVENT, await_permit, release_permit, -1},
    {"await-unheld", ON_EVENT, await_unheld, NULL, 0},
    {"take-root", ON_EVENT, take_root, give_root, 0},
    {"borrow-root", ON_LOOP, borrow_root, NULL, 0},
    {"mount-volumes", ON_EVENT, mount_volumes, unmount_volumes, 0, mounts_volumes},
    {"prepare", ON_WORKER, prepare, discard, 0},
    {"apply-rules", ON_EVENT, apply_rules, NULL, 0},
    {"spawn", ON_KEEPER, spawn, kill_spawned, 0},
    {"open-streams", ON_LOOP, open_streams, NULL, 0},
    {"await-save", ON_EVENT, await_save, NULL, 0},
    {"mark-running", ON_LOOP, mark_running, NULL, 0},
    {0},
};

static const struct op_type start_type = {"container/start", OP_MUTATING, sizeof(struct start),
                                          start_steps, finish};
OP_LISTED(start_type);

struct op *start_op(struct container *c)
{
    struct start *o = (struct start *)op_create(c->parts->ops, &start_type);

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->op.subject = c->doc.id;
    o->prep.ns = namespaces_none;
    o->prep.lent_root = -1;
    launch_init(&o->prep.launch);
    dns_start_init(&o->prep.dns);
    return &o->op;
}

/* ---- the command ---- */

bool start_note_failure(struct container *c, struct op *op, const struct err *err)
{
    ASSERT(err);
    if (!((struct start *)op)->is_claimed || c->is_gone || state_is_running(c))
        return false;
    if (c->doc.state.status == STATUS_RESTARTING) /* its timer was cleared: nothing would follow */
        c->doc.state.status = STATUS_EXITED;
    c->doc.state.exit_code = spawn_exit_code(err, 128);
    state_set_error(c, err_text(err));
    container_save(c);
    waiters_end_wait(c);
    if (c->hub)
        hub_end_clients(c->hub);
    if (c->doc.host.auto_remove)
        container_remove(c, true, true, false, NULL, NULL);
    return true;
}

struct start_call {
    struct container *c;
    container_done_fn done;
    void *ctx;
};

/* The caller hears of it after the container says what became of it, so that an inspect in the
 * callback shows the error. */
static void on_started(struct op *op, struct err *err, void *ctx)
{
    struct start_call *call = ctx;

    if (err)
        start_note_failure(call->c, op, err);
    if (call->done)
        call->done(call->ctx, err);
    else
        err_drop(err);
    container_unref(call->c);
    free(call);
}

void container_start(struct container *c, container_done_fn done, void *ctx)
{
    struct start_call *call;

    ASSERT_LOOP();
    if (state_is_running(c) && !c->is_exiting && !c->exit.is_set &&
        c->doc.state.status != STATUS_PAUSED) {
        done(ctx, err_new(ERR_NOT_MODIFIED, "container %s is already running", c->doc.id));
        return;
    }
    call = mem_new(struct start_call);
    *call = (struct start_call){container_ref(c), done, ctx};
    op_start_in(start_op(c), &c->lane, on_started, call);
}
