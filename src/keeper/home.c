/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXEC_ROOT: lock, socket and pid file. Runs at start and end only, with EXEC_ROOT as the
 * working directory while paths are needed; afterwards a dirfd is all that is left of it.
 * Trap: the lock's fd must never live on in a child, or a dead keeper could not be replaced.
 */
#include "keeper.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCKFILE "keeper.lock"

static bool complain(const char *what)
{
    log_error("keeper cannot start", KV("what", what), KV("error", strerror(errno)));
    return false;
}

/* The working directory is EXEC_ROOT. */
bool home_claim(struct keeper *k)
{
    k->home = fd_raise(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (k->home < 0)
        return complain("open the exec root");
    k->lock = fd_raise(openat(k->home, LOCKFILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (k->lock < 0)
        return complain("open " LOCKFILE);
    if (flock(k->lock, LOCK_EX | LOCK_NB))
        return complain("another keeper has this exec root");
    return true;
}

bool home_listen(struct keeper *k)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = KEEPER_SOCKET};
    mode_t old;
    int failed;

    k->listener = fd_raise(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (k->listener < 0)
        return complain("make a socket");
    unlinkat(k->home, KEEPER_SOCKET, 0); /* a dead keeper's: we hold the lock */
    old = umask(0177);
    failed = bind(k->listener, (const struct sockaddr *)&address, sizeof(address));
    umask(old);
    return failed ? complain("bind " KEEPER_SOCKET) : true;
}

/* The last act of the start: from here on an engine can connect. */
bool home_announce(struct keeper *k)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int fd = openat(k->home, KEEPER_PIDFILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_written = fd >= 0 && write(fd, text, (size_t)n) == n;

    if (fd >= 0)
        close(fd);
    if (!is_written || renameat(k->home, KEEPER_PIDFILE ".new", k->home, KEEPER_PIDFILE))
        return complain("write " KEEPER_PIDFILE);
    return listen(k->listener, 64) ? complain("listen") : true;
}

void home_leave(struct keeper *k)
{
    unlinkat(k->home, KEEPER_SOCKET, 0);
    unlinkat(k->home, KEEPER_PIDFILE, 0);
}
