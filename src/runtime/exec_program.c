/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec's configuration → launch: a helper of the keeper enters the container's
 * namespaces by its pidfd and makes the payload there. Workers.
 *
 * The container is running and may be hostile: its root is opened through the pid, and
 * the pidfd is asked afterwards whether that pid was still the same process.
 */
#include "runtime/sandbox.h"

#include "base/fd.h"

#include "caps.h"
#include "confine.h"
#include "runtime/users.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct exec_compile {
    struct arena *a;
    struct exec_input *in;
    struct launch *l;
    struct plan_exec plan;
    size_t n_cgroups_taken;
};

static struct err *open_root(const struct exec_compile *c, int *out)
{
    autoclose int root =
        open(arena_printf(c->a, "/proc/%d/root", c->in->pid), O_PATH | O_DIRECTORY | O_CLOEXEC);

    ASSERT(c->in->pid > 0 && c->in->pidfd >= 0);
    if (root < 0 || syscall(SYS_pidfd_send_signal, c->in->pidfd, 0, NULL, 0) < 0)
        return err_new(ERR_CONFLICT, "the container is not running");
    *out = steal_fd(&root);
    return NULL;
}

/* The container's own devpts, so that the terminal has a name in there. Whatever lies
 * at that path is looked at before it is really opened. */
static struct err *open_ptmx(int root, int *out)
{
    autoclose int seen = fd_open_in_root(root, "/dev/pts/ptmx", O_PATH | O_NOFOLLOW, 0);
    struct stat st;
    struct statfs fs;
    int fd;

    if (seen < 0 || fstat(seen, &st) < 0 || fstatfs(seen, &fs) < 0)
        return err_sys("open a terminal of the container");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC)
        return err_new(ERR_CONFLICT, "the container has no usable /dev/pts");
    fd = fd_reopen(seen, S_IFCHR, O_RDWR);
    if (fd < 0)
        return err_sys("open a terminal of the container");
    *out = fd;
    return NULL;
}

/* Without a stream of its own the payload has /dev/null: a detached exec must not stop when nobody
 * reads. */
static struct err *make_streams(struct exec_compile *c, int root)
{
    const struct exec_config *x = c->in->config;
    autostreams struct streams s = STREAMS_NONE;
    struct streams_request streams = {.has_stdin = x->attach_stdin && !x->detach,
                                      .has_stdout = x->attach_stdout && !x->detach,
                                      .has_stderr = x->attach_stderr && !x->detach,
                                      .uid = id_map_uid(c->in->ids, c->plan.process.user.uid)};
    int ptmx;

    if (x->tty) {
        TRY(open_ptmx(root, &ptmx));
        TRY(streams_terminal(ptmx, streams.uid, x->console_size, c->l, &s));
    } else {
        TRY(streams_pipes(&streams, c->l, &s));
    }
    confine_streams(&s, c->l, &c->plan.process);
    return NULL;
}

/* User, groups and HOME are looked up in the container's own /etc/passwd, as it is now: it may have
 * been changed since the start. */
static struct err *resolve_process(struct exec_compile *c, int root)
{
    const struct exec_input *in = c->in;
    const struct exec_config *x = in->config;
    struct plan_process *p = &c->plan.process;
    const char *cwd = text_is_empty(x->working_dir) ? in->container->working_dir : x->working_dir;
    struct process_limit *limits;
    struct user_files files;

    if (x->cmd.n == 0)
        return err_new(ERR_INVALID, "No exec command specified");
    p->host = in->host;
    p->argv = x->cmd;
    TRY(user_files_read(c->a, root, &files));
    TRY(user_resolve(c->a, &files, text_is_empty(x->user) ? in->container->user : x->user,
                     &in->host->group_add, &p->user));
    TRY(user_check_ids(&p->user, in->ids));
    TRY(process_limits(c->a, &in->host->ulimits, &limits));
    p->limits = limits;
    p->n_limits = in->host->ulimits.n;
    p->env =
        process_env(c->a, in->container, in->container->hostname, &x->env, x->tty, p->user.home);
    if (!text_is_empty(cwd) && cwd[0] != '/')
        return err_new(ERR_INVALID, "Cwd must be an absolute path");
    TRY(plan_check_length(text_is_empty(cwd) ? "/" : cwd));
    p->cwd = path_clean(c->a, text_is_empty(cwd) ? "/" : cwd);
    p->is_payload = true;
    p->context = in->label;
    TRY(confine(c->a, in->host, in->lsm, c->l, p));
    if (x->privileged) /* more capabilities; the container's filter stays */
        p->caps = caps_held() & caps_known();
    return NULL;
}

static struct err *compile(struct exec_compile *c)
{
    autoprogram struct program program = {0};
    struct exec_input *in = c->in;
    autoclose int root = -1;

    if (strlen(in->id) >= sizeof(c->l->id))
        return err_new(ERR_INTERNAL, "id %s is too long", in->id);
    snprintf(c->l->id, sizeof(c->l->id), "%s", in->id);
    TRY(open_root(c, &root));
    TRY(resolve_process(c, root));
    TRY(make_streams(c, root));
    TRY(confine_cgroups(in->cgroup_tasks, in->n_cgroup_tasks, c->l, c->plan.cgroups,
                        &c->plan.n_cgroups, &c->n_cgroups_taken));
    if (in->cgroup_dir >= 0) {
        c->l->cgroup_at = launch_add_fd(c->l, steal_fd(&in->cgroup_dir));
        c->l->clone_flags |= CLONE_INTO_CGROUP;
    }
    c->plan.pidfd = launch_add_fd(c->l, steal_fd(&in->pidfd));
    c->plan.has_userns = in->ids != NULL;
    c->l->flags = KS_EXEC;
    plan_exec(&c->plan, &program);
    return program_seal(&program, c->l->n_fds, &c->l->program_fd);
}

struct err *exec_compile(struct arena *a, struct exec_input *in, struct launch *out)
{
    struct exec_compile c = {.a = a, .in = in, .l = out};
    struct err *e;

    launch_init(out);
    e = compile(&c);
    if (in->pidfd >= 0)
        close(steal_fd(&in->pidfd));
    if (in->cgroup_dir >= 0)
        close(steal_fd(&in->cgroup_dir));
    for (size_t i = c.n_cgroups_taken; i < in->n_cgroup_tasks; i++)
        close(in->cgroup_tasks[i]);
    if (e)
        launch_close(out);
    return e;
}
