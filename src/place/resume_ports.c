/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports of a container that outlived its engine: the keeper kept the sockets,
 * so clients that came meanwhile wait in their queues. What it did not keep (it was
 * killed too, or the engine died between spawn and hold) is bound again on a worker. Loop thread.
 */
#include "base/log.h"
#include "place/endpoints.h"
#include "place/published.h"
#include "place/sockets.h"

void ports_hold(struct container *c)
{
    size_t n = ports_count(c->ports);
    int *fds = n ? mem_array(n, sizeof(*fds)) : NULL;

    ASSERT_LOOP();
    if (n)
        sockets_hold(c, SOCKETS_PORTS, fds, ports_fds(c->ports, fds, n));
    free(fds);
}

static struct err *adopt(struct container *c)
{
    struct port_target target = endpoints_port_target(c);
    size_t n;
    autofree struct port_map *maps = published_maps(&c->doc.published, &target, &n);
    autofree int *fds = mem_array(n + 1, sizeof(*fds));

    return ports_adopt(c->parts->net, maps, n, fds, sockets_take(c, SOCKETS_PORTS, fds, n),
                       &c->ports);
}

struct resume {
    struct op op;
    struct container *c;
    struct ports *ports;
};

static struct err *bind_missing(struct op *op)
{
    ASSERT_WORKER();
    return ports_bind(((struct resume *)op)->ports);
}

/* The run ended while a worker bound its ports: they were let go of, and are released when the
 * worker is done. */
static bool is_over(const struct resume *o)
{
    return o->c->ports != o->ports;
}

static struct err *serve(struct op *op)
{
    struct resume *o = (struct resume *)op;

    if (is_over(o))
        return NULL;
    ports_serve(o->ports);
    ports_hold(o->c);
    net_rules_apply(o->c->parts->net, NULL, NULL); /* IPv6 may be gone from the host */
    return NULL;
}

static void finish(struct op *op)
{
    struct resume *o = (struct resume *)op;

    ASSERT(o->c->ports_at_work == o->ports);
    o->c->ports_at_work = NULL;
    if (is_over(o)) {
        ports_release(o->ports);
        net_rules_apply(o->c->parts->net, NULL, NULL);
    }
    container_unref(o->c);
}

static const struct op_step resume_steps[] = {
    {"bind-missing", ON_WORKER, bind_missing, NULL, 0},
    {"serve", ON_LOOP, serve, NULL, 0},
    {0},
};
static const struct op_type resume_type = {"container/resume-ports", OP_INTERNAL,
                                           sizeof(struct resume), resume_steps, finish};
OP_LISTED(resume_type);

static void bind_again(struct container *c)
{
    struct resume *o = (struct resume *)op_create(c->parts->ops, &resume_type);

    ASSERT(c->ports && !c->ports_at_work);
    o->c = container_ref(c);
    o->ports = c->ports_at_work = c->ports;
    o->op.subject = c->doc.id;
    op_start_in(&o->op, &c->lane, NULL, NULL); /* the next run's start waits behind it */
}

/* A worker that has them gives them back in `finish`. */
void ports_let_go(struct container *c)
{
    struct ports *ports = steal_ptr(&c->ports);

    if (ports != c->ports_at_work)
        ports_release(ports);
}

void ports_resume(struct container *c)
{
    struct err *err;

    ASSERT_LOOP();
    ASSERT(!c->ports);
    if (!c->doc.published.n || !c->run_arena)
        return;
    err = adopt(c);
    if (err) {
        log_error("published ports could not be taken back", KV("id", c->doc.id),
                  KV("error", err_text(err)));
        err_drop(err);
        return;
    }
    if (ports_are_bound(c->ports))
        ports_serve(c->ports);
    else
        bind_again(c);
}
