/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a keeper and reaching one. */
#pragma once

#include "base/err.h"

#include <sys/types.h>

#define KEEPER_BUILD_MAX 64

/* A sealed copy of the binary and the name of what is in it (version and digest); -1 in *out (no
 * error) where the kernel refuses such copies. */
struct err *keeper_binary_copy(const char *binary, int *out, char build[KEEPER_BUILD_MAX])
    must_check;
/* The binary as a keeper in its own mount namespace can execute it without a sealed copy: a
 * read-only bind that is attached nowhere. */
struct err *keeper_binary_bind(const char *binary, int *out) must_check;
/* Does not wait until it answers. copy -1: by its path. */
struct err *keeper_process_start(int copy, const char *binary, const char *exec_root,
                                 const char *build, pid_t *out) must_check;
/* A non-blocking connection, or -1 and errno (ENOENT, ECONNREFUSED: nobody there). */
int keeper_connect(const char *exec_root);
