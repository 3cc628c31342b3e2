/* SPDX-License-Identifier: Apache-2.0 */
/* Parents of containers' cgroups: named, made, removed. */
#pragma once

#include "cgroup_tree.h"

#define PLACE_MAX                                                                                  \
    400 /* bytes of a place; leaves room for the files below it in a buffer of 512                 \
         */

/* A path of ours: relative, no "..", nothing hidden. */
struct err *cgroup_place_check(const char *place) must_check;
/* Everything above the container's cgroup, in every hierarchy. Nothing to do in the engine's own.
 * Worker. */
struct err *parents_make(struct cgroup_tree *t, struct arena *a, const char *place) must_check;
/* What parents_make has made and nobody uses any more. Worker. */
void parents_remove(struct cgroup_tree *t, const char *place);
/* v1: a cgroup that is new, or that nobody has used, may have no CPUs yet. */
/* Whether the container's cgroup is directly in the engine's own. */
bool place_is_own(const struct cgroup_tree *t, const char *place);
struct err *cpuset_inherit(struct arena *a, int base_dir, const char *path) must_check;
struct err *cpusets_inherit(struct arena *a, int base_dir, const char *path) must_check; /* above */

/* Makes `path` below `base`, each missing part with a mark that it was us. */
struct err *marked_make(const struct hierarchy *h, struct arena *a, const char *path) must_check;
bool is_marked(int dir, const char *path);
