/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes of a container that have file systems of their own: mounted for as long as it runs,
 * and while it is created. Loop thread. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct container;
struct op;

bool volume_mounts_are_wanted(const struct container *c);
/* An ON_EVENT step: all of them, or none when it fails. */
struct err *volume_mounts_begin(struct container *c, struct op *op) must_check;
/* Its undo, and the end of the run: those that are mounted. Nothing twice. */
void volume_mounts_end(struct container *c);
void volume_mounts_adopt(struct container *c); /* start-up: it runs, so they are */
