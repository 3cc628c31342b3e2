/* SPDX-License-Identifier: Apache-2.0 */
/* Execs of the engine before. Loop thread. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct container;
struct container_table;
struct keeper_entry;

struct err *execs_load(struct container_table *t) must_check; /* after the containers */
/* False: it is none of ours, the fds stay the caller's. */
bool exec_adopt(struct container_table *t, const struct keeper_entry *e, const int *fds);
/* A start that nobody waits for any more has come to its end; takes pidfd. */
void exec_settled(struct container_table *t, const struct keeper_entry *e, int pidfd);
void execs_reconcile(struct container *c);
