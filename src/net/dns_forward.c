/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions for the outside. Each has a socket of its own, connected to the server it was
 * sent to: the kernel gives it a random port and drops what comes from elsewhere, the id
 * is random too, and the answer must repeat the question. A server that does not
 * answer in 2 s is followed by the next one. A truncated answer is fetched again by
 * TCP, so that the cache has the whole; who asked by UDP gets what fits. Loop thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include "dns_inner.h"

#define ATTEMPT_MS 2000
#define ATTEMPTS_MIN 2 /* also of a lone server */
#define CACHE_ENTRIES 4096
#define CACHE_BYTES (2u << 20)
#define REREAD_NS (5 * NS_PER_S)
#define RESOLV_MAX 65536
#define KEY_MAX (DNS_NAME_TEXT + 512)

struct dns_pending {
    struct list link;
    struct dns_host *host;
    struct dns_reply_to to;
    struct dns_query query;
    struct dns_servers servers; /* as they were when it was asked */
    size_t attempt;
    uint16_t id; /* of this attempt */
    int fd;
    struct watch *watch;
    struct timer timer;
    bool is_tcp;
    struct buf in; /* TCP */
    size_t sent;   /* TCP */
    size_t n;
    uint8_t message[2 + DNS_QUERY_MAX]; /* TCP's length first */
};

/* ---- the host's servers ---- */

bool dns_servers_add(struct dns_servers *s, const char *addr)
{
    struct sockaddr_in6 *v6 = (void *)&s->v[s->n];
    struct sockaddr_in *v4 = (void *)&s->v[s->n];
    const char *scope = strchr(addr, '%');
    char text[INET6_ADDRSTRLEN];

    if (s->n == DNS_SERVERS_MAX)
        return false;
    memset(&s->v[s->n], 0, sizeof(s->v[s->n]));
    snprintf(text, sizeof(text), "%.*s", scope ? (int)(scope - addr) : INET6_ADDRSTRLEN, addr);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(53);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(53);
        v6->sin6_scope_id = scope ? if_nametoindex(scope + 1) : 0;
    } else {
        return false;
    }
    s->n++;
    return true;
}

void dns_servers_parse(const char *text, struct dns_servers *out)
{
    autoarena struct arena *a = arena_create();
    struct strs lines = text_split(a, text, '\n');

    out->n = 0;
    for (size_t i = 0; i < lines.n; i++) {
        char *line = text_trim(lines.v[i]);

        if (!text_starts(line, "nameserver") || (line[10] != ' ' && line[10] != '\t'))
            continue;
        line = text_trim(line + 10);
        line[strcspn(line, " \t#;")] = '\0';
        dns_servers_add(out, line);
    }
}

struct reread {
    struct job job;
    struct dns *dns;
    struct dns_servers found;
    bool is_read;
};

static bool read_servers(struct dns_servers *out)
{
    autoarena struct arena *a = arena_create();
    char *text = NULL;
    size_t n;
    struct err *err = file_read(a, AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, &n);

    if (err) {
        err_drop(err);
        return false;
    }
    dns_servers_parse(text, out);
    return true;
}

static void reread(struct job *job)
{
    struct reread *r = container_of(job, struct reread, job);
    struct net *n = r->dns->net;

    r->is_read = read_servers(&r->found);
    net_job_ended(n);
}

static void on_reread(struct job *job)
{
    struct reread *r = container_of(job, struct reread, job);
    struct net *n = r->dns->net;

    r->dns->is_reading = false;
    r->dns->read_ns = clock_boot_ns();
    if (r->is_read)
        r->dns->servers = r->found;
    free(r);
    net_unref(n);
}

/* In the background: this question still goes to those known. */
static void refresh_servers(struct dns *d)
{
    struct reread *r;

    if (d->is_reading || clock_boot_ns() - d->read_ns < REREAD_NS)
        return;
    r = mem_new(struct reread);
    r->dns = d;
    r->job.run = reread;
    r->job.done = on_reread;
    d->is_reading = true;
    net_ref(d->net);
    net_job_began(d->net);
    pool_submit(d->net->pools, POOL_DISK, &r->job);
}

struct dns *dns_create(struct net *n)
{
    struct dns *d = mem_new(struct dns);

    d->net = n;
    d->cache = dns_cache_create(CACHE_ENTRIES, CACHE_BYTES);
    d->scratch = mem_alloc(DNS_MESSAGE_MAX + 2);
    d->read_ns = clock_boot_ns();
    if (!read_servers(&d->servers))
        log_debug("the host has no resolv.conf");
    return d;
}

void dns_destroy(struct dns *d)
{
    if (!d)
        return;
    dns_cache_destroy(d->cache);
    free(d->scratch);
    free(d);
}

/* ---- one question ---- */

static void stop_attempt(struct dns_pending *p)
{
    watch_close(steal_ptr(&p->watch));
    if (p->fd >= 0)
        close(steal_fd(&p->fd));
    buf_finish(&p->in);
    timer_clear(p->host->dns->net->loop, &p->timer);
}

static void pending_end(struct dns_pending *p)
{
    stop_attempt(p);
    list_remove(&p->link);
    p->host->n_pending--;
    p->host->dns->n_pending--;
    free(p);
}

static void cache_key(const struct dns_pending *p, char out[KEY_MAX])
{
    const struct dns_query *q = &p->query;

    snprintf(out, KEY_MAX, "%u %u %d%d%d%d %s %s", q->type, q->class, q->has_edns, q->wants_dnssec,
             q->checking_disabled, q->recursion_desired, p->host->servers_key, q->name);
}

/* Takes the question to its end. */
static void answer(struct dns_pending *p, uint8_t *message, size_t n)
{
    dns_set_id(message, p->query.id);
    dns_send(p->host, &p->to, &p->query, message, n);
    pending_end(p);
}

static void answer_failure(struct dns_pending *p)
{
    struct dns_local failed = {.rcode = DNS_SERVFAIL};
    uint8_t *out = p->host->dns->scratch;

    answer(p, out, dns_write_reply(p->message + 2, &p->query, &failed, DNS_MESSAGE_MAX, out));
}

static void attempt(struct dns_pending *p);

static void next_attempt(struct dns_pending *p)
{
    stop_attempt(p);
    p->attempt++;
    p->is_tcp = p->to.client != NULL;
    attempt(p);
}

static void on_timeout(struct timer *t)
{
    next_attempt(container_of(t, struct dns_pending, timer));
}

static void on_said(struct dns_pending *p, uint8_t *message, size_t n, const struct dns_said *said)
{
    char key[KEY_MAX];

    if (said->is_truncated && !p->is_tcp) {
        stop_attempt(p); /* the same server again, by TCP */
        p->is_tcp = true;
        attempt(p);
        return;
    }
    if ((said->rcode == DNS_SERVFAIL || said->rcode == DNS_REFUSED || said->rcode == DNS_NOTIMP) &&
        p->attempt + 1 < p->servers.n) {
        next_attempt(p);
        return;
    }
    if (said->is_cacheable) {
        cache_key(p, key);
        dns_cache_put(p->host->dns->cache, key, clock_boot_ns(), said->ttl, message, n);
    }
    answer(p, message, n);
}

static void on_datagram(void *arg, int events)
{
    struct dns_pending *p = arg;
    uint8_t *message = p->host->dns->scratch;
    struct dns_said said;

    (void)events;
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(p->fd, message, DNS_MESSAGE_MAX, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) { /* nobody listens there: no need to wait */
            next_attempt(p);
            return;
        }
        if (dns_read_answer(message, (size_t)n, p->id, &p->query, &said)) {
            on_said(p, message, (size_t)n, &said);
            return;
        }
    }
}

static bool send_rest(struct dns_pending *p)
{
    ssize_t n = send(p->fd, p->message + p->sent, p->n + 2 - p->sent, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    p->sent += (size_t)n;
    if (p->sent == p->n + 2)
        watch_set(p->watch, UV_READABLE);
    return true;
}

/* -1: over, 0: not yet, else the length of the message. */
static ssize_t receive_whole(struct dns_pending *p)
{
    uint8_t *room = p->host->dns->scratch;
    ssize_t n = recv(p->fd, room, DNS_MESSAGE_MAX, 0);
    size_t whole;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    buf_add(&p->in, room, (size_t)n);
    if (p->in.len < 2)
        return 0;
    whole = (size_t)(uint8_t)p->in.data[0] << 8 | (uint8_t)p->in.data[1];
    if (p->in.len < whole + 2)
        return 0;
    memcpy(room, p->in.data + 2, whole);
    return (ssize_t)whole;
}

static void on_stream(void *arg, int events)
{
    struct dns_pending *p = arg;
    struct dns_said said;
    ssize_t n;

    if (events & UV_WRITABLE && p->sent < p->n + 2) {
        if (!send_rest(p))
            next_attempt(p);
        return;
    }
    n = receive_whole(p);
    if (!n)
        return;
    if (n < 0 || !dns_read_answer(p->host->dns->scratch, (size_t)n, p->id, &p->query, &said))
        next_attempt(p);
    else
        on_said(p, p->host->dns->scratch, (size_t)n, &said);
}

static bool open_attempt(struct dns_pending *p)
{
    const struct sockaddr_storage *to = &p->servers.v[p->attempt % p->servers.n];
    socklen_t len =
        to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int type = (p->is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

    p->fd = socket(to->ss_family, type, 0);
    if (p->fd < 0)
        return false;
    if (connect(p->fd, (const void *)to, len) != 0 && errno != EINPROGRESS)
        return false;
    ASSERT(getrandom(&p->id, sizeof(p->id), 0) == sizeof(p->id));
    dns_set_id(p->message + 2, p->id);
    p->sent = 0;
    p->watch = watch_open(p->host->dns->net->loop, p->fd, p->is_tcp ? UV_WRITABLE : UV_READABLE,
                          p->is_tcp ? on_stream : on_datagram, p);
    return p->is_tcp || send(p->fd, p->message + 2, p->n, 0) == (ssize_t)p->n;
}

static void attempt(struct dns_pending *p)
{
    size_t most = p->servers.n < ATTEMPTS_MIN ? ATTEMPTS_MIN : p->servers.n;

    for (;;) {
        if (!p->servers.n || p->attempt >= most) {
            answer_failure(p);
            return;
        }
        if (open_attempt(p))
            break;
        stop_attempt(p);
        p->attempt++;
    }
    timer_set(p->host->dns->net->loop, &p->timer, ATTEMPT_MS, on_timeout);
}

static struct dns_pending *pending_create(struct dns_host *h, const uint8_t *message, size_t n,
                                          const struct dns_query *q, const struct dns_reply_to *to)
{
    struct dns_pending *p = mem_new(struct dns_pending);

    p->host = h;
    p->to = *to;
    p->query = *q;
    p->servers = h->servers.n ? h->servers : h->dns->servers;
    p->fd = -1;
    p->is_tcp = to->client != NULL;
    p->n = n;
    p->message[0] = (uint8_t)(n >> 8);
    p->message[1] = (uint8_t)n;
    memcpy(p->message + 2, message, n);
    list_append(&h->pending, &p->link);
    h->n_pending++;
    h->dns->n_pending++;
    return p;
}

void dns_forward(struct dns_host *h, const uint8_t *message, size_t n, const struct dns_query *q,
                 const struct dns_reply_to *to)
{
    struct dns_pending *p = pending_create(h, message, n, q, to);
    uint8_t *out = h->dns->scratch;
    char key[KEY_MAX];
    size_t len;

    ASSERT(n <= DNS_QUERY_MAX);
    if (!h->servers.n)
        refresh_servers(h->dns);
    cache_key(p, key);
    len = dns_cache_get(h->dns->cache, key, clock_boot_ns(), out);
    if (len >= q->question_end)
        memcpy(out + DNS_HEADER, message + DNS_HEADER, q->question_end - DNS_HEADER); /* its case */
    if (len)
        answer(p, out, len);
    else if (h->n_pending > DNS_PENDING_MAX || h->dns->n_pending > DNS_ASKED_MAX)
        answer_failure(p);
    else
        attempt(p);
}

void dns_pending_drop_client(struct dns_host *h, struct dns_client *c)
{
    list_each (p, &h->pending, struct dns_pending, link)
        if (p->to.client == c)
            pending_end(p);
}

void dns_pending_drop_all(struct dns_host *h)
{
    list_each (p, &h->pending, struct dns_pending, link)
        pending_end(p);
}
