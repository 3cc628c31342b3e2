/* SPDX-License-Identifier: Apache-2.0 */
/* links: place cli base */
/* Port specifications: "8000-8010/udp" of the API, "[::1]:80:80" and "target=80,published=8080" of
 * the command line; what the one understands must be within bounds. */
#include "options.h"
#include "place/port_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bindings(const struct port_options *b)
{
    enum port_proto proto;
    int first, last;

    for (size_t i = 0; i < b->n && i < 100; i++) {
        struct err *e = port_spec_parse(b->v[i].port, &first, &last, &proto);

        ASSERT(!e && first == last); /* what we send we would take */
        ASSERT(b->v[i].host_port && b->v[i].ip);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *s = arena_strndup(a, (const char *)data, size);
    struct port_options bindings = {0};
    struct strs exposed = {0};
    enum port_proto proto;
    int first = 0, last = 0;
    struct err *e = port_spec_parse(s, &first, &last, &proto);

    ASSERT(e || (first >= 0 && first <= last && last <= 65535));
    err_drop(e);
    e = port_parse(a, s, &bindings);
    if (!e)
        check_bindings(&bindings);
    err_drop(e);
    err_drop(port_expose(a, s, &exposed));
    ASSERT(exposed.n <= 65536);
    return 0;
}
