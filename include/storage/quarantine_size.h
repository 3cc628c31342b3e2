/* SPDX-License-Identifier: Apache-2.0 */
/* How much lies in quarantine (core/quarantine.h). Loop thread; a worker counts. */
#pragma once

#include <stdint.h>

struct err;
struct ops;

void quarantine_measure(struct ops *ops, const char *data_root,
                        void (*done)(void *ctx, struct err *err, int n, int64_t bytes), void *ctx);
