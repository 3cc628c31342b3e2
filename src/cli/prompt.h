/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a person, and a secret of a pipe. Blocking. */
#pragma once

#include "base/text.h"

struct cli;

/* From standard input, without the line's end; what is typed is not shown when `hides`, and the
 * terminal is as before whatever ends us. */
struct err *prompt_line(struct cli *cli, const char *text, bool hides, char **out) must_check;
/* All of standard input, without one line's end behind it. */
struct err *prompt_pipe(struct cli *cli, char **out) must_check;
