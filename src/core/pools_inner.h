/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the pools' clockwork. */
#pragma once

#include "core/loop.h"

void pools_set_patience(struct pools *p, int hung_ms, int check_ms, int idle_ms);
int pools_count_threads(struct pools *p, enum pool_kind kind);
