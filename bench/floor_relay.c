/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor for a proxied port: a relay that does nothing else. One thread, epoll, accept4, a
 * connection to the target for each, two pipes that are spliced through. No limits, no names.
 *
 *   floor_relay LISTEN_PORT TARGET_IP TARGET_PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (1 << 16)

struct pair;
struct side {
    struct pair *pair;
    int fd, pipe[2]; /* what this side sends goes through the pipe */
    size_t in_pipe;
    bool is_ended, is_passed_on;
};
struct pair {
    struct side side[2];
    bool is_dead;
    struct pair *next_dead;
};

static int epoll;

static bool move(struct side *from, struct side *to)
{
    for (int i = 0; i < 8; i++) {
        ssize_t n;

        if (from->in_pipe) {
            n = splice(from->pipe[0], NULL, to->fd, NULL, from->in_pipe,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n < 0)
                return errno == EAGAIN;
            from->in_pipe -= (size_t)n;
            continue;
        }
        if (from->is_ended)
            break;
        n = splice(from->fd, NULL, from->pipe[1], NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0)
            return errno == EAGAIN || errno == ENOTCONN;
        if (n == 0)
            from->is_ended = true;
        from->in_pipe = (size_t)n;
    }
    if (from->is_ended && !from->in_pipe && !from->is_passed_on) {
        shutdown(to->fd, SHUT_WR);
        from->is_passed_on = true;
    }
    return true;
}

static void watch(struct side *s, const struct side *other, int op)
{
    bool reads = !s->is_ended && !s->in_pipe;
    struct epoll_event e = {.events = (reads ? EPOLLIN : 0u) | (other->in_pipe ? EPOLLOUT : 0u),
                            .data.ptr = s};

    epoll_ctl(epoll, op, s->fd, &e);
}

static void serve(struct side *s)
{
    struct pair *p = s->pair;

    if (!move(&p->side[0], &p->side[1]) || !move(&p->side[1], &p->side[0]) ||
        (p->side[0].is_passed_on && p->side[1].is_passed_on)) {
        for (int i = 0; i < 2; i++) {
            close(p->side[i].fd);
            close(p->side[i].pipe[0]);
            close(p->side[i].pipe[1]);
        }
        p->is_dead = true;
        return;
    }
    watch(&p->side[0], &p->side[1], EPOLL_CTL_MOD);
    watch(&p->side[1], &p->side[0], EPOLL_CTL_MOD);
}

static void welcome(int listener, const struct sockaddr_in *target)
{
    int client, on = 1;

    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct pair *p = calloc(1, sizeof(*p));
        int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (!p || server < 0)
            exit(1);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connect(server, (const void *)target, sizeof(*target));
        p->side[0].fd = client;
        p->side[1].fd = server;
        for (int i = 0; i < 2; i++) {
            p->side[i].pair = p;
            if (pipe2(p->side[i].pipe, O_NONBLOCK | O_CLOEXEC))
                exit(1);
            watch(&p->side[i], &p->side[!i], EPOLL_CTL_ADD);
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in self = {.sin_family = AF_INET}, target = {.sin_family = AF_INET};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct epoll_event wanted = {.events = EPOLLIN}, ready[64];

    if (argc != 4)
        return 2;
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* splice has no flag */
    self.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    inet_pton(AF_INET, argv[2], &target.sin_addr);
    target.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (void *)&self, sizeof(self)) || listen(listener, 4096))
        return 1;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int n = epoll_wait(epoll, ready, 64, -1);
        struct pair *dead = NULL;

        for (int i = 0; i < n; i++) {
            struct side *s = ready[i].data.ptr;

            if (!s) {
                welcome(listener, &target);
            } else if (!s->pair->is_dead) {
                serve(s);
                if (s->pair->is_dead) {
                    s->pair->next_dead = dead;
                    dead = s->pair;
                }
            }
        }
        while (dead) {
            struct pair *next = dead->next_dead;

            free(dead);
            dead = next;
        }
    }
}
