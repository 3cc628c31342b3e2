/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the keeper holds for a container. Loop thread. */
#pragma once

#include "container/object.h"

struct keeper_entry;

void sockets_hold(struct container *c, enum socket_kind kind, const int *fds, size_t n);
void sockets_unhold(struct container *c, enum socket_kind kind);
void sockets_stop_holding(struct container *c); /* the keeper keeps what it has */
/* The wait of an ON_EVENT step, until the keeper has closed whatever was let go of: then its ports
 * can be bound. */
void sockets_settle(struct container_table *t, struct op *op);
/* At adoption; takes the fds. False: the entry is not one of sockets. */
bool sockets_stash(struct container_table *t, const struct keeper_entry *e, const int *fds);
size_t sockets_take(struct container *c, enum socket_kind kind, int *out, size_t room);
void sockets_drop_stash(struct container_table *t); /* what nobody took */
