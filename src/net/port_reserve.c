/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing and reserving the numbers of a container's published ports. A group is what
 * shares one number: an IPv4 wildcard and its IPv6 twin. The lock of struct net guards
 * the table; nothing here makes a system call.
 */
#include <string.h>

#include "ports_inner.h"

static bool group_is_free(struct ports *p, size_t first, uint16_t port)
{
    ASSERT(first < p->n);
    for (size_t i = first; i < ports_group_end(p, first); i++)
        if (!port_table_is_free(p->net->ports, &p->e[i].map, port))
            return false;
    return true;
}

static void group_take(struct ports *p, size_t first, uint16_t port)
{
    ASSERT(port && first < p->n);
    for (size_t i = first; i < ports_group_end(p, first); i++) {
        port_table_give_back(&p->e[i].reservation);
        p->e[i].map.host_port = port;
        port_table_take(p->net->ports, &p->e[i].reservation, &p->e[i].map);
    }
}

/* From where the last search ended: a port that was just given back rests for a while. */
static bool take_any(struct ports *p, size_t first)
{
    uint32_t tries = port_table_range(p->net->ports);

    while (tries--) {
        uint16_t port = port_table_next(p->net->ports);

        if (!group_is_free(p, first, port))
            continue;
        group_take(p, first, port);
        return true;
    }
    return false;
}

/* In host_port … host_port_end, above `after`. */
static bool take_in_range(struct ports *p, size_t first, uint32_t after, uint32_t last)
{
    for (uint32_t port = after + 1; port <= last; port++) {
        if (!group_is_free(p, first, (uint16_t)port))
            continue;
        group_take(p, first, (uint16_t)port);
        return true;
    }
    return false;
}

/* Docker's words. */
static struct err *reserve_group(struct ports *p, size_t first, const struct port_map *asked)
{
    char host[64];
    bool is_range = asked->host_port && asked->host_port_end > asked->host_port;
    bool is_taken = !asked->host_port
                        ? take_any(p, first)
                        : take_in_range(p, first, asked->host_port - 1u,
                                        is_range ? asked->host_port_end : asked->host_port);

    if (is_taken)
        return NULL;
    port_host_text(asked, host);
    if (!asked->host_port || is_range)
        return err_outside(
            err_new(ERR_INTERNAL, "Bind for %s failed: all ports are allocated", host));
    return err_outside(
        err_new(ERR_INTERNAL, "Bind for %s failed: port is already allocated", host));
}

/* How much choice is left to us. */
enum freedom { FIXED, OF_RANGE, ANY, FREEDOMS };

static enum freedom freedom_of(const struct port_map *asked)
{
    if (!asked->host_port)
        return ANY;
    return asked->host_port_end > asked->host_port ? OF_RANGE : FIXED;
}

/* Who has no choice comes first: none of the container's own may have taken its port. */
struct err *ports_reserve_all(struct ports *p, const struct port_map *asked)
{
    struct err *e = NULL;

    pthread_mutex_lock(&p->net->lock);
    for (enum freedom now = FIXED; now < FREEDOMS; now++)
        for (size_t i = 0; i < p->n && !e; i = ports_group_end(p, i))
            if (!p->e[i].map.is_routed && freedom_of(&asked[i]) == now)
                e = reserve_group(p, i, &asked[i]);
    pthread_mutex_unlock(&p->net->lock);
    return e;
}

bool ports_take_another(struct ports *p, size_t first)
{
    const struct published_port *e = &p->e[first];
    bool is_taken;

    ASSERT(first < p->n);
    pthread_mutex_lock(&p->net->lock);
    if (e->asked)
        is_taken = take_in_range(p, first, e->map.host_port, e->asked_end);
    else
        is_taken = take_any(p, first);
    pthread_mutex_unlock(&p->net->lock);
    return is_taken;
}
