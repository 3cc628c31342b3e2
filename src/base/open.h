/* SPDX-License-Identifier: Apache-2.0 */
/* openat2 with any RESOLVE_* flags, for the other files of base/. -1 and errno. */
#pragma once

#include <stdint.h>

int open_resolving(int dir, const char *path, int flags, unsigned mode, uint64_t resolve);
