/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cloning. The child shares the keeper's fd table for an instant (copying it costs 3.7 ms
 * with 18,000 fds) and makes its own of those below FD_HIGH. Trap: until it has said so the
 * keeper must neither close nor open a low fd, so this waits. Therefore that child runs in the
 * keeper's own cgroup, whatever is full, throttled or frozen elsewhere: it joins the container's
 * by itself afterwards (v1), or its own child does (v2).
 */
#include "keeper.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHILD_PATIENCE_MS = 10000 };

static void close_fds(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

static void fail_entry(struct keeper *k, struct entry *e, int sys, const char *detail)
{
    e->state = KEEPER_EXITED;
    e->has_failed = true;
    e->failure = (struct program_failure){.sys = sys};
    strncpy(e->failure.detail, detail, sizeof(e->failure.detail) - 1);
    engine_conn_owe(k, e, OWES_FAILED);
}

void spawn_refuse(struct keeper *k, const struct keeper_spawn *m, int sys, const char *detail)
{
    struct entry *e = entry_create(&k->table, m->id);

    if (!e) {
        engine_conn_drop(k, "no entry left to answer with");
        return;
    }
    e->tag = m->head.tag;
    fail_entry(k, e, sys, detail);
}

/* The kept fds leave the low range before the clone: no child ever sees them. */
static int raise_holds(struct entry *e, const struct keeper_spawn *m, int *fds)
{
    int sys = 0;

    for (uint32_t i = 0; i < m->n_holds && !sys; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_HIGH);

        if (fd < 0) {
            sys = errno;
            break;
        }
        e->holds[e->n_holds] = fd;
        e->roles[e->n_holds++] = m->roles[i];
    }
    close_fds(fds, m->n_holds);
    return sys;
}

static bool are_low(const struct child_input *c)
{
    if (c->program >= FD_HIGH || c->status >= FD_HIGH)
        return false;
    for (size_t i = 0; i < c->n_fds; i++)
        if (c->fds[i] >= FD_HIGH)
            return false;
    return true;
}

static int make_status_pipe(struct entry *e, struct child_input *c)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return errno;
    c->status = ends[1];
    e->status_fd = fd_raise(ends[0]);
    return e->status_fd < 0 ? errno : 0;
}

static void kill_by_pidfd(int pidfd)
{
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/* Until the child owns its table or is dead. */
static void wait_for_child(int pidfd)
{
    struct pollfd p[] = {{.fd = FD_READY, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    uint64_t count;

    while (poll(p, 2, CHILD_PATIENCE_MS) <= 0) {
        log_error("a child does not come to its first system call");
        kill_by_pidfd(pidfd);
    }
    /* Also when it died after its word: the next child's must not be mistaken for it. */
    while (read(FD_READY, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

static int clone_child(struct keeper *k, struct entry *e, const struct keeper_spawn *m,
                       struct child_input *c)
{
    int pidfd = -1, raised;
    struct clone_args args = {
        .flags = CLONE_PIDFD | (c->shares_fds ? CLONE_FILES : 0),
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
    };
    long pid;

    c->clone_flags = m->clone_flags & ~(uint64_t)CLONE_INTO_CGROUP;
    if (m->cgroup_fd >= 0)
        c->cgroup = c->fds[m->cgroup_fd];
    else
        args.flags |= c->clone_flags;
    pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0)
        return errno;
    if (!pid)
        child_run(k, c);
    if (c->shares_fds)
        wait_for_child(pidfd);
    entry_set_pid(&k->table, e, (int)pid);
    raised = fcntl(pidfd, F_DUPFD_CLOEXEC, FD_HIGH);
    if (raised >= 0) {
        close(pidfd);
        pidfd = raised;
    }
    e->pidfd = pidfd; /* low only when no descriptor was left: it works there, too */
    return 0;
}

static bool begin_watching(struct keeper *k, struct entry *e)
{
    /* The status pipe tells by closing, so that records alone wake nobody. */
    if (keeper_watch(k, e->pidfd, EPOLLIN, WATCH_PIDFD, e) &&
        keeper_watch(k, e->status_fd, 0, WATCH_STATUS, e))
        return true;
    log_error("a child cannot be watched", KV("id", e->id), KV("error", strerror(errno)));
    kill_by_pidfd(e->pidfd); /* and is a stranger from now on: it may take a while to die */
    keeper_unwatch(k, e->pidfd);
    fail_entry(k, e, ENOSPC, "the keeper cannot watch it");
    return false;
}

void spawn_entry(struct keeper *k, const struct keeper_spawn *m, int *fds, size_t n_fds)
{
    struct child_input c = {
        .program = fds[0], .fds = fds + 1, .n_fds = m->n_fds, .status = -1, .cgroup = -1};
    struct entry *e = entry_create(&k->table, m->id);
    int sys;

    if (!e) {
        close_fds(fds, n_fds);
        engine_conn_drop(k, "no entry left");
        return;
    }
    e->tag = m->head.tag;
    e->state = KEEPER_STARTING;
    sys = raise_holds(e, m, fds + 1 + m->n_fds);
    if (!sys)
        sys = make_status_pipe(e, &c);
    if (!sys) {
        c.shares_fds = are_low(&c);
        sys = clone_child(k, e, m, &c);
    }
    close_fds(fds, 1 + m->n_fds);
    if (c.status >= 0)
        close(c.status);
    if (sys) {
        fail_entry(k, e, sys, "clone");
        return;
    }
    e->start_ticks = process_start_ticks(k, e->pid);
    if (!begin_watching(k, e))
        return;
    e->n_hops = (uint8_t)((m->flags & KS_EXEC ? 1 : 0) + (m->cgroup_fd >= 0 ? 1 : 0));
    if (e->n_hops)
        list_append(&k->helpers, &e->helping);
}
