/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include "forwarding.h"
#include "rules.h"
#include "sources.h"
#include "test.h"

static struct port_map any80 = {
    .proto = PORT_TCP, .host_port = 80, .addr = 0xac110002, .port = 8080};
static struct port_map one53 = {
    .proto = PORT_UDP, .host_ip = {10, 0, 0, 1}, .host_port = 53, .addr = 0xac110003, .port = 5353};
static struct port_map local = {
    .proto = PORT_TCP, .host_ip = {127, 0, 0, 1}, .host_port = 81, .addr = 0xac110002, .port = 81};
static struct port_map v6 = {
    .proto = PORT_TCP, .is_v6 = true, .host_port = 80, .addr = 0xac110002, .port = 8080};

static char *text_of(const struct rules_view *v)
{
    autobuf struct buf b = {0};

    rules_text(&b, v);
    return arena_strdup(test_arena, b.data);
}

TEST(rules_want_no_loopback_and_one_family)
{
    CHECK(rules_want_port(&any80));
    CHECK(rules_want_port(&one53));
    CHECK(!rules_want_port(&local));
    CHECK(!rules_want_port(&v6));
}

#define V6(last)                                                                                   \
    {                                                                                              \
        0xfd, [15] = last                                                                          \
    }
/* fd0N::1/64 */
static struct subnet6 net6(uint8_t second)
{
    return (struct subnet6){.address = {.s6_addr = {0xfd, second, [15] = 1}}, .bits = 64};
}

static struct port_map own6 = {.proto = PORT_TCP,
                               .is_v6 = true,
                               .host_port = 80,
                               .addr = 0xac110002,
                               .addr6 = V6(2),
                               .port = 8080};
static struct port_map routed6 = {
    .proto = PORT_UDP, .is_v6 = true, .is_routed = true, .addr6 = V6(3), .port = 53};

TEST(rules_translate_ipv6_to_an_ipv6_address)
{
    struct port_map one = own6, local6 = own6, same = own6;
    struct bridge_spec bridges[] = {
        {.ifname = "b1", .address6 = net6(0), .icc = true, .masquerade = true},
        {.ifname = "b2", .address6 = net6(1), .masquerade = true, .mode6 = GATEWAY_ROUTED},
        {.ifname = "b3", .address6 = net6(2), .masquerade = true, .internal = true}};

    memcpy(one.host_ip, (uint8_t[16]){0xfd, 9}, 16);
    one.host_port = 81;
    memcpy(local6.host_ip, (uint8_t[16]){[15] = 1}, 16);
    local6.host_port = 82;
    same.host_port = same.port = 83;
    CHECK(rules_want_port(&own6) && rules_want_port(&routed6) && !rules_want_port(&local6));
    struct port_map ports[] = {any80, own6, one, local6, same, routed6};
    const char *t = text_of(&(struct rules_view){"abc", bridges, 3, ports, 6, .ip_masq = true});
    CHECK(strstr(t, "map any4 {\n    type inet_proto . inet_service : ipv4_addr . inet_service\n"
                    "    elements = {\n      tcp . 80 : 172.17.0.2 . 8080\n"));
    CHECK(strstr(t, "map any6 {\n    type inet_proto . inet_service : ipv6_addr . inet_service\n"
                    "    elements = {\n      tcp . 80 : fd00::2 . 8080\n"));
    CHECK(strstr(t, "fd09:: . tcp . 81 : fd00::2 . 8080"));
    CHECK(strstr(t, "tcp . 83 : fd00::2\n"));
    CHECK(!strstr(t, "82"));
    CHECK(strstr(t, "set self6 {\n    type ipv6_addr . inet_proto . inet_service\n"
                    "    flags interval\n    elements = {\n      fd00::2 . tcp . 80,"));
    CHECK(strstr(t, "set open6 {\n    type ipv6_addr . inet_proto . inet_service\n"
                    "    flags interval\n    elements = {\n      fd00::3 . udp . 53\n"));
    CHECK(strstr(t, "ip6 saddr fd00::/64 oifname != \"b1\" masquerade"));
    CHECK(strstr(t, "ip6 saddr fd00::/64 oifname \"b1\" ct status dnat masquerade"));
    CHECK(!strstr(t, "oifname != \"b2\" masquerade")); /* routed */
    CHECK(!strstr(t, "oifname != \"b3\" masquerade")); /* internal */
    CHECK(strstr(t, "set routed6 {\n    type ifname\n    elements = { \"b2\" }"));
    CHECK(!strstr(t, "ip saddr 0.0.0.0"));
}

TEST(rules_change_both_families)
{
    struct port_map both[] = {any80, own6}, opened[] = {routed6, routed6};
    autobuf struct buf b = {0};

    opened[1].port = 54;
    rules_ports_text(&b, "t", both, 2, opened, 2);
    CHECK_STR(b.data, "delete element inet berth_t any4 { tcp . 80 }\n"
                      "delete element inet berth_t self { 172.17.0.2 . tcp . 80 }\n"
                      "delete element inet berth_t any6 { tcp . 80 }\n"
                      "delete element inet berth_t self6 { fd00::2 . tcp . 80 }\n"
                      "add element inet berth_t open6 { fd00::3 . udp . 53-54 }\n");
}

TEST(rules_replace_the_whole_table)
{
    struct port_map ports[] = {any80, one53, local, v6};
    struct bridge_spec bridges[] = {
        {.ifname = "berth0", .address = {0xac110001, 16}, .icc = true, .masquerade = true},
        {.ifname = "br-in", .address = {0x0a4d0001, 24}, .masquerade = true, .internal = true}};
    const char *t = text_of(&(struct rules_view){"abc", bridges, 2, ports, 4, .ip_masq = true});

    CHECK(!strncmp(t, "add table inet berth_abc\ndelete table inet berth_abc\ntable inet", 62));
    CHECK(strstr(t, "tcp . 80 : 172.17.0.2 . 8080"));
    CHECK(strstr(t, "10.0.0.1 . udp . 53 : 172.17.0.3 . 5353"));
    CHECK(strstr(t, "172.17.0.2 . tcp . 80,"));
    CHECK(!strstr(t, "81"));
    CHECK(strstr(t, "ip saddr 172.17.0.0/16 oifname != \"berth0\" masquerade"));
    CHECK(!strstr(t, "oifname != \"br-in\" masquerade"));
    CHECK(strstr(t, "elements = { \"berth0\" . \"berth0\" }")); /* icc */
    CHECK(strstr(t, "elements = { \"br-in\" }"));               /* internal */
    CHECK(strstr(t, "    ip daddr != 127.0.0.0/8 fib daddr type local jump publish"));
}

TEST(rules_of_nothing_are_a_valid_table)
{
    const char *t = text_of(&(struct rules_view){.tag = "x"});

    CHECK(!strstr(t, "elements"));
    CHECK(!strstr(t, "masquerade"));
    CHECK(strstr(t, "    ip daddr != 127.0.0.0/8 fib daddr type local jump publish"));
}

/* 7000-7002 with their IPv6 twins, then 80 elsewhere, then 7003 of another container. */
static size_t fill_range(struct port_map out[8])
{
    size_t n = 0;

    for (uint16_t port = 7000; port <= 7002; port++)
        for (int is_v6 = 0; is_v6 < 2; is_v6++)
            out[n++] = (struct port_map){.proto = PORT_TCP,
                                         .is_v6 = is_v6,
                                         .host_port = port,
                                         .port = port,
                                         .addr = 0xac110002};
    out[n] = out[0];
    out[n].host_port = out[n].port = 7003;
    out[n++].addr = 0xac110003;
    out[n++] = any80;
    return n;
}

TEST(rules_make_a_range_one_element)
{
    struct port_map ports[8];
    size_t n = fill_range(ports);
    const char *t = text_of(&(struct rules_view){"abc", NULL, 0, ports, n, .ip_masq = true});
    autobuf struct buf b = {0};

    CHECK(strstr(t, "tcp . 7000-7002 : 172.17.0.2,\n      tcp . 7003 : 172.17.0.3\n"));
    CHECK(strstr(t, "172.17.0.2 . tcp . 7000-7002,"));
    CHECK(strstr(t, "tcp . 80 : 172.17.0.2 . 8080\n"));
    rules_ports_text(&b, "t", ports, 6, ports, 0);
    CHECK_STR(b.data, "delete element inet berth_t any4same { tcp . 7000-7002 }\n"
                      "delete element inet berth_t self { 172.17.0.2 . tcp . 7000-7002 }\n");
}

TEST(rules_change_ports_removed_first)
{
    struct port_map moved = any80;
    autobuf struct buf b = {0};

    moved.addr = 0xac110009;
    rules_ports_text(&b, "t", &any80, 1, &moved, 1);
    CHECK_STR(b.data, "delete element inet berth_t any4 { tcp . 80 }\n"
                      "delete element inet berth_t self { 172.17.0.2 . tcp . 80 }\n"
                      "add element inet berth_t any4 { tcp . 80 : 172.17.0.9 . 8080 }\n"
                      "add element inet berth_t self { 172.17.0.9 . tcp . 80 }\n");
    b.len = 0;
    rules_ports_text(&b, "t", &local, 1, &v6, 1);
    CHECK_INT(b.len, 0);
}

/* ---- a host that forwards because of us ---- */

static char *guard_of(const struct guard_view *v)
{
    autobuf struct buf b = {0};

    guard_text(&b, v);
    return arena_strdup(test_arena, b.len ? b.data : "");
}

TEST(guard_is_none_where_the_host_forwarded_before)
{
    CHECK_STR(guard_of(&(struct guard_view){.tag = "abc"}), "");
}

TEST(guard_closes_one_family_and_lets_guests_through)
{
    struct guard_view v = {.tag = "abc", .is_closed = {[FORWARD6] = true}};

    strs_add(test_arena, &v.guests[FORWARD6], "docker0");
    strs_add(test_arena, &v.bridged, "docker0");
    strs_add(test_arena, &v.bridged, "br0");
    const char *t = guard_of(&v);
    CHECK(strstr(t, "add element inet berth_abc guests6 { \"docker0\" }\n"));
    CHECK(strstr(t, "add element inet berth_abc bridged { \"br0\" . \"br0\" }\n"));
    CHECK(strstr(t, "guard meta nfproto ipv6 iifname @guests6 accept\n"));
    CHECK(strstr(t, "guard meta nfproto ipv6 oifname @bridges accept\n"));
    CHECK(strstr(t, "guard meta nfproto ipv6 drop\n"));
    CHECK(!strstr(t, "nfproto ipv4"));
}

/* ---- who may send from where ---- */

static const struct source both = {.port = "v1",
                                   .mac = {2, 0x42, 10, 0, 0, 2},
                                   .addr = 0x0a000002,
                                   .has_v6 = true,
                                   .addr6 = {.s6_addr = {0xfd, [15] = 2}},
                                   .link_local = {.s6_addr = {0xfe, 0x80, [15] = 9}}};

TEST(sources_are_elements_by_port_mac_and_address)
{
    autobuf struct buf b = {0};
    struct source only6 = both;
    const struct source *all[] = {&both, &only6};

    memcpy(only6.port, "v2", 3);
    only6.addr = 0;
    sources_text(&b, "abc", all, 2);
    CHECK(strstr(b.data, "elements = {\n      \"v1\",\n      \"v2\"\n"));
    CHECK(strstr(b.data, "\"v1\" . 02:42:0a:00:00:02 . 10.0.0.2\n    }"));
    CHECK(strstr(b.data, "\"v1\" . 02:42:0a:00:00:02 . fd00::2"));
    CHECK(strstr(b.data, "\"v2\" . 02:42:0a:00:00:02 . fe80::9"));
    CHECK(strstr(b.data, "\"v2\" . 02:42:0a:00:00:02 . 0xfd000000000000000000000000000002"));
    CHECK(!strstr(b.data, "\"v2\" . 02:42:0a:00:00:02 . 0.0.0.0"));
}

TEST(sources_batch_takes_what_fits)
{
    char room[4096];
    struct source_batch b = {.room = room, .size = sizeof(room), .last_seq = 7};
    struct source many[10];
    size_t done;

    for (size_t i = 0; i < 10; i++)
        many[i] = both;
    done = sources_batch(&b, "abc", many, 10, true);
    CHECK(done > 1 && done < 10);
    CHECK(b.len <= sizeof(room));
    CHECK_INT(b.first_seq, 9); /* behind the one that begins it */
    CHECK_INT(b.last_seq, 8 + 4 * done);
}
