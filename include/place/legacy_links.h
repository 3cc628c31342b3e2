/* SPDX-License-Identifier: Apache-2.0 */
/* --link on the default bridge. Loop thread. */
#pragma once

#include "base/text.h"

struct config;
struct container;
struct container_table;
struct host_config;
struct hosts_entry;

/* At create: known containers by their ids; the strings are the arena's. */
struct err *legacy_links_plan(struct container_table *t, struct arena *a, struct host_config *h)
    must_check;
void legacy_links_insert(struct container *c); /* into the table, after the container */
void legacy_links_remove(struct container *c); /* out of it */
/* "/db:/web/alias" as inspect has it. */
void legacy_links_show(const struct container *c, struct arena *a, struct strs *out);
/* "/web/alias" for each link that leads to the container. */
void legacy_links_names(const struct container *c, struct arena *a, struct strs *out);
/* At start: those it links to run, in the default network. */
struct err *legacy_links_check(const struct container *c) must_check;
void legacy_links_hosts(const struct container *c, struct arena *a, struct hosts_entry **out,
                        size_t *n);
/* The container's, with the variables of its links. */
const struct config *legacy_links_config(const struct container *c, struct arena *a);
/* Its addresses have come or gone. */
void legacy_links_changed(struct container *c);
