/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* The resolver without sockets: packets, cache, names, servers. */
#include "base/clock.h"
#include "dns_inner.h"
#include "network_inner.h"
#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t ask_web[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                 "\x03WeB\x04Test\x00\x00\x01\x00\x01";
#define ASK_WEB (sizeof(ask_web) - 1)
static const uint8_t ask_edns[] = "\x12\x34\x01\x10\x00\x01\x00\x00\x00\x00\x00\x01"
                                  "\x03web\x00\x00\x1c\x00\x01"
                                  "\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x00";
#define ASK_EDNS (sizeof(ask_edns) - 1)

static uint8_t out[DNS_MESSAGE_MAX];

static struct dns_query query_web(void)
{
    struct dns_query q;

    CHECK_INT(dns_read_query(ask_web, ASK_WEB, &q), DNS_NOERROR);
    return q;
}

/* An answer to ask_web with one A record of this TTL. */
static size_t answer_web(uint16_t id, uint32_t ttl)
{
    uint32_t addr = 0xc0000201;
    struct dns_local l = {.ttl = ttl, .addrs = &addr, .n_addrs = 1};
    struct dns_query q = query_web();
    size_t n = dns_write_reply(ask_web, &q, &l, 512, out);

    dns_set_id(out, id);
    return n;
}

TEST(dns_query_is_read)
{
    struct dns_query q = query_web();

    CHECK_STR(q.name, "web.test");
    CHECK_INT(q.id, 0x1234);
    CHECK_INT(q.type, DNS_A);
    CHECK_INT(q.class, DNS_CLASS_IN);
    CHECK_INT(q.udp_size, 512);
    CHECK(q.recursion_desired && !q.has_edns);
    CHECK_INT(dns_read_query(ask_edns, ASK_EDNS, &q), DNS_NOERROR);
    CHECK(q.has_edns && q.wants_dnssec && q.checking_disabled);
    CHECK_INT(q.udp_size, 4096);
    CHECK_INT(q.type, DNS_AAAA);
}

TEST(dns_query_refuses_what_is_none)
{
    uint8_t m[64];
    struct dns_query q;

    for (size_t n = 0; n < DNS_HEADER; n++)
        CHECK_INT(dns_read_query(ask_web, n, &q), -1);
    for (size_t n = DNS_HEADER; n < ASK_WEB; n++)
        CHECK_INT(dns_read_query(ask_web, n, &q), DNS_FORMERR);
    memcpy(m, ask_web, ASK_WEB);
    m[2] |= 0x80; /* an answer */
    CHECK_INT(dns_read_query(m, ASK_WEB, &q), -1);
    m[2] = 0x28; /* an update */
    CHECK_INT(dns_read_query(m, ASK_WEB, &q), DNS_NOTIMP);
    m[2] = 1;
    m[5] = 2; /* two questions */
    CHECK_INT(dns_read_query(m, ASK_WEB, &q), DNS_FORMERR);
    m[5] = 1;
    m[12] = 0xc0; /* a name that points at itself */
    m[13] = 12;
    CHECK_INT(dns_read_query(m, ASK_WEB, &q), DNS_FORMERR);
    m[12] = 0x40; /* a label of a reserved kind */
    CHECK_INT(dns_read_query(m, ASK_WEB, &q), DNS_FORMERR);
}

TEST(dns_odd_bytes_of_a_name_cannot_be_confused)
{
    static const uint8_t odd[] = "\0\1\1\0\0\1\0\0\0\0\0\0\x05"
                                 "a.b \\\0\0\1\0\1";
    struct dns_query q;

    CHECK_INT(dns_read_query(odd, sizeof(odd) - 1, &q), DNS_NOERROR);
    CHECK_STR(q.name, "a\\046b\\032\\092");
}

TEST(dns_reply_carries_the_addresses)
{
    struct dns_query q = query_web();
    uint32_t addrs[] = {0x0a000001, 0x0a000002};
    struct dns_local l = {.ttl = 10, .addrs = addrs, .n_addrs = 2};
    size_t n = dns_write_reply(ask_web, &q, &l, 512, out);
    struct dns_said said;

    CHECK_INT(n, ASK_WEB + 2 * 16);
    CHECK_INT(out[7], 2);
    CHECK(!memcmp(out + DNS_HEADER, ask_web + DNS_HEADER, ASK_WEB - DNS_HEADER)); /* case kept */
    CHECK(!memcmp(out + n - 4, "\x0a\0\0\2", 4));
    CHECK(dns_read_answer(out, n, 0x1234, &q, &said));
    CHECK(said.is_cacheable && said.ttl == 10 && said.rcode == DNS_NOERROR);
}

TEST(dns_reply_that_does_not_fit_is_marked)
{
    struct dns_query q = query_web();
    uint32_t addrs[100] = {1};
    struct dns_local l = {.ttl = 10, .addrs = addrs, .n_addrs = 100};
    size_t n = dns_write_reply(ask_web, &q, &l, 512, out);

    CHECK(n <= 512 && n > 490);
    CHECK(out[2] & 2);
    CHECK_INT(out[7], (n - ASK_WEB) / 16);
    CHECK_INT(dns_write_reply(ask_web, &q, &l, DNS_MESSAGE_MAX, out), ASK_WEB + 1600);
    CHECK(!(out[2] & 2));
}

TEST(dns_reply_to_edns_has_edns)
{
    struct dns_query q;
    struct dns_local l = {.rcode = DNS_REFUSED};

    CHECK_INT(dns_read_query(ask_edns, ASK_EDNS, &q), DNS_NOERROR);
    CHECK_INT(dns_write_reply(ask_edns, &q, &l, 4096, out), ASK_EDNS);
    CHECK_INT(out[3] & 0xf, DNS_REFUSED);
    CHECK_INT(out[11], 1);
}

TEST(dns_pointer_is_written_and_parsed)
{
    struct dns_query q = query_web();
    struct dns_local l = {.ttl = 1, .pointer = "one.net"};
    size_t n = dns_write_reply(ask_web, &q, &l, 512, out);
    uint32_t addr = 0;

    CHECK(!memcmp(out + n - 9, "\3one\3net\0", 9));
    CHECK(dns_reverse_parse("4.3.2.10.in-addr.arpa", &addr));
    CHECK_INT(addr, 0x0a020304);
    CHECK(!dns_reverse_parse("3.2.10.in-addr.arpa", &addr));
    CHECK(!dns_reverse_parse("4.3.2.10.in-addr.arpa.x", &addr));
    CHECK(!dns_reverse_parse(".in-addr.arpa", &addr));
}

TEST(dns_answer_must_be_to_this_question)
{
    struct dns_query q = query_web(), other = q;
    size_t n = answer_web(77, 60);
    struct dns_said said;

    CHECK(dns_read_answer(out, n, 77, &q, &said));
    CHECK(!dns_read_answer(out, n, 78, &q, &said));
    other.name[0] = 'x';
    CHECK(!dns_read_answer(out, n, 77, &other, &said));
    other = q;
    other.type = DNS_AAAA;
    CHECK(!dns_read_answer(out, n, 77, &other, &said));
    CHECK(!dns_read_answer(ask_web, ASK_WEB, 0x1234, &q, &said)); /* a question is no answer */
    for (size_t k = 0; k < n; k++)
        CHECK(!dns_read_answer(out, k, 77, &q, &said));
}

TEST(dns_absence_is_remembered_as_long_as_its_soa_says)
{
    static const uint8_t soa[] =
        "\xc0\x0c\0\6\0\1\0\0\0\x40\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"
        "\4\0\0\0\x14";
    struct dns_query q = query_web();
    struct dns_local l = {.rcode = DNS_NXDOMAIN};
    size_t n = dns_write_reply(ask_web, &q, &l, 512, out);
    struct dns_said said;

    CHECK(dns_read_answer(out, n, 0x1234, &q, &said));
    CHECK(!said.is_cacheable);
    memcpy(out + n, soa, sizeof(soa) - 1);
    out[9] = 1;
    CHECK(dns_read_answer(out, n + sizeof(soa) - 1, 0x1234, &q, &said));
    CHECK(said.is_cacheable && said.rcode == DNS_NXDOMAIN);
    CHECK_INT(said.ttl, 0x14);
}

TEST(dns_truncate_keeps_the_question)
{
    struct dns_query q = query_web();
    uint32_t addrs[100] = {1};
    struct dns_local l = {.ttl = 10, .addrs = addrs, .n_addrs = 100};
    size_t n = dns_write_reply(ask_web, &q, &l, DNS_MESSAGE_MAX, out);

    CHECK_INT(dns_truncate(out, n, 4096), n);
    CHECK_INT(dns_truncate(out, n, 512), ASK_WEB);
    CHECK(out[2] & 2);
    CHECK_INT(out[7], 0);
}

/* The second record's name leads through its own TTL, so it is another one a moment later. */
TEST(dns_cache_gives_no_answer_that_age_has_broken)
{
    static const uint8_t message[] = {
        0x12, 0x34, 0x81, 0x80, 0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x03, 0x77, 0x65,
        0x62, 0x04, 0x74, 0x65, 0x73, 0x74, 0x00, 0x00, 0x01, 0x00, 0x01, 0xc0, 0x0c, 0x00, 0x05,
        0x00, 0x01, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x06, 0x03, 0x0a, 0x00, 0x00, 0x0a, 0x10, 0xc0,
        0x26, 0x00, 0x01, 0x00, 0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x03, 0x77, 0x65,
        0x62, 0x04, 0x74, 0x65, 0x73, 0x74, 0x00, 0x00, 0x01, 0x00, 0x01, 0xc0, 0x0c, 0x00, 0x05,
        0x00, 0x01, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x06, 0x03, 0x0a, 0x00, 0x00, 0x0a, 0x10, 0xc0,
        0x26, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x04, 0x01, 0x02, 0x03, 0x04,
        0x01, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x04, 0x01, 0x02, 0x03, 0x04};
    struct dns_cache *c = dns_cache_create(2, 4096);
    uint8_t got[DNS_MESSAGE_MAX];

    dns_cache_put(c, "k", 0, 60, message, sizeof(message));
    CHECK_INT(dns_cache_get(c, "k", 0, got), sizeof(message));
    CHECK_INT(dns_cache_get(c, "k", 7 * NS_PER_S, got), 0);
    CHECK_INT(dns_cache_count(c), 0);
    dns_cache_destroy(c);
}

TEST(dns_cache_ages_and_forgets)
{
    struct dns_cache *c = dns_cache_create(2, 4096);
    struct dns_query q = query_web();
    size_t n = answer_web(1, 60);
    uint8_t got[DNS_MESSAGE_MAX];
    struct dns_said said;

    dns_cache_put(c, "k1", 0, 60, out, n);
    CHECK_INT(dns_cache_get(c, "k1", 20 * NS_PER_S, got), n);
    CHECK(dns_read_answer(got, n, 1, &q, &said));
    CHECK_INT(said.ttl, 40);
    CHECK_INT(dns_cache_get(c, "k1", 60 * NS_PER_S, got), 0);
    CHECK_INT(dns_cache_count(c), 0);
    dns_cache_put(c, "k1", 0, 60, out, n);
    dns_cache_put(c, "k2", 0, 60, out, n);
    CHECK(dns_cache_get(c, "k1", 0, got)); /* k2 is the older one now */
    dns_cache_put(c, "k3", 0, 60, out, n);
    CHECK(!dns_cache_get(c, "k2", 0, got) && dns_cache_get(c, "k1", 0, got));
    dns_cache_put(c, "big", 0, 60, out, 5000);
    CHECK(!dns_cache_get(c, "big", 0, got));
    dns_cache_put(c, "large", 0, 60, out, 4090);
    CHECK_INT(dns_cache_count(c), 1);
    dns_cache_destroy(c);
}

TEST(dns_servers_of_a_resolv_conf)
{
    struct dns_servers s;

    dns_servers_parse("# x\nsearch a\n nameserver 10.0.0.1\nnameserver\tfe80::1%lo # y\n"
                      "nameserverx 10.0.0.2\nnameserver nonsense\nnameserver 127.0.0.53\n",
                      &s);
    CHECK_INT(s.n, 3);
    CHECK_INT(s.v[0].ss_family, AF_INET);
    CHECK_INT(((struct sockaddr_in *)&s.v[0])->sin_port, htons(53));
    CHECK_INT(s.v[1].ss_family, AF_INET6);
    CHECK_INT(((struct sockaddr_in6 *)&s.v[1])->sin6_scope_id, 1);
    for (int i = 0; i < 10; i++)
        dns_servers_add(&s, "10.0.0.9");
    CHECK_INT(s.n, DNS_SERVERS_MAX);
}

/* ---- names ---- */

static struct network *make_network(const char *name, uint32_t addr, bool is_internal)
{
    struct network *n = arena_new(test_arena, struct network);

    n->record.request.name = arena_strdup(test_arena, name);
    n->subnet = (struct subnet4){addr, 24};
    n->ipam = ipam_create(n->subnet, n->subnet);
    n->bridge.internal = is_internal;
    snprintf(n->bridge.ifname, sizeof(n->bridge.ifname), "br-%.8s", name);
    list_init(&n->endpoints);
    return n;
}

static struct endpoint *make_endpoint(struct network *n, const char *name, uint32_t addr)
{
    struct endpoint *e = arena_new(test_arena, struct endpoint);

    e->network = n;
    e->spec.addr = addr;
    snprintf(e->container_name, sizeof(e->container_name), "%s", name);
    snprintf(e->container_id, sizeof(e->container_id), "%064x", addr);
    memcpy(e->container_id, name, 2);
    list_append(&n->endpoints, &e->link);
    return e;
}

static struct dns_found all;
static uint32_t *found = all.v4;

static size_t find(struct endpoint *const *own, size_t n_own, const char *name)
{
    return dns_find_name(own, n_own, name, &all) ? all.n4 : 0;
}

TEST(dns_names_are_those_of_shared_networks)
{
    struct network *one = make_network("one", 0x0a000000, false);
    struct network *two = make_network("two", 0x0a000100, true);
    struct endpoint *me = make_endpoint(one, "me", 0x0a000002);
    struct endpoint *web = make_endpoint(one, "web1", 0x0a000003);
    struct endpoint *web2 = make_endpoint(one, "web2", 0x0a000004);
    struct endpoint *far = make_endpoint(two, "far", 0x0a000102);
    char text[256];

    strs_add(test_arena, &web->aliases, "web");
    strs_add(test_arena, &web2->aliases, "Web");
    web->hostname = "box";
    strs_add(test_arena, &me->links, "web1:db");
    CHECK_INT(find(&me, 1, "web1"), 1);
    CHECK_INT(found[0], 0x0a000003);
    CHECK_INT(find(&me, 1, "WEB1.one"), 1);
    CHECK_INT(find(&me, 1, "web"), 2);
    CHECK_INT(find(&me, 1, "box"), 1);
    CHECK_INT(find(&me, 1, "db"), 1);
    CHECK_INT(find(&web, 1, "db"), 0); /* the link is me's */
    CHECK_INT(find(&me, 1, "we0000000000"), 2);
    CHECK_INT(find(&me, 1, "we"), 0);
    CHECK_INT(find(&me, 1, ""), 0);
    CHECK_INT(find(&me, 1, ".one"), 0);
    CHECK_INT(find(&me, 1, "far"), 0);
    CHECK_INT(find(&me, 1, "far.two"), 0);
    CHECK(dns_find_address(&me, 1, 0x0a000003, text, sizeof(text)));
    CHECK_STR(text, "web1.one");
    CHECK(!dns_find_address(&me, 1, 0x0a000009, text, sizeof(text)));
    CHECK(!dns_find_address(&me, 1, 0x0a000102, text, sizeof(text)));
    CHECK(dns_may_forward(&me, 1));
    CHECK(!dns_may_forward(&far, 1));
    one->is_predefined = true; /* the default bridge has no names */
    CHECK_INT(find(&me, 1, "web1"), 0);
    ipam_destroy(one->ipam);
    ipam_destroy(two->ipam);
}

static void give_ipv6(struct endpoint *e, uint8_t last)
{
    subnet6_parse("fd00:9::/64", &e->network->subnet6);
    if (!e->network->ipam6)
        e->network->ipam6 = ipam6_create(e->network->subnet6, e->network->subnet6);
    e->spec.addr6 = subnet6_at(e->network->subnet6, last);
    e->spec.bits6 = 64;
}

TEST(dns_names_have_addresses_of_both_families)
{
    struct network *one = make_network("one", 0x0a000000, false);
    struct endpoint *me = make_endpoint(one, "me", 0x0a000002);
    struct endpoint *only6 = make_endpoint(one, "only6", 0);
    struct endpoint *both = make_endpoint(one, "both", 0x0a000004);
    char text[256];
    struct in6_addr addr;

    give_ipv6(only6, 3);
    give_ipv6(both, 4);
    CHECK(dns_find_name(&me, 1, "only6", &all)); /* there is such a name, with no A record */
    CHECK_INT(all.n4, 0);
    CHECK_INT(all.n6, 1);
    CHECK(dns_find_name(&me, 1, "both.one", &all));
    CHECK(all.n4 == 1 && all.n6 == 1 && all.v6[0].s6_addr[15] == 4);
    CHECK(dns_find_name(&me, 1, "me", &all));
    CHECK(all.n4 == 1 && all.n6 == 0);
    CHECK(!dns_find_name(&me, 1, "nobody", &all));
    CHECK(dns_find_address6(&me, 1, &only6->spec.addr6, text, sizeof(text)));
    CHECK_STR(text, "only6.one");
    addr = subnet6_at(one->subnet6, 9);
    CHECK(!dns_find_address6(&me, 1, &addr, text, sizeof(text)));
    CHECK(!dns_find_address6(&me, 1, &(struct in6_addr){0}, text, sizeof(text)));
    CHECK(!dns_find_address(&me, 1, 0, text, sizeof(text))); /* is nobody's address */
    ipam_destroy(one->ipam);
    ipam6_destroy(one->ipam6);
}

TEST(dns_answers_aaaa_and_reads_ip6_arpa)
{
    static const char name[] = "3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.f."
                               "ip6.arpa";
    static const char *const bad[] = {
        "ip6.arpa",
        "3.2.1.0.ip6.arpa",
        "3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.g.ip6.arpa",
        "3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.fxip6.arpa",
        "33.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.f.p6.arpa",
        "3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.f.ip6.arpa.x",
    };
    uint8_t question[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, DNS_AAAA, 0, 1};
    struct in6_addr addr, want;
    struct dns_query q;

    CHECK(dns_reverse_parse6(name, &addr));
    CHECK(addr6_parse("fd00:9::123", &want) && addr6_is_equal(&addr, &want));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!dns_reverse_parse6(bad[i], &addr));
    CHECK_INT(dns_read_query(question, sizeof(question), &q), DNS_NOERROR);
    struct dns_local l = {.ttl = 10, .addrs6 = &want, .n_addrs6 = 1};
    size_t n = dns_write_reply(question, &q, &l, sizeof(out), out);
    CHECK_INT(n, sizeof(question) + 12 + 16);
    CHECK_INT(out[7], 1);                           /* one answer */
    CHECK_INT(out[sizeof(question) + 3], DNS_AAAA); /* its type */
    CHECK(!memcmp(out + n - 16, &want, 16));
    l.n_addrs6 = 0; /* NODATA: no error, no answer */
    dns_write_reply(question, &q, &l, sizeof(out), out);
    CHECK_INT(out[3] & 0xf, DNS_NOERROR);
    CHECK_INT(out[7], 0);
}

/* ---- to others ---- */

TEST(dns_question_upstream_is_ours_alone)
{
    static const uint8_t asked[] = {0,   7,    1,   0x10, 0, 1, 0, 0, 0, 0, 0,  1,  2, 'a',
                                    'B', 1,    'c', 0,    0, 1, 0, 1, 0, 0, 41, 16, 0, 0,
                                    0,   0x80, 0,   0,    8, 0, 8, 0, 4, 1, 2,  3,  4};
    uint8_t sent[DNS_UPSTREAM_MAX], random[DNS_WIRE_NAME_MAX] = {0};
    struct dns_query q, again;
    size_t n;

    CHECK_INT(dns_read_query(asked, sizeof(asked), &q), DNS_NOERROR);
    n = dns_write_query(&q, asked + DNS_HEADER, sent);
    CHECK_INT(n, q.question_end + 11); /* without the client's subnet */
    CHECK_INT(dns_read_query(sent, n, &again), DNS_NOERROR);
    CHECK(again.has_edns && again.wants_dnssec && again.checking_disabled);
    CHECK(again.recursion_desired);
    CHECK_STR(again.name, q.name);
    CHECK(dns_has_question(sent, n, asked, q.question_end));
    dns_set_case(sent, q.question_end, random);
    CHECK(!dns_has_question(sent, n, asked, q.question_end));
    CHECK(!memcmp(sent + DNS_HEADER, "\2ab\1c\0", 6));
    memset(random, 1, sizeof(random));
    dns_set_case(sent, q.question_end, random);
    CHECK(!memcmp(sent + DNS_HEADER, "\2AB\1C\0\0\1\0\1", 10));
    CHECK(!dns_has_question(sent, q.question_end - 1, sent, q.question_end));
}
