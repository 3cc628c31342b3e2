/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is: commands of different clients are served in turns, those of one client in the
 * order in which they came. So one client with 5,000 commands does not hold up another one with
 * one. Loop thread.
 *
 * This is start-time fair queueing (Goyal, Vin, Cheng 1996), each command counted as one: a command
 * has a *rank*, one more than the last one's of its client, but not below that of the command which
 * was served last. Whatever waits, waits in the order of the ranks: for a slot, for a worker, for a
 * permit to start, for room to be read. All operations that one request begins have its rank.
 */
#pragma once

#include <stdint.h>

struct ops;
struct share;

/* One more reference to the share of this client (the pid of a process; 0: unknown). */
struct share *share_open(struct ops *o, int64_t client);
struct share *share_ref(struct share *s);
void share_close(struct share *s); /* accepts NULL */

/* What operations are begun for, from now on: set before a request's handler and set back after it.
 * share NULL: the engine's own. rank 0: the next one of the share, found when it is needed. */
struct asking {
    struct share *share; /* lives as long as it is set */
    uint64_t rank;
};
struct asking ops_ask(struct ops *o, struct asking a); /* what was set before */

/* Clients that have connections or operations. */
int ops_clients(const struct ops *o);
