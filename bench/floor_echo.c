/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of attach: a bare relay in one thread between a Unix socket and the pipes (or the
 * terminal) of `cat`. It answers the request's head, moves stdin on, and puts Docker's frame
 * headers in front of what comes back. No log, no HTTP, one client.
 *
 *   floor_echo SOCKET BUSYBOX [tty]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PART (64u << 10)

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "floor_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct way { /* bytes on their way in one direction */
    char data[8 + PART];
    size_t at, n;
};

struct relay {
    int client, in, out;
    bool is_framed;
    struct way up, down;
};

static int accept_client(const char *path)
{
    static const char answer[] = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n";
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
    char head[4096];

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    unlink(path);
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 1))
        die(path);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || read(fd, head, sizeof(head)) <= 0 ||
        write(fd, answer, sizeof(answer) - 1) != (ssize_t)sizeof(answer) - 1)
        die("accept");
    return fd;
}

static pid_t start(struct relay *r, const char *busybox, bool is_tty)
{
    int in[2], out[2], master;
    struct termios raw = {0};
    pid_t pid;

    cfmakeraw(&raw);
    if (is_tty) {
        pid = forkpty(&master, NULL, &raw, NULL);
        r->in = r->out = master;
    } else {
        if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
            die("pipe");
        pid = fork();
        if (!pid) {
            dup2(in[0], 0);
            dup2(out[1], 1);
        }
        close(in[0]);
        close(out[1]);
        r->in = in[1];
        r->out = out[0];
    }
    if (!pid) {
        execl(busybox, "cat", (char *)NULL);
        _exit(127);
    }
    fcntl(r->in, F_SETFL, O_NONBLOCK);
    fcntl(r->out, F_SETFL, O_NONBLOCK);
    return pid;
}

static bool blocked(ssize_t n)
{
    return n < 0 && errno == EAGAIN;
}

/* From `fd` into an empty way. False: it has ended. */
static bool fill(struct way *w, int fd, bool is_framed)
{
    size_t head = is_framed ? 8 : 0;
    ssize_t n = read(fd, w->data + head, PART);

    if (blocked(n))
        return true;
    if (n <= 0)
        return false;
    memset(w->data, 0, head);
    for (size_t i = 0; i < head / 2; i++)
        w->data[4 + i] = (char)((size_t)n >> (24 - 8 * i));
    if (is_framed)
        w->data[0] = 1;
    w->at = 0;
    w->n = head + (size_t)n;
    return true;
}

static bool drain(struct way *w, int fd)
{
    ssize_t n = write(fd, w->data + w->at, w->n - w->at);

    if (blocked(n))
        return true;
    if (n < 0)
        return false;
    w->at += (size_t)n;
    if (w->at == w->n)
        w->at = w->n = 0;
    return true;
}

/* Tries before it polls: an empty way is filled and drained at once. */
static bool move(struct way *w, int from, int to, bool is_framed)
{
    if (!w->n && !fill(w, from, is_framed))
        return false;
    return !w->n || drain(w, to);
}

static void relay(struct relay *r)
{
    for (;;) {
        struct pollfd p[] = {{r->client, 0, 0}, {r->in, 0, 0}, {r->out, 0, 0}};

        p[0].events = (short)((r->up.n ? 0 : POLLIN) | (r->down.n ? POLLOUT : 0));
        p[1].events = r->up.n ? POLLOUT : 0;
        p[2].events = r->down.n ? 0 : POLLIN;
        if (poll(p, 3, -1) < 0)
            die("poll");
        if (((p[0].revents & (POLLIN | POLLHUP)) || p[1].revents) &&
            !move(&r->up, r->client, r->in, false))
            return;
        if (((p[0].revents & POLLOUT) || p[2].revents) &&
            !move(&r->down, r->out, r->client, r->is_framed))
            return;
    }
}

int main(int argc, char **argv)
{
    static struct relay r;
    bool is_tty = argc > 3;
    pid_t pid;

    if (argc < 3)
        return 2;
    r.client = accept_client(argv[1]);
    fcntl(r.client, F_SETFL, O_NONBLOCK);
    r.is_framed = !is_tty;
    pid = start(&r, argv[2], is_tty);
    if (is_tty && write(r.client, "!", 1) != 1)
        die("write");
    relay(&r);
    close(r.in);
    close(r.out);
    waitpid(pid, NULL, 0);
    return 0;
}
