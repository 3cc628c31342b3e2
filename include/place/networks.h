/* SPDX-License-Identifier: Apache-2.0 */
/* What a container asks of the network: plans only. Loop thread. */
#pragma once

#include "base/json.h"

struct endpoint_record;
struct config;
struct container;
struct container_table;
struct endpoint_config;
struct host_config;
struct network;
struct networking_config;
struct port_map;

struct err *networks_plan(struct container_table *t, struct arena *a, const struct config *config,
                          const struct host_config *host, const struct networking_config *n,
                          struct jlist *out, struct strs *warnings) must_check;
/* How a policy knows what networks_plan has planned: the names, or the mode that has no network of
 * its own ("container:ID"). */
struct strs networks_names(struct container_table *t, struct arena *a, const struct jlist *networks,
                           const struct host_config *host);
/* default_ip: of the host, for ports that name none; NULL: every address. */
struct err *ports_plan(struct arena *a, const struct config *config, const struct host_config *host,
                       const char *default_ip, struct port_map **out, size_t *n) must_check;
struct err *mac_parse(const char *s, uint8_t out[6]) must_check;
struct err *network_plan_attached(struct container_table *t, struct arena *a, const char *name,
                                  const struct endpoint_config *asked, struct endpoint_record *out)
    must_check;
/* What was asked of a network by who did not know it yet. */
struct err *network_check_asked(struct network *n, const struct endpoint_config *asked) must_check;
bool network_mode_is(const struct host_config *h, const char *mode);
/* The other container of "container:ID", NULL when the mode is another one. */
struct err *mode_container(struct container_table *t, const char *mode, struct container **out)
    must_check;
