/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* DNS messages from containers (questions) and from upstream servers (answers). */
#include "dns_packet.h"

#include "base/mem.h"

#include <string.h>

/* What goes upstream is the same question, whatever its case, and fits. */
static void check_upstream(const uint8_t *data, size_t size, const struct dns_query *q)
{
    uint8_t out[DNS_UPSTREAM_MAX], random[DNS_WIRE_NAME_MAX] = {0};
    struct dns_query again;
    size_t n = dns_write_query(q, data + DNS_HEADER, out);

    memcpy(random, data, size < sizeof(random) ? size : sizeof(random));
    ASSERT(n <= sizeof(out) && dns_has_question(out, n, data, q->question_end));
    dns_set_case(out, q->question_end, random);
    ASSERT(dns_read_query(out, n, &again) == DNS_NOERROR && !strcmp(again.name, q->name));
    ASSERT(again.type == q->type && again.class == q->class && again.has_edns == q->has_edns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(const uint8_t *data, const struct dns_query *q, int rcode)
{
    static uint8_t out[DNS_MESSAGE_MAX];
    uint32_t addrs[20] = {1, 2, 3};
    struct in6_addr addrs6[20] = {{{{0xfd}}}};
    struct dns_local l = {
        .rcode = rcode, .ttl = 10, .addrs = addrs, .n_addrs = 20, .addrs6 = addrs6, .n_addrs6 = 20};
    size_t n = dns_write_reply(data, q, &l, q->udp_size, out);
    struct dns_query again;
    struct dns_said said;

    ASSERT(n >= DNS_HEADER && n <= q->udp_size);
    ASSERT(dns_read_query(out, n, &again) == -1); /* an answer is no question */
    if (rcode == DNS_NOERROR)
        ASSERT(dns_read_answer(out, n, q->id, q, &said));
}

/* As an answer to the question it carries itself, so that the checks are passed. */
static void check_answer(uint8_t *p, size_t n)
{
    uint8_t *question = mem_alloc(n + 1);
    struct dns_query q;
    struct dns_said said;

    memcpy(question, p, n);
    question[2] &= 0x07;
    memset(question + 6, 0, 6);
    if (dns_read_query(question, n, &q) == DNS_NOERROR && dns_read_answer(p, n, q.id, &q, &said)) {
        ASSERT(!said.is_cacheable || said.ttl);
        if (dns_age(p, n, 7))
            ASSERT(dns_read_answer(p, n, q.id, &q, &said));
        ASSERT(dns_truncate(p, n, 512) <= 512);
    }
    free(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size + 1); /* exactly sized for the sanitizer */
    struct dns_query q;
    struct in6_addr addr6;
    uint32_t addr;
    int rcode = dns_read_query(data, size, &q);

    if (rcode >= 0) {
        ASSERT(strlen(q.name) < DNS_NAME_TEXT);
        dns_reverse_parse(q.name, &addr);
        dns_reverse_parse6(q.name, &addr6);
        check_reply(data, &q, rcode);
        if (rcode == DNS_NOERROR)
            check_upstream(data, size, &q);
    }
    if (size) {
        memcpy(copy, data, size);
        if (size >= DNS_HEADER)
            check_answer(copy, size);
        dns_truncate(copy, size, DNS_HEADER);
        dns_age(copy, size, 1);
    }
    free(copy);
    return 0;
}
