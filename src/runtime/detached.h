/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that are in no mount table yet. Workers; needs CAP_SYS_ADMIN. */
#pragma once

#include "base/mem.h"

#include <stdint.h>

/* options: "k=v" or "k", NULL-terminated. attrs: MOUNT_ATTR_*. */
struct err *detached_new(const char *type, const char *const *options, unsigned attrs, int *out)
    must_check;
/* A clone of what `path` names below dirfd (AT_FDCWD: a host path); "" the fd itself. */
struct err *detached_clone(int dirfd, const char *path, uint64_t attrs, int *out) must_check;
struct err *detached_make_readonly(int fd) must_check;
