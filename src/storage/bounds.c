/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds against bombs and lies, for layers and for the archives they come in.
 * Trap: a layer may be compressed in an archive that is compressed itself. What it grows to is
 * measured against what came from outside (packed_bytes), not against the step between.
 */
#include "storage/bounds.h"

enum { RATIO_FREE_BYTES = 64 << 20 }; /* below that no ratio is suspicious */

static const struct unpack_limits default_limits = {
    .max_bytes = 512LL << 30,
    .max_entries = 4000000,
    .max_ratio = 1000,
};

struct unpack_limits bounds_fill(const struct unpack_limits *asked)
{
    struct unpack_limits l = asked ? *asked : default_limits;

    l.max_bytes = l.max_bytes ?: default_limits.max_bytes;
    l.max_entries = l.max_entries ?: default_limits.max_entries;
    l.max_ratio = l.max_ratio ?: default_limits.max_ratio;
    return l;
}

struct err *bounds_check(const struct unpack_limits *l, const char *what, int64_t packed,
                         int64_t plain)
{
    if (l->packed_bytes && l->packed_bytes < packed)
        packed = l->packed_bytes;
    if (plain > l->max_bytes)
        return err_new(ERR_INVALID, "%s has more than %lld bytes", what, (long long)l->max_bytes);
    if (plain > RATIO_FREE_BYTES && plain / l->max_ratio > packed)
        return err_new(ERR_INVALID, "%s grows more than %lld-fold when decompressed", what,
                       (long long)l->max_ratio);
    return NULL;
}

struct err *bounds_check_entries(const struct unpack_limits *l, const char *what, int64_t entries)
{
    return entries <= l->max_entries ? NULL
                                     : err_new(ERR_INVALID, "%s has more than %lld entries", what,
                                               (long long)l->max_entries);
}
