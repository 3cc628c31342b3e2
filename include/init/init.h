/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter of setup programs. Runs in a freshly cloned, single-threaded child
 * of the keeper which owns its fd table; allocates nothing but two mappings.
 */
#pragma once

#include "wire/program.h"

#include <stdbool.h>
#include <stddef.h>

struct init_input {
    int program; /* memfd */
    const int *fds;
    size_t n_fds;
    int status; /* write end of the status pipe, close-on-exec */
    /* The keeper protects itself from the OOM killer; a program that does not say what it
     * wants gets this back. */
    bool has_foreign_oom_score;
    int oom_score;
    char *cmdline; /* the argv area, renamed for a P_INIT that stays behind */
    size_t cmdline_size;
};

/* Ends in execve, in P_INIT's loop or in a report on the status pipe. */
_Noreturn void init_run(const struct init_input *in);

/* Checks every size, fd and string of a whole program before its first record runs.
 * NULL when it may run, else what is wrong with it and the record's index. Pure. */
const char *program_check(const void *bytes, size_t size, uint32_t n_fds, uint32_t *out_at);
