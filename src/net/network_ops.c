/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating and removing a network. One at a time per engine (the table's lane): they
 * choose a subnet and a link that nobody else may choose meanwhile. The object joins
 * the table last and leaves it last, so look-ups see whole networks only. The document
 * is there before the bridge and goes after it: an engine that dies in between leaves
 * no link that nobody knows (the next one makes the bridges of all documents).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "core/db.h"

#include "network_inner.h"
#include "vlan.h"

/* ---- create ---- */

struct network_create {
    struct op op;
    struct network_table *table;
    struct arena *arena; /* of the network to be */
    struct network_record record;
    struct network_plan plan;
    struct subnet4 *used;
    struct subnet6 *used6;
    size_t n_used, n_used6;
    void (*done)(void *ctx, struct err *err, const char *id);
    void *ctx;
};

static struct err *check_subnets(const struct network_create *c)
{
    const struct network_plan *p = &c->plan;
    bool overlaps = false;

    for (size_t i = 0; p->has_subnet && i < c->n_used; i++)
        overlaps |= subnet4_overlaps(p->subnet, c->used[i]);
    for (size_t i = 0; p->has_subnet6 && i < c->n_used6; i++)
        overlaps |= subnet6_overlaps(p->subnet6, c->used6[i]);
    return overlaps ? err_new(ERR_FORBIDDEN, "invalid pool request: Pool overlaps with other one "
                                             "on this address space")
                    : NULL;
}

static struct err *check_parent(const struct network_create *c)
{
    for (size_t i = 0; i < c->table->n; i++) {
        const struct network *n = c->table->v[i];

        if (c->plan.vlan.parent[0] && !strcmp(n->vlan.parent, c->plan.vlan.parent))
            TRY(vlan_check_shared(&c->plan.vlan, &n->vlan, n->record.id));
    }
    return NULL;
}

static struct err *check_free(struct network_create *c)
{
    for (size_t i = 0; i < c->table->n; i++) {
        const struct network *n = c->table->v[i];

        if (!strcmp(n->record.request.name, c->record.request.name))
            return err_new(ERR_CONFLICT, "network with name %s already exists",
                           c->record.request.name);
        if (c->plan.bridge.ifname[0] && !strcmp(n->bridge.ifname, c->plan.bridge.ifname))
            return err_new(ERR_FORBIDDEN,
                           "conflicts with network %s (%s): networks have same bridge name",
                           n->record.id, n->record.request.name);
    }
    if (c->record.request.config_only)
        return NULL; /* the same addresses may be lent twice; who takes them claims them */
    TRY(check_parent(c));
    return check_subnets(c);
}

/* Through its JSON: a deep copy that follows the table of fields by itself. */
static struct err *copy_request(struct arena *a, const struct network_request *r,
                                struct network_request *out)
{
    const char *text = json_encode(a, &network_request_json, r);

    return json_decode(a, text, strlen(text), &network_request_json, out);
}

static struct err *take_config(struct network_create *c)
{
    struct network_request *to = &c->record.request, lent = {0};
    const char *name = to->config_from.network;

    if (text_is_empty(name))
        return NULL;
    for (size_t i = 0; i < c->table->n; i++) {
        const struct network_request *r = &c->table->v[i]->record.request;

        if (!r->config_only || strcmp(r->name, name) != 0)
            continue;
        TRY(copy_request(c->arena, r, &lent));
        network_config_take(&lent, to);
        return NULL;
    }
    return err_new(ERR_NOT_FOUND, "configuration network \"%s\" does not exist", name);
}

static void name_link(struct network_create *c)
{
    struct network_plan *p = &c->plan;

    if (p->vlan.is_apart)
        vlan_name_own_parent(&p->vlan, c->record.id);
    if (!p->vlan.kind && !p->bridge.ifname[0])
        snprintf(p->bridge.ifname, sizeof(p->bridge.ifname), "br-%.12s", c->record.id);
}

/* Docker's driver of what is no network yet. */
static const char *driver_of(const struct network_request *r)
{
    if (r->config_only)
        return "null";
    return text_is_empty(r->driver) ? "bridge" : r->driver;
}

/* --default-network-opt "DRIVER=OPTION=VALUE", unless the request says otherwise. */
static void add_default_options(struct network_create *c)
{
    const struct strs *all = c->table->driver_opts;
    struct network_request *r = &c->record.request;
    const char *driver = driver_of(r);
    size_t len = strlen(driver);

    for (size_t i = 0; all && i < all->n; i++) {
        const char *option = all->v[i] + len + 1, *value;

        if (strncmp(all->v[i], driver, len) != 0 || all->v[i][len] != '=')
            continue;
        value = strchr(option, '=');
        option = arena_strndup(c->arena, option, (size_t)(value - option));
        if (!pairs_get(&r->options, option))
            pairs_set(c->arena, &r->options, option, value + 1);
    }
}

static struct err *check_request(struct op *op)
{
    struct network_create *c = (struct network_create *)op;
    struct network_defaults d = {.mtu = c->table->mtu};
    char id[ID_MAX];

    TRY(network_config_check(&c->record.request));
    TRY(take_config(c));
    add_default_options(c);
    TRY(network_plan(&c->record.request, &d, &c->plan));
    c->n_used = network_table_subnets(c->table, NULL, c->arena, &c->used);
    c->n_used6 = network_table_subnets6(c->table, NULL, c->arena, &c->used6);
    TRY(check_free(c));
    c->record.request.driver = arena_strdup(c->arena, driver_of(&c->record.request));
    id_random(id);
    c->record.id = arena_strdup(c->arena, id);
    c->record.created_ns = clock_wall_ns();
    if (!c->record.request.config_only)
        name_link(c);
    return NULL;
}

static struct err *choose_ipv4(struct network_create *c)
{
    struct network_plan *p = &c->plan;
    char text[ADDR4_TEXT];
    uint32_t mask;

    if (!p->has_ipv4)
        return NULL;
    if (!p->has_subnet)
        TRY(net_pick_subnet(c->table->net, c->used, c->n_used, &p->subnet));
    mask = ~0u << (32 - p->subnet.bits);
    if (!p->gateway)
        p->gateway = (p->subnet.address & mask) + 1;
    p->bridge.address = (struct subnet4){p->gateway, p->subnet.bits};
    addr4_text(p->subnet.address & mask, text);
    c->record.subnet = arena_printf(c->arena, "%s/%d", text, p->subnet.bits);
    addr4_text(p->gateway, text);
    c->record.gateway = arena_strdup(c->arena, text);
    return NULL;
}

static struct err *choose_ipv6(struct network_create *c)
{
    struct network_plan *p = &c->plan;
    char text[CIDR6_TEXT];

    if (!p->has_ipv6)
        return NULL;
    if (!p->has_subnet6)
        TRY(net_pick_subnet6(c->table->net, &c->table->ula, c->used6, c->n_used6, &p->subnet6));
    if (addr6_is_none(&p->gateway6))
        p->gateway6 = subnet6_at(p->subnet6, 1);
    p->bridge.address6 = (struct subnet6){p->gateway6, p->subnet6.bits};
    subnet6_text(&p->subnet6, text);
    c->record.subnet6 = arena_strdup(c->arena, text);
    addr6_text(&p->gateway6, text);
    c->record.gateway6 = arena_strdup(c->arena, text);
    return NULL;
}

static struct err *choose(struct op *op)
{
    struct network_create *c = (struct network_create *)op;
    const struct vlan_spec *v = &c->plan.vlan;

    ASSERT_WORKER();
    if (c->record.request.config_only)
        return NULL;
    TRY(choose_ipv4(c));
    TRY(choose_ipv6(c));
    c->record.ifname = arena_strdup(c->arena, v->kind ? v->parent : c->plan.bridge.ifname);
    return v->kind ? net_vlan_look(c->table->net, v, &c->record.made_link) : NULL;
}

static struct err *make_link(struct op *op)
{
    struct network_create *c = (struct network_create *)op;

    ASSERT_WORKER();
    if (c->record.request.config_only)
        return NULL;
    return c->plan.vlan.kind ? net_vlan_ensure(c->table->net, &c->plan.vlan)
                             : net_bridge_ensure(c->table->net, &c->plan.bridge);
}

/* Undo of make-link. A parent interface that was there before stays. */
static void remove_made_link(struct op *op)
{
    struct network_create *c = (struct network_create *)op;

    if (c->record.request.config_only)
        return;
    if (!c->plan.vlan.kind)
        net_bridge_remove(c->table->net, c->plan.bridge.ifname);
    else if (c->record.made_link)
        net_vlan_remove(c->table->net, c->plan.vlan.parent);
}

/* The rules know the bridge before the first container is in it. */
static struct err *apply_rules(struct op *op)
{
    net_rules_apply_for(((struct network_create *)op)->table->net, op);
    return NULL;
}

static struct err *save(struct op *op)
{
    struct network_create *c = (struct network_create *)op;

    db_put_for(c->table->db, op, NETWORK_KIND, c->record.id,
               network_record_text(op->arena, &c->record));
    return NULL;
}

static void unsave(struct op *op)
{
    struct network_create *c = (struct network_create *)op;

    db_delete(c->table->db, NETWORK_KIND, c->record.id, NULL, NULL);
}

static struct err *publish(struct op *op)
{
    struct network_create *c = (struct network_create *)op;
    struct network *n;

    ASSERT(c->arena);
    TRY(network_from_record(c->table, c->arena, &c->record, &n));
    c->arena = NULL;
    network_table_add(c->table, n);
    network_publish_event(n, "create", NULL);
    return NULL;
}

/* After a failure the bridge is gone again, but not yet from the rules. */
static void finish_create(struct op *op)
{
    struct network_create *c = (struct network_create *)op;

    net_rules_apply(c->table->net, NULL, NULL);
    arena_destroy(c->arena);
}

static void on_created(struct op *op, struct err *err, void *ctx)
{
    struct network_create *c = (struct network_create *)op;

    (void)ctx;
    c->done(c->ctx, err, err ? NULL : c->record.id);
}

static const struct op_step create_steps[] = {
    {"check-request", ON_LOOP, check_request, NULL},
    {"choose", ON_WORKER, choose, NULL},
    {"save", ON_EVENT, save, unsave},
    {"make-link", ON_WORKER, make_link, remove_made_link},
    {"apply-rules", ON_EVENT, apply_rules, NULL},
    {"publish", ON_LOOP, publish, NULL},
    {0},
};
static const struct op_type create_type = {
    "network/create", OP_MUTATING, sizeof(struct network_create), create_steps, finish_create};
OP_LISTED(create_type);

void network_create(struct network_table *t, const struct network_request *r,
                    void (*done)(void *ctx, struct err *err, const char *id), void *ctx)
{
    struct network_create *c = (struct network_create *)op_create(t->ops, &create_type);
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

struct network_removal {
    struct op op;
    struct network_table *table;
    char *ref;
    struct network *network; /* ours alone once hidden: joins are refused */
    char id[ID_MAX];
    struct bridge_spec bridge; /* the worker's copies */
    struct vlan_spec vlan;     /* kind VLAN_NONE: no parent that we made and nobody else uses */
    void (*done)(void *ctx, struct err *err);
    void *ctx;
};

/* Another network on a parent that we made: it becomes that one's to remove. */
static void choose_parent(struct network_removal *r)
{
    const struct network *n = r->network;

    if (!n->record.made_link)
        return;
    for (size_t i = 0; i < r->table->n; i++) {
        struct network *other = r->table->v[i];

        if (other == n || strcmp(other->vlan.parent, n->vlan.parent) != 0)
            continue;
        network_own_link(other);
        return;
    }
    r->vlan = n->vlan;
}

/* From here on joins are refused: nobody can take an address while a worker removes the bridge. */
static struct err *hide(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;
    struct network *n;

    TRY(network_find(r->table, r->ref, &n));
    if (n->is_predefined)
        return err_new(ERR_FORBIDDEN, "%s is a pre-defined network and cannot be removed",
                       network_name(n));
    if (n->n_endpoints)
        return err_new(ERR_FORBIDDEN,
                       "error while removing network: network %s id %s has active endpoints",
                       network_name(n), network_id(n));
    if (network_config_is_lent(r->table, n))
        return err_new(ERR_FORBIDDEN, "configuration network \"%s\" is in use", network_name(n));
    n->is_removing = true;
    r->network = n;
    snprintf(r->id, sizeof(r->id), "%s", n->record.id);
    r->bridge = n->bridge;
    choose_parent(r);
    netns_pool_set(r->table->net, &n->bridge, 0);
    n->has_pool = false;
    network_check(n);
    return NULL;
}

static void show(struct op *op)
{
    struct network *n = ((struct network_removal *)op)->network;

    ASSERT(n->is_removing);
    n->is_removing = false;
    network_check(n);
}

static struct err *forget(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;

    db_delete_for(r->table->db, op, NETWORK_KIND, r->id);
    return NULL;
}

static void remember(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;

    db_put(r->table->db, NETWORK_KIND, r->id, network_record_text(op->arena, &r->network->record),
           NULL, NULL);
}

static struct err *remove_link(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;

    ASSERT_WORKER();
    if (r->bridge.ifname[0])
        net_bridge_remove(r->table->net, r->bridge.ifname);
    if (r->vlan.kind)
        net_vlan_remove(r->table->net, r->vlan.parent);
    return NULL;
}

static void remake_link(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;

    if (r->bridge.ifname[0])
        err_drop(net_bridge_ensure(r->table->net, &r->bridge));
    if (r->vlan.kind)
        err_drop(net_vlan_ensure(r->table->net, &r->vlan));
}

static struct err *drop(struct op *op)
{
    struct network_removal *r = (struct network_removal *)op;

    ASSERT(r->network->is_removing && !r->network->n_endpoints);
    network_check(r->network);
    network_publish_event(r->network, "destroy", NULL);
    network_table_drop(r->table, r->network);
    return NULL;
}

/* Stale rules of a dead link hurt nobody, but a bridge that was made again must have its own. */
static void finish_removal(struct op *op)
{
    net_rules_apply(((struct network_removal *)op)->table->net, NULL, NULL);
}

static void on_removed(struct op *op, struct err *err, void *ctx)
{
    struct network_removal *r = (struct network_removal *)op;

    (void)ctx;
    r->done(r->ctx, err);
}

static const struct op_step remove_steps[] = {
    {"hide", ON_LOOP, hide, show},
    {"remove-link", ON_WORKER, remove_link, remake_link},
    {"forget", ON_EVENT, forget, remember},
    {"drop", ON_LOOP, drop, NULL},
    {0},
};
static const struct op_type remove_type = {
    "network/remove", OP_MUTATING, sizeof(struct network_removal), remove_steps, finish_removal};
OP_LISTED(remove_type);

void network_remove(struct network_table *t, const char *ref,
                    void (*done)(void *ctx, struct err *err), void *ctx)
{
    struct network_removal *r = (struct network_removal *)op_create(t->ops, &remove_type);

    r->table = t;
    r->ref = arena_strdup(r->op.arena, ref);
    r->done = done;
    r->ctx = ctx;
    r->op.subject = r->ref;
    op_start_in(&r->op, &t->lane, on_removed, NULL);
}
