/* SPDX-License-Identifier: Apache-2.0 */
/* What of a hierarchy was given to us. */
#pragma once

#include "cgroup_tree.h"

/* Of /proc/self/cgroup: the path in the hierarchy of that name ("" is v2); NULL: not there. Pure.
 */
char *delegation_own_path(struct arena *a, const char *text, const char *name);
/* The cgroup that was delegated and we are in, as a path below the mount: "" is all of it.
 * Start-up.
 */
char *delegation_find(struct arena *a, const struct cgroup_mount *mounts, size_t n);
/* The same for one hierarchy: `delegated` if we are in it there, too, else "". */
char *delegation_in(struct arena *a, const struct cgroup_mount *m, const char *delegated);
/* v2: a delegated cgroup passes controllers on only when nobody is in it, so we leave it for one
 * below it, "<own>.engine". */
struct err *delegation_step_down(struct arena *a, const struct hierarchy *h, const char *own)
    must_check;
