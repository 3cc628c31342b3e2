/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroed slots for n items plus room to grow, for makers of lists inside base/. */
#pragma once

#include "base/text.h"

char **strs_slots(struct arena *a, size_t n);
struct pair *pairs_slots(struct arena *a, size_t n);
