/* SPDX-License-Identifier: Apache-2.0 */
/* Owners of a user namespace for detached mounts (idmapped mounts, mount_setattr(2)). Workers. */
#pragma once

#include "base/id_map.h"

/* The files of a detached mount, and of what is mounted below it, get the owners. ERR_INVALID names
 * the file system that cannot do it; `what` is the path people know it by. */
struct err *shift_mount(int mount, bool is_recursive, const struct id_shift *s, const char *what)
    must_check;
/* A detached clone of dir/name alone with them. */
struct err *shift_clone(int dir, const char *name, const struct id_shift *s, const char *what,
                        int *out) must_check;
/* The calling thread, which must end soon after, makes files as the root of the user namespace,
 * with all the rights it had: an overlay keeps the credentials of who mounts it. */
struct err *shift_thread(const struct id_shift *s) must_check;
