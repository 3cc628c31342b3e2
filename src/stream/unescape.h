/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a JSON string to bytes. Pure. */
#pragma once

#include <stddef.h>

/* out: room for n. Unknown escapes are kept as they are; lone surrogates become U+FFFD. */
size_t json_unescape(char *out, const char *s, size_t n);
