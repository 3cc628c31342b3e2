/* SPDX-License-Identifier: Apache-2.0 */
/* The second opinion on base/json.h, for unit tests and the fuzzer. Pure, any thread. */
#pragma once

#include "base/json.h"

/* As json_parse, but the nodes point into `text`: it must outlive them. */
struct err *json_by_hand(struct arena *a, const char *text, size_t len, const struct json **out)
    must_check;
/* NULL: both read the text alike: refused by both, or the same tree with the same pieces of text.
 * Else a sentence about the first difference. */
const char *json_difference(struct arena *a, const char *text, size_t len);
