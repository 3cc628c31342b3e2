/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid and /etc/subgid: which ids of the host are given to whom (subuid(5)). */
#pragma once

#include "base/id_map.h"

/* The ranges of one owner in the text of such a file: "name:first:count" a line. The name may also
 * be the owner's number, when there is one (id NULL: none). No range is no error. Pure. */
struct err *subid_find(const char *text, const char *file, const char *name, const uint32_t *id,
                       struct id_ranges *out) must_check;

/* --userns-remap: "default", "user", "user:group", numbers instead of names. The user and group are
 * looked up on the host. Start-up, blocks. */
struct err *subid_remap(const char *spec, struct id_map *out) must_check;
/* What --userns auto gives ranges from: those of "berth"; empty without. Start-up, blocks. */
struct err *subid_pool(struct id_map *out) must_check;
