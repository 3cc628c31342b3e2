/* SPDX-License-Identifier: Apache-2.0 */
/* The SELinux labels that a container has: its document's. Loop thread. */
#pragma once

struct container;
struct labels;

/* From now on; its level is counted already, if it has one. Takes copies. */
void labels_put(struct container *c, const struct labels *l);
/* A container of the engine before keeps its level. */
void labels_load(struct container *c);
/* It has none any more. */
void labels_give_back(struct container *c);
/* What new file systems of it get, and what its execs run as; NULL: nothing, or the kernel has no
 * SELinux (any more). Copies are the caller's business: they change at a start only. */
const char *labels_mount(const struct container *c);
const char *labels_process(const struct container *c);
