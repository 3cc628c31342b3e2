/* SPDX-License-Identifier: Apache-2.0 */
/* Processes whose keeper was killed. Loop thread. */
#pragma once

struct container;
struct container_table;
struct exit_record;
struct orphan;

typedef void (*orphan_fn)(void *ctx, const struct exit_record *r);
/* Once, when it has ended. The fd stays the caller's; *slot is NULL again by then. */
void orphan_watch(struct container_table *t, int pid, int pidfd, orphan_fn fn, void *ctx,
                  struct orphan **slot);
void orphan_forget(struct orphan *o); /* accepts NULL; its slot becomes NULL */
void orphans_open(struct container_table *t);
void orphans_close(struct container_table *t);
void container_hand_back(struct container *c); /* to the new keeper, and watch it */
void container_watch_orphan(struct container *c);
