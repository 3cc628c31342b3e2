/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035, 6891): reading questions, writing answers, judging what upstream
 * servers say. Pure; every length is checked, names may not loop. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER 12
#define DNS_NAME_TEXT 1024 /* 255 bytes as text, escapes included */
#define DNS_UDP_PLAIN 512  /* without EDNS */
#define DNS_MESSAGE_MAX 65535

enum { DNS_A = 1, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41 };
enum { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };
#define DNS_CLASS_IN 1

struct dns_query {
    uint16_t id, type, class;
    char name[DNS_NAME_TEXT]; /* lower case, "\ddd" for odd bytes, no final dot; "" is the root */
    size_t question_end;      /* in the message */
    bool has_edns, wants_dnssec, checking_disabled, recursion_desired;
    uint16_t udp_size; /* what the asker takes by UDP, at least DNS_UDP_PLAIN */
};
/* DNS_NOERROR, or the code to answer with; -1: not a query, to be ignored. With a code other than
 * DNS_NOERROR question_end is 0 unless the question could be read. */
int dns_read_query(const uint8_t *p, size_t n, struct dns_query *out);

/* An answer of our own. `out` has DNS_MESSAGE_MAX bytes, limit is what the asker takes; what does
 * not fit is left out and the message marked as truncated. */
struct dns_local {
    int rcode;
    uint32_t ttl;
    const uint32_t *addrs; /* host order: A records */
    size_t n_addrs;
    const struct in6_addr *addrs6; /* AAAA records */
    size_t n_addrs6;
    const char *pointer; /* NULL, or the name of a PTR record */
};
size_t dns_write_reply(const uint8_t *query, const struct dns_query *q, const struct dns_local *l,
                       size_t limit, uint8_t *out);

/* What an upstream server said. */
struct dns_said {
    int rcode;
    bool is_truncated;
    bool is_cacheable;
    uint32_t ttl; /* for how long, when cacheable */
};
/* Whether p answers exactly this question with this id; false also when it is malformed. */
bool dns_read_answer(const uint8_t *p, size_t n, uint16_t id, const struct dns_query *q,
                     struct dns_said *out);
/* Lowers every TTL; p was accepted by dns_read_answer. False: it cannot be read any more, because a
 * name of it led through a TTL (nobody honest writes such). */
bool dns_age(uint8_t *p, size_t n, uint32_t seconds);
/* To `limit` bytes: only header and question remain, marked as truncated. The new length. */
size_t dns_truncate(uint8_t *p, size_t n, size_t limit);
void dns_set_id(uint8_t *p, uint16_t id);

/* ---- to others ---- */
#define DNS_WIRE_NAME_MAX 255
#define DNS_QUESTION_MAX (DNS_WIRE_NAME_MAX + 4)
#define DNS_UPSTREAM_MAX (DNS_HEADER + DNS_QUESTION_MAX + 11)
/* The same question, and nothing else of what the asker sent; the id is set later. */
size_t dns_write_query(const struct dns_query *q, const uint8_t *question,
                       uint8_t out[DNS_UPSTREAM_MAX]);
/* The letters of the question's name: upper case where the random byte is odd. */
void dns_set_case(uint8_t *p, size_t question_end, const uint8_t random[DNS_WIRE_NAME_MAX]);
/* Whether p repeats the question of `sent` byte for byte. */
bool dns_has_question(const uint8_t *p, size_t n, const uint8_t *sent, size_t question_end);
/* "4.3.2.1.in-addr.arpa" → host order. */
bool dns_reverse_parse(const char *name, uint32_t *out);
/* 32 nibbles and ".ip6.arpa" */
bool dns_reverse_parse6(const char *name, struct in6_addr *out);
