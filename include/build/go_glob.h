/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of COPY and ADD: Go's filepath.Match, of which base's text_glob is the matching. Here is
 * what a walk needs beside it. Pure, any thread.
 */
#pragma once

#include "base/text.h"

bool go_glob_is_wild(const char *pattern);  /* has * ? or [ that is not escaped */
bool go_glob_is_valid(const char *pattern); /* false: Go's "syntax error in pattern" */
/* A path that is not wild as it is meant: "a\*b" is "a*b". */
char *go_glob_literal(struct arena *a, const char *pattern);
