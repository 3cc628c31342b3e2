/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connect and disconnect. Of a container that does not run only the document changes; a
 * running one gets or loses an interface. The exit of the container may come between two
 * steps: then its endpoints are gone already and only the wish is left to be saved,
 * so every step looks the entry up again. Loop thread, except attach and detach.
 */
#include "place/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "container/process.h"
#include "net/network.h"
#include "place/dns.h"
#include "place/endpoint_options.h"
#include "place/endpoints.h"
#include "place/files.h"
#include "place/legacy_links.h"
#include "place/networks.h"
#include "place/published.h"
#include "place/sockets.h"
#include "storage/rootfs.h"

struct connect {
    struct op op;
    struct container *c;
    struct network *network; /* connect: only in claim */
    const char *ref;         /* the network as asked for */
    char network_id[65];
    struct endpoint_config asked;
    struct endpoint_record *replaced; /* connect: what the entry was before; NULL: there was none */
    /* for the worker */
    struct net *net;
    int netns; /* -1: does not run */
    struct endpoint_spec spec;
    struct endpoint_spec next, next6; /* have the default routes without it; ifname "": none */
    struct dns_start dns;             /* connect: the first network with names */
    struct etc_files before, files;   /* without and with it */
    const char *dir;
};

/* Whether there is a network namespace to work on. An exit on its way will drop the endpoints by
 * itself. */
static bool has_process(const struct container *c)
{
    return c->pidfd >= 0 && !c->exit.is_set && !c->is_exiting;
}

/* Index in doc.networks, or its length. */
static size_t find_attached(const struct container *c, const char *network_id)
{
    const struct endpoint_record *list = c->doc.networks.v;
    size_t i = 0;

    ASSERT(network_id[0]);
    while (i < c->doc.networks.n && strcmp(list[i].network_id, network_id) != 0)
        i++;
    return i;
}

/* Docker's words; a container that shares another's network namespace has no networks of its
 * own. */
static struct err *check_usable(const struct container *c)
{
    if (c->is_gone)
        return err_new(ERR_NOT_FOUND, "No such container: %s", c->doc.id);
    if (c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD)
        return err_new(ERR_CONFLICT,
                       "container %s is marked for removal and cannot be connected or "
                       "disconnected to the network",
                       c->doc.id);
    if (text_starts(c->doc.host.network_mode ? c->doc.host.network_mode : "", "container:"))
        return err_new(ERR_INVALID, "container sharing network namespace with another container "
                                    "or host cannot be connected to any other network");
    return NULL;
}

/* A host port cannot become a routed one, or the other way round, while clients use it. */
static void warn_of_mode(const struct container *c, const struct port_target *t)
{
    for (size_t i = 0; i < ports_count(c->ports); i++) {
        const struct port_map *m = ports_at(c->ports, i);

        if (m->is_routed == (m->is_v6 ? t->is_routed6 : t->is_routed))
            continue;
        log_warn("published ports keep the gateway mode that they had at the start: restart the "
                 "container for that of its network",
                 KV("id", c->doc.id));
        return;
    }
}

/* The network of the default route has changed, so the published ports lead to another address;
 * without any network that can publish they are closed. */
static void retarget_ports(struct container *c)
{
    if (!c->ports)
        return;

    struct port_target target = endpoints_port_target(c);
    if (!port_target_is_none(&target)) {
        warn_of_mode(c, &target);
        ports_retarget(c->ports, target.addr, &target.addr6);
    } else {
        ports_release(steal_ptr(&c->ports));
        sockets_unhold(c, SOCKETS_PORTS);
        c->doc.published = (struct jlist){0};
    }
    net_rules_apply(c->parts->net, NULL, NULL);
}

/* The entry of the document and its endpoint, if the run still has one. */
static void drop_entry(struct connect *o)
{
    size_t i = find_attached(o->c, o->network_id);

    ASSERT(o->network_id[0]);
    if (i < o->c->doc.networks.n)
        endpoint_remove(o->c, i);
    networks_own(o->c); /* the dropped entry's memory goes */
    endpoints_choose_gateway(o->c, NULL);
    legacy_links_changed(o->c);
    container_check(o->c);
}

/* Only of the family whose default route is e's. */
static void note_next_gateways(struct connect *o, const struct endpoint *e)
{
    struct ways_out next = endpoints_choose_gateway(o->c, e);

    if (next.v4 && o->spec.gateway) {
        o->next = next.v4->spec;
        o->next.gateway6 = (struct in6_addr){0};
    }
    if (next.v6 && !addr6_is_none(&o->spec.gateway6)) {
        o->next6 = next.v6->spec;
        o->next6.gateway = 0;
    }
    endpoints_choose_gateway(o->c, NULL);
}

/* What else could be done? The interface is gone, and the container's root may have the other one
 * down or without its address: its default route is its own affair. */
static void set_next_gateways(struct connect *o)
{
    const struct endpoint_spec *both[] = {&o->next, &o->next6};

    ASSERT_WORKER();
    ASSERT(o->netns >= 0);
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        struct err *err = both[i]->ifname[0] ? netns_set_gateway(o->net, o->netns, both[i]) : NULL;

        if (err)
            log_warn("a container has no default route any more", KV("id", o->op.subject),
                     KV("interface", both[i]->ifname), KV("error", err_text(err)));
        err_drop(err);
    }
}

static struct err *save(struct op *op)
{
    container_save_for(((struct connect *)op)->c, op);
    return NULL;
}

static void finish(struct op *op)
{
    struct connect *o = (struct connect *)op;

    if (o->netns >= 0)
        close(o->netns);
    dns_start_close(&o->dns);
    container_unref(o->c);
}

/* ---- connect ---- */

static struct err *check_connect(const struct connect *o)
{
    const struct container *c = o->c;
    const struct endpoint_record *list = c->doc.networks.v;

    TRY(check_usable(c));
    if (!strcmp(network_name(o->network), "host") || network_mode_is(&c->doc.host, "host"))
        return err_new(ERR_INVALID, "container cannot be disconnected from host network or "
                                    "connected to host network");
    for (size_t i = 0; i < c->doc.networks.n; i++)
        if (!strcmp(list[i].network, "none") || !strcmp(network_name(o->network), "none"))
            return err_new(ERR_INVALID, "container cannot be connected to multiple networks with "
                                        "one of the networks in private (none) mode");
    if (find_attached(c, o->network_id) < c->doc.networks.n && container_is_up(c))
        return err_new(ERR_FORBIDDEN, "endpoint with name %s already exists in network %s", c->name,
                       network_name(o->network));
    return NULL;
}

/* The address is reserved and the endpoint counted before a worker makes the interface: a failure
 * gives both back. */
static struct err *join_running(struct connect *o, struct endpoint_record *at)
{
    struct container *c = o->c;
    struct endpoint *e;

    ASSERT(o->netns < 0);
    TRY(container_open_netns(c, &o->netns));
    etc_files_plan(o->op.arena, c, &o->before);
    TRY(endpoint_join(c, at, &e));
    endpoints_choose_gateway(c, NULL);
    o->spec = e->spec;
    note_next_gateways(o, e);
    return NULL;
}

static struct err *check_aliases(const struct connect *o)
{
    if (o->asked.aliases.n && network_is_predefined(o->network))
        return err_new(ERR_INVALID, "network-scoped alias is supported only for containers in "
                                    "user defined networks");
    return NULL;
}

/* Of one that does not run, which is connected already: the new settings count, as with Docker. */
static struct err *replace_wish(struct connect *o, const struct endpoint_record *planned)
{
    struct container *c = o->c;
    struct endpoint_record *at = c->doc.networks.v;
    const char *text;

    at += find_attached(c, o->network_id);
    text = json_encode(o->op.arena, &endpoint_record_json, at);
    o->replaced = arena_new(o->op.arena, struct endpoint_record);
    TRY(json_decode(o->op.arena, text, strlen(text), &endpoint_record_json, o->replaced));
    *at = *planned;
    networks_own(c); /* the new entry's strings are the operation's */
    return NULL;
}

/* The answer has no place for it. */
static void log_unknown_options(const struct connect *o)
{
    struct strs lines = {0};

    endpoint_options_warn(&o->asked, o->op.arena, &lines);
    for (size_t i = 0; i < lines.n; i++)
        log_warn("connect", KV("id", o->c->doc.id), KV("network", o->ref),
                 KV("warning", lines.v[i]));
}

static struct err *claim_place(struct op *op)
{
    struct connect *o = (struct connect *)op;
    struct container *c = o->c;
    struct endpoint_record planned = {0}, *at;
    struct err *err = NULL;

    TRY(network_find(c->parts->networks, o->ref, &o->network));
    snprintf(o->network_id, sizeof(o->network_id), "%s", network_id(o->network));
    TRY(check_aliases(o));
    TRY(check_connect(o));
    TRY(network_plan_attached(c->table, op->arena, o->ref, &o->asked, &planned));
    log_unknown_options(o);
    networks_own(c);
    at = (struct endpoint_record *)c->doc.networks.v + c->doc.networks.n;
    *at = planned;
    if (find_attached(c, o->network_id) < c->doc.networks.n)
        return replace_wish(o, &planned);
    if (has_process(c))
        err = join_running(o, at);
    if (err)
        return err;
    c->doc.networks.n++;
    networks_own(c); /* the new entry's strings are the operation's */
    endpoints_choose_gateway(c, NULL);
    container_check(c);
    dns_start_plan(&o->dns, c);
    etc_files_plan(op->arena, c, &o->files);
    o->dir = rootfs_dir(c->parts->layers, op->arena, c->doc.id);
    return NULL;
}

static void give_place_back(struct op *op)
{
    struct connect *o = (struct connect *)op;
    size_t at = find_attached(o->c, o->network_id);

    if (!o->replaced) {
        drop_entry(o);
    } else if (at < o->c->doc.networks.n) {
        ((struct endpoint_record *)o->c->doc.networks.v)[at] = *o->replaced;
        networks_own(o->c);
    }
    container_save(o->c);
}

static struct err *await_rules(struct op *op)
{
    struct connect *o = (struct connect *)op;

    if (o->netns >= 0)
        net_rules_leave_for(o->net, op, &o->spec, 1);
    return NULL;
}

/* Undo of attach, on its worker: the interface goes, and the routes are as they were. */
static void detach_again(struct op *op)
{
    struct connect *o = (struct connect *)op;

    if (o->netns < 0)
        return;
    err_drop(netns_detach(o->net, o->netns, &o->spec));
    set_next_gateways(o);
    if (o->dns.is_wanted)
        err_drop(etc_files_write_resolv(op->arena, o->dir, &o->before));
}

/* The first network with names: from now on the container asks the engine, so its resolv.conf says
 * 127.0.0.11. */
static struct err *use_resolver(struct connect *o)
{
    if (!o->dns.is_wanted)
        return NULL;
    TRY(dns_start_open(&o->dns, o->net, o->netns));
    return etc_files_write_resolv(o->op.arena, o->dir, &o->files);
}

static struct err *attach(struct op *op)
{
    struct connect *o = (struct connect *)op;
    struct err *err;

    ASSERT_WORKER();
    if (o->netns < 0)
        return NULL;
    err = netns_attach(o->net, o->netns, &o->spec);
    if (err) { /* it may have had the default route already */
        set_next_gateways(o);
        return err;
    }
    err = use_resolver(o);
    if (err)
        detach_again(op);
    return err;
}

static struct err *use_place(struct op *op)
{
    struct connect *o = (struct connect *)op;

    container_check(o->c);
    if (!has_process(o->c) || o->netns < 0)
        return NULL;
    retarget_ports(o->c);
    legacy_links_changed(o->c);
    dns_start_serve(&o->dns, o->c);
    return NULL;
}

static const struct op_step connect_steps[] = {
    {"claim-place", ON_LOOP, claim_place, give_place_back, 0},
    {"save", ON_EVENT, save, NULL, 0}, /* before attach: a later engine knows the address is used */
    {"await-rules", ON_EVENT, await_rules, NULL, 0},
    {"attach", ON_WORKER, attach, detach_again, 0},
    {"use-place", ON_LOOP, use_place, NULL, 0},
    {0},
};
static const struct op_type connect_type = {"network/connect", OP_MUTATING, sizeof(struct connect),
                                            connect_steps, finish};
OP_LISTED(connect_type);

/* ---- disconnect ---- */

/* Of a container that does not run only the wish is dropped. */
static struct err *find_place(struct op *op)
{
    struct connect *o = (struct connect *)op;
    struct container *c = o->c;
    struct network *n;
    struct endpoint *e;
    size_t i;

    TRY(check_usable(c));
    TRY(network_find(c->parts->networks, o->ref, &n));
    if (!strcmp(network_name(n), "host") && network_mode_is(&c->doc.host, "host"))
        return err_new(ERR_INVALID, "container cannot be disconnected from host network or "
                                    "connected to host network");
    snprintf(o->network_id, sizeof(o->network_id), "%s", network_id(n));
    i = find_attached(c, o->network_id);
    if (i == c->doc.networks.n)
        return err_new(ERR_FORBIDDEN, "container %s is not connected to network %s", c->doc.id,
                       network_name(n));
    if (!has_process(c) || i >= c->n_endpoints || !c->endpoints[i]->network)
        return NULL;
    e = c->endpoints[i];
    TRY(container_open_netns(c, &o->netns));
    o->spec = e->spec;
    note_next_gateways(o, e);
    return NULL;
}

static struct err *detach(struct op *op)
{
    struct connect *o = (struct connect *)op;

    ASSERT_WORKER();
    if (o->netns < 0)
        return NULL;
    TRY(netns_detach(o->net, o->netns, &o->spec));
    set_next_gateways(o);
    return NULL;
}

/* Its address is still its own. */
static void attach_again(struct op *op)
{
    struct connect *o = (struct connect *)op;
    struct err *err = o->netns < 0 ? NULL : netns_attach(o->net, o->netns, &o->spec);

    ASSERT_WORKER();
    if (err)
        log_warn("a container is without the interface of a network: disconnect it once more",
                 KV("id", op->subject), KV("network", o->ref), KV("error", err_text(err)));
    err_drop(err);
}

/* The document as it is to be; the container keeps the entry, and with it the address, until that
 * is on disk. */
static struct err *save_without(struct op *op)
{
    struct connect *o = (struct connect *)op;
    struct jlist all = o->c->doc.networks;
    size_t at = find_attached(o->c, o->network_id);
    struct endpoint_record *left = arena_array(op->arena, all.n + 1, sizeof(*left));

    if (at < all.n) {
        memcpy(left, all.v, at * sizeof(*left));
        memcpy(left + at, (struct endpoint_record *)all.v + at + 1,
               (all.n - at - 1) * sizeof(*left));
        o->c->doc.networks = (struct jlist){left, all.n - 1};
    }
    container_save_for(o->c, op);
    o->c->doc.networks = all;
    return NULL;
}

static void save_again(struct op *op)
{
    container_save(((struct connect *)op)->c);
}

static struct err *leave(struct op *op)
{
    struct connect *o = (struct connect *)op;

    drop_entry(o);
    if (o->netns >= 0)
        retarget_ports(o->c);
    container_save(o->c); /* somebody else may have saved the entry meanwhile */
    return NULL;
}

static const struct op_step disconnect_steps[] = {
    {"find-place", ON_LOOP, find_place, NULL, 0},
    {"detach", ON_WORKER, detach, attach_again, 0},
    {"save", ON_EVENT, save_without, save_again, 0},
    {"leave", ON_LOOP, leave, NULL, 0},
    {0},
};
static const struct op_type disconnect_type = {"network/disconnect", OP_MUTATING,
                                               sizeof(struct connect), disconnect_steps, finish};
OP_LISTED(disconnect_type);

/* ---- the commands ---- */

struct connect_call {
    container_done_fn done;
    void *ctx;
};

static void on_connected(struct op *op, struct err *err, void *ctx)
{
    struct connect_call *call = ctx;

    (void)op;
    call->done(call->ctx, err);
    free(call);
}

static struct connect *connect_create(struct container *c, const struct op_type *type,
                                      const char *network)
{
    struct connect *o = (struct connect *)op_create(c->parts->ops, type);

    ASSERT_LOOP();
    o->c = container_ref(c);
    o->net = c->parts->net;
    o->netns = -1;
    dns_start_init(&o->dns);
    o->ref = arena_strdup(o->op.arena, network);
    o->op.subject = arena_strdup(o->op.arena, c->doc.id);
    return o;
}

static void connect_start(struct connect *o, container_done_fn done, void *ctx)
{
    struct connect_call *call = mem_new(struct connect_call);

    *call = (struct connect_call){done, ctx};
    op_start_in(&o->op, &o->c->lane, on_connected, call);
}

void container_connect(struct container *c, const char *network, const struct endpoint_config *e,
                       container_done_fn done, void *ctx)
{
    struct connect *o = connect_create(c, &connect_type, network);
    const char *text = json_encode(o->op.arena, &endpoint_config_json, e);
    struct err *err =
        json_decode(o->op.arena, text, strlen(text), &endpoint_config_json, &o->asked);

    ASSERT(!err); /* a deep copy */
    connect_start(o, done, ctx);
}

void container_disconnect(struct container *c, const char *network, container_done_fn done,
                          void *ctx)
{
    connect_start(connect_create(c, &disconnect_type, network), done, ctx);
}
