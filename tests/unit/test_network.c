/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include <linux/if_link.h>

#include "network_inner.h"
#include "test.h"
#include "vlan.h"

static const struct network_defaults defaults = {.mtu = 1400};
static struct network_plan plan;

static struct err *plan_of(const char *json)
{
    struct network_request r = {0};

    CHECK_OK(json_decode(test_arena, json, strlen(json), &network_request_json, &r));
    return network_plan(&r, &defaults, &plan);
}

TEST(network_plan_fills_defaults)
{
    CHECK_OK(
        plan_of("{\"Name\":\"a_b.c-1\",\"CheckDuplicate\":true,\"IPAM\":{\"Driver\":\"default\","
                "\"Config\":[]},\"Options\":{}}"));
    CHECK(!plan.has_subnet);
    CHECK(plan.bridge.icc && plan.bridge.masquerade && !plan.bridge.internal);
    CHECK_INT(plan.bridge.mtu, 1400);
    CHECK_STR(plan.bridge.ifname, "");
}

TEST(network_plan_takes_addresses_and_options)
{
    CHECK_OK(plan_of(
        "{\"Name\":\"n\",\"Driver\":\"bridge\",\"Internal\":true,\"IPAM\":{\"Config\":[{\"Subnet\":"
        "\"10.1.0.0/16\",\"IPRange\":\"10.1.2.0/24\",\"Gateway\":\"10.1.0.9\","
        "\"AuxiliaryAddresses\":{\"r\":\"10.1.0.2\"}}]},\"Options\":{"
        "\"com.docker.network.bridge.name\":\"mybr\","
        "\"com.docker.network.bridge.enable_icc\":\"false\","
        "\"com.docker.network.driver.mtu\":\"9000\"}}"));
    CHECK(plan.has_subnet && plan.bridge.internal && !plan.bridge.icc);
    CHECK_INT(plan.gateway, 0x0a010009);
    CHECK_INT(plan.range.bits, 24);
    CHECK_INT(plan.bridge.mtu, 9000);
    CHECK_STR(plan.bridge.ifname, "mybr");
}

TEST(network_plan_takes_vlans)
{
    CHECK_OK(plan_of("{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"eth0.7\","
                     "\"com.docker.network.bridge.name\":\"ignored\"}}"));
    CHECK_INT(plan.vlan.kind, VLAN_MACVLAN);
    CHECK_STR(plan.vlan.parent, "eth0.7");
    CHECK_STR(plan.bridge.ifname, "");
    CHECK_INT(plan.vlan.mode, MACVLAN_MODE_BRIDGE);
    CHECK_INT(plan.bridge.mtu, 0);
    CHECK(!plan.vlan.is_apart && !plan.bridge.internal);
    CHECK_OK(plan_of("{\"Name\":\"n\",\"Driver\":\"ipvlan\",\"Internal\":true,\"Options\":{"
                     "\"parent\":\"eth0\",\"ipvlan_mode\":\"l3s\",\"ipvlan_flag\":\"private\"}}"));
    CHECK(!plan.vlan.is_apart && plan.bridge.internal && vlan_is_routed(&plan.vlan));
    CHECK_STR(plan.vlan.parent, "eth0");
    CHECK_INT(plan.vlan.flags, IPVLAN_F_PRIVATE);
    CHECK_OK(plan_of("{\"Name\":\"n\",\"Driver\":\"macvlan\"}"));
    CHECK(plan.vlan.is_apart && plan.bridge.internal);
    CHECK_STR(plan.vlan.parent, "");
}

TEST(vlan_names_are_parsed)
{
    static const char *const bad[] = {"eth0",      ".5",     "eth0.", "eth0.0",
                                      "eth0.4095", "eth0.x", "e.1.2"};
    struct vlan_name v;

    CHECK_OK(vlan_name_parse("eth0.4094", &v));
    CHECK_STR(v.ifname, "eth0");
    CHECK_INT(v.id, 4094);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(vlan_name_parse(bad[i], &v), ERR_INVALID);
}

TEST(vlan_parents_are_shared_by_macvlan_only)
{
    struct vlan_spec mac = {VLAN_MACVLAN, "eth0", false, MACVLAN_MODE_BRIDGE, 0}, pass = mac,
                     ip = mac;

    pass.mode = MACVLAN_MODE_PASSTHRU;
    ip.kind = VLAN_IPVLAN;
    CHECK_OK(vlan_check_shared(&mac, &mac, "id"));
    CHECK_ERR(vlan_check_shared(&mac, &pass, "id"), ERR_FORBIDDEN);
    CHECK_ERR(vlan_check_shared(&pass, &mac, "id"), ERR_FORBIDDEN);
    CHECK_ERR(vlan_check_shared(&ip, &ip, "id"), ERR_FORBIDDEN);
    CHECK_ERR(vlan_check_shared(&ip, &mac, "id"), ERR_FORBIDDEN);
}

TEST(network_plan_refuses)
{
    static const struct {
        const char *json;
        enum err_kind kind;
    } bad[] = {
        {"{\"Name\":\"\"}", ERR_INVALID},
        {"{\"Name\":\"a/b\"}", ERR_INVALID},
        {"{\"Name\":\"-a\"}", ERR_INVALID},
        {"{\"Name\":\"bridge\"}", ERR_FORBIDDEN},
        {"{\"Name\":\"default\"}", ERR_FORBIDDEN},
        {"{\"Name\":\"n\",\"Driver\":\"host\"}", ERR_FORBIDDEN},
        {"{\"Name\":\"n\",\"Driver\":\"weave\"}", ERR_NOT_FOUND},
        {"{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"lo\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"parent\":\"a/b\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Driver\":\"macvlan\",\"Options\":{\"macvlan_mode\":\"x\"}}",
         ERR_INVALID},
        {"{\"Name\":\"n\",\"Driver\":\"ipvlan\",\"Options\":{\"ipvlan_mode\":\"x\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Driver\":\"ipvlan\",\"Options\":{\"ipvlan_flag\":\"x\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Scope\":\"swarm\"}", ERR_FORBIDDEN},
        {"{\"Name\":\"n\",\"EnableIPv4\":false}", ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Driver\":\"x\"}}", ERR_NOT_FOUND},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.1/24\"}]}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/33\"}]}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/31\"}]}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Gateway\":\"10.0.0.1\"}]}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/"
         "24\",\"Gateway\":\"11.0.0.1\"}]}}",
         ERR_INVALID},
        {"{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/24\",\"IPRange\":\"10.0.0.0/"
         "16\"}]}}",
         ERR_INVALID},
        {"{\"Name\":\"n\",\"Options\":{\"com.docker.network.driver.mtu\":\"x\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Options\":{\"com.docker.network.bridge.name\":\"a b\"}}", ERR_INVALID},
        {"{\"Name\":\"n\",\"Options\":{\"com.docker.network.bridge.enable_icc\":\"2\"}}",
         ERR_INVALID},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(plan_of(bad[i].json), bad[i].kind);
}

/* With IPv6 on and this pool. */
static struct err *plan_v6(const char *pool)
{
    return plan_of(arena_printf(
        test_arena, "{\"Name\":\"n\",\"EnableIPv6\":true,\"IPAM\":{\"Config\":[%s]}}", pool));
}

TEST(network_plan_takes_both_families)
{
    struct in6_addr gateway;

    CHECK_OK(plan_v6(""));
    CHECK(plan.has_ipv4 && plan.has_ipv6 && !plan.has_subnet && !plan.has_subnet6);
    CHECK(plan.bridge.mode == GATEWAY_NAT && plan.bridge.mode6 == GATEWAY_NAT);
    CHECK_OK(plan_v6("{\"Subnet\":\"fd00:1::/64\",\"Gateway\":\"fd00:1::9\",\"IPRange\":"
                     "\"fd00:1::100/120\",\"AuxiliaryAddresses\":{\"r\":\"fd00:1::2\"}},"
                     "{\"Subnet\":\"10.1.0.0/16\"}"));
    CHECK(plan.has_subnet && plan.has_subnet6);
    CHECK_INT(plan.subnet.address, 0x0a010000);
    CHECK_INT(plan.subnet6.bits, 64);
    CHECK_INT(plan.range6.bits, 120);
    CHECK(addr6_parse("fd00:1::9", &gateway) && addr6_is_equal(&gateway, &plan.gateway6));
    CHECK_OK(plan_of("{\"Name\":\"n\",\"EnableIPv6\":true,\"EnableIPv4\":false}"));
    CHECK(!plan.has_ipv4 && plan.has_ipv6);
    CHECK_OK(plan_of("{\"Name\":\"n\",\"IPAM\":{\"Config\":[{\"Subnet\":\"fd00::/64\"}]}}"));
    CHECK(!plan.has_ipv6 && !plan.has_subnet6); /* ignored without EnableIPv6 */
}

TEST(network_plan_refuses_ipv6)
{
    static const char *const bad[] = {
        "{\"Subnet\":\"fd00::1/64\"}",
        "{\"Subnet\":\"fd00::/129\"}",
        "{\"Subnet\":\"fd00::/127\"}",
        "{\"Subnet\":\"fd00::/7\"}",
        "{\"Subnet\":\"fe80::/64\"}",
        "{\"Subnet\":\"ff02::/64\"}",
        "{\"Subnet\":\"::/64\"}",
        "{\"Subnet\":\"fd00:g::/64\"}",
        "{\"Subnet\":\"fd00::/64\",\"Gateway\":\"fd00:1::1\"}",
        "{\"Subnet\":\"fd00::/64\",\"Gateway\":\"fd00::\"}",
        "{\"Subnet\":\"fd00::/64\",\"Gateway\":\"10.0.0.1\"}",
        "{\"Subnet\":\"fd00::/64\",\"IPRange\":\"10.0.0.0/24\"}",
        "{\"Subnet\":\"fd00::/64\",\"IPRange\":\"fd00::/48\"}",
        "{\"Subnet\":\"fd00::/64\",\"AuxiliaryAddresses\":{\"x\":\"fd01::1\"}}",
        "{\"Subnet\":\"10.0.0.0/24\",\"Gateway\":\"fd00::1\"}",
        "{\"Subnet\":\"fd00::/64\"},{\"Subnet\":\"fd01::/64\"}",
        "{\"Subnet\":\"10.0.0.0/24\"},{\"Subnet\":\"10.1.0.0/24\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(plan_v6(bad[i]), ERR_INVALID);
}

TEST(network_plan_takes_gateway_modes)
{
    const char *text = "{\"Name\":\"n\",\"Internal\":%s,\"Options\":{\"com.docker.network.bridge."
                       "gateway_mode_ipv%d\":\"%s\"}}";

    CHECK_OK(plan_of(arena_printf(test_arena, text, "false", 6, "routed")));
    CHECK(plan.bridge.mode == GATEWAY_NAT && plan.bridge.mode6 == GATEWAY_ROUTED);
    CHECK_OK(plan_of(arena_printf(test_arena, text, "false", 4, "nat-unprotected")));
    CHECK(plan.bridge.mode == GATEWAY_UNPROTECTED && plan.bridge.mode6 == GATEWAY_NAT);
    CHECK_OK(plan_of(arena_printf(test_arena, text, "true", 6, "isolated")));
    CHECK(plan.bridge.mode6 == GATEWAY_ISOLATED);
    CHECK_ERR(plan_of(arena_printf(test_arena, text, "false", 6, "isolated")), ERR_INVALID);
    CHECK_ERR(plan_of(arena_printf(test_arena, text, "false", 6, "bridged")), ERR_INVALID);
}

static struct err *config_of(const char *json)
{
    struct network_request r = {0};

    CHECK_OK(json_decode(test_arena, json, strlen(json), &network_request_json, &r));
    return network_config_check(&r);
}

TEST(network_config_is_lent_or_taken_whole)
{
    static const char *const refused[] = {
        "\"ConfigOnly\":true,\"Internal\":true",
        "\"ConfigOnly\":true,\"Attachable\":true",
        "\"ConfigOnly\":true,\"Ingress\":true",
        "\"ConfigOnly\":true,\"Scope\":\"local\"",
        "\"ConfigOnly\":true,\"ConfigFrom\":{\"Network\":\"m\"}",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"EnableIPv4\":false",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"EnableIPv6\":true",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"Labels\":{\"a\":\"b\"}",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"Options\":{\"a\":\"b\"}",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"IPAM\":{\"Driver\":\"x\"}",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"IPAM\":{\"Options\":{\"a\":\"b\"}}",
        "\"ConfigFrom\":{\"Network\":\"m\"},\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/16\"}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK_ERR(config_of(arena_printf(test_arena, "{\"Name\":\"n\",%s}", refused[i])),
                  ERR_FORBIDDEN);
    CHECK_OK(config_of("{\"Name\":\"n\",\"Internal\":true,\"Labels\":{\"a\":\"b\"}}"));
    CHECK_OK(config_of("{\"Name\":\"n\",\"ConfigOnly\":true,\"EnableIPv6\":true,\"Options\":{"
                       "\"parent\":\"eth0\"},\"Labels\":{\"a\":\"b\"}}"));
    CHECK_OK(config_of("{\"Name\":\"n\",\"Driver\":\"macvlan\",\"ConfigFrom\":{\"Network\":\"m\"},"
                       "\"EnableIPv4\":true,\"Internal\":true,\"Attachable\":true,"
                       "\"IPAM\":{\"Driver\":\"default\",\"Config\":[]},\"Options\":{}}"));
}

TEST(network_record_survives_the_database)
{
    struct network_record r = {
        .id = (char *)"0123", .created_ns = 5, .subnet = (char *)"10.1.0.0/16"};
    struct network_record back = {0};

    r.request.name = (char *)"n";
    r.request.driver = (char *)"bridge";
    pairs_set(test_arena, &r.request.labels, "k", "v");
    const char *text = network_record_text(test_arena, &r);
    CHECK_OK(json_decode(test_arena, text, strlen(text), &network_record_json, &back));
    CHECK_STR(back.id, "0123");
    CHECK_STR(back.request.name, "n");
    CHECK_STR(back.subnet, "10.1.0.0/16");
    CHECK_STR(pairs_get(&back.request.labels, "k"), "v");
    CHECK(!back.gateway);
}
