/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct container;

/* Binds what is at the source of mount `at` now into the running container, in the place of what it
 * had there. Loop thread; the answer is the mount's own (is_replaced), a log line and an event. */
void file_follow(struct container *c, size_t at);
