/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Becoming another program in place: pid, children and descriptors stay, memory goes. First
 * a child tries the new binary on the very state it would get, because there is no way back
 * from an exec that succeeds. Trap: until the exec nothing may be changed that the old image
 * could not change back; exits that come meanwhile wait in the kernel.
 */
#include "keeper.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_PATIENCE_MS = 3000, PROBE_EXEC_FAILED = 64 };

/* execveat(2) with AT_EMPTY_PATH: the binary has no path that would have to be the right one. */
static void run_image(int binary, const char *how, int state)
{
    char number[16], verb[16];
    char *argv[] = {(char[]){"berth-keeper"}, verb, number, NULL};

    snprintf(verb, sizeof(verb), "%s", how);
    snprintf(number, sizeof(number), "%d", state);
    syscall(SYS_execveat, binary, "", argv, environ, AT_EMPTY_PATH);
}

/* The child has a copy of the descriptors; its state says which are which, and it changes none. */
static _Noreturn void be_probe(int binary, int state)
{
    fcntl(state, F_SETFD, 0);
    run_image(binary, "--probe", state);
    _exit(PROBE_EXEC_FAILED + (errno & 0x7f));
}

/* NULL when the binary can go on from this state. */
static const char *probe(int binary, int state, int *sys)
{
    pid_t pid = fork();
    int pidfd, status = 0;
    struct pollfd p = {.events = POLLIN};
    bool is_late;

    *sys = errno;
    if (pid < 0)
        return "a probe cannot be forked";
    *sys = 0;
    if (!pid)
        be_probe(binary, state);
    pidfd = p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    is_late = pidfd < 0 || poll(&p, 1, PROBE_PATIENCE_MS) <= 0;
    if (is_late)
        kill(pid, SIGKILL);
    if (pidfd >= 0)
        close(pidfd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (is_late)
        return "the new binary does not answer";
    if (WIFEXITED(status) && WEXITSTATUS(status) > PROBE_EXEC_FAILED) {
        *sys = WEXITSTATUS(status) - PROBE_EXEC_FAILED;
        return "the new binary cannot be executed";
    }
    return status ? "the new binary cannot go on from this keeper's state" : NULL;
}

/* With sys or detail the answer of the image that stays, else of the one that comes. */
static void set_reply(struct keeper *k, int sys, const char *detail)
{
    struct keeper_upgraded *m = &k->engine.reply.upgraded;

    if (k->engine.fd < 0)
        return;
    *m = (struct keeper_upgraded){
        .head = {.type = KM_UPGRADED, .size = sizeof(*m), .tag = k->upgrade.head.tag},
        .sys = sys,
        .version = KEEPER_VERSION,
    };
    memcpy(m->build, k->build, sizeof(m->build));
    snprintf(m->detail, sizeof(m->detail), "%s", detail);
    k->engine.has_reply = true;
}

/* The answer is saved with the state, so that the new image gives it: from the old one it would
 * come too early. */
static const char *become(struct keeper *k, int binary, int *sys)
{
    char old_build[sizeof(k->build)];
    const char *wrong;
    int state;

    memcpy(old_build, k->build, sizeof(old_build));
    memcpy(k->build, k->upgrade.build, sizeof(k->build));
    set_reply(k, 0, "");
    state = state_save(k);
    *sys = errno;
    memcpy(k->build, old_build, sizeof(k->build));
    if (state < 0)
        return "the state cannot be saved";
    wrong = probe(binary, state, sys);
    if (!wrong && state_keep_fds(k, true)) {
        fcntl(state, F_SETFD, 0);
        run_image(binary, "--restore", state);
        wrong = "the new binary cannot be executed";
    }
    if (!wrong)
        wrong = "the descriptors cannot be kept";
    *sys = *sys ? *sys : errno;
    state_keep_fds(k, false);
    close(state);
    return wrong;
}

void upgrade_ask(struct keeper *k, const struct keeper_upgrade *m, int fd)
{
    upgrade_forget(k);
    k->upgrade = *m;
    k->upgrade_fd = fd_raise(fd);
    if (k->upgrade_fd < 0)
        set_reply(k, errno, "no descriptor left");
}

void upgrade_forget(struct keeper *k)
{
    if (k->upgrade_fd >= 0)
        close(k->upgrade_fd);
    k->upgrade_fd = -1;
}

void upgrade_run(struct keeper *k)
{
    int sys = 0;
    const char *wrong;

    log_info("becoming another build", KV("from", k->build), KV("to", k->upgrade.build));
    wrong = become(k, k->upgrade_fd, &sys);
    log_warn("the keeper stays what it is", KV("why", wrong), KV("error", strerror(sys)));
    upgrade_forget(k);
    set_reply(k, sys, wrong);
    engine_conn_flush(k);
}
