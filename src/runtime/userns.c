/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user namespace can be made by a process of one thread only, so the engine starts a short
 * program for it (keeper/userns.c): one answer comes back over a socket. Workers.
 * Trap: the engine is a subreaper that sweeps zombies it does not know (container/orphan.c), so
 * the program may have been waited for already.
 */
#include "runtime/userns.h"

#include "base/fd.h"
#include "base/text.h"
#include "wire/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE_S = 20 };

static int spawn(const char *binary, char *const argv[], int socket, int joined, pid_t *out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *env[] = {NULL};
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0);
    if (joined >= 0)
        posix_spawn_file_actions_adddup2(&actions, joined, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn(out, binary, &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static struct err *explain(const struct userns_answer *answer)
{
    if (answer->step == USERNS_CLONE && (answer->sys == ENOSPC || answer->sys == EUSERS))
        return err_new(ERR_INVALID,
                       "this host allows no more user namespaces: raise user.max_user_namespaces "
                       "and user.max_net_namespaces (sysctl)");
    if (answer->step == USERNS_CLONE && answer->sys == EINVAL)
        return err_new(ERR_INVALID, "this kernel has no user namespaces (CONFIG_USER_NS)");
    if (answer->step == USERNS_MAP)
        return err_sysno(answer->sys, "map the ids of a user namespace");
    return err_sysno(answer->sys, "make a user namespace");
}

static struct err *receive(int socket, int fds[USERNS_FDS])
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct userns_answer answer;
    size_t n_fds = USERNS_FDS;
    ssize_t n;

    if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        return err_sys("wait for a user namespace");
    n = fd_recv_msg(socket, &answer, sizeof(answer), fds, &n_fds);
    if (n != (ssize_t)sizeof(answer))
        return err_new(ERR_INTERNAL, "make a user namespace: no answer of berth-keeper --userns");
    if (answer.sys)
        return explain(&answer);
    ASSERT(n_fds == USERNS_FDS);
    return NULL;
}

/* It has nothing more to say, or hangs. */
static void end(int pidfd)
{
    siginfo_t info;

    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
        ;
}

struct err *userns_make(const char *binary, const struct id_map *map, int *userns, int *out_netns)
{
    autoarena struct arena *a = arena_create();
    bool joins = *userns >= 0;
    char *argv[] = {(char *)"berth-keeper", (char *)"--userns",
                    joins ? (char *)"" : id_ranges_text(a, &map->uids),
                    joins ? (char *)"" : id_ranges_text(a, &map->gids), NULL};
    int ends[2], fds[USERNS_FDS];
    autoclose int ours = -1, theirs = -1, pidfd = -1;
    struct err *e;
    pid_t pid;
    int rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys("make a socket");
    ours = ends[0];
    theirs = ends[1];
    rc = spawn(binary, argv, theirs, *userns, &pid);
    if (rc)
        return err_sysno(rc, "start %s", binary);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    close(steal_fd(&theirs));
    e = receive(ours, fds);
    if (pidfd >= 0)
        end(pidfd);
    TRY(e);
    if (joins)
        close(fds[0]);
    else
        *userns = fds[0];
    *out_netns = fds[1];
    return NULL;
}
