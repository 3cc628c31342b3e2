/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of everything that is unpacked: pulled, loaded and imported. Workers. */
#pragma once

#include "storage/layer.h"

/* What is 0 in `asked` (NULL: all) gets its default. */
struct unpack_limits bounds_fill(const struct unpack_limits *asked);
/* `packed` bytes have become `plain` ones. what: "the layer". */
struct err *bounds_check(const struct unpack_limits *l, const char *what, int64_t packed,
                         int64_t plain) must_check;
struct err *bounds_check_entries(const struct unpack_limits *l, const char *what, int64_t entries)
    must_check;
