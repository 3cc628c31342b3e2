/* SPDX-License-Identifier: Apache-2.0 */
/* links: net core base */
#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "forward_chains.h"
#include "test.h"

static char room[4096] __attribute__((aligned(8)));
static struct forward_chain current;

static struct nlmsghdr *begin(int family)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));

    gen->nfgen_family = (uint8_t)family;
    return m;
}

/* hook < 0: no chain of a hook. */
static void read_chain(struct forward_chains *l, int family, const char *table, const char *name,
                       int hook, uint32_t policy)
{
    struct nlmsghdr *m = begin(family);

    mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, table);
    mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
    if (hook >= 0) {
        struct nlattr *nest = mnl_attr_nest_start(m, NFTA_CHAIN_HOOK);
        mnl_attr_put_u32(m, NFTA_HOOK_HOOKNUM, htonl((uint32_t)hook));
        mnl_attr_nest_end(m, nest);
        mnl_attr_put_u32(m, NFTA_CHAIN_POLICY, htonl(policy));
    }
    CHECK_INT(forward_on_chain(m, l), MNL_CB_OK);
}

TEST(chains_of_the_forward_hook_are_found)
{
    struct forward_chains l = {.a = test_arena, .own = "berth_x"};

    read_chain(&l, NFPROTO_IPV4, "filter", "FORWARD", NF_INET_FORWARD, NF_DROP);
    read_chain(&l, NFPROTO_IPV4, "filter", "INPUT", NF_INET_LOCAL_IN, NF_DROP);
    read_chain(&l, NFPROTO_IPV4, "filter", "DOCKER", -1, 0);
    read_chain(&l, NFPROTO_IPV4, "filter", "berth_x", -1, 0);
    read_chain(&l, NFPROTO_IPV4, "filter", "berth_other", -1, 0);
    read_chain(&l, NFPROTO_INET, "fw", "forward", NF_INET_FORWARD, NF_ACCEPT);
    read_chain(&l, NFPROTO_INET, "berth_x", "forward", NF_INET_FORWARD, NF_ACCEPT);
    read_chain(&l, NFPROTO_BRIDGE, "b", "forward", NF_INET_FORWARD, NF_DROP);
    CHECK_INT(l.n, 3);
    CHECK(l.v[0].is_base && l.v[0].drops);
    CHECK_STR(l.v[0].family, "ip");
    CHECK_STR(l.v[0].table, "filter");
    CHECK_STR(l.v[0].name, "FORWARD");
    CHECK(!l.v[1].is_base && !l.v[1].drops);
    CHECK_STR(l.v[1].name, "berth_x");
    CHECK(l.v[2].is_base && !l.v[2].drops);
    CHECK_STR(l.v[2].family, "inet");
}

static void put_verdict(struct nlmsghdr *m, int code, const char *chain)
{
    struct nlattr *immediate = mnl_attr_nest_start(m, NFTA_EXPR_DATA);
    struct nlattr *data = mnl_attr_nest_start(m, NFTA_IMMEDIATE_DATA);
    struct nlattr *verdict = mnl_attr_nest_start(m, NFTA_DATA_VERDICT);

    mnl_attr_put_u32(m, NFTA_VERDICT_CODE, htonl((uint32_t)code));
    if (chain)
        mnl_attr_put_strz(m, NFTA_VERDICT_CHAIN, chain);
    mnl_attr_nest_end(m, verdict);
    mnl_attr_nest_end(m, data);
    mnl_attr_nest_end(m, immediate);
}

/* expressions: names, "immediate" has the verdict. */
static void read_rule(struct forward_chains *l, uint64_t handle, const char *const *names, int code,
                      const char *chain)
{
    struct nlmsghdr *m = begin(NFPROTO_IPV4);
    struct nlattr *list;

    mnl_attr_put_u64(m, NFTA_RULE_HANDLE, htobe64(handle));
    list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS);
    for (; *names; names++) {
        struct nlattr *item = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        mnl_attr_put_strz(m, NFTA_EXPR_NAME, *names);
        if (!strcmp(*names, "immediate"))
            put_verdict(m, code, chain);
        mnl_attr_nest_end(m, item);
    }
    mnl_attr_nest_end(m, list);
    CHECK_INT(forward_on_rule(m, l), MNL_CB_OK);
}

static const char *const plain[] = {"counter", "immediate", NULL};
static const char *const conditional[] = {"meta", "cmp", "immediate", NULL};
static const char *const rejecting[] = {"counter", "reject", NULL};

TEST(the_place_of_our_jump_is_told)
{
    struct forward_chains l = {.a = test_arena, .own = "berth_x", .current = &current};

    current = (struct forward_chain){.is_base = true};
    read_rule(&l, 1, conditional, NF_DROP, NULL);
    CHECK_INT(current.last, 0);
    CHECK_INT(current.jump, 0);
    read_rule(&l, 2, plain, NFT_JUMP, "berth_x");
    CHECK_INT(current.jump, 2);
    CHECK_INT(current.n_behind, 0);
    read_rule(&l, 3, plain, NFT_JUMP, "berth_other"); /* another engine's: both are last */
    CHECK_INT(current.n_behind, 0);
    read_rule(&l, 4, conditional, NF_ACCEPT, NULL);
    CHECK_INT(current.n_behind, 1);
    CHECK_INT(current.n_rules, 4);
}

TEST(a_last_rule_that_drops_is_told)
{
    struct forward_chains l = {.a = test_arena, .own = "berth_x", .current = &current};

    current = (struct forward_chain){.is_base = true};
    read_rule(&l, 7, plain, NF_DROP, NULL);
    CHECK_INT(current.last, 7);
    read_rule(&l, 8, plain, NFT_JUMP, "DOCKER");
    CHECK_INT(current.last, 0);
    read_rule(&l, 9, rejecting, 0, NULL);
    CHECK_INT(current.last, 9);
}
