/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a start and the end of a process. A start is settled when its status pipe has
 * closed or its process is dead, whichever is seen first. Trap: a closed pipe alone does not
 * mean that execve happened; only with the child's word that execve was next does it.
 *
 * Each process is waited for by its pidfd, which costs the same beside any number of others.
 * Containers can make children of the keeper, too (CLONE_PARENT; orphans with --pid=host), as many
 * as they like. Such strangers are found by walking all children only: a slice of it a turn, and
 * the next when the last has taken a small part of the time. They must go, because a pid namespace
 * ends only when the last zombie in it is reaped, and so SIGCHLD tells, not an end that we know.
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
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_DELAY_NS (100 * NS_PER_MS) /* the first of a burst of ends */
#define SWEEP_SLICE_NS NS_PER_MS
#define UNKNOWN_STATUS (255 << 8)
enum { NEWS_MAX = 65536 / sizeof(struct program_failure) + 1 }; /* what a pipe holds */
enum { SWEEP_BATCH = 256, SWEEP_REST = 10, SWEEP_IDLE_REST = 50 /* times what it took */ };

/* A field of /proc/PID/stat as proc(5) counts them, after the name; 0: not known. */
static uint64_t stat_field(const struct keeper *k, int pid, int field)
{
    enum { STATE = 3 };
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
    for (int i = STATE; at && i <= field; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

uint64_t process_start_ticks(const struct keeper *k, int pid)
{
    return stat_field(k, pid, 22);
}

static void end_helpers(struct entry *e)
{
    e->n_hops = 0;
    list_remove(&e->helping);
}

/* The word may be forged: who may trace the payload can write to its pipe. */
static bool is_payload(struct keeper *k, const struct entry *e, int pid)
{
    uint64_t parent = stat_field(k, pid, 4);

    return (parent == (uint64_t)e->pid || parent == (uint64_t)getpid()) &&
           !entry_of_child(&k->table, pid);
}

/* A helper that lives on although the next one is known already: a sweep finds it. */
static void forget_helper(struct keeper *k, struct entry *e)
{
    if (e->helper_fd < 0)
        return;
    keeper_unwatch(k, e->helper_fd);
    close(e->helper_fd);
    e->helper_fd = -1;
}

/* From now on the entry is about the process that the helper has made. */
static void adopt_payload(struct keeper *k, struct entry *e, int pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd >= 0)
        pidfd = fd_raise(pidfd);
    if (pidfd >= 0 && !is_payload(k, e, pid)) {
        close(pidfd);
        pidfd = -1;
        errno = ESRCH;
    }
    if (pidfd < 0 || !keeper_watch(k, pidfd, EPOLLIN, WATCH_PIDFD, e)) {
        end_helpers(e);
        e->has_failed = true;
        e->failure = (struct program_failure){.code = P_PAYLOAD, .sys = errno};
        if (pidfd >= 0) {
            syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
            close(pidfd);
        }
        return;
    }
    if (!--e->n_hops)
        end_helpers(e);
    keeper_unwatch(k, e->pidfd);
    forget_helper(k, e);
    e->helper_fd = e->pidfd;
    keeper_watch(k, e->helper_fd, EPOLLIN, WATCH_HELPER, e); /* else a sweep finds it */
    e->pidfd = pidfd;
    entry_set_pid(&k->table, e, pid);
    e->start_ticks = process_start_ticks(k, pid);
}

static void read_news(struct keeper *k, struct entry *e)
{
    struct program_failure f;

    for (int i = 0; i < NEWS_MAX && e->status_fd >= 0; i++) {
        if (read(e->status_fd, &f, sizeof(f)) != sizeof(f))
            break;
        f.detail[sizeof(f.detail) - 1] = 0;
        if (f.sys) {
            e->has_failed = true;
            e->failure = f;
        } else if (f.code == P_EXEC) {
            e->is_at_exec = true;
        } else if (f.code == P_PAYLOAD && e->n_hops) {
            adopt_payload(k, e, (int)f.at);
        }
    }
}

static bool has_started(const struct entry *e)
{
    return e->is_at_exec && !e->has_failed && !e->n_hops;
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
    end_helpers(e);
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

/* False: it has not ended, or not as our child yet. */
static bool fetch_status(struct keeper *k, struct entry *e)
{
    siginfo_t info = {0};

    if (!waitid(P_PIDFD, (id_t)e->pidfd, &info, WEXITED | WNOHANG | __WALL)) {
        e->status = status_of(&info);
        return info.si_pid != 0;
    }
    keeper_unwatch(k, e->pidfd); /* it stays readable */
    if (e->helper_fd >= 0)       /* the zombie is its helper's until that ends: reap_helper */
        return false;
    log_error("somebody else has waited for a process", KV("id", e->id), KV_INT("pid", e->pid));
    e->status = UNKNOWN_STATUS;
    return true;
}

void reap_entry(struct keeper *k, struct entry *e)
{
    int pidfd = e->pidfd;

    if (e->state == KEEPER_STARTING)
        read_news(k, e);
    if (e->pidfd != pidfd) /* it was a helper's, and that has a watch of its own now */
        return;
    if (!fetch_status(k, e))
        return;
    if (e->state == KEEPER_STARTING)
        read_news(k, e); /* once more: what it said between the two looks, and then ended */
    if (e->pidfd != pidfd)
        return;
    /* The engine has the same pidfd: it stays in epoll until it is taken out. */
    keeper_unwatch(k, e->pidfd);
    e->exited_wall_ns = clock_wall_ns();
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

    if (!waitid(P_PIDFD, (id_t)e->helper_fd, &info, WEXITED | WNOHANG | __WALL) && !info.si_pid)
        return;
    forget_helper(k, e);
    if (e->state != KEEPER_EXITED)
        reap_entry(k, e); /* it may have ended first */
}

/* ---- strangers ---- */

void reap_schedule(struct keeper *k)
{
    int64_t at = clock_boot_ns() + SWEEP_DELAY_NS;

    k->sweep_at_ns = at > k->sweep_rest_ns ? at : k->sweep_rest_ns;
}

/* A helper says who its payload is before it ends, and before that the payload is not our child:
 * a zombie is known, or its word is there to be read, or it is a stranger. */
static struct entry *entry_of_zombie(struct keeper *k, int pid)
{
    struct entry *e = entry_of_child(&k->table, pid);

    if (e)
        return e;
    list_each (helper, &k->helpers, struct entry, helping)
        read_news(k, helper);
    return entry_of_child(&k->table, pid);
}

/* False: there is no zombie. */
static bool reap_one(struct keeper *k)
{
    siginfo_t info = {0};
    struct entry *e;
    int pid;

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) || !info.si_pid)
        return false;
    pid = info.si_pid;
    e = entry_of_zombie(k, pid);
    if (e)
        reap_entry(k, e);
    else
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | __WALL);
    return true;
}

static void end_sweep(struct keeper *k, int64_t rest_until_ns)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = (uint64_t)WATCH_CHILDREN << 60};

    k->sweep_at_ns = 0;
    k->sweep_rest_ns = rest_until_ns;
    epoll_ctl(k->epoll, EPOLL_CTL_MOD, k->children, &event);
}

void reap_strangers(struct keeper *k)
{
    struct signalfd_siginfo ignored;
    int64_t begun = clock_boot_ns(), now = begun;
    bool has_more = true;

    /* First: whoever ends behind the walk tells of it again. */
    (void)!read(k->children, &ignored, sizeof(ignored));
    for (int i = 0; i < SWEEP_BATCH && has_more && now - begun < SWEEP_SLICE_NS; i++) {
        has_more = reap_one(k);
        now = clock_boot_ns();
    }
    if (has_more)
        k->sweep_at_ns = now + (now - begun) * SWEEP_REST;
    else
        end_sweep(k, now + (now - begun) * SWEEP_IDLE_REST);
}
