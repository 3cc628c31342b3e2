/* SPDX-License-Identifier: Apache-2.0 */
/* Text of strangers on a terminal. Pure. */
#pragma once

#include "base/text.h"

/* Appends s with all that a terminal might obey spelled out: "\u001b", "\u202e", "\xff". Newlines
 * and tabs stay; so does every other letter of every script. Inside JSON it is the same string. */
void printable_add(struct buf *out, const char *s, size_t n);
