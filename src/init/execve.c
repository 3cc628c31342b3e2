/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a program: find the executable as a shell would, close everything, tell the
 * keeper, execve. Trap: exec_prepare may run at an earlier record (P_SECCOMP, P_PAYLOAD);
 * what fails in it is still the P_EXEC record's failure.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int do_env(struct init *t)
{
    (void)t; /* the vectors were made when the program was loaded */
    return 0;
}

/* As a shell looks: a directory and a file without the right to execute are passed over in PATH. */
static int check_executable(const char *path)
{
    struct stat st;

    if (stat(path, &st))
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    return faccessat(AT_FDCWD, path, X_OK, 0) ? errno : 0;
}

static const char *env_path(const struct init *t)
{
    for (char **at = t->env; *at; at++)
        if (!strncmp(*at, "PATH=", 5))
            return *at + 5;
    return NULL;
}

/* dir/name in path_buf; an empty element of PATH is the working directory. */
static bool join_candidate(struct init *t, const char *dir, size_t n, const char *name)
{
    size_t n_name = strlen(name);

    if (n + n_name + 3 > sizeof(t->path_buf))
        return false;
    if (!n) {
        dir = ".";
        n = 1;
    }
    memcpy(t->path_buf, dir, n);
    t->path_buf[n] = '/';
    memcpy(t->path_buf + n + 1, name, n_name + 1);
    return true;
}

/* EACCES is remembered: "permission denied" is a better answer than "not found" when a file of the
 * name was there (execvp(3) does so). */
static int search_path(struct init *t, const char *name)
{
    const char *at = env_path(t);
    int sys = ENOENT;

    t->why = PROGRAM_WHY_NOT_IN_PATH;
    while (at) {
        size_t n = strcspn(at, ":");

        if (*name && join_candidate(t, at, n, name)) {
            int this = check_executable(t->path_buf);

            if (!this) {
                t->path = t->path_buf;
                return 0;
            }
            if (this == EACCES)
                sys = EACCES;
        }
        at = at[n] ? at + n + 1 : NULL;
    }
    return sys;
}

/* A name with a slash is a path, anything else is sought in PATH of the container's environment. */
static int look_up(struct init *t)
{
    const char *name = t->argv[0];
    int sys;

    init_blame(t, name);
    if (!strchr(name, '/'))
        return search_path(t, name);
    t->why = PROGRAM_WHY_LOOKUP;
    sys = check_executable(name);
    if (!sys)
        t->path = name;
    return sys;
}

static void close_all_but(int keep)
{
    PROMISED(keep > 2);
    /* 0, 1 and 2 are the payload's; all else is close-on-exec, but a helper or pid 1 may
     * live on, and what is closed here cannot leak through a forgotten flag. */
    close_range(3, (unsigned)keep - 1, 0);
    close_range((unsigned)keep + 1, ~0U, 0);
}

static void unblock_signals(void)
{
    uint64_t none = 0;

    /* The keeper has every signal blocked and no handler, so the mask is all there is. */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

static void go_to_exec_record(struct init *t)
{
    while (t->op->code != P_EXEC) {
        t->op = (const void *)((const char *)t->op + t->op->size);
        t->at++;
    }
}

static uint32_t exec_index(const struct init *t)
{
    return t->program->n_ops - 1u; /* program_check: it is the last */
}

int exec_prepare(struct init *t)
{
    int sys;

    if (t->path)
        return 0;
    sys = look_up(t);
    if (sys) {
        go_to_exec_record(t);
        return sys;
    }
    t->why = PROGRAM_WHY_NONE;
    init_blame(t, "");
    close_all_but(t->in->status);
    unblock_signals();
    init_tell(t, P_EXEC, exec_index(t), 0);
    return 0;
}

/* Records that need nothing but clone, setsid, TIOCSCTTY, write and execve. */
bool exec_is_all_that_follows(const struct init *t)
{
    const struct program_op *op = t->op;

    while (op->code != P_EXEC) {
        op = (const void *)((const char *)op + op->size);
        switch (op->code) {
        case P_ENV:
        case P_EXEC:
        case P_INIT:
        case P_PAYLOAD:
        case P_SETSID:
        case P_CTTY:
            break;
        default:
            return false;
        }
    }
    return true;
}

int do_exec(struct init *t)
{
    int sys = exec_prepare(t);

    PROMISED(t->argv && t->argv[0] && t->env);
    if (sys)
        return sys;
    execve(t->path, t->argv, t->env);
    sys = errno;
    t->why = PROGRAM_WHY_EXECVE;
    init_blame(t, t->path);
    return sys;
}

/* CLONE_PARENT: the payload is the keeper's child, not the helper's, so that the keeper can wait
 * for it (clone(2)). */
int do_payload(struct init *t)
{
    long pid;
    int sys = 0;

    if (exec_is_all_that_follows(t))
        sys = exec_prepare(t);
    if (sys)
        return sys;
    /* Our child, and the keeper's, a subreaper, when we have ended: so it knows whose it is first.
     */
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return errno;
    if (!pid)
        return 0; /* the payload: goes on with the next record */
    init_tell(t, P_PAYLOAD, (uint32_t)pid, 0);
    _exit(0);
}
