/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec create: answered when the next engine would know it, too. Nothing is visible before
 * `publish`. Also a health check's probe, which is of this engine alone. Loop thread.
 */
#include "base/clock.h"
#include "base/detach.h"
#include "base/digest.h"
#include "container/event.h"
#include "container/process.h"
#include "exec/exec_object.h"
#include "runtime/sandbox.h"
#include "stream/hub.h"

#include "exec_probe.h"

#define EXECS_MAX 4096                /* per container, running and ended; ended ones go first */
#define EXECS_KEPT 64                 /* of more than these … */
#define EXEC_KEEP_NS (300 * NS_PER_S) /* … the ones that ended longer ago go */

struct exec_creation {
    struct op op;
    struct exec *e; /* ours until publish */
    struct container *c;
    exec_created_fn done;
    void *ctx;
};

/* The list is in the order of creation: behind an ended one that is young the others are, too. */
static void drop_old(struct container *c)
{
    int64_t limit_ns = clock_boot_ns() - EXEC_KEEP_NS;

    if (c->n_execs < EXECS_KEPT)
        return;
    list_each (e, &c->execs, struct exec, link) {
        bool is_full = c->n_execs >= EXECS_MAX;

        if (!is_full && e->doc.has_ended && e->doc.ended_boot_ns > limit_ns)
            return;
        if (!e->doc.has_ended && (e->is_started || !is_full))
            continue;
        exec_delete_document(e);
        exec_take_out(e);
        exec_release(e, 1);
    }
}

/* Docker's words. A paused container takes no exec: its processes, the new one too, would not
 * run. */
static struct err *check(struct container *c)
{
    if (c->doc.state.status == STATUS_PAUSED || c->is_pausing)
        return err_new(ERR_CONFLICT, "Container %s is paused, unpause the container before exec",
                       c->doc.id);
    TRY(container_check_runs(c));
    drop_old(c);
    if (c->n_execs >= EXECS_MAX)
        return err_new(ERR_CONFLICT, "container %s has %d running exec commands, which is the most",
                       c->doc.id, EXECS_MAX);
    return NULL;
}

/* Now, as Docker does: at the start the client could only be told that it gets no stream. */
static struct err *check_keys(const char *keys)
{
    struct detach_keys parsed;
    struct err *err = detach_parse(keys, &parsed);

    if (!err)
        return NULL;
    err_drop(err);
    return err_new(ERR_INVALID, "Invalid escape keys (%s) provided", keys);
}

static struct exec *exec_new(struct container *c)
{
    struct exec *e = exec_alloc(c->table);

    e->doc.id = arena_alloc(e->arena, ID_MAX);
    id_random(e->doc.id);
    e->doc.container_id = arena_strdup(e->arena, c->doc.id);
    return e;
}

static void publish_exec(struct exec *e, struct container *c)
{
    autobuf struct buf action = {0};

    exec_insert(e, c);
    buf_printf(&action, "exec_create: %s", strs_join(e->arena, &e->doc.config.cmd, " "));
    container_event(c, action.data, "execID", e->doc.id);
}

/* ---- steps ---- */

static struct err *save(struct op *op)
{
    exec_save_for(((struct exec_creation *)op)->e, op);
    return NULL;
}

static void unsave(struct op *op)
{
    exec_delete_document(((struct exec_creation *)op)->e);
}

/* The container may have been removed while the document was written. One reference becomes the
 * table's, the operation keeps its own until `finish`. */
static struct err *publish(struct op *op)
{
    struct exec_creation *o = (struct exec_creation *)op;

    ASSERT(!o->e->c);
    if (o->c->is_gone)
        return err_new(ERR_NOT_FOUND, "No such container: %s", o->c->doc.id);
    publish_exec(o->e, o->c);
    o->e->refs++;
    return NULL;
}

static void finish(struct op *op)
{
    struct exec_creation *o = (struct exec_creation *)op;

    exec_release(o->e, 1);
    container_unref(o->c);
}

static const struct op_step create_steps[] = {
    {"save", ON_EVENT, save, unsave, 0},
    {"publish", ON_LOOP, publish, NULL, 0},
    {0},
};
static const struct op_type create_type = {"container/exec-create", OP_MUTATING,
                                           sizeof(struct exec_creation), create_steps, finish};
OP_LISTED(create_type);

static void on_created(struct op *op, struct err *err, void *ctx)
{
    struct exec_creation *o = (struct exec_creation *)op;

    (void)ctx;
    o->done(o->ctx, err, err ? NULL : o->e->doc.id);
}

void exec_create(struct container *c, const char *body, size_t len, exec_created_fn done, void *ctx)
{
    struct exec_creation *o;
    struct exec *e = NULL;
    struct err *err = check(c);

    ASSERT_LOOP();
    if (!err) {
        e = exec_new(c);
        err = json_decode(e->arena, body, len, &exec_config_json, &e->doc.config);
        if (!err)
            err = json_check_sizes(&exec_config_json, &e->doc.config, CONFIG_ENTRIES_MAX);
        if (!err && e->doc.config.cmd.n == 0)
            err = err_new(ERR_INVALID, "No exec command specified");
        if (!err)
            err = sandbox_check_exec(e->arena, &e->doc.config);
        if (!err)
            err = check_keys(e->doc.config.detach_keys);
    }
    if (err) {
        if (e)
            exec_release(e, 1);
        done(ctx, err, NULL);
        return;
    }
    o = (struct exec_creation *)op_create(c->parts->ops, &create_type);
    o->e = e;
    o->c = container_ref(c);
    o->done = done;
    o->ctx = ctx;
    o->op.subject = arena_strdup(o->op.arena, e->doc.id);
    op_start(&o->op, on_created, NULL);
}

struct exec *exec_open_probe(struct container *c, const struct strs *cmd)
{
    struct exec *e = exec_new(c);

    ASSERT_LOOP();
    ASSERT(cmd->n > 0);
    e->is_probe = true;
    e->doc.config.attach_stdout = e->doc.config.attach_stderr = true;
    e->doc.config.cmd = strs_copy(e->arena, cmd);
    publish_exec(e, c);
    return e;
}
