/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question on its way to the host's servers. What an answer must prove, so that nobody who does
 * not see the question can forge it: it comes from the server's address to a socket connected to it
 * (a fresh one for each attempt, with a port of the kernel's choice), has the random id, and
 * repeats the question byte for byte, whose letters have random case ("0x20"). What is sent is
 * written here, not the container's own message: nothing of one asker's may colour what another one
 * gets.
 *
 * A server that does not answer in 2 s is followed by the next one. A truncated answer is fetched
 * again by TCP, so that the cache has the whole. A server that answers in another case is asked
 * again by TCP, which cannot be forged from aside; only where it does not speak that, by UDP with a
 * name that has no upper case. Loop thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "dns_inner.h"

#define ATTEMPT_MS 2000
#define ATTEMPTS_MIN 2 /* also of a lone server */

static void stop_attempt(struct dns_asked *q)
{
    watch_close(steal_ptr(&q->watch));
    if (q->fd >= 0)
        close(steal_fd(&q->fd));
    buf_finish(&q->in);
    timer_clear(q->dns->net->loop, &q->timer);
}

void dns_asked_stop(struct dns_asked *q)
{
    stop_attempt(q);
}

static void attempt(struct dns_asked *q);

/* The same server in another way. */
static void ask_again(struct dns_asked *q, enum dns_way way)
{
    stop_attempt(q);
    q->way = way;
    attempt(q);
}

static void next_attempt(struct dns_asked *q)
{
    if (q->loses_case && q->way == DNS_BY_TCP) {
        ask_again(q, DNS_BY_PLAIN_UDP);
        return;
    }
    stop_attempt(q);
    q->attempt++;
    q->way = q->first_way;
    q->loses_case = false;
    attempt(q);
}

static void on_timeout(struct timer *t)
{
    next_attempt(container_of(t, struct dns_asked, timer));
}

static bool is_refused(int rcode)
{
    return rcode == DNS_SERVFAIL || rcode == DNS_REFUSED || rcode == DNS_NOTIMP;
}

/* It is the answer to this question; case is another matter. */
static void on_said(struct dns_asked *q, uint8_t *message, size_t n, const struct dns_said *said)
{
    if (q->way == DNS_BY_UDP && !dns_has_question(message, n, q->message + 2, q->question_end)) {
        q->loses_case = true;
        ask_again(q, DNS_BY_TCP);
        return;
    }
    if (said->is_truncated && q->way != DNS_BY_TCP) {
        ask_again(q, DNS_BY_TCP);
        return;
    }
    if (is_refused(said->rcode) && q->attempt + 1 < q->servers.n) {
        next_attempt(q);
        return;
    }
    stop_attempt(q);
    dns_asked_done(q, message, n, said);
}

static void on_datagram(void *arg, int events)
{
    struct dns_asked *q = arg;
    uint8_t *message = q->dns->scratch;
    struct dns_said said;

    (void)events;
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(q->fd, message, DNS_MESSAGE_MAX, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) { /* nobody listens there: no need to wait */
            next_attempt(q);
            return;
        }
        if (dns_read_answer(message, (size_t)n, q->id, &q->query, &said)) {
            on_said(q, message, (size_t)n, &said);
            return;
        }
    }
}

static bool send_rest(struct dns_asked *q)
{
    ssize_t n = send(q->fd, q->message + q->sent, q->n + 2 - q->sent, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    q->sent += (size_t)n;
    if (q->sent == q->n + 2)
        watch_set(q->watch, UV_READABLE);
    return true;
}

/* -1: over, 0: not yet, else the length of the message. */
static ssize_t receive_whole(struct dns_asked *q)
{
    uint8_t *room = q->dns->scratch;
    ssize_t n = recv(q->fd, room, DNS_MESSAGE_MAX, 0);
    size_t whole;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    buf_add(&q->in, room, (size_t)n);
    if (q->in.len < 2)
        return 0;
    whole = (size_t)(uint8_t)q->in.data[0] << 8 | (uint8_t)q->in.data[1];
    if (q->in.len < whole + 2)
        return 0;
    memcpy(room, q->in.data + 2, whole);
    return (ssize_t)whole;
}

static void on_stream(void *arg, int events)
{
    struct dns_asked *q = arg;
    struct dns_said said;
    ssize_t n;

    if (events & UV_WRITABLE && q->sent < q->n + 2) {
        if (!send_rest(q))
            next_attempt(q);
        return;
    }
    n = receive_whole(q);
    if (!n)
        return;
    if (n < 0 || !dns_read_answer(q->dns->scratch, (size_t)n, q->id, &q->query, &said))
        next_attempt(q);
    else
        on_said(q, q->dns->scratch, (size_t)n, &said);
}

static void randomize(struct dns_asked *q)
{
    uint8_t letters[DNS_WIRE_NAME_MAX] = {0};

    ASSERT(getrandom(&q->id, sizeof(q->id), 0) == sizeof(q->id));
    if (q->way == DNS_BY_UDP)
        ASSERT(getrandom(letters, sizeof(letters), 0) == sizeof(letters));
    dns_set_id(q->message + 2, q->id);
    dns_set_case(q->message + 2, q->question_end, letters);
}

static bool open_attempt(struct dns_asked *q)
{
    const struct sockaddr_storage *to = &q->servers.v[q->attempt % q->servers.n];
    socklen_t len =
        to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    bool is_tcp = q->way == DNS_BY_TCP;
    int type = (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

    q->fd = socket(to->ss_family, type, 0);
    if (q->fd < 0)
        return false;
    if (connect(q->fd, (const void *)to, len) != 0 && errno != EINPROGRESS)
        return false;
    randomize(q);
    q->sent = 0;
    q->watch = watch_open(q->dns->net->loop, q->fd, is_tcp ? UV_WRITABLE : UV_READABLE,
                          is_tcp ? on_stream : on_datagram, q);
    return is_tcp || send(q->fd, q->message + 2, q->n, 0) == (ssize_t)q->n;
}

static void attempt(struct dns_asked *q)
{
    size_t most = q->servers.n < ATTEMPTS_MIN ? ATTEMPTS_MIN : q->servers.n;

    for (;;) {
        if (!q->servers.n || q->attempt >= most) {
            dns_asked_done(q, NULL, 0, NULL);
            return;
        }
        if (open_attempt(q))
            break;
        stop_attempt(q);
        if (q->loses_case && q->way == DNS_BY_TCP) {
            q->way = DNS_BY_PLAIN_UDP;
            continue;
        }
        q->attempt++;
        q->way = q->first_way;
        q->loses_case = false;
    }
    timer_set(q->dns->net->loop, &q->timer, ATTEMPT_MS, on_timeout);
}

void dns_asked_start(struct dns_asked *q)
{
    q->way = q->first_way;
    attempt(q);
}
