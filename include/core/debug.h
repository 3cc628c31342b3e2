/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of object registers how to show itself; GET /debug/objects shows all. Loop thread. */
#pragma once

#include "base/json.h"

struct debug;
struct debug *debug_create(void);
void debug_destroy(struct debug *d);
/* fn writes one member (an array or object) named `kind` into the open object. */
void debug_register(struct debug *d, const char *kind, void (*fn)(void *ctx, struct jw *w),
                    void *ctx);
void debug_dump(struct debug *d, struct jw *w);
