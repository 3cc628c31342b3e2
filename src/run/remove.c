/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remove. The order is what a crash may interrupt at any point: the process first,
 * then the document (with it the word that its volumes are doomed), then the files
 * (renamed aside at once, emptied later) and volumes. Up to the document's end the
 * container is whole; what a dead engine leaves after it belongs to nobody and is
 * removed by the next one's reconcile. Loop thread but for the worker step.
 */
#include <signal.h>

#include "base/log.h"
#include "container/container_table.h"
#include "container/event.h"
#include "container/object.h"
#include "container/process.h"
#include "container/sweeper.h"
#include "container/wait.h"
#include "core/db.h"
#include "exec/exec.h"
#include "image/image.h"
#include "place/legacy_links.h"
#include "run/commands.h"
#include "run/mounts.h"
#include "storage/rootfs.h"
#include "storage/volume.h"
#include "stream/hub.h"
#include "stream/log.h"

#include "unsaved.h"

struct removal {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id;
    bool force, volumes, is_marked, has_storage_limit;
    int status_before;
};

/* Docker's words; its CLI shows them, and compose looks for "is already in progress" and "No such
 * container". */
static struct err *claim(struct op *op)
{
    struct removal *o = (struct removal *)op;
    struct container *c = o->c;

    if (c->is_gone)
        return err_new(ERR_NOT_FOUND, "No such container: %s", c->doc.id);
    if (c->pidfd >= 0 && !c->is_exiting && !c->exit.is_set && !o->force) {
        if (c->doc.state.status == STATUS_PAUSED)
            return err_new(ERR_CONFLICT,
                           "You cannot remove a paused container %s. Unpause and then stop "
                           "the container before attempting removal or force remove",
                           c->doc.id);
        return err_new(ERR_CONFLICT,
                       "You cannot remove a running container %s. Stop the container before "
                       "attempting removal or force remove",
                       c->doc.id);
    }
    if (c->doc.state.status == STATUS_RESTARTING && c->pidfd < 0 && !o->force)
        return err_new(ERR_CONFLICT,
                       "You cannot remove a restarting container %s. Stop the container "
                       "before attempting removal or force remove",
                       c->doc.id);
    return NULL;
}

/* Waits without a deadline: a process in an uninterruptible sleep dies when its disk answers. */
static struct err *end_process(struct op *op)
{
    struct removal *o = (struct removal *)op;
    struct container *c = o->c;

    timer_clear(c->parts->loop, &c->restart_timer);
    if (c->pidfd >= 0) {
        c->has_been_killed = true;
        TRY(container_signal(c, SIGKILL));
        container_thaw_all(c);
    }
    container_settle_for(c, op);
    return NULL;
}

/* From here on it cannot be started; `docker ps -a` says "Removal In Progress". */
static struct err *mark(struct op *op)
{
    struct removal *o = (struct removal *)op;

    ASSERT(!o->is_marked && o->c->pidfd < 0);
    o->is_marked = true;
    timer_clear(o->c->parts->loop, &o->c->restart_timer);
    o->c->doc.state.status = STATUS_REMOVING;
    container_check(o->c);
    if (o->volumes)
        mounts_doom_anonymous(o->c, true);
    if (o->c->hub)
        hub_end_clients(o->c->hub);
    return NULL;
}

/* A later step failed: the container is no longer whole. It can be removed again, and nothing
 * else. */
static void mark_dead(struct op *op)
{
    struct removal *o = (struct removal *)op;

    ASSERT(o->is_marked);
    o->c->doc.state.status = STATUS_DEAD;
    container_check(o->c);
    container_save(o->c);
}

static void on_log_closed(void *ctx)
{
    ticket_answer(ctx, NULL);
}

/* The log writes what it has and lets its readers end; its file is removed with the directory. */
static struct err *close_log(struct op *op)
{
    struct removal *o = (struct removal *)op;
    struct log *log = steal_ptr(&o->c->log);

    ASSERT(o->c->doc.state.status == STATUS_REMOVING);
    if (!log)
        return NULL;
    log_discard(log);
    log_destroy(log, on_log_closed, op_wait(op));
    return NULL;
}

static struct err *remove_files(struct op *op)
{
    struct removal *o = (struct removal *)op;

    ASSERT_WORKER();
    if (o->has_storage_limit)
        rootfs_unlimit(o->parts->layers, o->id);
    return rootfs_remove(o->parts->layers, o->id);
}

static struct err *delete_document(struct op *op)
{
    struct removal *o = (struct removal *)op;

    db_delete_for(o->parts->db, op, "container", o->id);
    return NULL;
}

/* Only volumes without a name go with the container. */
static void remove_volumes(struct container *c)
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct volume *v =
            text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

        if (!v || !volume_is_anonymous(v))
            continue;
        if (volume_users(v) == 0)
            volume_remove(c->parts->volumes, m[i].name, false, NULL, NULL);
        else
            volume_doom(v, false); /* another container has come to use it */
    }
}

/* The document is gone, so nothing of this may fail. */
static struct err *forget(struct op *op)
{
    struct removal *o = (struct removal *)op;
    struct container *c = o->c;

    ASSERT(o->is_marked && !c->is_gone);
    mounts_unref(c);
    if (c->image)
        image_unref(c->image, c->doc.id);
    c->image = NULL;
    if (o->volumes)
        remove_volumes(c);
    container_event(c, "destroy", NULL, NULL);
    unsaved_drop(c);
    execs_drop(c);
    legacy_links_remove(c);
    container_table_remove(c);
    container_check(c);
    waiters_notify(c, true);
    sweeper_ask(c->table->sweeper);
    return NULL;
}

static void finish(struct op *op)
{
    struct removal *o = (struct removal *)op;

    container_unref(o->c);
}

static const struct op_step remove_steps[] = {
    {"claim", ON_LOOP, claim, NULL, 0},
    {"end-process", ON_EVENT, end_process, NULL, -1},
    {"mark", ON_LOOP, mark, mark_dead, 0},
    {"close-log", ON_EVENT, close_log, NULL, 0},
    {"delete-document", ON_EVENT, delete_document, NULL, 0},
    {"remove-files", ON_WORKER, remove_files, NULL, 0},
    {"forget", ON_LOOP, forget, NULL, 0},
    {0},
};

static const struct op_type remove_type = {"container/remove", OP_MUTATING, sizeof(struct removal),
                                           remove_steps, finish};
OP_LISTED(remove_type);
static const struct op_type force_type = {"container/remove", OP_URGENT, sizeof(struct removal),
                                          remove_steps, finish};
OP_LISTED(force_type);

struct removal_call {
    container_done_fn done;
    void *ctx;
};

/* Without a caller: --rm, or the next engine. That it was removed by somebody else meanwhile is no
 * news. */
static void on_removed(struct op *op, struct err *err, void *ctx)
{
    struct removal_call *call = ctx;

    if (call->done) {
        call->done(call->ctx, err);
    } else if (err) {
        if (err_kind(err) != ERR_NOT_FOUND)
            log_warn("a container could not be removed", KV("id", op->subject),
                     KV("error", err_text(err)));
        err_drop(err);
    }
    free(call);
}

void container_remove(struct container *c, bool force, bool volumes, bool link,
                      container_done_fn done, void *ctx)
{
    struct removal *o;
    struct removal_call *call;

    ASSERT_LOOP();
    if (link) {
        done(ctx, err_new(ERR_NOT_FOUND, "No such link: %s", c->name));
        return;
    }
    if (c->doc.state.status == STATUS_REMOVING) {
        struct err *err =
            err_new(ERR_CONFLICT, "removal of container %s is already in progress", c->doc.id);

        if (done)
            done(ctx, err);
        else
            err_drop(err);
        return;
    }
    if (force && c->pidfd >= 0) { /* whatever waits for the process in the lane goes on at once */
        c->has_been_killed = true;
        err_drop(container_signal(c, SIGKILL));
        container_event(c, "kill", "signal", "9");
        container_thaw_all(c);
    }
    o = (struct removal *)op_create(c->parts->ops, force ? &force_type : &remove_type);
    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->op.subject = o->id;
    o->has_storage_limit = c->doc.host.storage_opt.n > 0;
    o->force = force;
    o->volumes = volumes || mounts_are_doomed(c); /* by a removal that has failed half way */
    call = mem_new(struct removal_call);
    *call = (struct removal_call){done, ctx};
    op_start_in(&o->op, &c->lane, on_removed, call);
}
