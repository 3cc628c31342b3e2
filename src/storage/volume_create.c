/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /volumes/create: an operation in the lane of its name, so that two requests for one name
 * make one volume, and a request that meets a removal waits and makes a new one.
 * Trap: when the claim finds the volume there already, the other steps have nothing to do and
 * their undos nothing to undo.
 */
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "core/db.h"

#include "volume_table.h"

struct volume_create {
    struct op op;
    struct volume *v; /* loop steps only; pinned */
    struct volume_record record;
    const char *json;
    int dir;     /* DATA_ROOT/volumes, the table's */
    bool exists; /* before us */
    bool made_directory;
    void (*done)(void *ctx, struct err *err, struct volume *v);
    void *ctx;
};

static struct err *claim(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    ASSERT(c->v->state != VOLUME_REMOVING);
    c->exists = c->v->state == VOLUME_READY;
    c->record.created_ns = clock_wall_ns();
    c->json = volume_record_text(op->arena, &c->record);
    return NULL;
}

static struct err *make_directory(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    return c->exists ? NULL : volume_make_dirs(c->dir, c->record.name, &c->made_directory);
}

static void remove_directory(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    if (c->made_directory)
        err_drop(dir_remove_tree(c->dir, c->record.name));
}

static struct err *save(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    if (!c->exists)
        db_put_for(c->v->table->db, op, VOLUME_KIND, c->record.name, c->json);
    return NULL;
}

/* By name alone and without waiting: the undo of `save` runs in the volume's lane, so no other
 * record of this name can be on its way. */
static void forget(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    if (!c->exists)
        db_delete(c->v->table->db, VOLUME_KIND, c->record.name, NULL, NULL);
}

/* From here on volume_find gives it out. */
static struct err *publish(struct op *op)
{
    struct volume_create *c = (struct volume_create *)op;

    ASSERT(c->v->pins > 0 && c->v->state != VOLUME_REMOVING);
    if (c->exists)
        return NULL;
    volume_set_record(c->v, &c->record);
    c->v->state = VOLUME_READY;
    volume_state_check(c->v);
    volume_publish_event(c->v, "create");
    return NULL;
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct volume_create *c = (struct volume_create *)op;

    (void)ctx;
    if (err)
        err = err_wrap(err, "create %s", c->v->name);
    c->done(c->ctx, err, err ? NULL : c->v);
}

static void unpin(struct op *op)
{
    volume_unpin(((struct volume_create *)op)->v);
}

static const struct op_step create_steps[] = {
    {"claim", ON_LOOP, claim, NULL},
    {"make-directory", ON_DISK, make_directory, remove_directory},
    {"save", ON_EVENT, save, forget},
    {"publish", ON_LOOP, publish, NULL},
    {0},
};
static const struct op_type create_type = {
    "volume/create", OP_MUTATING, sizeof(struct volume_create), create_steps, unpin,
};
OP_LISTED(create_type);

static struct err *check_request(const struct volume_request *r, const char *name)
{
    TRY(volume_check_name(name));
    if (!text_is_empty(r->driver) && strcmp(r->driver, "local"))
        return err_new(ERR_NOT_FOUND, "error looking up volume plugin %s: plugin \"%s\" not found",
                       r->driver, r->driver);
    if (r->cluster)
        return err_new(ERR_INVALID,
                       "ClusterVolumeSpec is for a swarm: this node is not a swarm manager");
    return volume_check_options(&r->options);
}

void volume_create(struct volume_table *t, const struct volume_request *r, bool is_anonymous,
                   void (*done)(void *ctx, struct err *err, struct volume *v), void *ctx)
{
    char id[ID_MAX];
    const char *name = r->name;
    struct volume_create *c;
    struct err *e;

    ASSERT_LOOP();
    if (text_is_empty(name)) {
        id_random(id);
        name = id;
        is_anonymous = true;
    }
    e = check_request(r, name);
    if (e) {
        done(ctx, err_wrap(e, "create %s", name), NULL);
        return;
    }
    c = (struct volume_create *)op_create(t->ops, &create_type);
    c->v = volume_pin(t, name);
    c->dir = t->dir;
    c->record = (struct volume_record){
        .name = arena_strdup(c->op.arena, name),
        .labels = pairs_copy(c->op.arena, &r->labels),
        .options = pairs_copy(c->op.arena, &r->options),
        .is_anonymous = is_anonymous,
        .is_doomed = r->is_doomed,
    };
    if (is_anonymous)
        pairs_set(c->op.arena, &c->record.labels, "com.docker.volume.anonymous", "");
    c->done = done;
    c->ctx = ctx;
    c->op.subject = c->record.name;
    op_start_in(&c->op, &c->v->lane, on_done, NULL);
}
