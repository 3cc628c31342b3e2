/* SPDX-License-Identifier: Apache-2.0 */
/* The process at the other end of a socket. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define LOGIN_UID_NONE UINT32_MAX

struct peer {
    char comm[16];      /* "": it is gone */
    uint32_t login_uid; /* of the audit system; LOGIN_UID_NONE: nobody has logged in */
};

/* By a pidfd of the socket where the kernel has it, so that a number that was used again names
 * nobody else. */
void peer_read(int sock, pid_t pid, struct peer *out);
