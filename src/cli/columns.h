/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text, aligned as Go's tabwriter does it for Docker (minimum 10, padding 3). Pure. */
#pragma once

#include "base/text.h"

#define COLUMNS_CELL_MIN 10

/* Lines end with '\n', cells with '\t'. */
/* A cell is at least cell_min wide, 3 blanks included: Docker uses COLUMNS_CELL_MIN but for top. */
void columns_align(const char *text, size_t cell_min, struct buf *out);
