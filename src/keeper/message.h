/* SPDX-License-Identifier: Apache-2.0 */
/* Is what an engine sent a message? Pure, so that it can be fuzzed. */
#pragma once

#include "wire/keeper_messages.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL when well-formed, else why not. n_fds: how many came along; has_all_fds false when the
 * kernel could not give us all of them (only a spawn may still be answered then). */
const char *message_check(const void *bytes, size_t size, size_t n_fds, bool has_all_fds);
