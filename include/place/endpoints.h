/* SPDX-License-Identifier: Apache-2.0 */
/* A container's endpoints while it runs. Loop thread. */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct endpoint_record;
struct container;
struct endpoint;

struct err *networks_join(struct container *c) must_check; /* endpoints and port reservations */
void networks_note_ports(struct container *c); /* the host ports as chosen, into the document */
void networks_leave(struct container *c);
struct err *networks_rejoin(struct container *c) must_check; /* after an engine restart */
/* doc.networks into memory of its own, with room for one more. */
void networks_own(struct container *c);
void endpoints_drop(struct container *c); /* in this engine's memory only */
/* At the end of doc.networks (owned, with room): takes its address; ifname is the next free. */
struct err *endpoint_join(struct container *c, struct endpoint_record *at, struct endpoint **out)
    must_check;
/* Leaves the network and both lists. */
void endpoint_remove(struct container *c, size_t i);
/* The endpoints that have the default routes, by Docker's order, as if `except` were not there;
 * NULL when none can. Marks the specs. */
struct ways_out {
    struct endpoint *v4, *v6;
};
struct ways_out endpoints_choose_gateway(struct container *c, const struct endpoint *except);
struct port_target;
struct port_target endpoints_port_target(struct container *c); /* place/published.h */
