/* SPDX-License-Identifier: Apache-2.0 */
/* See peer.h. procfs answers from memory, so this may be asked for on the loop. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static void read_line(pid_t pid, const char *name, char *out, size_t room)
{
    char path[64];
    autoclose int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, out, room - 1);
    out[n < 0 ? 0 : n] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* The process that the pidfd names has not been reaped: its number was nobody else's. */
static bool is_still_there(int pidfd)
{
    return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

void peer_read(int sock, pid_t pid, struct peer *out)
{
    autoclose int pidfd = -1;
    socklen_t len = sizeof(pidfd);
    char login[16];

    *out = (struct peer){.login_uid = LOGIN_UID_NONE};
    if (pid <= 0)
        return;
    if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0) {
        pidfd = -1;
        if (errno != ENOPROTOOPT)
            return; /* it is gone */
    }
    read_line(pid, "comm", out->comm, sizeof(out->comm));
    read_line(pid, "loginuid", login, sizeof(login));
    if (!text_to_u32(login, &out->login_uid))
        out->login_uid = LOGIN_UID_NONE;
    if (pidfd >= 0 && !is_still_there(pidfd))
        *out = (struct peer){.login_uid = LOGIN_UID_NONE};
}
