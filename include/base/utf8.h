/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, strict (no overlong forms, no surrogates, ≤ U+10FFFF). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Length of the valid sequence that begins at s, 0 when there is none. */
size_t utf8_length(const char *s, size_t n);
/* Writes 1 to 4 bytes. Surrogates and values above U+10FFFF become U+FFFD. */
size_t utf8_write(uint32_t rune, char out[4]);
/* The value of a valid sequence of len bytes. */
uint32_t utf8_value(const char *s, size_t len);
