/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DELETE /volumes/NAME: the directory is renamed into the trash, the document deleted, and only
 * then the files go, in the background: works on a full disk and is answered at once.
 * Trap: users are counted in the claim, on the loop; from then on volume_find does not give the
 * volume out, so nobody can begin to use it.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "core/db.h"

#include "store.h"
#include "trash.h"
#include "volume_table.h"

struct volume_removal {
    struct op op;
    struct volume *v; /* loop steps only; pinned */
    const char *name, *path, *json;
    char trash_name[TMP_NAME_MAX];
    int dir, trash; /* the table's */
    bool force;
    bool is_absent; /* and that is fine */
    void (*done)(void *ctx, struct err *err);
    void *ctx;
};

/* Docker's words; its CLI and compose show the ids. */
static struct err *in_use(struct volume_removal *r)
{
    struct strs ids = {0};
    size_t cursor = 0;
    const char *id;
    void *value;

    while (map_next(r->v->users, &cursor, &id, &value))
        strs_add(r->op.arena, &ids, id);
    return err_new(ERR_CONFLICT, "remove %s: volume is in use - [%s]", r->name,
                   strs_join(r->op.arena, &ids, ", "));
}

static struct err *claim(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    ASSERT(r->v->pins > 0 && r->v->state != VOLUME_REMOVING);
    r->is_absent = r->v->state != VOLUME_READY;
    if (r->is_absent)
        return r->force ? NULL : err_new(ERR_NOT_FOUND, "get %s: no such volume", r->name);
    if (map_count(r->v->users))
        return in_use(r);
    r->json = volume_record_text(op->arena, &r->v->r);
    r->v->state = VOLUME_REMOVING;
    volume_state_check(r->v);
    return NULL;
}

static void unclaim(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    ASSERT(r->is_absent || r->v->state == VOLUME_REMOVING);
    if (!r->is_absent)
        r->v->state = VOLUME_READY;
}

/* The rename is the removal: it needs no room on a full disk and cannot end half way. */
static struct err *put_aside(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    if (r->is_absent)
        return NULL;
    volume_detach(r->path); /* what is put aside is removed: never what is mounted there */
    return trash_put_as(r->dir, r->name, r->trash, r->trash_name);
}

/* The document could not be deleted. If the rename back fails as well, the volume is there and
 * empty, rather than in the table without a directory. */
static void bring_back(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;
    bool is_new;

    if (r->is_absent || renameat(r->trash, r->trash_name, r->dir, r->name) == 0)
        return;
    err_drop(volume_make_dirs(r->dir, r->name, &is_new));
}

static struct err *forget(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    if (!r->is_absent)
        db_delete_for(r->v->table->db, op, VOLUME_KIND, r->name);
    return NULL;
}

static void remember(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    if (!r->is_absent)
        db_put(r->v->table->db, VOLUME_KIND, r->name, r->json, NULL, NULL);
}

static void volume_empty_trash(struct volume_table *t);

/* The trash is emptied behind the answer: `docker volume rm` of a million files does not wait for
 * them. */
static struct err *publish(struct op *op)
{
    struct volume_removal *r = (struct volume_removal *)op;

    ASSERT(r->is_absent || r->v->state == VOLUME_REMOVING);
    if (r->is_absent)
        return NULL;
    r->v->state = VOLUME_ABSENT;
    volume_state_check(r->v);
    volume_publish_event(r->v, "destroy");
    volume_empty_trash(r->v->table);
    return NULL;
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct volume_removal *r = (struct volume_removal *)op;

    (void)ctx;
    r->done(r->ctx, err);
}

static void unpin(struct op *op)
{
    volume_unpin(((struct volume_removal *)op)->v);
}

static const struct op_step remove_steps[] = {
    {"claim", ON_LOOP, claim, unclaim},
    {"put-aside", ON_DISK, put_aside, bring_back},
    {"forget", ON_EVENT, forget, remember},
    {"publish", ON_LOOP, publish, NULL},
    {0},
};
static const struct op_type remove_type = {
    "volume/remove", OP_MUTATING, sizeof(struct volume_removal), remove_steps, unpin,
};
OP_LISTED(remove_type);

void volume_remove(struct volume_table *t, const char *name, bool force,
                   void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct volume_removal *r;

    ASSERT_LOOP();
    r = (struct volume_removal *)op_create(t->ops, &remove_type);
    r->v = volume_pin(t, name);
    r->name = arena_strdup(r->op.arena, name);
    r->path = arena_strdup(r->op.arena, r->v->path);
    r->dir = t->dir;
    r->trash = t->trash;
    r->force = force;
    r->done = done;
    r->ctx = ctx;
    store_tmp_name(r->trash_name);
    r->op.subject = r->name;
    op_start_in(&r->op, &r->v->lane, done ? on_done : NULL, NULL); /* the runner logs for NULL */
}

/* ---- what an engine that died was about to remove ---- */

void volume_doom(struct volume *v, bool is_doomed)
{
    autoarena struct arena *a = NULL;

    ASSERT_LOOP();
    ASSERT(v->magic == VOLUME_MAGIC && v->state == VOLUME_READY);
    if (v->r.is_doomed == is_doomed)
        return;
    a = arena_create();
    v->r.is_doomed = is_doomed;
    db_put(v->table->db, VOLUME_KIND, v->name, volume_record_text(a, &v->r), NULL, NULL);
}

bool volume_is_doomed(const struct volume *v)
{
    return v->r.is_doomed;
}

/* At start-up, when all containers have said what they use: an engine that died in a create or a
 * remove has left what nobody uses. */
void volume_table_reap(struct volume_table *t)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};
    struct volume *v;
    size_t cursor = 0;

    while ((v = volume_next(t, &cursor))) {
        volume_settle_mount(v);
        if (v->r.is_doomed && volume_users(v) == 0)
            strs_add(a, &names, v->name);
        else
            volume_doom(v, false);
    }
    for (size_t i = 0; i < names.n; i++)
        volume_remove(t, names.v[i], true, NULL, NULL);
}

/* ---- the files, afterwards ---- */

struct emptying {
    struct op op;
    struct volume_table *table; /* loop steps only */
    int trash;
};

static struct err *empty(struct op *op)
{
    trash_empty(((struct emptying *)op)->trash);
    return NULL;
}

/* Something was put into the trash while the worker was at it: another round. */
static void on_emptied(struct op *op)
{
    struct volume_table *t = ((struct emptying *)op)->table;
    bool again = t->has_more_trash;

    ASSERT(t->is_emptying);
    t->is_emptying = t->has_more_trash = false;
    if (again)
        volume_empty_trash(t);
}

static const struct op_step empty_steps[] = {
    {"empty-trash", ON_DISK, empty, NULL, .deadline_ms = -1},
    {0},
};
static const struct op_type empty_type = {
    "volume/empty-trash", OP_INTERNAL, sizeof(struct emptying), empty_steps, on_emptied,
};
OP_LISTED(empty_type);

/* An OP_INTERNAL operation that removes what lies in the trash. */
static void volume_empty_trash(struct volume_table *t)
{
    struct emptying *m;

    ASSERT_LOOP();
    if (t->is_emptying) {
        t->has_more_trash = true;
        return;
    }
    t->is_emptying = true;
    m = (struct emptying *)op_create(t->ops, &empty_type);
    m->table = t;
    m->trash = t->trash;
    op_start(&m->op, NULL, NULL);
}
