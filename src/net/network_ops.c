/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating and removing a network. One at a time per engine (the table's lane): they
 * choose a subnet and a link that nobody else may choose meanwhile. The object joins
 * the table last and leaves it last, so look-ups see whole networks only.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#include "network_inner.h"

/* ---- create ---- */

struct create {
    struct op op;
    struct network_table *table;
    struct arena *arena; /* of the network to be */
    struct network_record record;
    struct network_plan plan;
    struct subnet4 *used;
    size_t n_used;
    void (*done)(void *ctx, struct err *err, const char *id);
    void *ctx;
};

static struct err *check_free(struct create *c)
{
    for (size_t i = 0; i < c->table->n; i++) {
        const struct network *n = c->table->v[i];

        if (!strcmp(n->record.request.name, c->record.request.name))
            return err_new(ERR_CONFLICT, "network with name %s already exists",
                           c->record.request.name);
        if (c->plan.bridge.link[0] && !strcmp(n->bridge.link, c->plan.bridge.link))
            return err_new(ERR_FORBIDDEN,
                           "conflicts with network %s (%s): networks have same bridge name",
                           n->record.id, n->record.request.name);
    }
    for (size_t i = 0; c->plan.has_subnet && i < c->n_used; i++)
        if (subnet4_overlaps(c->plan.subnet, c->used[i]))
            return err_new(ERR_FORBIDDEN,
                           "invalid pool request: Pool overlaps with other one on this address "
                           "space");
    return NULL;
}

static struct err *check_request(struct op *op)
{
    struct create *c = (struct create *)op;
    struct network_defaults d = {.mtu = c->table->mtu};
    char id[ID_MAX];

    TRY(network_plan(&c->record.request, &d, &c->plan));
    c->n_used = network_table_subnets(c->table, NULL, c->arena, &c->used);
    TRY(check_free(c));
    if (text_is_empty(c->record.request.driver))
        c->record.request.driver = arena_strdup(c->arena, "bridge");
    id_random(id);
    c->record.id = arena_strdup(c->arena, id);
    c->record.created_ns = clock_wall_ns();
    if (!c->plan.bridge.link[0])
        snprintf(c->plan.bridge.link, sizeof(c->plan.bridge.link), "br-%.12s", id);
    return NULL;
}

static struct err *intend_link(struct op *op)
{
    struct create *c = (struct create *)op;

    network_link_intend(c->table, op, c->plan.bridge.link);
    return NULL;
}

static void forget_link(struct op *op)
{
    struct create *c = (struct create *)op;

    network_link_forget(c->table, c->plan.bridge.link);
}

static struct err *make_bridge(struct op *op)
{
    struct create *c = (struct create *)op;
    char text[ADDR4_TEXT];
    uint32_t mask;

    if (!c->plan.has_subnet)
        TRY(net_pick_subnet(c->table->net, c->used, c->n_used, &c->plan.subnet));
    mask = ~0u << (32 - c->plan.subnet.bits);
    if (!c->plan.gateway)
        c->plan.gateway = (c->plan.subnet.address & mask) + 1;
    c->plan.bridge.address = (struct subnet4){c->plan.gateway, c->plan.subnet.bits};
    TRY(net_bridge_ensure(c->table->net, &c->plan.bridge));

    addr4_text(c->plan.subnet.address & mask, text);
    c->record.subnet = arena_printf(c->arena, "%s/%d", text, c->plan.subnet.bits);
    addr4_text(c->plan.gateway, text);
    c->record.gateway = arena_strdup(c->arena, text);
    c->record.link = arena_strdup(c->arena, c->plan.bridge.link);
    return NULL;
}

static void remove_made_bridge(struct op *op)
{
    struct create *c = (struct create *)op;

    net_bridge_remove(c->table->net, c->plan.bridge.link);
}

static struct err *apply_rules(struct op *op)
{
    net_rules_apply_for(((struct create *)op)->table->net, op);
    return NULL;
}

static struct err *save(struct op *op)
{
    struct create *c = (struct create *)op;

    db_put_for(c->table->db, op, NETWORK_KIND, c->record.id,
               network_record_text(op->arena, &c->record));
    return NULL;
}

static void unsave(struct op *op)
{
    struct create *c = (struct create *)op;

    db_delete(c->table->db, NETWORK_KIND, c->record.id, NULL, NULL);
}

static struct err *publish(struct op *op)
{
    struct create *c = (struct create *)op;
    struct network *n;

    TRY(network_from_record(c->table, c->arena, &c->record, &n));
    c->arena = NULL;
    network_table_add(c->table, n);
    network_publish_event(n, "create", NULL);
    return NULL;
}

static void finish_create(struct op *op)
{
    arena_destroy(((struct create *)op)->arena);
}

static void on_created(struct op *op, struct err *err, void *ctx)
{
    struct create *c = (struct create *)op;

    (void)ctx;
    c->done(c->ctx, err, err ? NULL : c->record.id);
}

static const struct op_step create_steps[] = {
    {"check-request", ON_LOOP, check_request, NULL},
    {"intend-link", ON_EVENT, intend_link, forget_link},
    {"make-bridge", ON_WORKER, make_bridge, remove_made_bridge},
    {"apply-rules", ON_EVENT, apply_rules, NULL},
    {"save", ON_EVENT, save, unsave},
    {"publish", ON_LOOP, publish, NULL},
    {0},
};
static const struct op_type create_type = {"network/create", OP_MUTATING, sizeof(struct create),
                                           create_steps, finish_create};

/* Through its JSON: a deep copy that follows the table of fields by itself. */
static struct err *copy_request(struct arena *a, const struct network_request *r,
                                struct network_request *out)
{
    const char *text = json_encode(a, &network_request_json, r);

    return json_decode(a, text, strlen(text), &network_request_json, out);
}

void network_create(struct network_table *t, const struct network_request *r,
                    void (*done)(void *ctx, struct err *err, const char *id), void *ctx)
{
    struct create *c = (struct create *)op_create(t->ops, &create_type);
    struct err *e;

    c->table = t;
    c->done = done;
    c->ctx = ctx;
    c->arena = arena_create();
    e = copy_request(c->arena, r, &c->record.request);
    if (e) {
        arena_destroy(c->arena);
        op_destroy_unstarted(&c->op);
        done(ctx, e, NULL);
        return;
    }
    c->op.subject = c->record.request.name;
    op_start_in(&c->op, &t->lane, on_created, NULL);
}

/* ---- remove ---- */

struct removal {
    struct op op;
    struct network_table *table;
    char *ref;
    struct network *network; /* ours alone once hidden: joins are refused */
    char id[ID_MAX], link[16];
    void (*done)(void *ctx, struct err *err);
    void *ctx;
};

static struct err *hide(struct op *op)
{
    struct removal *r = (struct removal *)op;
    struct network *n;

    TRY(network_find(r->table, r->ref, &n));
    if (n->is_predefined)
        return err_new(ERR_FORBIDDEN, "%s is a pre-defined network and cannot be removed",
                       network_name(n));
    if (n->n_endpoints)
        return err_new(ERR_FORBIDDEN,
                       "error while removing network: network %s id %s has active endpoints",
                       network_name(n), network_id(n));
    n->is_removing = true;
    r->network = n;
    snprintf(r->id, sizeof(r->id), "%s", n->record.id);
    snprintf(r->link, sizeof(r->link), "%s", n->bridge.link);
    net_pool_set(r->table->net, &n->bridge, 0);
    n->has_pool = false;
    return NULL;
}

static void show(struct op *op)
{
    ((struct removal *)op)->network->is_removing = false;
}

static struct err *forget(struct op *op)
{
    struct removal *r = (struct removal *)op;

    db_delete_for(r->table->db, op, NETWORK_KIND, r->id);
    return NULL;
}

static void remember(struct op *op)
{
    struct removal *r = (struct removal *)op;

    db_put(r->table->db, NETWORK_KIND, r->id, network_record_text(op->arena, &r->network->record),
           NULL, NULL);
}

static struct err *remove_bridge(struct op *op)
{
    struct removal *r = (struct removal *)op;

    net_bridge_remove(r->table->net, r->link);
    return NULL;
}

static struct err *drop(struct op *op)
{
    struct removal *r = (struct removal *)op;

    network_link_forget(r->table, r->link);
    network_publish_event(r->network, "destroy", NULL);
    network_table_drop(r->table, r->network);
    net_rules_apply(r->table->net, NULL, NULL); /* stale rules of a dead link hurt nobody */
    return NULL;
}

static void on_removed(struct op *op, struct err *err, void *ctx)
{
    struct removal *r = (struct removal *)op;

    (void)ctx;
    r->done(r->ctx, err);
}

static const struct op_step remove_steps[] = {
    {"hide", ON_LOOP, hide, show},
    {"forget", ON_EVENT, forget, remember},
    {"remove-bridge", ON_WORKER, remove_bridge, NULL},
    {"drop", ON_LOOP, drop, NULL},
    {0},
};
static const struct op_type remove_type = {"network/remove", OP_MUTATING, sizeof(struct removal),
                                           remove_steps, NULL};

void network_remove(struct network_table *t, const char *ref,
                    void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct removal *r = (struct removal *)op_create(t->ops, &remove_type);

    r->table = t;
    r->ref = arena_strdup(r->op.arena, ref);
    r->done = done;
    r->ctx = ctx;
    r->op.subject = r->ref;
    op_start_in(&r->op, &t->lane, on_removed, NULL);
}
