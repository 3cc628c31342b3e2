/* SPDX-License-Identifier: Apache-2.0 */
/* What was meant by a misspelt word. Pure, any thread. */
#pragma once

#include "base/text.h"

/* What of the options is nearest to a misspelt word, at most two changes away; NULL. */
const char *suggest(struct arena *a, const char *word, const char *const *options, size_t n,
                    bool has_case);
/* " (did you mean x?)" or "". */
const char *suggestion(struct arena *a, const char *word, const char *const *options, size_t n,
                       bool has_case);
