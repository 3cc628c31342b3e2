/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
/* Replies of rtnetlink and notes of nf_tables. The first byte says how many of our messages are
 * being answered and by which kind of reply; sequence numbers start at 1. */
#include "bridge_list.h"
#include "forward_chains.h"
#include "inner.h"

#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nl *make_batch(unsigned n)
{
    struct nl *nl = mem_new(struct nl);

    nl->seq = nl->n = n;
    for (unsigned i = 0; i < n; i++)
        memcpy(nl->what[i], "do a thing", sizeof("do a thing"));
    return nl;
}

static void read_subnets(struct nl *nl, const void *reply, size_t size, struct subnet_list *out)
{
    struct nl_progress p = {0};

    err_drop(nl_read_answer(nl, reply, size, link_on_route, out, &p));
    err_drop(nl_read_answer(nl, reply, size, link_on_address, out, &p));
}

static void read_answers(struct nl *nl, const void *reply, size_t size)
{
    autoarena struct arena *a = arena_create();
    struct subnet_list v4 = {.a = a, .family = AF_INET, .item = sizeof(struct subnet4)};
    struct subnet_list v6 = {.a = a, .family = AF_INET6, .item = sizeof(struct subnet6)};
    struct found_link found = {0};
    struct bridge_ports ports = {.a = a};
    int nsid;
    struct nl_progress p = {0};

    err_drop(nl_read_answer(nl, reply, size, link_on_link, &found, &p));
    err_drop(nl_read_answer(nl, reply, size, link_on_port, &ports, &p));
    err_drop(nl_read_answer(nl, reply, size, link_on_nsid, &nsid, &p));
    read_subnets(nl, reply, size, &v4);
    read_subnets(nl, reply, size, &v6);
    for (size_t i = 0; i < v4.n; i++)
        ASSERT(((struct subnet4 *)v4.v)[i].bits >= 0 && ((struct subnet4 *)v4.v)[i].bits <= 32);
    for (size_t i = 0; i < v6.n; i++)
        ASSERT(((struct subnet6 *)v6.v)[i].bits >= 0 && ((struct subnet6 *)v6.v)[i].bits <= 128);
}

static void read_changes(const void *reply, size_t size)
{
    int len = (int)size;
    size_t total = 0;
    autoarena struct arena *a = arena_create();
    struct forward_chain first = {0};
    struct forward_chains chains = {.a = a, .own = "berth_x", .current = &first};
    struct bridge_list bridges = {.a = a};

    for (const struct nlmsghdr *m = reply; nl_is_whole(m, len); m = mnl_nlmsg_next(m, &len)) {
        const char *table = rules_changed_table(m);

        total += table ? strlen(table) : 0;
        forward_on_chain(m, &chains);
        forward_on_rule(m, &chains);
        bridge_list_on_link(m, &bridges);
        bridge_list_on_route(m, &bridges);
        ASSERT(total <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n = size ? data[0] % NL_MESSAGES_MAX + 1 : 1, left = n;
    size_t reply_size = size ? size - 1 : 0;
    void *reply = mem_alloc(reply_size ? reply_size : 1); /* aligned, ends where it ends */
    struct nl *nl = make_batch(n);

    if (reply_size)
        memcpy(reply, data + 1, reply_size);
    err_drop(nl_read_acks(nl, reply, reply_size, &left));
    ASSERT(left <= n);
    read_answers(nl, reply, reply_size);
    read_changes(reply, reply_size);
    free(nl);
    free(reply);
    return 0;
}
