/* SPDX-License-Identifier: Apache-2.0 */
/* Rename: in the table first (so that nobody else takes the name), then on disk. Loop thread. */
#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "container/container_table.h"
#include "container/event.h"
#include "container/object.h"
#include "net/network.h"
#include "run/commands.h"

struct renaming {
    struct op op;
    struct container *c;
    const char *name;
    char *before;
};

/* In the table, the document and the names that others resolve, all in one turn of the loop. */
static void set_name(struct container *c, const char *name)
{
    char *before = c->name;

    ASSERT(map_take(c->table->by_name, before) == c);
    c->name = mem_strdup(name);
    c->doc.name = c->name;
    ASSERT(!map_put(c->table->by_name, c->name, c)); /* check_name saw it free, in this turn */
    for (size_t i = 0; i < c->n_endpoints; i++)      /* what others resolve from now on */
        snprintf(c->endpoints[i]->container_name, sizeof(c->endpoints[i]->container_name), "%s",
                 name);
    container_check(c);
    free(before);
}

static struct err *take_name(struct op *op)
{
    struct renaming *o = (struct renaming *)op;
    const char *name = o->name[0] == '/' ? o->name + 1 : o->name;
    struct err *e;

    if (o->c->is_gone)
        return err_new(ERR_NOT_FOUND, "No such container: %s", o->c->doc.id);
    if (text_is_empty(name))
        return err_new(ERR_INVALID, "Neither old nor new names may be empty");
    if (text_same(name, o->c->name))
        return err_new(ERR_INVALID, "Renaming a container with the same name as its current name");
    e = container_table_check_name(o->c->table, name);
    if (e)
        return err_wrap(e, "Error when allocating new name");
    o->before = arena_strdup(op->arena, o->c->name);
    set_name(o->c, name);
    return NULL;
}

static void give_back(struct op *op)
{
    struct renaming *o = (struct renaming *)op;
    struct err *err = container_table_check_name(o->c->table, o->before);

    if (!err)
        set_name(o->c, o->before);
    else
        log_warn("a container keeps the name of a rename that failed: its old one is taken",
                 KV("id", o->c->doc.id), KV("name", o->c->name));
    err_drop(err);
    container_save(o->c); /* the write of the new name may still be on its way */
}

static struct err *save(struct op *op)
{
    container_save_for(((struct renaming *)op)->c, op);
    return NULL;
}

static struct err *tell(struct op *op)
{
    struct renaming *o = (struct renaming *)op;
    char *old = arena_printf(op->arena, "/%s", o->before);

    container_event(o->c, "rename", "oldName", old);
    return NULL;
}

static void finish(struct op *op)
{
    container_unref(((struct renaming *)op)->c);
}

static const struct op_step rename_steps[] = {
    {"take-name", ON_LOOP, take_name, give_back, 0},
    {"save", ON_EVENT, save, NULL, 0},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};
static const struct op_type rename_type = {"container/rename", OP_MUTATING, sizeof(struct renaming),
                                           rename_steps, finish};
OP_LISTED(rename_type);

struct rename_call {
    container_done_fn done;
    void *ctx;
};

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct rename_call *call = ctx;

    (void)op;
    call->done(call->ctx, err);
    free(call);
}

void container_rename(struct container *c, const char *name, container_done_fn done, void *ctx)
{
    struct renaming *o = (struct renaming *)op_create(c->parts->ops, &rename_type);
    struct rename_call *call = mem_new(struct rename_call);

    o->c = container_ref(c);
    o->name = arena_strdup(o->op.arena, name ? name : "");
    o->op.subject = arena_strdup(o->op.arena, c->doc.id);
    *call = (struct rename_call){done, ctx};
    op_start_in(&o->op, &c->lane, on_done, call);
}
