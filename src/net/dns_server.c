/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver's side towards containers: their UDP datagrams and TCP connections on
 * sockets that live in their namespace. Local names are answered at once, the rest goes to
 * dns_forward.c, unless every network of the container is internal: then it is refused,
 * so that a sealed network does not leak by its questions. Loop thread, but for dns_open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#include "dns_inner.h"

#define BACKLOG 64
#define UDP_BATCH 64
#define RECEIVE_ROOM (1 << 20) /* some thousand questions that came at once, or without engine */
#define CLIENT_IDLE_MS 10000
#define CLIENT_OUT_HIGH (16u << 10) /* answers not taken: no more questions are read */
#define CLIENT_OUT_MAX (192u << 10) /* answers not taken: the connection ends */
#define CLIENT_PENDING_MAX 32
#define CLIENT_SOCKET_ROOM (64 << 10) /* of the kernel's, each way: nobody else counts it */
#define LOCAL_TTL_S 10                /* containers come and go */
#define POINTER_MAX 256

/* ---- sockets ---- */

struct opening {
    int udp, tcp;
};

/* Inside the container's namespace (127.0.0.11:53), by a thread that has entered it. */
static int bind_here(int type)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    autoclose int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, room = RECEIVE_ROOM;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    /* a server of the container's own may have 0.0.0.0:53 if it allows to share, as most do */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    inet_pton(AF_INET, DNS_ADDRESS, &at.sin_addr);
    if (bind(fd, (void *)&at, sizeof(at)) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
        return -1;
    return steal_fd(&fd);
}

static struct err *open_inside(void *arg)
{
    struct opening *o = arg;

    o->udp = bind_here(SOCK_DGRAM);
    if (o->udp < 0)
        return err_sys("bind the resolver to " DNS_ADDRESS ":53");
    o->tcp = bind_here(SOCK_STREAM);
    if (o->tcp >= 0)
        return NULL;
    struct err *err = err_sys("bind the resolver to " DNS_ADDRESS ":53/tcp");
    close(steal_fd(&o->udp));
    return err;
}

struct err *dns_open(struct net *n, int netns, int out[DNS_SOCKETS])
{
    struct opening o = {-1, -1};

    TRY(netns_call(n->netns, netns, open_inside, &o));
    out[0] = o.udp;
    out[1] = o.tcp;
    return NULL;
}

/* ---- TCP connections ---- */

struct dns_client {
    struct list link;
    struct dns_host *host;
    int fd;
    struct watch *watch;
    struct timer idle;
    struct buf in, out;
    size_t n_pending; /* its questions that are upstream */
    bool is_broken;   /* to be closed by whoever is on the stack */
};

static void client_close(struct dns_client *c)
{
    c->is_broken = true; /* what goes now makes nothing ready */
    dns_pending_drop_client(c->host, c);
    c->host->out_bytes -= c->out.len;
    watch_close(c->watch);
    close(c->fd);
    timer_clear(c->host->dns->net->loop, &c->idle);
    list_remove(&c->link);
    ASSERT(c->host->n_clients > 0);
    c->host->n_clients--;
    buf_finish(&c->in);
    buf_finish(&c->out);
    free(c);
}

/* A connection that asks nothing for CLIENT_IDLE_MS: the container may have left it open for
 * ever. */
static void on_idle(struct timer *t)
{
    client_close(container_of(t, struct dns_client, idle));
}

/* A question that came or bytes that were taken; who asks and does not read makes none. */
static void note_progress(struct dns_client *c)
{
    timer_set(c->host->dns->net->loop, &c->idle, CLIENT_IDLE_MS, on_idle);
}

/* Whoever is on the stack, or the event that this makes, closes it. */
static void client_break(struct dns_client *c)
{
    c->is_broken = true;
    c->host->out_bytes -= c->out.len;
    c->out.len = 0;
    shutdown(c->fd, SHUT_RDWR);
    watch_set(c->watch, UV_READABLE);
}

/* With much to be sent or to be found out, no more is read. */
static bool is_busy(const struct dns_client *c)
{
    return c->out.len >= CLIENT_OUT_HIGH || c->n_pending >= CLIENT_PENDING_MAX;
}

static size_t next_length(const struct dns_client *c)
{
    return (size_t)(uint8_t)c->in.data[0] << 8 | (uint8_t)c->in.data[1];
}

/* A whole question that was left when it was busy: no more bytes need to come for it. */
static bool has_question(const struct dns_client *c)
{
    return c->in.len >= 2 && c->in.len >= next_length(c) + 2;
}

static void client_watch(struct dns_client *c)
{
    bool has_work = c->out.len || (has_question(c) && !is_busy(c));

    watch_set(c->watch, (is_busy(c) ? 0 : UV_READABLE) | (has_work ? UV_WRITABLE : 0));
}

static void client_flush(struct dns_client *c)
{
    while (c->out.len) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            client_break(c);
            return;
        }
        buf_drop_front(&c->out, (size_t)n);
        c->host->out_bytes -= (size_t)n;
        note_progress(c);
    }
    if (!c->out.len)
        buf_finish(&c->out); /* of a large answer's size, perhaps */
    client_watch(c);
}

/* Answers that a container does not take are its own loss, not the engine's memory. TCP puts the
 * length in front (RFC 1035, 4.2.2). */
static void client_send(struct dns_client *c, const uint8_t *p, size_t n)
{
    struct dns_host *h = c->host;

    if (c->is_broken)
        return;
    if (c->out.len + n + 2 > CLIENT_OUT_MAX || h->out_bytes + n + 2 > DNS_OUT_MAX) {
        client_break(c);
        return;
    }
    buf_putc(&c->out, (char)(n >> 8));
    buf_putc(&c->out, (char)n);
    buf_add(&c->out, p, n);
    h->out_bytes += n + 2;
    client_flush(c);
}

void dns_client_pending(struct dns_client *c, int by)
{
    c->n_pending += (size_t)by;
    if (by < 0 && !c->is_broken)
        client_watch(c);
}

/* ---- answers ---- */

void dns_send(struct dns_host *h, const struct dns_reply_to *to, const struct dns_query *q,
              uint8_t *p, size_t n)
{
    ASSERT(n >= DNS_HEADER && n <= DNS_MESSAGE_MAX);
    if (to->client) {
        client_send(to->client, p, n);
        return;
    }
    n = dns_truncate(p, n, q->udp_size);
    if (sendto(h->udp, p, n, MSG_NOSIGNAL, (const void *)&to->addr, sizeof(to->addr)) < 0)
        log_debug("an answer of the resolver was not sent", KV_INT("errno", errno));
}

static void send_local(struct dns_host *h, const struct dns_reply_to *to, const uint8_t *message,
                       const struct dns_query *q, const struct dns_local *l)
{
    uint8_t *out = h->dns->scratch;

    dns_send(h, to, q, out,
             dns_write_reply(message, q, l, to->client ? DNS_MESSAGE_MAX : q->udp_size, out));
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
    for (; size; size--, a++, b++) {
        uint8_t kept = *a;

        *a = *b;
        *b = kept;
    }
}

static void reverse(uint8_t *v, size_t n, size_t size)
{
    for (size_t i = 0; i < n / 2; i++)
        swap(v + i * size, v + (n - 1 - i) * size, size);
}

/* The first `by` go to the end: each of both parts reversed, then the whole. So clients that take
 * the first address spread over all. */
static void rotate(unsigned *rotation, void *addrs, size_t n, size_t size)
{
    size_t by = n ? (*rotation)++ % n : 0;

    reverse(addrs, by, size);
    reverse((uint8_t *)addrs + by * size, n - by, size);
    reverse(addrs, n, size);
}

/* ---- questions ---- */

struct question {
    const uint8_t *message;
    size_t n;
    struct dns_query q;
    struct endpoint *const *own;
    size_t n_own;
};

static bool answer_name(struct dns_host *h, const struct question *k, const struct dns_reply_to *to)
{
    struct dns_found *found = &h->dns->found;
    struct dns_local l = {.ttl = LOCAL_TTL_S, .addrs = found->v4, .addrs6 = found->v6};

    if (k->q.class != DNS_CLASS_IN || !dns_find_name(k->own, k->n_own, k->q.name, found))
        return false;
    if (k->q.type == DNS_A) {
        rotate(&h->rotation, found->v4, found->n4, sizeof(found->v4[0]));
        l.n_addrs = found->n4;
    } else if (k->q.type == DNS_AAAA) {
        rotate(&h->rotation6, found->v6, found->n6, sizeof(found->v6[0]));
        l.n_addrs6 = found->n6;
    } /* of other types there is nothing: no error, no answer */
    send_local(h, to, k->message, &k->q, &l);
    return true;
}

static bool answer_pointer(struct dns_host *h, const struct question *k,
                           const struct dns_reply_to *to)
{
    char name[POINTER_MAX];
    struct dns_local l = {.ttl = LOCAL_TTL_S, .pointer = name};
    struct in6_addr addr6;
    uint32_t addr;
    bool is_ours = false;

    if (k->q.type != DNS_PTR || k->q.class != DNS_CLASS_IN)
        return false;
    if (dns_reverse_parse(k->q.name, &addr))
        is_ours = dns_find_address(k->own, k->n_own, addr, name, sizeof(name));
    else if (dns_reverse_parse6(k->q.name, &addr6))
        is_ours = dns_find_address6(k->own, k->n_own, &addr6, name, sizeof(name));
    if (is_ours)
        send_local(h, to, k->message, &k->q, &l);
    return is_ours;
}

/* Names of containers first, then the outside, as libnetwork does it. */
static void on_question(struct dns_host *h, const uint8_t *p, size_t n,
                        const struct dns_reply_to *to)
{
    struct question k = {.message = p, .n = n};
    int rcode = dns_read_query(p, n, &k.q);
    struct dns_local failed = {.rcode = rcode};

    if (rcode < 0)
        return;
    if (rcode != DNS_NOERROR) {
        send_local(h, to, p, &k.q, &failed);
        return;
    }
    k.own = h->who.endpoints(h->who.ctx, &k.n_own);
    if (answer_name(h, &k, to) || answer_pointer(h, &k, to))
        return;
    if (dns_may_forward(k.own, k.n_own)) {
        dns_forward(h, p, &k.q, to);
        return;
    }
    failed.rcode = DNS_REFUSED;
    send_local(h, to, p, &k.q, &failed);
}

static void on_udp(void *arg, int events)
{
    struct dns_host *h = arg;
    uint8_t message[DNS_QUERY_MAX];

    (void)events;
    for (int i = 0; i < UDP_BATCH; i++) {
        struct dns_reply_to to = {0};
        socklen_t len = sizeof(to.addr);
        ssize_t n = recvfrom(h->udp, message, sizeof(message), 0, (void *)&to.addr, &len);

        if (n < 0)
            return;
        on_question(h, message, (size_t)n, &to);
    }
}

/* ---- TCP ---- */

/* Every whole question there is, until it is busy. A question that is too long ends the
 * connection. */
static void client_work(struct dns_client *c)
{
    while (c->in.len >= 2 && !c->is_broken && !is_busy(c)) {
        size_t n = next_length(c);
        struct dns_reply_to to = {.client = c};
        uint8_t message[DNS_QUERY_MAX];

        if (n > sizeof(message) || n < DNS_HEADER) {
            c->is_broken = true;
            return;
        }
        if (c->in.len < n + 2)
            return;
        memcpy(message, c->in.data + 2, n);
        buf_drop_front(&c->in, n + 2);
        note_progress(c);
        on_question(c->host, message, n, &to);
    }
}

static void on_client(void *arg, int events)
{
    struct dns_client *c = arg;
    uint8_t room[DNS_QUERY_MAX];

    if (events & UV_WRITABLE)
        client_flush(c);
    if (!c->is_broken)
        client_work(c); /* what was left when it was busy */
    if (events & UV_READABLE && !c->is_broken && !is_busy(c)) {
        ssize_t n = recv(c->fd, room, sizeof(room), 0);

        if (n > 0) {
            buf_add(&c->in, room, (size_t)n);
            client_work(c);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            c->is_broken = true;
        }
    }
    if (c->is_broken)
        client_close(c);
    else
        client_watch(c);
}

static void on_accept(void *arg, int events)
{
    struct dns_host *h = arg;
    int fd = accept4(h->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), room = CLIENT_SOCKET_ROOM;
    struct dns_client *c;

    (void)events;
    if (fd < 0)
        return;
    if (h->n_clients >= DNS_CLIENTS_MAX) { /* the longest connected makes room */
        client_close(list_first(&h->clients, struct dns_client, link));
    }
    /* The kernel's buffers grow to megabytes by themselves, and this socket was accepted by the
     * engine: no cgroup of the container pays for it. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    c = mem_new(struct dns_client);
    c->host = h;
    c->fd = fd;
    c->watch = watch_open(h->dns->net->loop, fd, UV_READABLE, on_client, c);
    list_append(&h->clients, &c->link);
    h->n_clients++;
    note_progress(c);
}

/* ---- a container's ---- */

/* The keeper gives the two sockets back in any order. */
static bool is_stream(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

struct dns_host *dns_serve(struct net *n, int fds[DNS_SOCKETS], const struct dns_asker *who,
                           const struct strs *servers)
{
    struct dns_host *h = mem_new(struct dns_host);
    autobuf struct buf key = {0};
    int tcp = is_stream(fds[0]) ? 0 : 1;

    ASSERT_LOOP();
    h->dns = n->dns;
    h->who = *who;
    h->tcp = steal_fd(&fds[tcp]);
    h->udp = steal_fd(&fds[1 - tcp]);
    list_init(&h->pending);
    list_init(&h->clients);
    for (size_t i = 0; servers && i < servers->n; i++)
        if (dns_servers_add(&h->servers, servers->v[i]))
            buf_printf(&key, "%s,", servers->v[i]);
    h->servers_key = buf_steal(&key);
    h->udp_watch = watch_open(n->loop, h->udp, UV_READABLE, on_udp, h);
    h->tcp_watch = watch_open(n->loop, h->tcp, UV_READABLE, on_accept, h);
    return h;
}

void dns_host_fds(const struct dns_host *h, int out[DNS_SOCKETS])
{
    ASSERT(h->udp >= 0 && h->tcp >= 0);
    out[0] = h->udp;
    out[1] = h->tcp;
}

void dns_host_close(struct dns_host *h)
{
    if (!h)
        return;
    ASSERT_LOOP();
    watch_close(h->udp_watch);
    watch_close(h->tcp_watch);
    list_each (c, &h->clients, struct dns_client, link)
        client_close(c);
    dns_pending_drop_all(h);
    close(h->udp);
    close(h->tcp);
    free(h->servers_key);
    free(h);
}
