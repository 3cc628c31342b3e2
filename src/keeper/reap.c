/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a start and the end of a process. A start is settled when its status pipe has
 * closed or its process is dead, whichever is seen first. Trap: a closed pipe alone does not
 * mean that execve happened; only with the child's word that execve was next does it.
 *
 * Each process is waited for by its pidfd: a waitpid(-1) after every SIGCHLD would walk all
 * children (3,000 running containers) for each exit. Containers can make children of the
 * keeper, too (CLONE_PARENT), so strangers are swept up at most once a second.
 */
#include "keeper.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_DELAY_NS NS_PER_S
#define SWEEP_PATIENCE_NS (10 * NS_PER_S)

uint64_t process_start_ticks(const struct keeper *k, int pid)
{
    enum { AFTER_NAME = 19 }; /* field 22 is the 20th after "(name)" */
    char path[32], text[1024], *at;
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "%d/stat", pid);
    fd = openat(k->procfs, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    if (n <= 0)
        return 0;
    text[n] = 0;
    at = strrchr(text, ')');
    for (int i = 0; at && i <= AFTER_NAME; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void schedule_sweep(struct keeper *k)
{
    if (!k->sweep_at_ns)
        k->sweep_at_ns = clock_boot_ns() + SWEEP_DELAY_NS;
}

static void end_helper(struct keeper *k, struct entry *e)
{
    e->is_helper = false;
    k->n_starting_helpers--;
}

/* From now on the entry is about the process that the helper has made. */
static void adopt_payload(struct keeper *k, struct entry *e, int pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    end_helper(k, e);
    if (pidfd >= 0)
        pidfd = fd_raise(pidfd);
    if (pidfd < 0 || !keeper_watch(k, pidfd, EPOLLIN, WATCH_PIDFD, e)) {
        e->has_failed = true;
        e->failure = (struct program_failure){.code = P_PAYLOAD, .sys = errno};
        if (pidfd >= 0) {
            syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
            close(pidfd);
        }
        return;
    }
    keeper_unwatch(k, e->pidfd);
    e->helper_fd = e->pidfd;
    if (!keeper_watch(k, e->helper_fd, EPOLLIN, WATCH_HELPER, e))
        schedule_sweep(k);
    e->pidfd = pidfd;
    e->pid = pid;
    e->start_ticks = process_start_ticks(k, pid);
}

static void read_news(struct keeper *k, struct entry *e)
{
    struct program_failure f;

    while (e->status_fd >= 0 && read(e->status_fd, &f, sizeof(f)) == sizeof(f)) {
        f.detail[sizeof(f.detail) - 1] = 0;
        if (f.sys) {
            e->has_failed = true;
            e->failure = f;
        } else if (f.code == P_EXEC) {
            e->is_at_exec = true;
        } else if (f.code == P_PAYLOAD && e->is_helper) {
            adopt_payload(k, e, (int)f.at);
        }
    }
}

static bool has_started(const struct entry *e)
{
    return e->is_at_exec && !e->has_failed && !e->is_helper;
}

static void mark_running(struct keeper *k, struct entry *e)
{
    e->state = KEEPER_RUNNING;
    e->started_wall_ns = clock_wall_ns();
    engine_conn_owe(k, e, OWES_SPAWNED);
}

void settle_entry(struct keeper *k, struct entry *e)
{
    if (e->status_fd < 0)
        return;
    read_news(k, e);
    close(e->status_fd); /* nobody else has it: epoll forgets it, too */
    e->status_fd = -1;
    if (e->state == KEEPER_STARTING && has_started(e)) /* its death may have been seen first */
        mark_running(k, e);
    /* else it is about to die, and its death tells the rest */
}

static void mark_failed(struct keeper *k, struct entry *e)
{
    if (e->is_helper)
        end_helper(k, e);
    if (!e->has_failed) {
        e->failure = (struct program_failure){.sys = EINTR};
        snprintf(e->failure.detail, sizeof(e->failure.detail),
                 WIFSIGNALED(e->status) ? "killed by signal %d during set-up"
                                        : "ended with code %d during set-up",
                 WIFSIGNALED(e->status) ? WTERMSIG(e->status) : WEXITSTATUS(e->status));
    }
    e->has_failed = true;
    e->state = KEEPER_EXITED;
    engine_conn_owe(k, e, e->is_orphan ? OWES_EXITED : OWES_FAILED);
}

static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

void reap_entry(struct keeper *k, struct entry *e)
{
    int pidfd = e->pidfd;
    siginfo_t info = {0};

    if (e->state == KEEPER_STARTING)
        read_news(k, e);
    if (e->pidfd != pidfd) /* it was a helper's, and that has a watch of its own now */
        return;
    if (waitid(P_PIDFD, (id_t)e->pidfd, &info, WEXITED | WNOHANG | __WALL) || !info.si_pid)
        return;
    /* The engine has the same pidfd: it stays in epoll until it is taken out. */
    keeper_unwatch(k, e->pidfd);
    e->status = status_of(&info);
    e->exited_wall_ns = clock_wall_ns();
    schedule_sweep(k);
    if (e->state == KEEPER_STARTING) {
        if (!has_started(e)) {
            mark_failed(k, e);
            return;
        }
        mark_running(k, e);
    }
    e->state = KEEPER_EXITED;
    engine_conn_owe(k, e, OWES_EXITED);
}

void reap_helper(struct keeper *k, struct entry *e)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)e->helper_fd, &info, WEXITED | WNOHANG | __WALL) || !info.si_pid)
        return;
    keeper_unwatch(k, e->helper_fd);
    close(e->helper_fd);
    e->helper_fd = -1;
}

static bool is_known(const struct keeper *k, int pid)
{
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        const struct entry *e = &k->table.slots[i];

        if (e->is_used && e->pid == pid && e->state != KEEPER_EXITED)
            return true;
    }
    return false;
}

/* Zombies that belong to no entry. A payload is unknown until its helper's word has come, so
 * while an exec starts the sweep waits, but not for ever. */
void reap_strangers(struct keeper *k)
{
    siginfo_t info = {0};
    int64_t now = clock_boot_ns();

    if (k->n_starting_helpers && now < k->sweep_at_ns + SWEEP_PATIENCE_NS)
        return;
    k->sweep_at_ns = 0;
    while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) && info.si_pid) {
        if (is_known(k, info.si_pid)) { /* its pidfd's turn comes; look again later */
            schedule_sweep(k);
            return;
        }
        waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL);
        info.si_pid = 0;
    }
}
