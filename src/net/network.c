/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of networks: loading, the predefined three, look-ups and facts. Loop thread.
 * Each network owns an arena with its record; it is only freed when nothing is
 * attached (remove refuses otherwise), so endpoints point at it without counting.
 */
#include "net/network.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "core/db.h"
#include "core/events.h"

#include "network_inner.h"
#include "vlan.h"

#define POOL_START 4
#define OPTION(x) "com.docker.network." x

/* ---- objects ---- */

#define NETWORK_MAGIC 0x6e657477u /* "netw" */

static size_t count_listed(const struct network *n)
{
    size_t count = 0;

    list_each (e, &n->endpoints, struct endpoint, link)
        count++;
    return count;
}

/* A bridge, a vlan's parent or neither; leases of the families it has subnets of, its gateway among
 * them; and whoever is listed is counted. */
void network_check(const struct network *n)
{
    bool has_link = n->bridge.ifname[0] || n->vlan.kind;

    ASSERT_DEBUG(n->magic == NETWORK_MAGIC && n->table && n->arena);
    ASSERT_DEBUG(!text_is_empty(n->record.id) && !text_is_empty(n->record.request.name));
    ASSERT_DEBUG(has_link == network_has_addresses(n));
    ASSERT_DEBUG(!n->bridge.ifname[0] || !n->vlan.kind);
    ASSERT_DEBUG((n->ipam != NULL) == (n->subnet.bits > 0));
    ASSERT_DEBUG((n->ipam6 != NULL) == (n->subnet6.bits > 0));
    ASSERT_DEBUG(!n->ipam || subnet4_has(n->subnet, n->gateway));
    ASSERT_DEBUG(!n->ipam6 || subnet6_has(n->subnet6, &n->gateway6));
    ASSERT_DEBUG(!n->has_pool || n->bridge.ifname[0]);
    ASSERT_DEBUG(!n->is_removing || (!n->n_endpoints && !n->is_predefined));
    ASSERT_DEBUG(count_listed(n) == n->n_endpoints);
}

static void network_destroy(struct network *n)
{
    if (!n)
        return;
    ASSERT(n->magic == NETWORK_MAGIC);
    n->magic = 0;
    ipam_destroy(n->ipam);
    ipam6_destroy(n->ipam6);
    arena_destroy(n->arena); /* holds n itself */
}

static bool has_subnet(const struct network_record *r)
{
    return !strcmp(r->request.driver, "bridge") || vlan_kind_of(r->request.driver);
}

static struct err *incomplete(const struct network *n)
{
    return err_new(ERR_INTERNAL, "the record of network %s is incomplete", n->record.request.name);
}

/* The gateway and the auxiliary addresses are nobody's. */
static struct err *fill_ipv4(struct network *n, const struct network_plan *p)
{
    const struct network_record *r = &n->record;
    const struct ipam_pool *pool = network_pool(&r->request, false);
    uint32_t addr;

    if (text_is_empty(r->gateway) || !subnet4_parse(r->subnet, &n->subnet) ||
        !addr4_parse(r->gateway, &n->gateway))
        return incomplete(n);
    n->bridge.address = (struct subnet4){n->gateway, n->subnet.bits};
    n->ipam = ipam_create(n->subnet, p->has_subnet ? p->range : n->subnet);
    TRY(ipam_take(n->ipam, n->gateway));
    for (size_t i = 0; pool && i < pool->aux.n; i++)
        if (addr4_parse(pool->aux.v[i].value, &addr) && addr != n->gateway)
            TRY(ipam_take(n->ipam, addr));
    return NULL;
}

static struct err *fill_ipv6(struct network *n, const struct network_plan *p)
{
    const struct network_record *r = &n->record;
    const struct ipam_pool *pool = network_pool(&r->request, true);
    struct in6_addr addr;

    if (text_is_empty(r->gateway6) || !subnet6_parse(r->subnet6, &n->subnet6) || !n->subnet6.bits ||
        !addr6_parse(r->gateway6, &n->gateway6))
        return incomplete(n);
    n->bridge.address6 = (struct subnet6){n->gateway6, n->subnet6.bits};
    n->ipam6 = ipam6_create(n->subnet6, p->has_subnet6 ? p->range6 : n->subnet6);
    TRY(ipam6_take(n->ipam6, &n->gateway6));
    for (size_t i = 0; pool && i < pool->aux.n; i++)
        if (addr6_parse(pool->aux.v[i].value, &addr) && !addr6_is_equal(&addr, &n->gateway6))
            TRY(ipam6_take(n->ipam6, &addr));
    return NULL;
}

static void fill_ifname(struct network *n, const char *ifname)
{
    char *name = n->vlan.kind ? n->vlan.parent : n->bridge.ifname;

    memcpy(name, ifname, strlen(ifname) + 1);
    /* one of ours, whatever the engine that chose it made of the parent asked for */
    n->vlan.is_apart =
        n->vlan.kind && !text_same(pairs_get(&n->record.request.options, "parent"), ifname);
}

static struct err *fill_subnet(struct network *n)
{
    const struct network_record *r = &n->record;
    struct network_defaults d = {n->table->mtu};
    struct network_request named = r->request;
    struct network_plan p;

    if (text_is_empty(r->ifname) || strlen(r->ifname) >= sizeof(n->bridge.ifname) ||
        (text_is_empty(r->subnet) && text_is_empty(r->subnet6)))
        return incomplete(n);
    if (n->is_predefined)
        named.name = "predefined"; /* its true name is refused to users */
    TRY(network_plan(&named, &d, &p));
    n->bridge = p.bridge;
    n->vlan = p.vlan;
    fill_ifname(n, r->ifname);
    if (n->is_predefined) {
        n->bridge.icc = n->table->icc;
        n->bridge.masquerade = n->table->ip_masq;
    }
    if (!text_is_empty(r->subnet))
        TRY(fill_ipv4(n, &p));
    return text_is_empty(r->subnet6) ? NULL : fill_ipv6(n, &p);
}

struct err *network_from_record(struct network_table *t, struct arena *a,
                                const struct network_record *r, struct network **out)
{
    struct network *n = arena_new(a, struct network);
    struct err *e = NULL;

    n->magic = NETWORK_MAGIC;
    n->table = t;
    n->record = *r;
    n->is_predefined = network_name_is_predefined(r->request.name);
    list_init(&n->endpoints);
    if (has_subnet(r))
        e = fill_subnet(n);
    if (e) {
        ipam_destroy(n->ipam);
        ipam6_destroy(n->ipam6);
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
    network_check(n);
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
        if (t->v[i] != except && t->v[i]->ipam)
            (*out)[n++] = t->v[i]->subnet;
    return n;
}

size_t network_table_subnets6(const struct network_table *t, const struct network *except,
                              struct arena *a, struct subnet6 **out)
{
    size_t n = 0;

    *out = arena_array(a, t->n + 1, sizeof(**out));
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i] != except && t->v[i]->ipam6)
            (*out)[n++] = t->v[i]->subnet6;
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
        db_set_aside(t->db, NETWORK_KIND, id, json, err_text(e));
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

/* "172.17.0.1/16": address of the bridge and its subnet. Without one a fixed range is it. */
static struct err *choose_default_subnet(struct network_table *t, struct arena *a,
                                         const struct network_settings *set,
                                         struct network_record *r)
{
    const char *bip = text_is_empty(set->bip) ? set->fixed_cidr : set->bip;
    struct subnet4 s, *used;
    char net[ADDR4_TEXT], gateway[ADDR4_TEXT];
    uint32_t mask;

    if (!text_is_empty(bip)) {
        if (!subnet4_parse(bip, &s) || s.bits < 8 || s.bits > 30)
            return err_new(ERR_INVALID, "invalid bip %s", bip);
        if (text_is_empty(set->bip))
            s.address &= ~0u << (32 - s.bits);
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

/* --fixed-cidr-v6, or what it had, or a prefix of the engine's own. */
static struct err *choose_default_subnet6(struct network_table *t, struct arena *a,
                                          const struct network_settings *s,
                                          const struct network *old, struct network_record *r)
{
    char text[CIDR6_TEXT];
    struct in6_addr gateway;
    struct subnet6 net, *used;

    r->request.enable_ipv6 = true;
    if (text_is_empty(s->fixed_cidr_v6) && old && old->record.subnet6) {
        r->subnet6 = arena_strdup(a, old->record.subnet6);
        r->gateway6 = arena_strdup(a, old->record.gateway6);
        return NULL;
    }
    if (!text_is_empty(s->fixed_cidr_v6)) {
        if (!subnet6_parse(s->fixed_cidr_v6, &net) || net.bits < 8 || net.bits > 126)
            return err_new(ERR_INVALID, "invalid fixed-cidr-v6 %s", s->fixed_cidr_v6);
        net = subnet6_base(net);
    } else {
        size_t n = network_table_subnets6(t, NULL, a, &used);
        TRY(net_pick_subnet6(t->net, &t->ula, used, n, &net));
    }
    gateway = subnet6_at(net, 1);
    subnet6_text(&net, text);
    r->subnet6 = arena_strdup(a, text);
    addr6_text(&gateway, text);
    r->gateway6 = arena_strdup(a, text);
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
    pairs_set(a, o, OPTION("bridge.name"), s->bridge_ifname);
    pairs_set(a, o, OPTION("driver.mtu"), arena_printf(a, "%d", s->mtu));
}

/* ---- --fixed-cidr and --default-gateway ---- */

static bool has_range(const struct network *n, const char *range)
{
    struct subnet4 r;

    if (text_is_empty(range))
        return true;
    return subnet4_parse(range, &r) && r.bits >= n->subnet.bits &&
           subnet4_has(n->subnet, r.address);
}

static struct err *set_default_range(struct arena *a, struct network_record *r, const char *range)
{
    struct ipam_pool *pool;
    struct subnet4 subnet, inner;
    char text[ADDR4_TEXT];

    if (text_is_empty(range))
        return NULL;
    if (!subnet4_parse(r->subnet, &subnet) || !subnet4_parse(range, &inner) ||
        inner.bits < subnet.bits || !subnet4_has(subnet, inner.address))
        return err_new(ERR_INVALID, "fixed-cidr %s is not within the default bridge's subnet %s",
                       range, r->subnet);
    addr4_text(inner.address & ~0u << (32 - inner.bits), text);
    pool = arena_new(a, struct ipam_pool);
    pool->subnet = r->subnet;
    pool->gateway = r->gateway;
    pool->ip_range = arena_printf(a, "%s/%d", text, inner.bits);
    r->request.ipam.config = (struct jlist){pool, 1};
    return NULL;
}

static struct err *outside(const char *gateway, const char *subnet)
{
    return err_new(ERR_INVALID, "default-gateway %s is not within the default bridge's subnet %s",
                   gateway, subnet ? subnet : "(it has none of that family)");
}

/* The address is nobody's else: of a router that stands in the bridge. */
static struct err *set_ways_out(struct network *n, const struct network_settings *s)
{
    const struct network_record *r = &n->record;

    if (!text_is_empty(s->default_gateway)) {
        if (!n->ipam || !addr4_parse(s->default_gateway, &n->way_out) ||
            !subnet4_has(n->subnet, n->way_out))
            return outside(s->default_gateway, r->subnet);
        if (n->way_out != n->gateway)
            TRY(ipam_take(n->ipam, n->way_out));
    }
    if (text_is_empty(s->default_gateway6))
        return NULL;
    if (!n->ipam6 || !addr6_parse(s->default_gateway6, &n->way_out6) ||
        !subnet6_has(n->subnet6, &n->way_out6))
        return outside(s->default_gateway6, r->subnet6);
    return addr6_is_equal(&n->way_out6, &n->gateway6) ? NULL : ipam6_take(n->ipam6, &n->way_out6);
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
        r.ifname = arena_strdup(a, s->bridge_ifname);
        set_default_options(a, &r, s);
        if (old && text_is_empty(s->bip) && has_range(old, s->fixed_cidr)) {
            r.subnet = arena_strdup(a, old->record.subnet);
            r.gateway = arena_strdup(a, old->record.gateway);
        } else {
            e = choose_default_subnet(t, a, s, &r);
        }
        if (!e)
            e = set_default_range(a, &r, s->fixed_cidr);
        if (!e && s->ipv6)
            e = choose_default_subnet6(t, a, s, old, &r);
    }
    if (!e)
        e = network_from_record(t, a, &r, &n);
    if (!e && !strcmp(driver, "bridge"))
        e = set_ways_out(n, s);
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

void network_own_link(struct network *n)
{
    autoarena struct arena *a = arena_create();

    n->record.made_link = true;
    db_put(n->table->db, NETWORK_KIND, n->record.id, network_record_text(a, &n->record), NULL,
           NULL);
}

static struct err *ensure_vlan(struct network *n)
{
    bool is_missing;

    TRY(net_vlan_look(n->table->net, &n->vlan, &is_missing));
    if (is_missing && !n->record.made_link)
        network_own_link(n);
    return net_vlan_ensure(n->table->net, &n->vlan);
}

/* A broken network of a user must not keep the engine from starting. */
static struct err *ensure_links(struct network_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct network *n = t->v[i];

        if (!network_has_addresses(n))
            continue;
        struct err *e = n->vlan.kind ? ensure_vlan(n) : net_bridge_ensure(t->net, &n->bridge);
        if (e && n->is_predefined)
            return e;
        if (e)
            log_warn("link of a network not made", KV("network", n->record.request.name),
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
    TRY(ensure_links(t));
    bridge = find_by_name(t, "bridge");
    netns_pool_set(t->net, &bridge->bridge, POOL_START);
    bridge->has_pool = true;
    return NULL;
}

/* fdxx:xxxx:xxxx::/48 (RFC 4193) from the engine's id: the same at each start, like nobody's. */
static struct in6_addr own_prefix(const char *engine_id)
{
    struct in6_addr out = {.s6_addr = {0xfd}};
    char digest[DIGEST_MAX];
    const char *hex;

    digest_of(engine_id, strlen(engine_id), digest);
    hex = digest_hex(digest);
    for (int i = 0; i < 5; i++)
        out.s6_addr[1 + i] =
            (uint8_t)(text_hex_value(hex[2 * i]) << 4 | text_hex_value(hex[2 * i + 1]));
    return out;
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
    t->ula = own_prefix(s->engine_id);
    t->driver_opts = s->driver_opts;
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
    struct network *found = NULL;
    size_t len = strlen(ref);
    int matches = 0;

    for (size_t i = 0; i < t->n && !found; i++) /* whatever another one is called */
        if (!strcmp(t->v[i]->record.id, ref))
            found = t->v[i];
    if (!found)
        found = find_by_name(t, strcmp(ref, "default") ? ref : "bridge");
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
    return n->bridge.ifname[0] ? &n->bridge : NULL;
}

bool network_has_addresses(const struct network *n)
{
    return n->ipam || n->ipam6;
}

bool network_is_internal(const struct network *n)
{
    return n->bridge.internal;
}

struct subnet4 network_subnet(const struct network *n)
{
    return n->subnet;
}

uint32_t network_gateway(const struct network *n)
{
    return n->gateway;
}

uint32_t network_way_out(const struct network *n)
{
    return n->way_out ? n->way_out : n->gateway;
}

struct in6_addr network_way_out6(const struct network *n)
{
    return addr6_is_none(&n->way_out6) ? n->gateway6 : n->way_out6;
}

struct subnet6 network_subnet6(const struct network *n)
{
    return n->subnet6;
}

struct in6_addr network_gateway6(const struct network *n)
{
    return n->gateway6;
}

const char *network_host_binding(const struct network *n)
{
    const char *key = OPTION("bridge.host_binding_ipv4");

    return n->is_predefined ? NULL : pairs_get(&n->record.request.options, key);
}

const struct pairs *network_labels(const struct network *n)
{
    return &n->record.request.labels;
}

int64_t network_created_ns(const struct network *n)
{
    return n->record.created_ns;
}

struct err *network_check_usable(const struct network *n)
{
    if (!n->record.request.config_only)
        return NULL;
    return err_new(ERR_FORBIDDEN, "cannot create endpoint on configuration-only network");
}

bool network_is_config_only(const struct network *n)
{
    return n->record.request.config_only;
}

bool network_is_predefined(const struct network *n)
{
    return n->is_predefined;
}

size_t network_count_endpoints(const struct network *n)
{
    return n->n_endpoints;
}
