/* SPDX-License-Identifier: Apache-2.0 */
/* links: net cgroup core base */
/* /proc/net/tcp and network requests as clients send them. */
#include "network_inner.h"
#include "port_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    const char *s = arena_strndup(a, (const char *)data, size);
    struct network_defaults d = {.mtu = 1500};
    struct network_request r = {0};
    struct network_plan p;
    struct err *e;

    port_owner_inode(s, false, 8080);
    port_owner_inode(s, true, 53);
    e = json_decode(a, (const char *)data, size, &network_request_json, &r);
    if (!e)
        e = network_plan(&r, &d, &p);
    err_drop(e);
    return 0;
}
