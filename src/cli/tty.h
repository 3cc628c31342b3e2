/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal: raw mode, hidden input, size, and its restoration however the process ends. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/* Raw mode until tty_restore; exit() and fatal signals restore too. */
struct err *tty_make_raw(int fd) must_check;
/* Until then nothing that is typed is shown. */
struct err *tty_hide_input(int fd) must_check;
void tty_restore(void);
/* No output processing on a terminal we only write to is wanted: false when fd is no terminal. */
bool tty_size(int fd, unsigned *out_rows, unsigned *out_columns);
