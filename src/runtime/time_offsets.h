/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets of a time namespace. Pure, but for the clock that they are compared with. */
#pragma once

#include "runtime/config.h"

/* HostConfig.TimeOffsets as the kernel's file takes it, "boottime -5 500000000\n"; ERR_INVALID for
 * unknown clocks, junk, and clocks that would be before their own beginning. */
struct err *time_offsets_text(struct arena *a, const struct host_config *h, char **out) must_check;
