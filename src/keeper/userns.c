/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth-keeper --userns UID_MAP GID_MAP: makes a user namespace with these maps and a network
 * namespace that belongs to it, sends both over the socket that is its stdin, and ends. Without
 * maps ("" ""): a network namespace of the user namespace that is descriptor 3.
 * No keeper: a short program that the engine starts, because only a process of one thread may do
 * this. Its child is in the namespaces, and waits to be killed. Trap: the limits of who makes a
 * user namespace bound all in it for ever (user_namespaces(7)), so there are none.
 */
#include "keeper.h"

#include "wire/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENGINE = 0, JOINED = 3 };

static void lift_limits(void)
{
    static const int counted[] = {RLIMIT_MEMLOCK, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NPROC};
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
        setrlimit((__rlimit_resource_t)counted[i], &none); /* else what root has is the bound */
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), sys = 0;

    if (fd < 0)
        return errno;
    if (write(fd, text, strlen(text)) < 0)
        sys = errno;
    close(fd);
    return sys;
}

static int write_maps(pid_t child, const char *uids, const char *gids)
{
    char path[40];
    int sys;

    snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
    sys = put(path, uids);
    snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
    return sys ? sys : put(path, gids);
}

static int open_space(pid_t pid, const char *kind)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int send_answer(const struct userns_answer *answer, const int *fds, size_t n_fds)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(USERNS_FDS * sizeof(int))];
    } control = {0};
    struct iovec bytes = {(void *)(uintptr_t)answer, sizeof(*answer)};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (n_fds) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
    }
    return sendmsg(ENGINE, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(*answer) ? 0 : errno;
}

/* The child's whole life: it is there so that its namespaces can be opened. The signal at its
 * parent's death is asked for last: a change of credentials takes it back (prctl(2)). */
static _Noreturn void stay(bool joins, pid_t parent, int ready)
{
    int sys = 0;

    if (joins && (setns(JOINED, CLONE_NEWUSER) || unshare(CLONE_NEWNET)))
        sys = errno;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    (void)!write(ready, &sys, sizeof(sys));
    for (;;)
        pause();
}

static int make(bool joins, pid_t *out)
{
    const unsigned long spaces = joins ? 0 : CLONE_NEWUSER | CLONE_NEWNET;
    pid_t parent = getpid();
    int ready[2], sys = EIO;
    long pid;

    if (pipe2(ready, O_CLOEXEC))
        return errno;
    pid = syscall(SYS_clone, spaces | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return errno;
    if (!pid)
        stay(joins, parent, ready[1]);
    *out = (pid_t)pid;
    close(ready[1]);
    (void)!read(ready[0], &sys, sizeof(sys));
    return sys;
}

int userns_main(const char *uids, const char *gids)
{
    struct userns_answer answer = {.step = USERNS_CLONE};
    bool joins = !*uids;
    int fds[USERNS_FDS];
    pid_t child = -1;

    lift_limits();
    answer.sys = make(joins, &child);
    if (!answer.sys && !joins) {
        answer.step = USERNS_MAP;
        answer.sys = write_maps(child, uids, gids);
    }
    if (!answer.sys) {
        answer.step = USERNS_OPEN;
        fds[0] = open_space(child, "user");
        fds[1] = open_space(child, "net");
        answer.sys = fds[0] < 0 || fds[1] < 0 ? errno : 0;
    }
    answer.sys = send_answer(&answer, fds, answer.sys ? 0 : USERNS_FDS);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return answer.sys ? 1 : 0;
}
