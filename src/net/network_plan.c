/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to numbers, with Docker's refusals. What the kernel or the table must
 * decide (is the name free, does the subnet overlap) is not here. Pure.
 */
#include <string.h>

#include "network_inner.h"
#include "vlan.h"

#define OPTION(x) "com.docker.network." x

static const char *const predefined[] = {"bridge", "host", "none", "default"};

bool network_name_is_predefined(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(predefined); i++)
        if (!strcmp(name, predefined[i]))
            return true;
    return false;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_.- ", c);
}

/* Docker takes any name; what would be a path or a line of its own somewhere is refused. */
static struct err *check_name(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    bool is_good = len && len <= 255 && !strchr("_.- ", name[0]) && name[len - 1] != ' ';

    if (!len || name[strspn(name, " ")] == '\0')
        return err_new(ERR_INVALID, "invalid name: name is empty");
    for (const char *s = name; *s && is_good; s++)
        is_good = is_name_char(*s);
    if (!is_good)
        return err_new(ERR_INVALID,
                       "invalid name \"%s\": only [a-zA-Z0-9][a-zA-Z0-9_.-]* and blanks inside are "
                       "allowed",
                       name);
    if (network_name_is_predefined(name))
        return err_new(ERR_FORBIDDEN, "operation is not permitted on predefined %s network", name);
    return NULL;
}

static struct err *check_kind(const struct network_request *r)
{
    const char *driver = text_is_empty(r->driver) ? "bridge" : r->driver;

    if (!strcmp(driver, "host") || !strcmp(driver, "null"))
        return err_new(ERR_FORBIDDEN, "only one instance of \"%s\" network is allowed", driver);
    if (strcmp(driver, "bridge") != 0 && !vlan_kind_of(driver))
        return err_new(ERR_NOT_FOUND,
                       "could not find plugin %s in v1 plugin registry: plugin \"%s\" not found",
                       driver, driver);
    if (!text_is_empty(r->scope) && strcmp(r->scope, "local") != 0)
        return err_new(ERR_FORBIDDEN,
                       "cannot create a %s scoped network: this node is not a swarm manager",
                       r->scope);
    if (r->ingress)
        return err_new(ERR_FORBIDDEN,
                       "cannot create an ingress network: this node is not a swarm manager");
    return NULL;
}

static struct err *check_addressing(const struct network_request *r)
{
    if (!r->enable_ipv6 && r->enable_ipv4 < 0)
        return err_new(ERR_INVALID, "IPv4 or IPv6 must be enabled");
    if (!text_is_empty(r->ipam.driver) && strcmp(r->ipam.driver, "default") != 0)
        return err_new(ERR_NOT_FOUND, "could not find IPAM driver \"%s\"", r->ipam.driver);
    return NULL;
}

static uint32_t mask_of(int bits)
{
    return bits ? ~0u << (32 - bits) : 0;
}

static struct err *parse_subnet(const char *what, const char *text, struct subnet4 *out)
{
    char addr[ADDR4_TEXT];

    if (!subnet4_parse(text, out) || out->bits < 8)
        return err_new(ERR_INVALID,
                       "invalid network config:\ninvalid %s %s: invalid CIDR block notation", what,
                       text);
    addr4_text(out->address & mask_of(out->bits), addr);
    if (out->address & ~mask_of(out->bits))
        return err_new(ERR_INVALID, "invalid network config:\ninvalid %s %s: it should be %s/%d",
                       what, text, addr, out->bits);
    return NULL;
}

static struct err *outside_parent(const char *what, const char *text)
{
    return err_new(ERR_INVALID,
                   "invalid network config:\ninvalid %s %s: parent subnet doesn't contain %s", what,
                   text, strcmp(what, "ip-range") ? "this address" : "ip-range");
}

static struct err *wrong_family(const char *what, const char *text, bool is_parent_v6)
{
    return err_new(ERR_INVALID,
                   "invalid network config:\ninvalid %s %s: parent subnet is an IPv%d block", what,
                   text, is_parent_v6 ? 6 : 4);
}

static struct err *parse_inside(const char *what, const char *text, struct subnet4 subnet,
                                uint32_t *out)
{
    if (strchr(text, ':'))
        return wrong_family(what, text, false);
    if (!addr4_parse(text, out))
        return err_new(ERR_INVALID, "invalid network config:\ninvalid %s %s: invalid address", what,
                       text);
    return subnet4_has(subnet, *out) ? NULL : outside_parent(what, text);
}

static struct err *plan_pool4(const struct ipam_pool *p, struct network_plan *out)
{
    uint32_t addr;

    TRY(parse_subnet("subnet", p->subnet, &out->subnet));
    if (out->subnet.bits > 30)
        return err_new(ERR_INVALID, "invalid subnet %s: no room for containers", p->subnet);
    out->has_subnet = true;
    out->range = out->subnet;
    if (!text_is_empty(p->ip_range)) {
        TRY(parse_subnet("ip-range", p->ip_range, &out->range));
        if (!subnet4_has(out->subnet, out->range.address) || out->range.bits < out->subnet.bits)
            return outside_parent("ip-range", p->ip_range);
    }
    if (!text_is_empty(p->gateway))
        TRY(parse_inside("gateway", p->gateway, out->subnet, &out->gateway));
    for (size_t i = 0; i < p->aux.n; i++)
        TRY(parse_inside("auxiliary address", p->aux.v[i].value, out->subnet, &addr));
    return NULL;
}

/* ---- IPv6 ---- */

static struct err *parse_subnet6(const char *what, const char *text, struct subnet6 *out)
{
    char net[CIDR6_TEXT];
    struct subnet6 base;

    if (!subnet6_parse(text, out) || out->bits < 8)
        return err_new(ERR_INVALID,
                       "invalid network config:\ninvalid %s %s: invalid CIDR block notation", what,
                       text);
    base = subnet6_base(*out);
    if (addr6_is_equal(&base.address, &out->address))
        return NULL;
    subnet6_text(&base, net);
    return err_new(ERR_INVALID, "invalid network config:\ninvalid %s %s: it should be %s", what,
                   text, net);
}

static struct err *parse_inside6(const char *what, const char *text, struct subnet6 subnet,
                                 struct in6_addr *out)
{
    if (strchr(text, '.') && !strchr(text, ':'))
        return wrong_family(what, text, true);
    if (!addr6_parse(text, out))
        return err_new(ERR_INVALID, "invalid network config:\ninvalid %s %s: invalid address", what,
                       text);
    return subnet6_has(subnet, out) ? NULL : outside_parent(what, text);
}

/* Blocks whose addresses no interface can have as its own, or that every link has already. */
static struct err *check_block6(const char *text, struct subnet6 s)
{
    static const struct {
        const char *net, *what;
    } special[] = {
        {"ff00::/8", "multicast"},
        {"fe80::/10", "link-local"},
        {"::/96", "loopback"},
        {"::ffff:0:0/96", "IPv4-mapped"},
    };
    struct subnet6 block;

    for (size_t i = 0; i < ARRAY_LEN(special); i++)
        if (subnet6_parse(special[i].net, &block) && subnet6_overlaps(block, s))
            return err_new(ERR_INVALID, "invalid subnet %s: it has %s addresses", text,
                           special[i].what);
    if (s.bits > 126)
        return err_new(ERR_INVALID, "invalid subnet %s: no room for containers", text);
    return NULL;
}

static struct err *plan_pool6(const struct ipam_pool *p, struct network_plan *out)
{
    struct in6_addr addr;

    TRY(parse_subnet6("subnet", p->subnet, &out->subnet6));
    TRY(check_block6(p->subnet, out->subnet6));
    out->has_subnet6 = true;
    out->range6 = out->subnet6;
    if (!text_is_empty(p->ip_range)) {
        if (!strchr(p->ip_range, ':'))
            return wrong_family("ip-range", p->ip_range, true);
        TRY(parse_subnet6("ip-range", p->ip_range, &out->range6));
        if (!subnet6_has(out->subnet6, &out->range6.address) ||
            out->range6.bits < out->subnet6.bits)
            return outside_parent("ip-range", p->ip_range);
    }
    if (!text_is_empty(p->gateway))
        TRY(parse_inside6("gateway", p->gateway, out->subnet6, &out->gateway6));
    if (addr6_is_equal(&out->gateway6, &out->subnet6.address))
        return err_new(ERR_INVALID, "invalid gateway %s: it is the subnet's anycast address",
                       p->gateway);
    for (size_t i = 0; i < p->aux.n; i++)
        TRY(parse_inside6("auxiliary address", p->aux.v[i].value, out->subnet6, &addr));
    return NULL;
}

/* ---- both ---- */

static bool network_pool_is_v6(const struct ipam_pool *p)
{
    return !text_is_empty(p->subnet) && strchr(p->subnet, ':');
}

const struct ipam_pool *network_pool(const struct network_request *r, bool is_v6)
{
    const struct ipam_pool *v = r->ipam.config.v;

    for (size_t i = 0; i < r->ipam.config.n; i++)
        if (!text_is_empty(v[i].subnet) && network_pool_is_v6(&v[i]) == is_v6)
            return &v[i];
    return NULL;
}

/* A pool of a family that is not enabled is ignored, as Docker does. */
static struct err *plan_pools(const struct network_request *r, struct network_plan *out)
{
    const struct ipam_pool *v = r->ipam.config.v;

    for (size_t i = 0; i < r->ipam.config.n; i++) {
        bool is_v6 = network_pool_is_v6(&v[i]);

        if (text_is_empty(v[i].subnet)) {
            if (!text_is_empty(v[i].gateway) || !text_is_empty(v[i].ip_range))
                return err_new(ERR_INVALID, "invalid network config:\na subnet is needed beside a "
                                            "gateway or an ip-range");
            continue;
        }
        if (is_v6 ? !out->has_ipv6 : !out->has_ipv4)
            continue;
        if (is_v6 ? out->has_subnet6 : out->has_subnet)
            return err_new(ERR_INVALID, "%s driver doesn't support multiple subnets",
                           text_is_empty(r->driver) ? "bridge" : r->driver);
        TRY(is_v6 ? plan_pool6(&v[i], out) : plan_pool4(&v[i], out));
    }
    return NULL;
}

/* ---- options ---- */

static struct err *option_bool(const struct network_request *r, const char *key, bool *out)
{
    const char *v = pairs_get(&r->options, key);

    if (!v || text_to_bool(v, out))
        return NULL;
    return err_new(ERR_INVALID, "failed to parse %s value: \"%s\" (bool parse error)", key, v);
}

static struct err *option_mode(const struct network_request *r, const char *key,
                               enum gateway_mode *out)
{
    static const char *const names[] = {
        [GATEWAY_NAT] = "nat",
        [GATEWAY_ROUTED] = "routed",
        [GATEWAY_UNPROTECTED] = "nat-unprotected",
        [GATEWAY_ISOLATED] = "isolated",
    };
    const char *v = pairs_get(&r->options, key);

    if (!v)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(v, names[i]) != 0)
            continue;
        if (i == GATEWAY_ISOLATED && !r->internal)
            return err_new(ERR_INVALID,
                           "gateway mode 'isolated' can only be used for an internal network");
        *out = (enum gateway_mode)i;
        return NULL;
    }
    return err_new(ERR_INVALID, "unknown gateway mode %s", v);
}

static struct err *check_binding(const struct network_request *r)
{
    const char *ip = pairs_get(&r->options, OPTION("bridge.host_binding_ipv4"));
    uint32_t ignored;

    if (text_is_empty(ip) || addr4_parse(ip, &ignored))
        return NULL;
    return err_new(ERR_INVALID, "failed to parse %s value: \"%s\" (invalid IPv4 address)",
                   OPTION("bridge.host_binding_ipv4"), ip);
}

static struct err *plan_options(const struct network_request *r, struct bridge_spec *b)
{
    const char *name = pairs_get(&r->options, OPTION("bridge.name"));
    const char *mtu = pairs_get(&r->options, OPTION("driver.mtu"));
    int64_t n;

    if (mtu) {
        if (!text_to_i64(mtu, &n) || n < 68 || n > 65535)
            return err_new(ERR_INVALID, "failed to parse %s value: \"%s\" (integer parse error)",
                           OPTION("driver.mtu"), mtu);
        b->mtu = (int)n;
    }
    if (name) {
        if (!name[0] || strlen(name) >= sizeof(b->ifname) || strpbrk(name, "/: \t\n\"%"))
            return err_new(ERR_INVALID, "invalid bridge name \"%s\"", name);
        memcpy(b->ifname, name, strlen(name) + 1);
    }
    TRY(check_binding(r));
    TRY(option_bool(r, OPTION("bridge.enable_icc"), &b->icc));
    TRY(option_bool(r, OPTION("bridge.enable_ip_masquerade"), &b->masquerade));
    TRY(option_bool(r, "berth.bridge.any_source", &b->any_source));
    TRY(option_mode(r, OPTION("bridge.gateway_mode_ipv4"), &b->mode));
    return option_mode(r, OPTION("bridge.gateway_mode_ipv6"), &b->mode6);
}

struct err *network_plan(const struct network_request *r, const struct network_defaults *d,
                         struct network_plan *out)
{
    struct network_plan p = {
        .has_ipv4 = r->enable_ipv4 >= 0,
        .has_ipv6 = r->enable_ipv6,
        .bridge = {.mtu = d->mtu, .icc = true, .masquerade = true, .internal = r->internal}};

    TRY(check_name(r->name));
    if (!r->config_only)
        TRY(check_kind(r));
    TRY(check_addressing(r));
    TRY(plan_pools(r, &p));
    if (r->config_only) { /* its options are those of the driver of who takes them */
        *out = p;
        return NULL;
    }
    if (vlan_kind_of(r->driver)) {
        TRY(vlan_plan(r, &p.vlan));
        p.bridge.mtu = 0; /* the parent's */
        p.bridge.internal = r->internal || p.vlan.is_apart;
    }
    TRY(plan_options(r, &p.bridge));
    if (p.vlan.kind)
        p.bridge.ifname[0] = '\0'; /* names of bridges mean nothing here */
    *out = p;
    return NULL;
}
