/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: who has asked for what, on which object, with what result and how long it took.
 * A line in the log, an event of the type "command", and a line of JSON in --audit-log, for every
 * command that may change something. Never in it: headers, bodies, queries.
 */
#pragma once

#include "base/err.h"

struct parts;

struct err *trail_open(struct parts *p) must_check; /* start-up */
void trail_close(struct parts *p);                  /* when no worker is left */
