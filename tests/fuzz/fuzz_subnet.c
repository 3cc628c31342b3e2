/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* Addresses, subnets, --add-host and resolv.conf: texts of users and hosts. */
#include "net/hosts.h"
#include "net/ipam.h"
#include "net/ipam6.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_v6(const char *s)
{
    char text[ADDR6_TEXT], cidr[CIDR6_TEXT];
    struct subnet6 net, again;
    struct in6_addr addr;

    if (addr6_parse(s, &addr)) {
        addr6_text(&addr, text);
        ASSERT(addr6_parse(text, &again.address) && addr6_is_equal(&again.address, &addr));
    }
    if (!subnet6_parse(s, &net))
        return;
    subnet6_text(&net, cidr);
    ASSERT(!net.bits || (subnet6_parse(cidr, &again) && again.bits == net.bits));
    ASSERT(subnet6_has(net, &net.address) && subnet6_overlaps(net, subnet6_base(net)));
    struct ipam6 *p = ipam6_create(net, net);
    for (int i = 0; i < 5; i++) {
        struct err *e = ipam6_take_next(p, &addr);
        ASSERT(e || subnet6_has(net, &addr));
        if (!e && i % 2)
            ipam6_release(p, &addr);
        err_drop(e);
    }
    ipam6_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *s = arena_strndup(a, (const char *)data, size), text[ADDR4_TEXT];
    struct resolv_options o = {.strip_loopback = true};
    struct hosts_entry entry;
    struct subnet4 net;
    uint32_t addr;

    if (addr4_parse(s, &addr)) {
        addr4_text(addr, text);
        ASSERT(!strcmp(text, s));
    }
    if (subnet4_parse(s, &net) && net.bits >= 12) {
        struct ipam *p = ipam_create(net, net);
        struct err *e = ipam_take_next(p, &addr);
        ASSERT(e || subnet4_has(net, addr));
        err_drop(e);
        ipam_destroy(p);
    }
    check_v6(s);
    err_drop(hosts_parse_extra(a, s, "10.0.0.1", &entry));
    ASSERT(strstr(resolv_text(a, s, &o), "nameserver "));
    return 0;
}
