/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text, aligned as Go's tabwriter does it for Docker (minimum 10, padding 3). Pure. */
#pragma once

#include "base/text.h"

#define COLUMNS_CELL_MIN 10

/* Lines end with '\n', cells with '\t'. */
/* A cell is at least cell_min wide, 3 blanks included: Docker uses COLUMNS_CELL_MIN but for top. */
void columns_align(const char *text, size_t cell_min, struct buf *out);
/* So much of it as has room in so many columns, the last of them "…" when it is cut. */
void columns_cut(const char *s, size_t len, size_t width, struct buf *out);
/* columns_align for a screen of so many columns: those of these titles (NULL ends them) are left
 * out, one after the other, until all lines fit; if that does not help, lines are cut. */
void columns_fit(const char *text, size_t cell_min, size_t width, const char *const *expendable,
                 struct buf *out);
