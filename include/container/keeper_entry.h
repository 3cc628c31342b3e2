/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's entries of processes: what one says and holds, and making one. Loop thread. */
#pragma once

#include "container/object.h"
#include "stream/hub.h"
#include "wire/keeper_messages.h"

struct keeper_conn;

struct exit_record keeper_entry_exit(const struct keeper_entry *e);
/* fds as keeper_adopt_fn has them; borrowed. */
struct hub_streams keeper_entry_streams(const struct keeper_entry *e, const int *fds);
/* To a new keeper: an entry of a process that runs, with the hub's streams. */
void keeper_entry_hand_back(struct keeper_conn *k, const char *id, int pid, int pidfd,
                            int64_t started_ns, const struct hub *hub);
