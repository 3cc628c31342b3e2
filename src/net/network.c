/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of networks: loading, the predefined three, look-ups and facts. Loop thread.
 * Each network owns an arena with its record; it is only freed when nothing is
 * attached (remove refuses otherwise), so endpoints point at it without counting.
 */
#include "net/network.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#include "network_inner.h"

#define POOL_START 4
#define OPTION(x) "com.docker.network." x

/* ---- objects ---- */

void network_destroy(struct network *n)
{
    if (!n)
        return;
    ipam_destroy(n->ipam);
    arena_destroy(n->arena); /* holds n itself */
}

static bool is_bridge(const struct network_record *r)
{
    return !strcmp(r->request.driver, "bridge");
}

/* The gateway and the auxiliary addresses are nobody's. */
static struct err *reserve_fixed(struct network *n, const struct network_request *r)
{
    const struct ipam_pool *pool = r->ipam.config.n ? r->ipam.config.v : NULL;
    uint32_t addr;

    TRY(ipam_take(n->ipam, n->gateway));
    for (size_t i = 0; pool && i < pool->aux.n; i++)
        if (addr4_parse(pool->aux.v[i].value, &addr) && addr != n->gateway)
            TRY(ipam_take(n->ipam, addr));
    return NULL;
}

static struct err *fill_bridge(struct network *n)
{
    const struct network_record *r = &n->record;
    struct network_defaults d = {n->table->mtu};
    struct network_request named = r->request;
    struct network_plan p;

    if (text_is_empty(r->link) || text_is_empty(r->subnet) || text_is_empty(r->gateway) ||
        strlen(r->link) >= sizeof(n->bridge.link) || !subnet4_parse(r->subnet, &n->subnet) ||
        !addr4_parse(r->gateway, &n->gateway))
        return err_new(ERR_INTERNAL, "the record of network %s is incomplete", r->request.name);
    if (n->is_predefined)
        named.name = "predefined"; /* its true name is refused to users */
    TRY(network_plan(&named, &d, &p));
    n->bridge = p.bridge;
    memcpy(n->bridge.link, r->link, strlen(r->link) + 1);
    n->bridge.address = (struct subnet4){n->gateway, n->subnet.bits};
    if (n->is_predefined) {
        n->bridge.icc = n->table->icc;
        n->bridge.masquerade = n->table->ip_masq;
    }
    n->ipam = ipam_create(n->subnet, p.has_subnet ? p.range : n->subnet);
    return reserve_fixed(n, &r->request);
}

struct err *network_from_record(struct network_table *t, struct arena *a,
                                const struct network_record *r, struct network **out)
{
    struct network *n = arena_new(a, struct network);
    struct err *e = NULL;

    n->table = t;
    n->record = *r;
    n->is_predefined = network_name_is_predefined(r->request.name);
    list_init(&n->endpoints);
    if (is_bridge(r))
        e = fill_bridge(n);
    if (e) {
        ipam_destroy(n->ipam);
        return e;
    }
    n->arena = a;
    *out = n;
    return NULL;
}

void network_table_add(struct network_table *t, struct network *n)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        t->v = mem_resize(t->v, t->cap * sizeof(*t->v), cap * sizeof(*t->v));
        t->cap = cap;
    }
    t->v[t->n++] = n;
}

void network_table_drop(struct network_table *t, struct network *n)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->v[i] != n)
            continue;
        memmove(&t->v[i], &t->v[i + 1], (t->n - i - 1) * sizeof(*t->v));
        t->n--;
        network_destroy(n);
        return;
    }
}

size_t network_table_subnets(const struct network_table *t, const struct network *except,
                             struct arena *a, struct subnet4 **out)
{
    size_t n = 0;

    *out = arena_array(a, t->n + 1, sizeof(**out));
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i] != except && t->v[i]->bridge.link[0])
            (*out)[n++] = t->v[i]->subnet;
    return n;
}

void network_publish_event(struct network *n, const char *action, const struct endpoint *e)
{
    autoarena struct arena *a = arena_create();
    struct event ev = {.type = "network", .action = action, .id = n->record.id};

    if (e)
        pairs_set(a, &ev.attrs, "container", e->container_id);
    pairs_set(a, &ev.attrs, "name", n->record.request.name);
    pairs_set(a, &ev.attrs, "type", n->record.request.driver);
    if (n->table->events)
        events_publish(n->table->events, &ev);
}

/* ---- start-up ---- */

static struct err *load_one(void *ctx, const char *id, const char *json)
{
    struct network_table *t = ctx;
    struct arena *a = arena_create();
    struct network_record r = {0};
    struct network *n;
    struct err *e = json_decode(a, json, strlen(json), &network_record_json, &r);

    if (!e &&
        (text_is_empty(r.id) || text_is_empty(r.request.name) || text_is_empty(r.request.driver)))
        e = err_new(ERR_INTERNAL, "the record is incomplete");
    if (!e)
        e = network_from_record(t, a, &r, &n);
    if (e) {
        log_warn("a stored network was left out", KV("id", id), KV("why", err_text(e)));
        err_drop(e);
        arena_destroy(a);
        return NULL;
    }
    network_table_add(t, n);
    return NULL;
}

static struct network *find_by_name(const struct network_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->v[i]->record.request.name, name))
            return t->v[i];
    return NULL;
}

/* "172.17.0.1/16": address of the bridge and its subnet. */
static struct err *choose_default_subnet(struct network_table *t, struct arena *a, const char *bip,
                                         struct network_record *r)
{
    struct subnet4 s, *used;
    char net[ADDR4_TEXT], gateway[ADDR4_TEXT];
    uint32_t mask;

    if (!text_is_empty(bip)) {
        if (!subnet4_parse(bip, &s) || s.bits < 8 || s.bits > 30)
            return err_new(ERR_INVALID, "invalid bip %s", bip);
    } else {
        size_t n = network_table_subnets(t, NULL, a, &used);
        TRY(net_pick_subnet(t->net, used, n, &s));
    }
    mask = ~0u << (32 - s.bits);
    if (!(s.address & ~mask))
        s.address++;
    addr4_text(s.address & mask, net);
    addr4_text(s.address, gateway);
    r->subnet = arena_printf(a, "%s/%d", net, s.bits);
    r->gateway = arena_strdup(a, gateway);
    return NULL;
}

static void set_default_options(struct arena *a, struct network_record *r,
                                const struct network_settings *s)
{
    struct pairs *o = &r->request.options;

    pairs_set(a, o, OPTION("bridge.default_bridge"), "true");
    pairs_set(a, o, OPTION("bridge.enable_icc"), s->icc ? "true" : "false");
    pairs_set(a, o, OPTION("bridge.enable_ip_masquerade"), s->ip_masq ? "true" : "false");
    pairs_set(a, o, OPTION("bridge.host_binding_ipv4"), "0.0.0.0");
    pairs_set(a, o, OPTION("bridge.name"), s->bridge_link);
    pairs_set(a, o, OPTION("driver.mtu"), arena_printf(a, "%d", s->mtu));
}

/* Predefined networks keep their id; the default bridge follows the settings of this start. */
static struct err *make_predefined(struct network_table *t, const char *name, const char *driver,
                                   const struct network_settings *s)
{
    struct network *old = find_by_name(t, name), *n;
    struct arena *a = arena_create();
    struct network_record r = {0};
    char id[ID_MAX];
    struct err *e = NULL;

    if (!old)
        id_random(id);
    r.id = arena_strdup(a, old ? old->record.id : id);
    r.created_ns = old ? old->record.created_ns : clock_wall_ns();
    r.request.name = arena_strdup(a, name);
    r.request.driver = arena_strdup(a, driver);
    if (!strcmp(driver, "bridge")) {
        r.link = arena_strdup(a, s->bridge_link);
        set_default_options(a, &r, s);
        if (old && text_is_empty(s->bip)) {
            r.subnet = arena_strdup(a, old->record.subnet);
            r.gateway = arena_strdup(a, old->record.gateway);
        } else {
            e = choose_default_subnet(t, a, s->bip, &r);
        }
    }
    if (!e)
        e = network_from_record(t, a, &r, &n);
    if (e) {
        arena_destroy(a);
        return e;
    }
    if (old)
        network_table_drop(t, old);
    network_table_add(t, n);
    db_put(t->db, NETWORK_KIND, r.id, network_record_text(a, &r), NULL, NULL);
    return NULL;
}

/* A broken network of a user must not keep the engine from starting. */
static struct err *ensure_bridges(struct network_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct network *n = t->v[i];

        if (!n->bridge.link[0])
            continue;
        struct err *e = net_bridge_ensure(t->net, &n->bridge);
        if (e && n->is_predefined)
            return e;
        if (e)
            log_warn("bridge not made", KV("network", n->record.request.name),
                     KV("why", err_text(e)));
        err_drop(e);
    }
    return NULL;
}

static struct err *load_all(struct network_table *t, const struct network_settings *s)
{
    struct network *bridge;

    TRY(db_each(t->db, NETWORK_KIND, load_one, t));
    TRY(make_predefined(t, "bridge", "bridge", s));
    TRY(make_predefined(t, "host", "host", s));
    TRY(make_predefined(t, "none", "null", s));
    TRY(ensure_bridges(t));
    TRY(network_links_sweep(t));
    bridge = find_by_name(t, "bridge");
    net_pool_set(t->net, &bridge->bridge, POOL_START);
    bridge->has_pool = true;
    return NULL;
}

struct err *network_table_open(struct net *n, struct ops *ops, struct db *db, struct events *ev,
                               const struct network_settings *s, struct network_table **out)
{
    struct network_table *t = mem_new(struct network_table);
    struct err *e;

    t->net = n;
    t->ops = ops;
    t->db = db;
    t->events = ev;
    t->mtu = s->mtu;
    t->icc = s->icc;
    t->ip_masq = s->ip_masq;
    lane_init(&t->lane);
    e = load_all(t, s);
    if (e) {
        network_table_close(t);
        return e;
    }
    *out = t;
    return NULL;
}

void network_table_close(struct network_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        network_destroy(t->v[i]);
    free(t->v);
    free(t);
}

/* ---- look-ups ---- */

struct err *network_find(struct network_table *t, const char *ref, struct network **out)
{
    struct network *found = find_by_name(t, strcmp(ref, "default") ? ref : "bridge");
    size_t len = strlen(ref);
    int matches = 0;

    for (size_t i = 0; i < t->n && !found; i++)
        if (!strcmp(t->v[i]->record.id, ref))
            found = t->v[i];
    if (found) {
        *out = found;
        return NULL;
    }
    for (size_t i = 0; i < t->n && len; i++) {
        if (strncmp(t->v[i]->record.id, ref, len) != 0)
            continue;
        found = t->v[i];
        matches++;
    }
    if (matches > 1)
        return err_new(ERR_INVALID, "network %s is ambiguous (%d matches found based on ID prefix)",
                       ref, matches);
    if (!found)
        return err_new(ERR_NOT_FOUND, "network %s not found", ref);
    *out = found;
    return NULL;
}

struct network *network_next(struct network_table *t, size_t *cursor)
{
    return *cursor < t->n ? t->v[(*cursor)++] : NULL;
}

const char *network_id(const struct network *n)
{
    return n->record.id;
}

const char *network_name(const struct network *n)
{
    return n->record.request.name;
}

const char *network_driver(const struct network *n)
{
    return n->record.request.driver;
}

const struct bridge_spec *network_bridge(const struct network *n)
{
    return n->bridge.link[0] ? &n->bridge : NULL;
}

struct subnet4 network_subnet(const struct network *n)
{
    return n->subnet;
}

uint32_t network_gateway(const struct network *n)
{
    return n->gateway;
}

const struct pairs *network_labels(const struct network *n)
{
    return &n->record.request.labels;
}

int64_t network_created_ns(const struct network *n)
{
    return n->record.created_ns;
}

bool network_is_predefined(const struct network *n)
{
    return n->is_predefined;
}

size_t network_count_endpoints(const struct network *n)
{
    return n->n_endpoints;
}
