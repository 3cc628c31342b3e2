/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of a container: its signals, its freezer, its namespaces, the word of its end. What
 * that end means is run/exited.c's. Trap: the pid may be another's as soon as the exit is on its
 * way to us; what is opened by its number is only right if the pidfd still takes a signal.
 * Loop thread.
 */
#include "container/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "cgroup/cgroup.h"
#include "container/hooks.h"
#include "container/object.h"

#define SIGNAL_PROCESS_GROUP (1u << 2) /* PIDFD_SIGNAL_PROCESS_GROUP */

struct err *container_signal(struct container *c, int signal)
{
    if (c->pidfd < 0)
        return err_new(ERR_CONFLICT, "container %s is not running", c->doc.id);
    if (syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0) != 0 && errno != ESRCH)
        return err_sys("send signal %d to container %s", signal, c->doc.id);
    c->has_sigkill = c->has_sigkill || signal == SIGKILL;
    return NULL;
}

/* Whether its policy wants another run is known when the exit is on record; before, the policy is
 * given the benefit of the doubt. */
static bool is_between_runs(const struct container *c)
{
    const char *policy = c->doc.host.restart.name;

    if (c->doc.state.status == STATUS_RESTARTING)
        return true;
    return state_is_running(c) && !c->has_been_killed && !text_is_empty(policy) &&
           !text_same(policy, "no");
}

struct err *container_check_runs(const struct container *c)
{
    if (state_is_running(c) && c->pidfd >= 0 && !c->is_exiting)
        return NULL;
    if (is_between_runs(c))
        return err_new(ERR_CONFLICT,
                       "Container %s is restarting, wait until the container is running",
                       c->doc.id);
    return err_new(ERR_CONFLICT, "Container %s is not running", c->doc.id);
}

void process_kill_group(int pidfd)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, SIGNAL_PROCESS_GROUP) != 0)
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/* ---- the freezer: a frozen process takes no signal ---- */

struct thaw {
    struct job job;
    struct parts *parts;
    struct container *c;
    struct arena *arena;
    char *cgroup;
};

static void thaw_run(struct job *job)
{
    struct thaw *t = container_of(job, struct thaw, job);

    err_drop(cgroup_freeze(t->parts->cgroups, t->cgroup, false));
}

static void thaw_done(struct job *job)
{
    struct thaw *t = container_of(job, struct thaw, job);

    container_unref(t->c);
    arena_destroy(t->arena);
    free(t);
}

void container_thaw(struct container *c)
{
    if (c->doc.state.status == STATUS_PAUSED)
        container_thaw_all(c);
    else
        c->n_thaws++;
}

/* On v1 not even SIGKILL reaches who is frozen, and not only we can freeze. */
void container_thaw_all(struct container *c)
{
    struct thaw *t = mem_new(struct thaw);

    c->n_thaws++;
    if (c->doc.state.status == STATUS_PAUSED)
        c->doc.state.status = STATUS_RUNNING;
    t->parts = c->parts;
    t->c = container_ref(c);
    t->arena = arena_create();
    t->cgroup = container_cgroup(t->arena, c);
    t->job.run = thaw_run;
    t->job.done = thaw_done;
    pool_submit(c->parts->pools, POOL_KERNEL, &t->job);
}

/* ---- namespaces ---- */

struct err *container_open_netns(const struct container *c, int *out)
{
    autoclose int fd = -1;
    char path[40];

    snprintf(path, sizeof(path), "/proc/%d/ns/net", c->doc.state.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ESRCH)) /* its exit is on its way to us */
        return err_new(ERR_CONFLICT, "container %s is not running", c->doc.id);
    if (fd < 0)
        return err_sys("open the network namespace of container %s", c->doc.id);
    if (syscall(SYS_pidfd_send_signal, c->pidfd, 0, NULL, 0) != 0) /* else the pid is another's */
        return err_new(ERR_CONFLICT, "container %s is not running", c->doc.id);
    *out = steal_fd(&fd);
    return NULL;
}

/* ---- the end ---- */

void container_look_at_exit(struct container *c)
{
    c->parts->container_hooks->exit_is_due(c);
}

void container_note_exit(struct container *c, const struct exit_record *r)
{
    if (c->exit.is_set || c->is_exiting || c->pidfd < 0)
        return; /* the keeper repeats itself until it is answered */
    c->exit = *r;
    c->exit.is_set = true;
    container_look_at_exit(c);
}
