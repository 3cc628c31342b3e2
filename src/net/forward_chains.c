/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the chains at the forward hook that are not ours. A packet must be accepted by every
 * chain of a hook, so a chain that drops by default (ufw, dockerd, an administrator) decides over
 * containers whatever our table says. Legacy x_tables are not seen here: nf_tables only. Workers.
 */
#include "forward_chains.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"

#include "nl.h"
#include "nl_attr.h"

#define OWN "berth_" /* tables and chains of any engine: their policy is to accept */

static const char *family_name(int family)
{
    switch (family) {
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    default:
        return family == NFPROTO_INET ? "inet" : NULL;
    }
}

static int family_number(const char *name)
{
    if (!strcmp(name, "inet"))
        return NFPROTO_INET;
    return !strcmp(name, "ip6") ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* ---- chains ---- */

#define NO_HOOK UINT32_MAX

struct chain_facts {
    const char *table, *name;
    uint32_t hook, policy;
};
static const struct nl_field hook_fields[] = {
    {NFTA_HOOK_HOOKNUM, NL_BE32, offsetof(struct chain_facts, hook)},
    {0},
};
static const struct nl_field chain_fields[] = {
    {NFTA_CHAIN_TABLE, NL_TEXT, offsetof(struct chain_facts, table)},
    {NFTA_CHAIN_NAME, NL_TEXT, offsetof(struct chain_facts, name)},
    {NFTA_CHAIN_HOOK, NL_NEST, .nest = hook_fields},
    {NFTA_CHAIN_POLICY, NL_BE32, offsetof(struct chain_facts, policy)},
    {0},
};

static void add_chain(struct forward_chains *l, const struct forward_chain *c)
{
    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    l->v[l->n] = *c;
    l->v[l->n].table = arena_strdup(l->a, c->table);
    l->v[l->n++].name = arena_strdup(l->a, c->name);
}

int forward_on_chain(const struct nlmsghdr *m, void *ctx)
{
    struct chain_facts f = {.hook = NO_HOOK, .policy = NF_ACCEPT};
    const struct nfgenmsg *gen = nl_header(m, sizeof(*gen));
    struct forward_chains *l = ctx;
    struct forward_chain c = {0};

    if (!gen)
        return MNL_CB_OK;
    nl_fill(nl_attributes(m, sizeof(*gen)), chain_fields, &f);
    c.family = family_name(gen->nfgen_family);
    if (!c.family || !f.table || !f.name || text_starts(f.table, OWN))
        return MNL_CB_OK;
    c.table = f.table;
    c.name = f.name;
    c.is_base = f.hook == NF_INET_FORWARD;
    c.drops = c.is_base && f.policy == NF_DROP;
    if (c.is_base || (f.hook == NO_HOOK && !strcmp(f.name, l->own)))
        add_chain(l, &c);
    return MNL_CB_OK;
}

/* ---- their rules ---- */

struct rule_facts {
    const char *own;
    uint64_t handle;
    struct nl_bytes expressions;
    bool leads_to_own, leads_to_ours, drops, has_condition;
};
static const struct nl_field rule_fields[] = {
    {NFTA_RULE_HANDLE, NL_BE64, offsetof(struct rule_facts, handle)},
    {NFTA_RULE_EXPRESSIONS, NL_BYTES, offsetof(struct rule_facts, expressions)},
    {0},
};
struct expression {
    const char *name;
    struct nl_bytes data;
};
static const struct nl_field expression_fields[] = {
    {NFTA_EXPR_NAME, NL_TEXT, offsetof(struct expression, name)},
    {NFTA_EXPR_DATA, NL_BYTES, offsetof(struct expression, data)},
    {0},
};
struct verdict {
    uint32_t code;
    const char *chain;
};
static const struct nl_field verdict_fields[] = {
    {NFTA_VERDICT_CODE, NL_BE32, offsetof(struct verdict, code)},
    {NFTA_VERDICT_CHAIN, NL_TEXT, offsetof(struct verdict, chain)},
    {0},
};
static const struct nl_field data_fields[] = {
    {NFTA_DATA_VERDICT, NL_NEST, .nest = verdict_fields},
    {0},
};
static const struct nl_field immediate_fields[] = {
    {NFTA_IMMEDIATE_DATA, NL_NEST, .nest = data_fields},
    {0},
};
static const struct nl_field target_fields[] = {{NFTA_TARGET_NAME, NL_TEXT}, {0}};

static void note_verdict(struct rule_facts *r, struct nl_bytes data)
{
    struct verdict v = {.code = NF_ACCEPT};

    nl_fill(data, immediate_fields, &v);
    r->drops |= v.code == NF_DROP;
    if (v.code != (uint32_t)NFT_JUMP || !v.chain)
        return;
    r->leads_to_own |= !strcmp(v.chain, r->own);
    r->leads_to_ours |= text_starts(v.chain, OWN);
}

/* What is no verdict and no bookkeeping is a condition. */
static void note_expression(struct rule_facts *r, const struct expression *e)
{
    const char *target = "";

    if (!strcmp(e->name, "immediate")) {
        note_verdict(r, e->data);
    } else if (!strcmp(e->name, "reject")) {
        r->drops = true;
    } else if (!strcmp(e->name, "target")) { /* of x_tables */
        nl_fill(e->data, target_fields, &target);
        r->drops |= !strcmp(target, "REJECT");
    } else if (strcmp(e->name, "counter") != 0 && strcmp(e->name, "log") != 0) {
        r->has_condition = true;
    }
}

static void note_expressions(struct rule_facts *r)
{
    struct nl_bytes left = r->expressions, one;
    int type;

    while (nl_next(&left, &type, &one)) {
        struct expression e = {0};

        if (type != NFTA_LIST_ELEM)
            continue;
        nl_fill(one, expression_fields, &e);
        if (e.name)
            note_expression(r, &e);
    }
}

int forward_on_rule(const struct nlmsghdr *m, void *ctx)
{
    struct forward_chains *l = ctx;
    struct forward_chain *c = l->current;
    struct rule_facts r = {.own = l->own};

    if (!nl_header(m, sizeof(struct nfgenmsg)))
        return MNL_CB_OK;
    nl_fill(nl_attributes(m, sizeof(struct nfgenmsg)), rule_fields, &r);
    note_expressions(&r);
    c->n_rules++;
    if (r.leads_to_own) {
        c->jump = r.handle;
        c->n_behind = 0;
    } else if (!r.leads_to_ours) {
        c->n_behind++;
    }
    c->last = r.drops && !r.has_condition ? r.handle : 0;
    return MNL_CB_OK;
}

/* ---- the dumps ---- */

static bool dump(struct mnl_socket *sock, struct nlmsghdr *m, mnl_cb_t fn, void *ctx)
{
    char room[32768] __attribute__((aligned(8)));
    ssize_t n;
    int more = MNL_CB_OK;

    if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
        return false;
    while (more > MNL_CB_STOP && (n = nl_receive(sock, room, sizeof(room), 0)) > 0)
        more = mnl_cb_run(room, (size_t)n, 0, 0, fn, ctx);
    return more == MNL_CB_STOP;
}

static struct nlmsghdr *put_request(char *room, int type, int family)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));

    m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    gen->nfgen_family = (uint8_t)family;
    gen->version = NFNETLINK_V0;
    return m;
}

static bool read_rules(struct mnl_socket *sock, struct forward_chains *l, struct forward_chain *c)
{
    char room[1024] __attribute__((aligned(8)));
    struct nlmsghdr *m = put_request(room, NFT_MSG_GETRULE, family_number(c->family));

    mnl_attr_put_strz(m, NFTA_RULE_TABLE, c->table);
    mnl_attr_put_strz(m, NFTA_RULE_CHAIN, c->name);
    l->current = c;
    if (!dump(sock, m, forward_on_rule, l))
        return false;
    c->drops |= c->is_base && c->last;
    c->n_behind -= c->last != 0 && c->n_behind;
    return true;
}

static bool read_all(struct mnl_socket *sock, struct forward_chains *l)
{
    char room[64] __attribute__((aligned(8)));

    if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
        !dump(sock, put_request(room, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC), forward_on_chain, l))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (!read_rules(sock, l, &l->v[i]))
            return false;
    return true;
}

bool forward_chains_read(struct forward_chains *out)
{
    struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    bool is_read;

    if (!sock)
        return false;
    is_read = read_all(sock, out);
    mnl_socket_close(sock);
    return is_read;
}
