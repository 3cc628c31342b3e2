/* SPDX-License-Identifier: Apache-2.0 */
/* A file system built by fsopen/fsconfig/fsmount: detached, errors in the kernel's own words. */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct err *fsctx_open(const char *type, int *out) must_check;
struct err *fsctx_set_text(int fs, const char *key, const char *value) must_check;
struct err *fsctx_set_flag(int fs, const char *key) must_check;
struct err *fsctx_set_dir(int fs, const char *key, int dir) must_check; /* dir may be O_PATH */
/* attr: MOUNT_ATTR_* */
struct err *fsctx_mount(int fs, uint64_t attr, int *out) must_check;

/*
 * "size=64m,noexec,…": names that are about the mount go to *attr (changing what is there), the
 * others to the file system. `keys`, when not NULL, ends with NULL and lists all that are allowed
 * for the file system; anything else is ERR_INVALID.
 */
struct err *fsctx_set_options(int fs, const char *options, const char *const *keys, uint64_t *attr)
    must_check;
/* The same judgement of names, without a file system. Pure. */
struct err *fsctx_check_options(const char *options, const char *const *keys) must_check;
