/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running container and its resolver (net/dns.h): wanted by whoever is in a network of a
 * user's, started with the container or when it is connected to the first such network, and
 * kept in the keeper across engines. What it answers follows c->endpoints by itself.
 */
#include "place/dns.h"

#include "container/process.h"
#include "core/settings.h"
#include "net/dns.h"
#include "net/network.h"
#include "place/sockets.h"

/* Docker's rule: the default bridge has no names, so its containers ask the host's servers. */
bool resolver_is_wanted(const struct container *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i]->network && !network_is_predefined(c->endpoints[i]->network))
            return true;
    return false;
}

void dns_start_init(struct dns_start *s)
{
    *s = (struct dns_start){.fds = {-1, -1}};
}

void dns_start_plan(struct dns_start *s, const struct container *c)
{
    s->is_wanted = !c->dns && resolver_is_wanted(c);
}

struct err *dns_start_open(struct dns_start *s, struct net *n, int netns)
{
    return s->is_wanted ? dns_open(n, netns, s->fds) : NULL;
}

void dns_start_close(struct dns_start *s)
{
    for (int i = 0; i < DNS_SOCKETS; i++)
        if (s->fds[i] >= 0)
            close(steal_fd(&s->fds[i]));
}

/* Asked for each question: connect and disconnect need not tell the resolver. */
static struct endpoint *const *endpoints_of(void *ctx, size_t *out_n)
{
    const struct container *c = container_of_ctx(ctx);

    *out_n = c->n_endpoints;
    return c->endpoints;
}

static void serve(struct container *c, int fds[DNS_SOCKETS])
{
    const struct strs *own = &c->doc.host.dns;
    struct dns_asker who = {endpoints_of, c};

    ASSERT_LOOP();
    ASSERT(!c->dns && fds[0] >= 0);
    c->dns = dns_serve(c->parts->net, fds, &who, own->n ? own : &c->parts->settings->dns);
}

/* A duplicate in the keeper: while no engine is there questions wait in the socket's queue. */
void dns_hold(struct container *c)
{
    int fds[DNS_SOCKETS];

    if (!c->dns)
        return;
    dns_host_fds(c->dns, fds);
    sockets_hold(c, SOCKETS_DNS, fds, DNS_SOCKETS);
}

/* The sockets are the resolver's from now on; a container that has one already (two connects at
 * once) keeps it. */
void dns_start_serve(struct dns_start *s, struct container *c)
{
    if (!s->is_wanted || c->dns || s->fds[0] < 0)
        return;
    serve(c, s->fds);
    dns_hold(c);
}

/* ---- after an engine restart ---- */

/* The keeper had none (it was killed too): made again in the running namespace. */
struct reopen {
    struct op op;
    struct container *c;
    struct net *net;
    int netns;
    struct dns_start start;
};

static struct err *open_again(struct op *op)
{
    struct reopen *o = (struct reopen *)op;

    ASSERT_WORKER();
    ASSERT(o->netns >= 0);
    return dns_start_open(&o->start, o->net, o->netns);
}

static struct err *serve_again(struct op *op)
{
    struct reopen *o = (struct reopen *)op;

    if (o->c->n_endpoints)
        dns_start_serve(&o->start, o->c);
    return NULL;
}

static void finish(struct op *op)
{
    struct reopen *o = (struct reopen *)op;

    dns_start_close(&o->start);
    close(o->netns);
    container_unref(o->c);
}

static const struct op_step reopen_steps[] = {
    {"open-again", ON_WORKER, open_again, NULL, 0},
    {"serve-again", ON_LOOP, serve_again, NULL, 0},
    {0},
};
static const struct op_type reopen_type = {"container/resume-dns", OP_INTERNAL,
                                           sizeof(struct reopen), reopen_steps, finish};
OP_LISTED(reopen_type);

static void reopen(struct container *c)
{
    struct reopen *o;
    int netns = -1;
    struct err *err = container_open_netns(c, &netns);

    if (err) { /* it has ended: its exit is on the way */
        err_drop(err);
        return;
    }
    o = (struct reopen *)op_create(c->parts->ops, &reopen_type);
    o->c = container_ref(c);
    o->net = c->parts->net;
    o->netns = netns;
    o->op.subject = c->doc.id;
    dns_start_init(&o->start);
    dns_start_plan(&o->start, c);
    op_start_in(&o->op, &c->lane, NULL, NULL);
}

void dns_resume(struct container *c)
{
    int fds[DNS_SOCKETS] = {-1, -1};
    size_t n = sockets_take(c, SOCKETS_DNS, fds, DNS_SOCKETS);

    ASSERT_LOOP();
    ASSERT(!c->dns);
    if (n == DNS_SOCKETS) {
        serve(c, fds);
        return;
    }
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    if (resolver_is_wanted(c))
        reopen(c);
}
