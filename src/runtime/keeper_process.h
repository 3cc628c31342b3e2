/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a keeper and reaching one. */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/* A sealed copy of the binary; -1 in *out (no error) where the kernel refuses to run
 * such copies is found out by keeper_process_start, which then takes the path. */
struct err *keeper_binary_copy(const char *binary, int *out) must_check;
/* Does not wait until it answers. */
struct err *keeper_process_start(int copy, const char *binary, const char *exec_root, pid_t *out)
    must_check;
/* A non-blocking connection, or -1 and errno (ENOENT, ECONNREFUSED: nobody there). */
int keeper_connect(const char *exec_root);
