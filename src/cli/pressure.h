/* SPDX-License-Identifier: Apache-2.0 */
/* PSI columns of `stats`. Pure. */
#pragma once

#include "base/json.h"

/* Fields CPUPressure, MemoryPressure, IOPressure from an answer of /containers/X/stats: the part of
 * the last ten seconds in which some task has waited, "1.20%", or "--". */
void pressure_fields(struct arena *a, struct pairs *row, const struct json *stats);
/* Whether it tells of a container that runs, and nothing of its pressure. */
bool pressure_is_missing(const struct json *stats);
