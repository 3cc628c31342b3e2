/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, seccomp filter, streams and cgroups of a payload as fds and numbers of
 * a launch. Workers.
 *
 * A privileged container has no filter unless one was asked for by name.
 */
#include "confine.h"

#include "caps.h"
#include "syscall_filter.h"

/* What the payload may do: capabilities, no-new-privileges and the filter of system calls. */
struct err *confine(struct arena *a, const struct host_config *h, const struct lsm *lsm,
                    struct launch *l, struct plan_process *out)
{
    struct caps_request caps = {.add = &h->cap_add,
                                .drop = &h->cap_drop,
                                .is_privileged = h->privileged,
                                .held = caps_held()};
    struct secopt sec;
    int fd;

    TRY(caps_plan(a, &caps, &out->caps));
    TRY(secopt_parse(a, &h->security_opt, &sec));
    out->no_new_privs = sec.no_new_privs;
    out->profile = lsm && lsm->has_apparmor ? lsm_profile(a, lsm, h) : NULL;
    if (text_same(out->profile, "unconfined")) /* as the keeper is */
        out->profile = NULL;
    out->filter = -1;
    if (sec.filter == SECOPT_UNCONFINED || (h->privileged && !sec.filter_is_given))
        return NULL;
    TRY(syscall_filter_open(a, sec.profile, out->caps, &fd, &out->filter_flags));
    out->filter = launch_add_fd(l, fd);
    return NULL;
}

void confine_streams(struct streams *s, struct launch *l, struct plan_process *out)
{
    out->tty = s->tty >= 0 ? launch_add_fd(l, steal_fd(&s->tty)) : -1;
    for (int i = 0; i < 3; i++)
        out->stdio[i] = s->fd[i] >= 0 ? launch_add_fd(l, steal_fd(&s->fd[i])) : -1;
}

struct err *confine_cgroups(const int *tasks, size_t n, struct launch *l, int *out, size_t *out_n,
                            size_t *n_taken)
{
    ASSERT(*out_n + (n - *n_taken) <= PLAN_CGROUPS_MAX || n > PLAN_CGROUPS_MAX);
    if (n > PLAN_CGROUPS_MAX)
        return err_new(ERR_INTERNAL, "more than %d cgroup hierarchies", PLAN_CGROUPS_MAX);
    for (; *n_taken < n; (*n_taken)++)
        out[(*out_n)++] = launch_add_fd(l, tasks[*n_taken]);
    return NULL;
}

/* The default filter takes milliseconds to compile: done once at the engine's start, so that the
 * first container does not wait for it. */
void sandbox_warm(void)
{
    autoarena struct arena *a = arena_create();
    unsigned flags;
    int fd;
    struct err *e = syscall_filter_open(a, NULL, caps_default() & caps_held(), &fd, &flags);

    if (!e)
        close(fd);
    err_drop(e);
}
