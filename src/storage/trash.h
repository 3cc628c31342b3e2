/* SPDX-License-Identifier: Apache-2.0 */
/* DATA_ROOT/trash: trees that lost their name at once and lose their files later. Workers. */
#pragma once

#include "base/text.h"

/* Absent is success. */
struct err *trash_put(int dir, const char *name, int trash) must_check;
struct err *trash_put_as(int dir, const char *name, int trash, const char *new_name) must_check;
/* Slow; errors are logged and the entry stays for the next time. */
void trash_empty(int trash);
