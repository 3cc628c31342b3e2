/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces of other containers that one joins ("container:X" modes). Loop thread. */
#pragma once

#include "base/err.h"

struct arena;
struct container;
struct container_table;
struct host_config;
struct sandbox_namespaces;

extern const struct sandbox_namespaces namespaces_none; /* all descriptors -1 */
/* At create: names become ids, so that who is joined does not depend on who has the name later. An
 * absent one is an error for pid and ipc, and left to the start for the network, as in Docker. */
struct err *namespaces_name(struct container_table *t, struct arena *a, struct host_config *h)
    must_check;
/* At start: those of containers that run. */
struct err *namespaces_open(struct container *c, struct sandbox_namespaces *out) must_check;
void namespaces_close(struct sandbox_namespaces *ns); /* those that nobody has taken */
