/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P_INIT: a process that stays behind as pid 1, forwards signals, reaps orphans and ends with
 * the code of its child. Trap: pid 1 ignores signals without a handler, so instead of handlers
 * everything stays blocked and is fetched with sigtimedwait.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_mask(uint64_t mask, uint64_t *out_old)
{
    /* Raw: glibc keeps two signals for itself, and they must be forwarded too. */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, out_old, sizeof(mask));
}

/* What is open here would stay open for the life of the container: pipes would never end. */
static void forget_everything(const struct init_input *in)
{
    if (close_range(0, ~0U, 0)) /* a seccomp filter may not know it */
        for (int fd = 0; fd < 256; fd++)
            close(fd);
    memset(in->cmdline, 0, in->cmdline_size);
    strncpy(in->cmdline, "berth-init", in->cmdline_size - 1);
    prctl(PR_SET_NAME, "berth-init");
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* 128 and the signal, as a shell; Docker's tini does the same. */
static void reap(pid_t child)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == child)
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Signals are fetched and passed on; those that the kernel sends to a whole terminal group come to
 * the child by themselves. */
static _Noreturn void be_pid1(pid_t child)
{
    const uint64_t all = ~0ULL;

    for (;;) {
        long sig = syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof(all));

        if (sig == SIGCHLD)
            reap(child);
        else if (sig > 0)
            kill(child, (int)sig);
    }
}

static bool has_later(const struct init *t, uint16_t code)
{
    const struct program_op *op = t->op;

    while (op->code != P_EXEC && op->code != code)
        op = (const void *)((const char *)op + op->size);
    return op->code == code;
}

/* The terminal's signals go to the child alone, or it would get each of them twice. */
static void take_foreground(void)
{
    pid_t group = getpid();

    if (!setpgid(0, 0))
        ioctl(0, TIOCSPGRP, &group); /* no terminal: nothing to take */
}

int do_init(struct init *t)
{
    uint64_t old;
    long pid;

    set_mask(~0ULL, &old);
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return errno;
    if (pid) {
        forget_everything(t->in);
        be_pid1((pid_t)pid);
    }
    if (!has_later(t, P_SETSID)) /* a group leader could not start a session */
        take_foreground();
    set_mask(old, NULL);
    return 0;
}
