/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver's parts: hosts (one for a container), questions on their way, cache, upstreams. */
#pragma once

#include <netinet/in.h>

#include "base/list.h"
#include "base/map.h"
#include "net/dns.h"

#include "dns_packet.h"
#include "inner.h"

#define DNS_QUERY_MAX 4096 /* a question is never longer */
#define DNS_SERVERS_MAX 6
#define DNS_PENDING_MAX 1024   /* of one container */
#define DNS_WAITERS_MAX 4096   /* for the answer to one question */
#define DNS_ASKED_MAX 8192     /* of all together: each has a socket */
#define DNS_CLIENTS_MAX 32     /* TCP connections of one container: the oldest makes room */
#define DNS_OUT_MAX (1u << 20) /* answers that one container has not taken yet, of all of them */

struct dns_servers {
    struct sockaddr_storage v[DNS_SERVERS_MAX];
    size_t n;
};
/* The nameserver lines of a resolv.conf. Pure. */
void dns_servers_parse(const char *text, struct dns_servers *out);
bool dns_servers_add(struct dns_servers *s, const char *addr); /* false: full, or no address */

/* ---- dns_cache.c ---- */
struct dns_cache;
struct dns_cache *dns_cache_create(size_t max_entries, size_t max_bytes);
void dns_cache_destroy(struct dns_cache *c);
/* A copy with the TTLs of now, or 0. */
size_t dns_cache_get(struct dns_cache *c, const char *key, int64_t now_ns, uint8_t *out);
void dns_cache_put(struct dns_cache *c, const char *key, int64_t now_ns, uint32_t ttl_s,
                   const uint8_t *p, size_t n);
size_t dns_cache_count(const struct dns_cache *c);

/* ---- dns_names.c: pure ---- */
#define DNS_ADDRS_MAX 1024
struct dns_found {
    uint32_t v4[DNS_ADDRS_MAX];
    struct in6_addr v6[DNS_ADDRS_MAX];
    size_t n4, n6;
};
/* Addresses of the neighbours with this name; true when there is such a name, also one without an
 * address of some family. */
bool dns_find_name(struct endpoint *const *own, size_t n_own, const char *name,
                   struct dns_found *out);
/* "container.network" of the neighbour with this address. */
bool dns_find_address(struct endpoint *const *own, size_t n_own, uint32_t addr, char *out,
                      size_t room);
bool dns_find_address6(struct endpoint *const *own, size_t n_own, const struct in6_addr *addr,
                       char *out, size_t room);
/* Outside names are for containers with a way out. */
bool dns_may_forward(struct endpoint *const *own, size_t n_own);

/* ---- dns_servers.c ---- */
struct dns { /* one for a struct net */
    struct net *net;
    struct dns_cache *cache;
    struct map *asked;          /* struct dns_asked on their way, by question */
    struct dns_servers servers; /* of the host */
    int64_t read_ns;            /* when the servers were read */
    bool is_reading;
    uint8_t *scratch;       /* DNS_MESSAGE_MAX + 2: one message on the loop */
    struct dns_found found; /* of the question being answered */
};
struct dns *dns_create(struct net *n);
void dns_destroy(struct dns *d);
/* In the background: this question still goes to those known. */
void dns_servers_refresh(struct dns *d);

/* ---- dns_upstream.c ---- */
enum dns_way { DNS_BY_UDP, DNS_BY_TCP, DNS_BY_PLAIN_UDP /* without upper case */ };
struct dns_asked { /* one question upstream */
    struct dns *dns;
    char *key;
    struct list waiters; /* dns_forward.c */
    size_t n_waiters;
    struct dns_query query; /* of the first who asked */
    struct dns_servers servers;
    size_t attempt;
    enum dns_way first_way, way;
    bool loses_case; /* this server, by UDP */
    uint16_t id;     /* of this attempt */
    int fd;
    struct watch *watch;
    struct timer timer; /* of the attempt, then of what is left to deliver */
    struct buf in;      /* TCP */
    size_t sent;        /* TCP */
    size_t n, question_end;
    uint8_t message[2 + DNS_UPSTREAM_MAX]; /* TCP's length first */
    uint8_t *answer;                       /* NULL: none */
    size_t answer_len;
};
void dns_asked_start(struct dns_asked *q); /* it may be done by the time this returns */
void dns_asked_stop(struct dns_asked *q);

/* ---- dns_forward.c ---- */
/* message NULL: nobody has answered. */
void dns_asked_done(struct dns_asked *q, const uint8_t *message, size_t n,
                    const struct dns_said *said);

struct dns_client; /* a TCP connection */
struct dns_reply_to {
    struct dns_client *client; /* NULL: by UDP to `addr` */
    struct sockaddr_in addr;
};
struct dns_host {
    struct dns *dns;
    struct dns_asker who;
    int udp, tcp;
    struct watch *udp_watch, *tcp_watch;
    struct dns_servers servers; /* n 0: the host's */
    char *servers_key;          /* part of the cache's key */
    struct list pending;        /* struct dns_pending */
    size_t n_pending;
    struct list clients;
    size_t n_clients, out_bytes;
    unsigned rotation, rotation6; /* shared names go round; most ask for both families */
};
void dns_forward(struct dns_host *h, const uint8_t *message, const struct dns_query *q,
                 const struct dns_reply_to *to);
void dns_pending_drop_client(struct dns_host *h, struct dns_client *c);
void dns_pending_drop_all(struct dns_host *h);

/* ---- dns_server.c ---- */
/* p is changed: cut to what the asker takes. */
void dns_send(struct dns_host *h, const struct dns_reply_to *to, const struct dns_query *q,
              uint8_t *p, size_t n);
void dns_client_pending(struct dns_client *c, int by); /* its questions upstream: 1 or -1 */
