/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: flags, whole writes, guarded opens, messages that carry descriptors.
 * Allocates nothing on success, so the keeper may use all of it. Any thread.
 * Trap: openat2 answers EAGAIN when a rename anywhere raced with "..": it must be retried.
 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "open.h"

enum { OPEN_TRIES = 64, MSG_FDS_MAX = 253 /* SCM_MAX_FD of the kernel */ };

union control {
    struct cmsghdr align;
    char data[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
};

struct err *fd_set_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    ASSERT(fd >= 0);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys("set non-blocking mode");
    return NULL;
}

struct err *fd_write_all(int fd, const void *p, size_t n)
{
    const char *from = p;

    while (n) {
        ssize_t written = write(fd, from, n);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_sys("write");
        from += written;
        n -= (size_t)written;
    }
    return NULL;
}

struct err *fd_write_all_at(int fd, const void *p, size_t n, int64_t at)
{
    const char *from = p;

    while (n) {
        ssize_t written = pwrite(fd, from, n, at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_sys("write");
        from += written;
        n -= (size_t)written;
        at += written;
    }
    return NULL;
}

struct err *fd_pipe(int out[2], int flags)
{
    int ends[2];

    if (pipe2(ends, flags | O_CLOEXEC) < 0)
        return err_sys("make a pipe");
    out[0] = ends[0];
    out[1] = ends[1];
    return NULL;
}

struct err *fd_pipe_to_worker(int out[2])
{
    struct err *e;

    TRY(fd_pipe(out, 0));
    e = fd_set_nonblock(out[1]);
    if (!e)
        return NULL;
    close(out[0]);
    close(out[1]);
    return e;
}

/* POSIX: open(2) gives the lowest number that is free. Cheaper than counting /proc/self/fd, which
 * lists them one by one. */
int fd_lowest_free(void)
{
    int fd = open("/", O_PATH | O_CLOEXEC);

    if (fd < 0)
        return INT_MAX;
    close(fd);
    return fd;
}

/* Since Linux 6.2 the size of /proc/self/fd is the number of open descriptors (proc(5)). */
size_t fd_count(void)
{
    struct stat st;

    if (!stat("/proc/self/fd", &st) && st.st_size > 0) /* since 6.2 */
        return (size_t)st.st_size;
    return (size_t)fd_lowest_free();
}

/* EAGAIN: a rename or mount anywhere happened while ".." was resolved, and the kernel could not say
 * whether the path left its root (openat2(2), RESOLVE_BENEATH). Bounded, since a container can
 * rename in a loop. */
int open_resolving(int dir, const char *path, int flags, unsigned mode, uint64_t resolve)
{
    /* openat2 rejects a mode without a creating flag */
    bool makes_file = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = makes_file ? mode & 07777 : 0,
        .resolve = resolve,
    };
    long fd = -1;

    for (int i = 0; i < OPEN_TRIES; i++) {
        fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

int fd_open_in_root(int root, const char *path, int flags, unsigned mode)
{
    return open_resolving(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int fd_open_beneath(int dir, const char *path, int flags, unsigned mode)
{
    return open_resolving(dir, path, flags, mode,
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int fd_open_below(int dir, const char *path, int flags)
{
    return open_resolving(dir, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

int fd_reopen(int seen, mode_t type, int flags)
{
    char link[32];
    struct stat st;

    if (fstat(seen, &st) < 0)
        return -1;
    if ((st.st_mode & S_IFMT) != type) {
        errno = EINVAL;
        return -1;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", seen);
    return open(link, flags | O_CLOEXEC | O_NOCTTY);
}

ssize_t fd_send_msg(int sock, const void *p, size_t n, const int *fds, size_t n_fds)
{
    struct iovec part = {.iov_base = (void *)p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    ssize_t sent;

    ASSERT(sock >= 0 && (fds || !n_fds));
    if (n_fds > MSG_FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (n_fds) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        msg.msg_control = control.data;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    do {
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* The kernel has installed them already: whoever does not keep them must close them. cmsg(3). */
static size_t collect_fds(struct msghdr *msg, int out[MSG_FDS_MAX])
{
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        ASSERT(n + count <= MSG_FDS_MAX);
        memcpy(out + n, CMSG_DATA(c), count * sizeof(int));
        n += count;
    }
    return n;
}

ssize_t fd_recv_msg(int sock, void *p, size_t room, int *fds, size_t *n_fds)
{
    struct iovec part = {.iov_base = p, .iov_len = room};
    union control control;
    struct msghdr msg = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.data,
        .msg_controllen = sizeof(control.data),
    };
    int received[MSG_FDS_MAX];
    size_t n;
    ssize_t len;

    ASSERT(sock >= 0 && room);
    do {
        len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    if (len < 0)
        return -1;
    n = collect_fds(&msg, received);
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n > *n_fds) {
        for (size_t i = 0; i < n; i++)
            close(received[i]);
        errno = EMSGSIZE;
        return -1;
    }
    if (n)
        memcpy(fds, received, n * sizeof(int));
    *n_fds = n;
    return len;
}
