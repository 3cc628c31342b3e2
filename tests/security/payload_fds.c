/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_fds KEEPER_PID SECONDS: traces the keeper's children and looks into each at its last
 * instant before execve. Of every process that execs it prints one line of what it had open:
 *     PID fds 0 1 2 9 cwd /
 * so that a test can see that nothing of the host is open in what becomes the payload.
 * Trap: the stop at the entry of execve is wanted, since at its exit close-on-exec has struck.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |         \
     PTRACE_O_TRACESYSGOOD)

static volatile sig_atomic_t is_over;

static void on_alarm(int sig)
{
    (void)sig;
    is_over = 1;
}

static void show(pid_t pid)
{
    char path[320], target[256];
    struct dirent *d;
    DIR *dir;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    dir = opendir(path);
    if (!dir)
        return;
    printf("%d fds", pid);
    while ((d = readdir(dir)))
        if (isdigit((unsigned char)*d->d_name)) {
            snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, d->d_name);
            n = readlink(path, target, sizeof(target) - 1);
            target[n > 0 ? n : 0] = 0;
            printf(" %s=%s", d->d_name, target);
        }
    closedir(dir);
    snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
    n = readlink(path, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = 0;
    printf(" cwd=%s\n", target);
    fflush(stdout);
}

/* PTRACE_GET_SYSCALL_INFO tells entry from exit without a state of our own. */
static bool is_at_execve(pid_t pid)
{
    struct __ptrace_syscall_info info = {0};

    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_execve;
}

static void go_on(pid_t pid, pid_t keeper, int status)
{
    int sig = WSTOPSIG(status), event = status >> 16;
    bool is_syscall = sig == (SIGTRAP | 0x80);

    if (is_syscall && pid != keeper && is_at_execve(pid))
        show(pid);
    if (event == PTRACE_EVENT_EXEC) { /* what it runs is not our business */
        ptrace(PTRACE_DETACH, pid, 0, 0);
        return;
    }
    if (event || is_syscall || sig == SIGTRAP)
        sig = 0;
    ptrace(pid == keeper ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, sig);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_alarm};
    pid_t keeper = argc == 3 ? (pid_t)strtol(argv[1], NULL, 10) : 0, pid;
    int status;

    if (!keeper || ptrace(PTRACE_SEIZE, keeper, 0, OPTIONS) < 0) {
        perror("payload_fds");
        return 2;
    }
    sigaction(SIGALRM, &act, NULL);
    alarm((unsigned)strtol(argv[2], NULL, 10));
    printf("tracing\n");
    fflush(stdout);
    while (!is_over) {
        pid = waitpid(-1, &status, __WALL);
        if (pid > 0 && WIFSTOPPED(status))
            go_on(pid, keeper, status);
    }
    return 0; /* our end detaches whatever is left */
}
