/* SPDX-License-Identifier: Apache-2.0 */
/* JSON laid out for people. Pure. */
#pragma once

#include "base/json.h"

/* Four blanks a level, as `inspect` prints it. */
void pretty_json(struct buf *out, struct arena *a, const struct json *j, unsigned level);
void pretty_json_by(struct buf *out, struct arena *a, const struct json *j, unsigned level,
                    const char *indent);
