/* SPDX-License-Identifier: Apache-2.0 */
/* The restart policy. Loop thread. */
#pragma once

#include <stdbool.h>

struct container;

/* Whether a new run should follow the exit on record (at_boot: the engine starts and finds it
 * down). */
bool restart_policy_wants(const struct container *c, bool at_boot);
void restart_policy_apply(struct container *c); /* after an exit */
