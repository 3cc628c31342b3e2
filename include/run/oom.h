/* SPDX-License-Identifier: Apache-2.0 */
/* Kills by the OOM killer that a container lives through: see oom.c. Loop thread. */
#pragma once

#include <stdint.h>

struct container;

/* Watches the cgroup of a container that runs and has a memory limit, unless it is watched. */
void oom_watch_begin(struct container *c);
/* At the end of a run: those of `kills` (0: nobody has counted) that were not told are told. */
void oom_watch_end(struct container *c, int64_t kills);
void oom_watch_drop(struct container *c); /* the object goes */
