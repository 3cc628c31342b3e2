/* SPDX-License-Identifier: Apache-2.0 */
/* The text of nft transactions. Pure. */
#pragma once

#include "base/text.h"
#include "net/net.h"

struct rules_view { /* the desired state */
    const char *tag;
    const struct bridge_spec *bridges;
    size_t n_bridges;
    const struct port_map *ports; /* host_port set, or routed */
    size_t n_ports;
    const struct legacy_link_rule *legacy_links;
    size_t n_legacy_links;
    bool ip_masq;
};
/* Replaces the whole table, atomically. */
void rules_text(struct buf *out, const struct rules_view *v);
/* Only ports changed: removed first. */
void rules_ports_text(struct buf *out, const char *tag, const struct port_map *removed,
                      size_t n_removed, const struct port_map *added, size_t n_added);
/* "delete" that does not mind an absent table. */
void rules_remove_text(struct buf *out, const char *tag);
/* Loopback, and a host address without an address of that family in the container: the proxy's. */
bool rules_want_port(const struct port_map *m);
