/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instants of a child: an fd table of its own, the word to the keeper, then nothing
 * but what its program needs. Runs on the clone's copy of the keeper's stack. Trap: before
 * close_range has succeeded the fds are the keeper's, so a failure there may close nothing.
 */
#include "keeper.h"

#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 125: what Docker says when a container could not be made; the engine reads the report and not the
 * code. */
static _Noreturn void give_up(const struct child_input *in, int sys, const char *what)
{
    struct program_failure f = {.sys = sys};
    ssize_t ignored;

    strncpy(f.detail, what, sizeof(f.detail) - 1);
    ignored = write(in->status, &f, sizeof(f));
    (void)ignored;
    _exit(125);
}

/* By insertion: a few dozen numbers, almost in order. */
static void sort(int *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j && v[j - 1] > v[j]; j--) {
            int held = v[j];

            v[j] = v[j - 1];
            v[j - 1] = held;
        }
}

/* Everything but the standard descriptors and what the program names. */
static void close_others(const struct child_input *in)
{
    int keep[PROGRAM_FDS_MAX + 2], last = 2;
    size_t n = 0;

    ASSERT(in->n_fds <= PROGRAM_FDS_MAX);
    keep[n++] = in->program;
    keep[n++] = in->status;
    memcpy(keep + n, in->fds, in->n_fds * sizeof(int));
    n += in->n_fds;
    sort(keep, n);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] > last + 1)
            close_range((unsigned)last + 1, (unsigned)keep[i] - 1, 0);
        last = keep[i];
    }
    close_range((unsigned)last + 1, ~0U, 0);
}

/* CLONE_FILES made the clone cheap; CLOSE_RANGE_UNSHARE (close_range(2)) gives the child its own
 * table and drops the keeper's own descriptors in one step. The keeper waits for the word, because
 * until then closing a number would close it for both. */
static void own_fd_table(const struct child_input *in)
{
    uint64_t one = 1;

    if (close_range(FD_HIGH, ~0U, CLOSE_RANGE_UNSHARE))
        give_up(in, errno, "own descriptor table");
    if (write(FD_READY, &one, sizeof(one)) != sizeof(one))
        give_up(in, errno, "tell the keeper");
}

/* What CLONE_INTO_CGROUP makes runs when the container's group has a processor to give, and nobody
 * waits for that. It waits for the word that it is there: if we are killed first it must not be. */
static void go_on_in_cgroup(const struct child_input *in)
{
    struct program_failure word = {.code = P_PAYLOAD};
    struct clone_args args = {
        .flags = in->clone_flags | CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)in->cgroup,
    };
    int ends[2];
    long pid;
    char go = 0;

    if (pipe2(ends, O_CLOEXEC))
        give_up(in, errno, "make a pipe");
    pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0)
        give_up(in, errno, "clone");
    if (pid) {
        word.at = (uint32_t)pid;
        if (write(in->status, &word, sizeof(word)) == sizeof(word))
            (void)!write(ends[1], &go, 1);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &go, 1) != 1)
        _exit(125);
    close(ends[0]);
}

_Noreturn void child_run(const struct keeper *k, const struct child_input *in)
{
    struct rlimit nofile = {.rlim_cur = k->old_nofile.soft, .rlim_max = k->old_nofile.hard};
    struct init_input program = {
        .program = in->program,
        .fds = in->fds,
        .n_fds = in->n_fds,
        .status = in->status,
        .has_foreign_oom_score = k->has_own_oom_score,
        .oom_score = k->old_oom_score,
        .cmdline = k->cmdline,
        .cmdline_size = k->cmdline_size,
    };

    if (in->shares_fds)
        own_fd_table(in);
    close_others(in);
    dup2(0, 2); /* the keeper may be logging there */
    setrlimit(RLIMIT_NOFILE, &nofile);
    if (in->cgroup >= 0)
        go_on_in_cgroup(in);
    init_run(&program);
}
