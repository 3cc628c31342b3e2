/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine and the containers of the one before: loading, adopting what the keeper has,
 * reconciling, and leaving it all to the next. Loop thread.
 */
#pragma once

#include "base/err.h"

struct container_table;
struct keeper_entry;
struct parts;

/* Start-up: loads every container; nothing runs yet as far as the table knows. */
struct err *container_table_open(struct parts *p, struct container_table **out) must_check;
/* What the keeper had (hooks for keeper_open; ctx is the table). */
void container_table_adopt(void *table, const struct keeper_entry *e, const int *fds);
void container_table_exited(void *table, const struct keeper_entry *e);
void container_table_settled(void *table, const struct keeper_entry *e, int pidfd);
void container_table_keeper_lost(void *table);
void container_table_land(void *table, const int *fds);
/* Where output lands that nobody has taken yet; makes the memory unless the keeper had one. */
struct err *container_table_open_landing(struct container_table *t) must_check;
/* After adoption: containers that should run and do not are finished or restarted, what only disk
 * or kernel know is removed. */
void container_table_reconcile(struct container_table *t);
/* The engine ends: streams are no longer read (the keeper has them), what was read is written to
 * the logs; done after the last byte. */
void container_table_stop(struct container_table *t, void (*done)(void *ctx), void *ctx);
void container_table_close(struct container_table *t);
