/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the chains at the forward hook that are not ours. A packet must be accepted by every
 * chain of a hook, so a chain that drops by default (ufw, dockerd, an administrator) decides over
 * containers whatever our table says. Legacy x_tables are not seen here: nf_tables only. Workers.
 */
#include "forward_chains.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"

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

static const char *text_of(const struct nlattr *attr)
{
    return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ? NULL : mnl_attr_get_str(attr);
}

static uint32_t number_of(const struct nlattr *attr)
{
    return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : ntohl(mnl_attr_get_u32(attr));
}

/* ---- chains ---- */

struct chain_facts {
    const char *table, *name;
    uint32_t hook, policy;
    bool has_hook;
};

static int on_hook(const struct nlattr *attr, void *ctx)
{
    struct chain_facts *f = ctx;

    if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM &&
        mnl_attr_validate(attr, MNL_TYPE_U32) >= 0) {
        f->hook = number_of(attr);
        f->has_hook = true;
    }
    return MNL_CB_OK;
}

static int on_chain_attribute(const struct nlattr *attr, void *ctx)
{
    struct chain_facts *f = ctx;

    switch (mnl_attr_get_type(attr)) {
    case NFTA_CHAIN_TABLE:
        f->table = text_of(attr);
        break;
    case NFTA_CHAIN_NAME:
        f->name = text_of(attr);
        break;
    case NFTA_CHAIN_HOOK:
        mnl_attr_parse_nested(attr, on_hook, f);
        break;
    case NFTA_CHAIN_POLICY:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
            f->policy = number_of(attr);
        break;
    }
    return MNL_CB_OK;
}

static void add_chain(struct forward_chains *l, const struct forward_chain *c)
{
    l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
    l->v[l->n] = *c;
    l->v[l->n].table = arena_strdup(l->a, c->table);
    l->v[l->n++].name = arena_strdup(l->a, c->name);
}

int forward_on_chain(const struct nlmsghdr *m, void *ctx)
{
    struct chain_facts f = {.policy = NF_ACCEPT};
    const struct nfgenmsg *gen = mnl_nlmsg_get_payload(m);
    struct forward_chains *l = ctx;
    struct forward_chain c = {0};

    if (mnl_nlmsg_get_payload_len(m) < sizeof(*gen) ||
        mnl_attr_parse(m, sizeof(*gen), on_chain_attribute, &f) < 0)
        return MNL_CB_OK;
    c.family = family_name(gen->nfgen_family);
    if (!c.family || !f.table || !f.name || text_starts(f.table, OWN))
        return MNL_CB_OK;
    c.table = f.table;
    c.name = f.name;
    c.is_base = f.has_hook && f.hook == NF_INET_FORWARD;
    c.drops = c.is_base && f.policy == NF_DROP;
    if (c.is_base || (!f.has_hook && !strcmp(f.name, l->own)))
        add_chain(l, &c);
    return MNL_CB_OK;
}

/* ---- their rules ---- */

struct rule_facts {
    const char *own;
    uint64_t handle;
    bool leads_to_own, leads_to_ours, drops, has_condition;
};
struct expression {
    struct rule_facts *rule;
    const char *name;
    const struct nlattr *data;
};
struct verdict {
    uint32_t code;
    const char *chain;
};

static int on_verdict(const struct nlattr *attr, void *ctx)
{
    struct verdict *v = ctx;

    if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE)
        v->code = number_of(attr);
    if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN)
        v->chain = text_of(attr);
    return MNL_CB_OK;
}

static int on_immediate_data(const struct nlattr *attr, void *ctx)
{
    if (mnl_attr_get_type(attr) == NFTA_DATA_VERDICT)
        mnl_attr_parse_nested(attr, on_verdict, ctx);
    return MNL_CB_OK;
}

static int on_immediate(const struct nlattr *attr, void *ctx)
{
    if (mnl_attr_get_type(attr) == NFTA_IMMEDIATE_DATA)
        mnl_attr_parse_nested(attr, on_immediate_data, ctx);
    return MNL_CB_OK;
}

static int on_target(const struct nlattr *attr, void *ctx)
{
    const char **name = ctx;

    if (mnl_attr_get_type(attr) == NFTA_TARGET_NAME)
        *name = text_of(attr);
    return MNL_CB_OK;
}

static int on_expression_part(const struct nlattr *attr, void *ctx)
{
    struct expression *e = ctx;

    if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
        e->name = text_of(attr);
    if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA)
        e->data = attr;
    return MNL_CB_OK;
}

static void note_verdict(struct rule_facts *r, const struct nlattr *data)
{
    struct verdict v = {.code = NF_ACCEPT};

    if (data)
        mnl_attr_parse_nested(data, on_immediate, &v);
    r->drops |= v.code == NF_DROP;
    if (v.code != (uint32_t)NFT_JUMP || !v.chain)
        return;
    r->leads_to_own |= !strcmp(v.chain, r->own);
    r->leads_to_ours |= text_starts(v.chain, OWN);
}

/* What is no verdict and no bookkeeping is a condition. */
static int on_expression(const struct nlattr *attr, void *ctx)
{
    struct expression e = {.rule = ctx};
    const char *target = NULL;

    if (mnl_attr_get_type(attr) != NFTA_LIST_ELEM ||
        mnl_attr_parse_nested(attr, on_expression_part, &e) < 0 || !e.name)
        return MNL_CB_OK;
    if (!strcmp(e.name, "immediate")) {
        note_verdict(e.rule, e.data);
    } else if (!strcmp(e.name, "reject")) {
        e.rule->drops = true;
    } else if (!strcmp(e.name, "target")) { /* of x_tables */
        if (e.data)
            mnl_attr_parse_nested(e.data, on_target, &target);
        e.rule->drops |= target && !strcmp(target, "REJECT");
    } else if (strcmp(e.name, "counter") != 0 && strcmp(e.name, "log") != 0) {
        e.rule->has_condition = true;
    }
    return MNL_CB_OK;
}

static int on_rule_attribute(const struct nlattr *attr, void *ctx)
{
    struct rule_facts *r = ctx;

    if (mnl_attr_get_type(attr) == NFTA_RULE_HANDLE && mnl_attr_validate(attr, MNL_TYPE_U64) >= 0)
        r->handle = be64toh(mnl_attr_get_u64(attr));
    if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
        mnl_attr_parse_nested(attr, on_expression, r);
    return MNL_CB_OK;
}

int forward_on_rule(const struct nlmsghdr *m, void *ctx)
{
    struct forward_chains *l = ctx;
    struct forward_chain *c = l->current;
    struct rule_facts r = {.own = l->own};

    if (mnl_nlmsg_get_payload_len(m) < sizeof(struct nfgenmsg) ||
        mnl_attr_parse(m, sizeof(struct nfgenmsg), on_rule_attribute, &r) < 0)
        return MNL_CB_OK;
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
    while (more > MNL_CB_STOP && (n = mnl_socket_recvfrom(sock, room, sizeof(room))) > 0)
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
