/* SPDX-License-Identifier: Apache-2.0 */
/* The names of commands, as policies have them. */
#pragma once

#include "base/err.h"

struct policy;

/* That each command a policy denies is one: a misspelt one would forbid nothing. Any thread. */
struct err *commands_check(const struct policy *p) must_check;
