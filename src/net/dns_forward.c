/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions for the outside and who waits for them. Of one question (name, type, class, servers,
 * network) there is one upstream at a time, whoever asks and how often: a thousand of them on their
 * way, each with an id of its own, would let a forged answer hit one. Those who ask it meanwhile
 * wait for its answer; who asks it in another manner (DNSSEC, EDNS) gets the next turn. What was
 * answered is kept for the network that the asker is in, so that no network learns from another
 * one's. Loop thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "dns_inner.h"
#include "network_inner.h"

#define DELIVER_SLICE 64 /* answers a turn */
#define KEY_MAX (DNS_NAME_TEXT + 640)
#define MANNER_MAX 8

struct dns_pending {
    struct list link;   /* of the host's */
    struct list waiter; /* of the question's */
    struct dns_asked *asked;
    struct dns_host *host;
    struct dns_reply_to to;
    struct dns_query query;
    uint8_t question[DNS_QUESTION_MAX]; /* as asked: its case is the asker's */
};

/* ---- keys ---- */

/* The network by which the question goes out; endpoints are asked anew each time. */
static const char *scope_of(const struct dns_host *h)
{
    size_t n;
    struct endpoint *const *own = h->who.endpoints(h->who.ctx, &n);

    for (size_t i = 0; i < n; i++)
        if (own[i]->network && !own[i]->network->bridge.internal)
            return own[i]->network->record.id;
    return "";
}

static void question_key(const struct dns_host *h, const struct dns_query *q, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, "%u %u %.64s %.500s %s", q->type, q->class, scope_of(h), h->servers_key,
             q->name);
}

/* What an answer depends on beside the question. */
static void manner_of(const struct dns_query *q, char out[MANNER_MAX])
{
    snprintf(out, MANNER_MAX, "%d%d%d%d ", q->has_edns, q->wants_dnssec, q->checking_disabled,
             q->recursion_desired);
}

static bool is_same_manner(const struct dns_query *a, const struct dns_query *b)
{
    return a->has_edns == b->has_edns && a->wants_dnssec == b->wants_dnssec &&
           a->checking_disabled == b->checking_disabled &&
           a->recursion_desired == b->recursion_desired;
}

static void cache_key(const char *question, const struct dns_query *q,
                      char out[KEY_MAX + MANNER_MAX])
{
    char manner[MANNER_MAX];

    manner_of(q, manner);
    snprintf(out, KEY_MAX + MANNER_MAX, "%s%s", manner, question);
}

/* ---- who waits ---- */

static void asked_destroy(struct dns_asked *q)
{
    ASSERT(list_is_empty(&q->waiters));
    dns_asked_stop(q);
    if (map_get(q->dns->asked, q->key) == q)
        map_take(q->dns->asked, q->key);
    free(q->key);
    free(q->answer);
    free(q);
}

static void pending_free(struct dns_pending *p)
{
    list_remove(&p->link);
    p->host->n_pending--;
    if (p->to.client)
        dns_client_pending(p->to.client, -1);
    free(p);
}

static void pending_end(struct dns_pending *p)
{
    list_remove(&p->waiter);
    p->asked->n_waiters--;
    pending_free(p);
}

/* message: changed. */
static void reply(struct dns_host *h, const struct dns_reply_to *to, const struct dns_query *q,
                  const uint8_t *question, uint8_t *message, size_t n)
{
    dns_set_id(message, q->id);
    if (n >= q->question_end)
        memcpy(message + DNS_HEADER, question, q->question_end - DNS_HEADER);
    dns_send(h, to, q, message, n);
}

static void answer_failure(struct dns_host *h, const struct dns_reply_to *to,
                           const struct dns_query *q, const uint8_t *question)
{
    uint8_t message[DNS_HEADER + DNS_QUESTION_MAX] = {0};
    struct dns_local failed = {.rcode = DNS_SERVFAIL};
    uint8_t *out = h->dns->scratch;

    memcpy(message + DNS_HEADER, question, q->question_end - DNS_HEADER);
    dns_send(h, to, q, out, dns_write_reply(message, q, &failed, DNS_MESSAGE_MAX, out));
}

/* ---- the answer ---- */

static void ask_pending(struct dns_pending *p);

/* Takes the waiter to its end, or to the question in its own manner. */
static void deliver_one(struct dns_asked *q, struct dns_pending *p)
{
    uint8_t *copy = q->dns->scratch;

    if (q->answer && !is_same_manner(&q->query, &p->query)) {
        list_remove(&p->waiter);
        q->n_waiters--;
        ask_pending(p);
        return;
    }
    if (q->answer) {
        memcpy(copy, q->answer, q->answer_len); /* sending cuts it */
        reply(p->host, &p->to, &p->query, p->question, copy, q->answer_len);
    } else {
        answer_failure(p->host, &p->to, &p->query, p->question);
    }
    pending_end(p);
}

static void on_deliver(struct timer *t)
{
    struct dns_asked *q = container_of(t, struct dns_asked, timer);

    for (int i = 0; i < DELIVER_SLICE; i++) {
        struct dns_pending *p = list_first(&q->waiters, struct dns_pending, waiter);

        if (!p) {
            asked_destroy(q);
            return;
        }
        deliver_one(q, p);
    }
    timer_set(q->dns->net->loop, &q->timer, 0, on_deliver);
}

/* From here on the question is open for others to ask: nothing is under way any more. */
void dns_asked_done(struct dns_asked *q, const uint8_t *message, size_t n,
                    const struct dns_said *said)
{
    char key[KEY_MAX + MANNER_MAX];

    if (message) {
        q->answer = mem_alloc(n);
        q->answer_len = n;
        memcpy(q->answer, message, n);
        cache_key(q->key, &q->query, key);
        if (said->is_cacheable)
            dns_cache_put(q->dns->cache, key, clock_boot_ns(), said->ttl, message, n);
    }
    map_take(q->dns->asked, q->key);
    on_deliver(&q->timer);
}

/* ---- asking ---- */

static struct dns_asked *asked_create(struct dns_pending *p, const char *key)
{
    struct dns_host *h = p->host;
    struct dns_asked *q = mem_new(struct dns_asked);

    q->dns = h->dns;
    q->key = mem_strdup(key);
    q->servers = h->servers.n ? h->servers : h->dns->servers;
    q->query = p->query;
    q->first_way = p->to.client ? DNS_BY_TCP : DNS_BY_UDP;
    q->fd = -1;
    list_init(&q->waiters);
    q->n = dns_write_query(&p->query, p->question, q->message + 2);
    q->question_end = p->query.question_end;
    q->message[0] = (uint8_t)(q->n >> 8);
    q->message[1] = (uint8_t)q->n;
    ASSERT(!map_put(h->dns->asked, key, q));
    return q;
}

static void refuse(struct dns_pending *p)
{
    answer_failure(p->host, &p->to, &p->query, p->question);
    pending_free(p);
}

/* Joins those who ask the same, or is the first. */
static void ask_pending(struct dns_pending *p)
{
    struct dns *d = p->host->dns;
    struct dns_asked *q;
    char key[KEY_MAX];
    bool is_first;

    question_key(p->host, &p->query, key);
    q = map_get(d->asked, key);
    is_first = !q;
    if (is_first ? map_count(d->asked) >= DNS_ASKED_MAX : q->n_waiters >= DNS_WAITERS_MAX) {
        refuse(p);
        return;
    }
    if (is_first)
        q = asked_create(p, key);
    p->asked = q;
    list_append(&q->waiters, &p->waiter);
    q->n_waiters++;
    if (is_first)
        dns_asked_start(q);
}

static bool answer_from_cache(struct dns_host *h, const uint8_t *message, const struct dns_query *q,
                              const struct dns_reply_to *to)
{
    char question[KEY_MAX], key[KEY_MAX + MANNER_MAX];
    uint8_t *out = h->dns->scratch;
    size_t n;

    question_key(h, q, question);
    cache_key(question, q, key);
    n = dns_cache_get(h->dns->cache, key, clock_boot_ns(), out);
    if (n)
        reply(h, to, q, message + DNS_HEADER, out, n);
    return n > 0;
}

void dns_forward(struct dns_host *h, const uint8_t *message, const struct dns_query *q,
                 const struct dns_reply_to *to)
{
    struct dns_pending *p;

    ASSERT(q->question_end - DNS_HEADER <= DNS_QUESTION_MAX);
    if (!h->servers.n)
        dns_servers_refresh(h->dns);
    if (answer_from_cache(h, message, q, to))
        return;
    if (h->n_pending >= DNS_PENDING_MAX) {
        answer_failure(h, to, q, message + DNS_HEADER);
        return;
    }
    p = mem_new(struct dns_pending);
    p->host = h;
    p->to = *to;
    p->query = *q;
    memcpy(p->question, message + DNS_HEADER, q->question_end - DNS_HEADER);
    list_append(&h->pending, &p->link);
    h->n_pending++;
    if (to->client)
        dns_client_pending(to->client, 1);
    ask_pending(p);
}

/* ---- who asked has gone ---- */

static void drop(struct dns_pending *p)
{
    struct dns_asked *q = p->asked;

    pending_end(p);
    if (list_is_empty(&q->waiters)) /* nobody is left who wants to know */
        asked_destroy(q);
}

void dns_pending_drop_client(struct dns_host *h, struct dns_client *c)
{
    list_each (p, &h->pending, struct dns_pending, link)
        if (p->to.client == c)
            drop(p);
}

void dns_pending_drop_all(struct dns_host *h)
{
    list_each (p, &h->pending, struct dns_pending, link)
        drop(p);
}
