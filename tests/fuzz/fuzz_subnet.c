/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* Addresses, subnets, --add-host and resolv.conf: texts of users and hosts. */
#include "net/hosts.h"
#include "net/ipam.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    err_drop(hosts_parse_extra(a, s, "10.0.0.1", &entry));
    ASSERT(strstr(resolv_text(a, s, &o), "nameserver "));
    return 0;
}
