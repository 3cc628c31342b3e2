/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One proxied TCP connection: two sides, what each sends spliced through a pipe that is held
 * only while bytes are in it, so an idle connection costs two fds. Both sockets stand in the
 * proxy's own epoll set, edge-triggered from first to last: what a side can do is remembered
 * until the kernel says EAGAIN, and no call is spent on changing what is waited for. A side is
 * read only while its pipe is empty: that is the backpressure. Its end is passed on with
 * shutdown; the relay ends with both, or with the first error, which is passed on as a reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proxy.h"

#define CHUNK 65536
#define ROUNDS_MAX 8 /* of a direction, then the loop's other work has a turn */
#define EVENTS_AT_ONCE 64
#define RETRY_MS 100
#define EDGES (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

struct side {
    struct relay *relay;
    int fd;
    bool can_read, can_write;
    int pipe[2]; /* from here to the other side */
    size_t in_pipe;
    bool is_ended; /* EOF was read */
    bool is_passed_on;
};
struct relay {
    struct list link;
    struct proxy_listener *listener;
    struct side side[2]; /* client, container */
    bool is_connecting;
    struct timer retry; /* no fds for a pipe */
};
/* What the kernel reported and is not served yet. A relay that ends takes its events with it. */
struct relay_events {
    struct epoll_event v[EVENTS_AT_ONCE];
    int at, n;
};

static void forget_events(struct relay_events *b, const struct relay *r)
{
    for (int i = b ? b->at : 0; b && i < b->n; i++)
        if (b->v[i].data.ptr == &r->side[0] || b->v[i].data.ptr == &r->side[1])
            b->v[i].data.ptr = NULL;
}

/* Its events of this turn are taken out of the batch: they point into it. */
static void relay_close(struct relay *r)
{
    struct proxy *p = r->listener->proxy;

    timer_clear(p->net->loop, &r->retry);
    forget_events(p->events, r);
    for (int i = 0; i < 2; i++) {
        close(r->side[i].fd);
        if (r->side[i].pipe[0] >= 0)
            proxy_give_pipe(p, r->side[i].pipe, r->side[i].in_pipe == 0);
    }
    ASSERT(p->n_fds >= 2);
    p->n_fds -= 2;
    list_remove(&r->link);
    free(r);
}

/* It sees a reset, not an end: nobody takes half of an answer for the whole, nor a port that nobody
 * serves for a server that says nothing. What is still to be sent is not thrown away for it
 * (SIOCOUTQNSD, tcp(7)). */
static void reset_later(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    int unsent = 0;

    if (!ioctl(fd, SIOCOUTQNSD, &unsent) && !unsent)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void relay_break(struct relay *r)
{
    for (int i = 0; i < 2; i++)
        if (!r->side[1 - i].in_pipe)
            reset_later(r->side[i].fd);
    relay_close(r);
}

void relays_close(struct proxy_listener *l)
{
    list_each (r, &l->relays, struct relay, link)
        relay_close(r);
}

static void serve(struct relay *r);

static void on_retry(struct timer *t)
{
    serve(container_of(t, struct relay, retry));
}

/* False when there is no fd for one: then again in a while. */
static bool need_pipe(struct side *from)
{
    struct proxy *p = from->relay->listener->proxy;

    if (from->pipe[0] >= 0 || proxy_take_pipe(p, from->pipe))
        return true;
    timer_set(p->net->loop, &from->relay->retry, RETRY_MS, on_retry);
    return false;
}

/* The bytes go from socket to pipe to socket by reference (splice(2)). */
static bool fill_pipe(struct side *from)
{
    ssize_t n =
        splice(from->fd, NULL, from->pipe[1], NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    ASSERT(from->pipe[1] >= 0 && !from->in_pipe && !from->is_ended);
    if (n > 0)
        from->in_pipe = (size_t)n;
    else if (n == 0)
        from->is_ended = true;
    else if (errno == EAGAIN)
        from->can_read = false;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool empty_pipe(struct side *from, struct side *to)
{
    ssize_t n =
        splice(from->pipe[0], NULL, to->fd, NULL, from->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    ASSERT(from->pipe[0] >= 0 && from->in_pipe);
    if (n > 0)
        from->in_pipe -= (size_t)n;
    else if (n < 0 && errno == EAGAIN)
        to->can_write = false;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* What is in the pipe goes out first; only an empty one is filled. */
static bool has_work(const struct side *from, const struct side *to)
{
    return from->in_pipe ? to->can_write : from->can_read && !from->is_ended;
}

/* Asked again, the kernel reports what a side can do although that is no news. */
static void take_turns(struct side *from, struct side *to)
{
    struct side *ready = from->in_pipe ? to : from;
    struct epoll_event event = {.events = EDGES, .data.ptr = ready};

    epoll_ctl(from->relay->listener->proxy->epoll, EPOLL_CTL_MOD, ready->fd, &event);
}

/* The end of one direction is passed on as a half-close, so `nc` and HTTP/1.0 behave as without a
 * proxy. */
static bool pump(struct side *from, struct side *to)
{
    bool has_pipe = true;

    for (int i = 0; i < ROUNDS_MAX && has_work(from, to) && (has_pipe = need_pipe(from)); i++)
        if (!(from->in_pipe ? empty_pipe(from, to) : fill_pipe(from)))
            return false;
    if (from->is_ended && !from->in_pipe && !from->is_passed_on) {
        from->is_passed_on = true;
        if (!to->is_passed_on) /* else both are closed now */
            shutdown(to->fd, SHUT_WR);
    }
    if (from->pipe[0] >= 0 && !from->in_pipe)
        proxy_give_pipe(from->relay->listener->proxy, from->pipe, true);
    if (has_pipe && has_work(from, to))
        take_turns(from, to);
    return true;
}

static void serve(struct relay *r)
{
    struct side *client = &r->side[0], *server = &r->side[1];

    if (!pump(client, server) || !pump(server, client))
        relay_break(r);
    else if (client->is_passed_on && server->is_passed_on)
        relay_close(r);
}

static void on_edge(struct side *s, uint32_t events)
{
    struct relay *r = s->relay;

    if (events & ~(uint32_t)EPOLLOUT)
        s->can_read = true; /* an error is met by reading */
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        s->can_write = true;
    if (s == &r->side[1] && s->can_write)
        r->is_connecting = false;
    if (r->is_connecting)
        return;
    if (events & EPOLLERR && s->is_passed_on)
        relay_break(r); /* it is not read any more and would not be missed */
    else
        serve(r);
}

void relays_ready(void *arg, int events)
{
    struct proxy *p = arg;
    struct relay_events b = {0};

    ASSERT(!p->events);
    (void)events;
    p->events = &b;
    b.n = epoll_wait(p->epoll, b.v, EVENTS_AT_ONCE, 0);
    while (b.at < b.n) {
        struct epoll_event e = b.v[b.at++];

        if (e.data.ptr)
            on_edge(e.data.ptr, e.events);
    }
    p->events = NULL;
}

/* Connected before the client is answered in any way: what it sends waits in its socket. */
static int open_server(const struct port_map *m, const struct sockaddr_storage *client)
{
    struct sockaddr_storage addr;
    socklen_t len = proxy_target(m, client, &addr);
    int on = 1, fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* Else its own port could not be published before its TIME_WAIT is over. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (connect(fd, (void *)&addr, len) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool join_set(struct side *s)
{
    struct epoll_event event = {.events = EDGES, .data.ptr = s};

    return epoll_ctl(s->relay->listener->proxy->epoll, EPOLL_CTL_ADD, s->fd, &event) == 0;
}

void relay_start(struct proxy_listener *l, int client, const struct sockaddr_storage *from)
{
    int server = open_server(&l->map, from);
    struct relay *r;

    ASSERT(client >= 0);
    if (server < 0) {
        reset_later(client);
        close(client);
        return;
    }
    r = mem_new(struct relay);
    r->listener = l;
    r->is_connecting = true;
    for (int i = 0; i < 2; i++)
        r->side[i] = (struct side){.relay = r, .fd = i ? server : client, .pipe = {-1, -1}};
    l->proxy->n_fds += 2;
    list_append(&l->relays, &r->link);
    if (!join_set(&r->side[1]) || !join_set(&r->side[0]))
        relay_close(r);
}
