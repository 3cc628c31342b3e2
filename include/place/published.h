/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: as the document has them, where they lead, and after an engine. Loop thread. */
#pragma once

#include "base/json.h"
#include "net/net.h"

struct container;
struct network;
struct port_record;

const char *published_proto(int proto);
int published_span(const struct port_record *p); /* how many ports it stands for */
/* One by one, to be looked up: a container may have tens of thousands, and each exposed port asks
 * for its own. */
struct published_entry {
    uint32_t key; /* protocol and port of the container; entries are sorted by it, then by run */
    uint32_t run; /* the place of its record */
};
struct published_index {
    struct published_entry *v;
    size_t n;
};
struct published_index published_index(struct arena *a, const struct jlist *published);
/* The first entry of a port; NULL: it is not published. */
const struct published_entry *published_find(const struct published_index *x, int proto, int port);
const struct published_entry *published_by_spec(const struct published_index *x,
                                                const char *spec); /* "80/tcp" */
struct jlist published_note(struct arena *a, const struct ports *ports);

/* Where published ports lead: the ways out, else whatever has an address. */
struct port_target {
    const struct network *network; /* NULL: none */
    uint32_t addr;                 /* host order; 0: none */
    struct in6_addr addr6;         /* all 0: none */
    bool is_routed, is_routed6;
};
void port_target_fill(const struct port_target *t, struct port_map *m);
bool port_target_is_none(const struct port_target *t);
/* One by one, on the heap. */
struct port_map *published_maps(const struct jlist *published, const struct port_target *target,
                                size_t *out_n);

/* ---- resume_ports.c ---- */
void ports_hold(struct container *c);   /* in the keeper too */
void ports_resume(struct container *c); /* after an engine restart: the document's, served */
/* The end of the run, or of the engine. A worker may still be binding them: then they go when it is
 * back. */
void ports_let_go(struct container *c);
