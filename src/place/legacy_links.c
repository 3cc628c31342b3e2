/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --link: one container knows another one of the default bridge by an alias. The document keeps
 * "ID:alias", so that names may change. The linker's /etc/hosts follows the address of the other
 * one; with icc off, what that one exposes is opened between the two. In networks of users a link
 * is a name of the resolver's (net/dns_names.c) and nothing here. Loop thread, but for the write.
 */
#include "place/legacy_links.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "container/container_table.h"
#include "container/object.h"
#include "net/hosts.h"
#include "net/network.h"
#include "place/connect.h"
#include "place/files.h"
#include "place/networks.h"
#include "place/port_spec.h"
#include "storage/rootfs.h"

#define LINKS_MAX 256
#define LINK_PORTS_MAX 1024 /* exposed ports of one container that are looked at */

struct legacy_link {
    struct container *other; /* NULL: removed meanwhile */
    const char *alias;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* "name", "name:alias", and what inspect shows: "/name:/linker/alias". */
static struct err *parse(struct arena *a, const char *text, char **out_name, const char **out_alias)
{
    const char *colon = strchr(text, ':');

    if (!*text)
        return err_new(ERR_INVALID, "empty string specified for links");
    if (colon && strchr(colon + 1, ':'))
        return err_new(ERR_INVALID, "bad format for links: %s", text);
    *out_name = colon ? arena_strndup(a, text, (size_t)(colon - text)) : arena_strdup(a, text);
    *out_alias = base_name(colon ? colon + 1 : text);
    if (!**out_name || !**out_alias || strpbrk(*out_alias, " \t\n#"))
        return err_new(ERR_INVALID, "bad format for links: %s", text);
    return NULL;
}

/* Of its network: a container that joins another's has no address of its own. */
static struct err *find_owner(struct container_table *t, struct container **c)
{
    for (int i = 0; i < LINKS_MAX; i++) {
        struct container *next;
        struct err *err = mode_container(t, (*c)->doc.host.network_mode, &next);

        if (err)
            return err_as(err_wrap(err, "could not get container for %s",
                                   strchr((*c)->doc.host.network_mode, ':') + 1),
                          ERR_INVALID);
        if (!next)
            return NULL;
        *c = next;
    }
    return err_new(ERR_INVALID, "container %s joins the network of itself", (*c)->name);
}

static struct err *plan_one(struct container_table *t, struct arena *a, const char *text,
                            char **out)
{
    struct container *other;
    const char *alias;
    char *name;
    struct err *err;

    TRY(parse(a, text, &name, &alias));
    err = container_find(t, name, &other);
    if (err) /* 400: a 404 would make the CLI pull the image */
        return err_as(err_wrap(err, "could not get container for %s", name), ERR_INVALID);
    TRY(find_owner(t, &other));
    if (network_mode_is(&other->doc.host, "host"))
        return err_new(ERR_INVALID, "conflicting options: host type networking can't be used with "
                                    "links. This would result in undefined behavior");
    *out = arena_printf(a, "%s:%s", other->doc.id, alias);
    return NULL;
}

struct err *legacy_links_plan(struct container_table *t, struct arena *a, struct host_config *h)
{
    struct strs planned = {0};

    if (h->links.n > LINKS_MAX)
        return err_new(ERR_INVALID, "a container can have at most %d links", LINKS_MAX);
    for (size_t i = 0; i < h->links.n; i++) {
        char *one;

        TRY(plan_one(t, a, h->links.v[i], &one));
        strs_add(a, &planned, one);
    }
    h->links = planned;
    return NULL;
}

static struct legacy_link legacy_link_at(const struct container *c, size_t i)
{
    const char *text = c->doc.host.links.v[i], *colon = strchr(text, ':');
    char id[65] = "";
    struct legacy_link l = {.alias = colon ? colon + 1 : text};

    ASSERT(i < c->doc.host.links.n);
    if (colon && (size_t)(colon - text) < sizeof(id)) {
        memcpy(id, text, (size_t)(colon - text));
        l.other = map_get(c->table->by_id, id);
    }
    return l;
}

void legacy_links_insert(struct container *c)
{
    ASSERT_LOOP();
    if (c->doc.host.links.n)
        list_append(&c->table->linkers, &c->linker);
}

void legacy_links_show(const struct container *c, struct arena *a, struct strs *out)
{
    for (size_t i = 0; i < c->doc.host.links.n; i++) {
        struct legacy_link l = legacy_link_at(c, i);

        if (l.other)
            strs_add(a, out, arena_printf(a, "/%s:/%s/%s", l.other->name, c->name, l.alias));
    }
}

/* ---- on the default bridge ---- */

/* The endpoint of the default bridge, where links are lines in /etc/hosts; NULL: the container is
 * not in it, or does not run. */
static const struct endpoint *default_endpoint(const struct container *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct endpoint *e = c->endpoints[i];

        if (e->network && network_is_predefined(e->network) && network_bridge(e->network))
            return e;
    }
    return NULL;
}

static bool wants_default(const struct container *c)
{
    const struct endpoint_record *list = c->doc.networks.v;

    for (size_t i = 0; i < c->doc.networks.n; i++)
        if (!strcmp(list[i].network, "bridge"))
            return true;
    return false;
}

/* By the text: this runs for each container of a list. */
void legacy_links_names(const struct container *c, struct arena *a, struct strs *out)
{
    size_t len = strlen(c->doc.id);

    list_each (linker, &c->table->linkers, struct container, linker)
        for (size_t i = 0; wants_default(linker) && i < linker->doc.host.links.n; i++) {
            const char *link = linker->doc.host.links.v[i];

            if (strncmp(link, c->doc.id, len) == 0 && link[len] == ':')
                strs_add(a, out, arena_printf(a, "/%s/%s", linker->name, link + len + 1));
        }
}

struct err *legacy_links_check(const struct container *c)
{
    for (size_t i = 0; i < c->doc.host.links.n && default_endpoint(c); i++) {
        struct legacy_link l = legacy_link_at(c, i);

        if (!l.other)
            continue;
        if (!container_is_running(l.other))
            return err_new(ERR_INTERNAL, "Cannot link to a non running container: /%s AS /%s/%s",
                           l.other->name, c->name, l.alias);
        if (!wants_default(l.other))
            return err_new(ERR_INTERNAL,
                           "Cannot link to /%s, as it does not belong to the default network",
                           l.other->name);
    }
    return NULL;
}

/* "alias hostname [name]" */
static const char *names_of(struct arena *a, const struct legacy_link *l)
{
    const char *hostname = l->other->doc.config.hostname, *name = l->other->name;

    if (!strcmp(l->alias, name))
        return arena_printf(a, "%s %s", l->alias, hostname ? hostname : "");
    return arena_printf(a, "%s %s %s", l->alias, hostname ? hostname : "", name);
}

void legacy_links_hosts(const struct container *c, struct arena *a, struct hosts_entry **out,
                        size_t *n)
{
    *out = arena_array(a, c->doc.host.links.n + 1, sizeof(**out));
    *n = 0;
    for (size_t i = 0; i < c->doc.host.links.n && default_endpoint(c); i++) {
        struct legacy_link l = legacy_link_at(c, i);
        const struct endpoint *e = l.other ? default_endpoint(l.other) : NULL;
        char *addr;

        if (!e)
            continue;
        addr = arena_alloc(a, ADDR4_TEXT);
        addr4_text(e->spec.addr, addr);
        (*out)[(*n)++] = (struct hosts_entry){addr, names_of(a, &l)};
    }
}

/* ---- the environment ---- */

struct exposed {
    int port;
    enum port_proto proto;
};

static int by_port(const void *a, const void *b)
{
    const struct exposed *x = a, *y = b;

    return x->port != y->port ? x->port - y->port : (int)x->proto - (int)y->proto; /* tcp first */
}

static size_t list_exposed(const struct container *c, struct exposed *out)
{
    const struct strs *specs = &c->doc.config.exposed_ports;
    size_t n = 0;

    for (size_t i = 0; i < specs->n; i++) {
        enum port_proto proto;
        int first, last;
        struct err *err = port_spec_parse(specs->v[i], &first, &last, &proto);

        if (err) { /* checked at create */
            err_drop(err);
            continue;
        }
        for (int port = first; port <= last && n < LINK_PORTS_MAX; port++)
            out[n++] = (struct exposed){port, proto};
    }
    qsort(out, n, sizeof(*out), by_port);
    return n;
}

static const char *proto_text(enum port_proto proto, bool is_upper)
{
    if (proto == PORT_TCP)
        return is_upper ? "TCP" : "tcp";
    if (proto == PORT_UDP)
        return is_upper ? "UDP" : "udp";
    return is_upper ? "SCTP" : "sctp";
}

/* The alias in capitals; a hyphen cannot be in a variable's name. */
static char *env_prefix(struct arena *a, const char *alias)
{
    char *prefix = arena_strdup(a, alias);

    for (char *s = prefix; *s; s++)
        *s = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
    return prefix;
}

/* Docker's variables: ALIAS_PORT is the lowest exposed port, then four for each. Old images read
 * them (docs.docker.com, "Legacy container links"). */
static void add_ports(struct arena *a, const char *prefix, const char *addr,
                      const struct container *other, struct strs *out)
{
    struct exposed *v = arena_array(a, LINK_PORTS_MAX, sizeof(*v));
    size_t n = list_exposed(other, v);

    if (n)
        strs_add(a, out,
                 arena_printf(a, "%s_PORT=%s://%s:%d", prefix, proto_text(v[0].proto, false), addr,
                              v[0].port));
    for (size_t i = 0; i < n; i++) {
        const char *proto = proto_text(v[i].proto, false);
        const char *key =
            arena_printf(a, "%s_PORT_%d_%s", prefix, v[i].port, proto_text(v[i].proto, true));

        strs_add(a, out, arena_printf(a, "%s=%s://%s:%d", key, proto, addr, v[i].port));
        strs_add(a, out, arena_printf(a, "%s_ADDR=%s", key, addr));
        strs_add(a, out, arena_printf(a, "%s_PORT=%d", key, v[i].port));
        strs_add(a, out, arena_printf(a, "%s_PROTO=%s", key, proto));
    }
}

static void add_env(const struct container *c, struct arena *a, const struct legacy_link *l,
                    struct strs *out)
{
    const struct endpoint *e = default_endpoint(l->other);
    const char *prefix = env_prefix(a, l->alias);
    const struct strs *env = &l->other->doc.config.env;
    char addr[ADDR4_TEXT];

    ASSERT(e);
    addr4_text(e->spec.addr, addr);
    add_ports(a, prefix, addr, l->other, out);
    strs_add(a, out, arena_printf(a, "%s_NAME=/%s/%s", prefix, c->name, l->alias));
    for (size_t i = 0; i < env->n; i++)
        if (strchr(env->v[i], '=') && !text_starts(env->v[i], "HOME=") &&
            !text_starts(env->v[i], "PATH="))
            strs_add(a, out, arena_printf(a, "%s_ENV_%s", prefix, env->v[i]));
}

const struct config *legacy_links_config(const struct container *c, struct arena *a)
{
    const struct strs *own = &c->doc.config.env;
    struct config *copy;
    struct strs env = {0};

    for (size_t i = 0; i < c->doc.host.links.n && default_endpoint(c); i++) {
        struct legacy_link l = legacy_link_at(c, i);

        if (l.other && default_endpoint(l.other))
            add_env(c, a, &l, &env);
    }
    if (!env.n)
        return &c->doc.config;
    for (size_t i = 0; i < own->n; i++) /* the container's own come last: they win */
        strs_add(a, &env, own->v[i]);
    copy = arena_new(a, struct config);
    *copy = c->doc.config;
    copy->env = env;
    return copy;
}

/* ---- rules: icc off ---- */

static size_t plan_rules(const struct container *c, struct arena *a, struct legacy_link_rule *out,
                         size_t room)
{
    const struct endpoint *own = default_endpoint(c);
    struct exposed *v = arena_array(a, LINK_PORTS_MAX, sizeof(*v));
    size_t n = 0;

    if (!own || network_bridge(own->network)->icc)
        return 0;
    for (size_t i = 0; i < c->doc.host.links.n; i++) {
        struct legacy_link l = legacy_link_at(c, i);
        const struct endpoint *e = l.other ? default_endpoint(l.other) : NULL;
        size_t n_exposed = e ? list_exposed(l.other, v) : 0;

        for (size_t j = 0; j < n_exposed && n < room; j++) {
            struct legacy_link_rule *r = &out[n++];

            memset(r, 0, sizeof(*r)); /* they are compared byte for byte */
            memcpy(r->bridge, own->spec.bridge, sizeof(r->bridge));
            r->from = own->spec.addr;
            r->to = e->spec.addr;
            r->port = (uint16_t)v[j].port;
            r->proto = (uint16_t)v[j].proto;
        }
    }
    return n;
}

/* Of a bridge with com.docker.network.bridge.enable_icc=false, where nothing passes between
 * containers otherwise. */
static void set_rules(const struct container *c)
{
    autoarena struct arena *a = arena_create();
    struct legacy_link_rule *rules = arena_array(a, LINK_PORTS_MAX, sizeof(*rules));
    size_t n = plan_rules(c, a, rules, LINK_PORTS_MAX);

    if (net_set_legacy_links(c->parts->net, c, rules, n))
        net_rules_apply(c->parts->net, NULL, NULL);
}

/* ---- hosts of a linker that runs ---- */

struct hosts_update {
    struct op op;
    struct container *c;
    const char *dir;
    struct hosts_entry *entries;
    size_t n;
};

static struct err *write_hosts(struct op *op)
{
    struct hosts_update *o = (struct hosts_update *)op;

    ASSERT_WORKER();
    return etc_files_update_hosts(op->arena, o->dir, o->entries, o->n);
}

static void finish(struct op *op)
{
    container_unref(((struct hosts_update *)op)->c);
}

static const struct op_step hosts_steps[] = {
    {"write-hosts", ON_WORKER, write_hosts, NULL, 0},
    {0},
};
static const struct op_type hosts_type = {"container/update-hosts", OP_INTERNAL,
                                          sizeof(struct hosts_update), hosts_steps, finish};
OP_LISTED(hosts_type);

/* In the lane of the container, so that two writes come in their order. */
static void update_hosts(struct container *c)
{
    struct hosts_update *o = (struct hosts_update *)op_create(c->parts->ops, &hosts_type);

    o->c = container_ref(c);
    o->op.subject = arena_strdup(o->op.arena, c->doc.id);
    o->dir = rootfs_dir(c->parts->layers, o->op.arena, c->doc.id);
    legacy_links_hosts(c, o->op.arena, &o->entries, &o->n);
    op_start_in(&o->op, &c->lane, NULL, NULL);
}

static bool links_to(const struct container *c, const struct container *other)
{
    for (size_t i = 0; i < c->doc.host.links.n; i++)
        if (legacy_link_at(c, i).other == other)
            return true;
    return false;
}

void legacy_links_changed(struct container *c)
{
    ASSERT_LOOP();
    if (list_is_linked(&c->linker))
        set_rules(c);
    list_each (it, &c->table->linkers, struct container, linker) {
        if (!it->n_endpoints || !links_to(it, c))
            continue;
        set_rules(it);
        if (default_endpoint(c) && it->pidfd >= 0)
            update_hosts(it);
    }
}

void legacy_links_remove(struct container *c)
{
    list_remove(&c->linker);
    net_set_legacy_links(c->parts->net, c, NULL, 0);
}

/* ---- rm --link ---- */

void container_unlink(struct container_table *t, const char *linker, const char *alias,
                      container_done_fn done, void *ctx)
{
    struct container *c;
    struct err *err = container_find(t, linker, &c);
    struct strs *links;

    if (err) {
        done(ctx, err);
        return;
    }
    links = &c->doc.host.links;
    for (size_t i = 0; i < links->n; i++) {
        if (strcmp(legacy_link_at(c, i).alias, alias) != 0)
            continue;
        memmove(&links->v[i], &links->v[i + 1], (links->n - i) * sizeof(*links->v)); /* with NULL */
        links->n--;
        set_rules(c);
        container_save(c);
        done(ctx, NULL);
        return;
    }
    done(ctx, err_new(ERR_NOT_FOUND, "No such link: /%s/%s", c->name, alias));
}
