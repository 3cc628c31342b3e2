/* SPDX-License-Identifier: Apache-2.0 */
/* Which SELinux labels a container gets. Loop thread. */
#pragma once

#include "base/err.h"

struct container;

/* At create, when its configuration is whole: nothing where the engine sets no labels. The level
 * goes back with the object. */
struct err *label_claim(struct container *c) must_check;
/* For the start that is about to be: the engine may have been started otherwise since. */
struct err *label_settle(struct container *c) must_check;
