/* SPDX-License-Identifier: Apache-2.0 */
/* JSON laid out for people: four blanks a level, as `inspect` prints it. Pure. */
#pragma once

#include "base/json.h"

void pretty_json(struct buf *out, struct arena *a, const struct json *j, unsigned level);
