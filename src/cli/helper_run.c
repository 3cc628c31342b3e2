/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_run.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX "docker-credential-"

enum { OUTPUT_MAX = 1 << 20, TIME_MS = 120000 }; /* it may wait for a person */

struct run {
    pid_t pid;
    int in, out, end; /* stdin, stdout and pidfd of it; -1: closed */
    const char *input;
    size_t left;
    struct buf output;
};

/* BERTH_HELPER_MS is for tests. */
static int64_t time_ms(void)
{
    const char *env = getenv("BERTH_HELPER_MS");
    uint32_t ms;

    return env && text_to_u32(env, &ms) && ms < TIME_MS ? ms : TIME_MS;
}

char *helper_find(struct arena *a, const char *helper)
{
    struct strs dirs = text_split(a, getenv("PATH") ? getenv("PATH") : "", ':');

    if (strchr(helper, '/'))
        return NULL;
    for (size_t i = 0; i < dirs.n; i++) {
        char *path = arena_printf(a, "%s/" PREFIX "%s", dirs.v[i], helper);

        if (*dirs.v[i] == '/' && access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

/* As it would be without us: SIGPIPE ends it. */
static int spawn(const char *path, char *const argv[], int in, int out, pid_t *out_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t broken;
    int sys;

    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &broken);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    sys = posix_spawn(out_pid, path, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return sys;
}

static struct err *start(struct run *r, const char *path, const char *helper, const char *verb)
{
    autofree char *name = mem_printf(PREFIX "%s", helper);
    char *argv[] = {name, (char *)verb, NULL};
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    int sys;

    TRY(fd_pipe(in, 0));
    r->in = in[1];
    TRY(fd_pipe(out, 0));
    r->out = out[0];
    TRY(fd_set_nonblock(r->in));
    sys = spawn(path, argv, in[0], out[1], &r->pid);
    close(in[0]);
    close(out[1]);
    if (sys) {
        r->pid = 0;
        return err_sysno(sys, "fork/exec %s", path);
    }
    r->end = (int)syscall(SYS_pidfd_open, r->pid, 0);
    return NULL;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void feed(struct run *r)
{
    ssize_t n = write(r->in, r->input, r->left);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        r->input += n;
        r->left -= (size_t)n;
    }
    if (n < 0 || r->left == 0)
        close_end(&r->in); /* who does not read it has heard enough */
}

static void listen(struct run *r)
{
    char room[4096];
    ssize_t n = read(r->out, room, sizeof(room));

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0)
        close_end(&r->out);
    else
        buf_add(&r->output, room, (size_t)n);
}

/* Until it has ended. What it leaves running behind it may hold stdout open for ever: its own end
 * counts, and what was in the pipe then. NULL, or why it was given up. */
static const char *talk(struct run *r)
{
    int64_t end_ns = clock_boot_ns() + time_ms() * NS_PER_MS;
    bool has_ended = false;

    while (!has_ended || r->out >= 0) {
        struct pollfd fds[] = {
            {.fd = r->in, .events = POLLOUT},
            {.fd = r->out, .events = POLLIN},
            {.fd = has_ended ? -1 : r->end, .events = POLLIN},
        };
        int64_t left_ms = (end_ns - clock_boot_ns()) / NS_PER_MS;

        if (left_ms <= 0)
            return "it has not ended in time";
        if (poll(fds, ARRAY_LEN(fds), has_ended ? 0 : (int)left_ms) < 0 && errno != EINTR)
            return "it cannot be waited for";
        if (fds[0].revents)
            feed(r);
        if (fds[1].revents)
            listen(r);
        else if (has_ended)
            return NULL;
        if (r->output.len > OUTPUT_MAX)
            return "it says more than 1 MiB";
        has_ended = has_ended || fds[2].revents;
    }
    return NULL;
}

static char *exit_words(struct arena *a, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return NULL;
    if (WIFEXITED(status))
        return arena_printf(a, "exit status %d", WEXITSTATUS(status));
    return arena_printf(a, "signal: %s", strsignal(WTERMSIG(status)));
}

static char *finish(struct run *r, struct arena *a, const char *given_up)
{
    int status = 0;

    if (given_up)
        kill(r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return given_up ? arena_strdup(a, given_up) : exit_words(a, status);
}

void helper_run(struct arena *a, const char *helper, const char *verb, const char *input,
                struct helper_answer *out)
{
    struct run r = {.in = -1, .out = -1, .end = -1, .input = input, .left = strlen(input)};
    const char *path = helper_find(a, helper);
    struct err *e;

    *out = (struct helper_answer){.text = arena_strdup(a, "")};
    if (!path) {
        out->failure =
            arena_printf(a, "exec: \"" PREFIX "%s\": executable file not found in $PATH", helper);
        return;
    }
    e = start(&r, path, helper, verb);
    if (e)
        out->failure = arena_strdup(a, err_text(e));
    else
        out->failure = finish(&r, a, r.end < 0 ? "it cannot be waited for" : talk(&r));
    err_drop(e);
    out->text = arena_strndup(a, r.output.data ? r.output.data : "", r.output.len);
    out->len = strlen(out->text);
    close_end(&r.in);
    close_end(&r.out);
    close_end(&r.end);
    buf_finish(&r.output);
}
