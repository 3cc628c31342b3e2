/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the host drop what is forwarded unless its own rules accept it (ufw, an administrator,
 * another engine)? A packet must be accepted by every chain of the hook, so ours cannot help
 * against that, and they are not ours to change: whoever wonders shall read it in the log.
 * Start-up.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"

#include "forward_policy.h"

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
        f->hook = ntohl(mnl_attr_get_u32(attr));
        f->has_hook = true;
    }
    return MNL_CB_OK;
}

static int on_attribute(const struct nlattr *attr, void *ctx)
{
    struct chain_facts *f = ctx;

    switch (mnl_attr_get_type(attr)) {
    case NFTA_CHAIN_TABLE:
        f->table = mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ? NULL : mnl_attr_get_str(attr);
        break;
    case NFTA_CHAIN_NAME:
        f->name = mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ? NULL : mnl_attr_get_str(attr);
        break;
    case NFTA_CHAIN_HOOK:
        mnl_attr_parse_nested(attr, on_hook, f);
        break;
    case NFTA_CHAIN_POLICY:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
            f->policy = ntohl(mnl_attr_get_u32(attr));
        break;
    }
    return MNL_CB_OK;
}

int forward_policy_on_chain(const struct nlmsghdr *m, void *ctx)
{
    struct chain_facts f = {.policy = NF_ACCEPT};
    const struct nfgenmsg *gen = mnl_nlmsg_get_payload(m);
    struct buf *out = ctx;

    if (mnl_nlmsg_get_payload_len(m) < sizeof(*gen) ||
        mnl_attr_parse(m, sizeof(*gen), on_attribute, &f) < 0)
        return MNL_CB_OK;
    if (gen->nfgen_family != NFPROTO_IPV4 && gen->nfgen_family != NFPROTO_INET)
        return MNL_CB_OK;
    if (f.has_hook && f.hook == NF_INET_FORWARD && f.policy == NF_DROP && f.table && f.name)
        buf_printf(out, "%s%s %s", out->len ? ", " : "", f.table, f.name);
    return MNL_CB_OK;
}

static bool list_chains(struct mnl_socket *sock, struct buf *out)
{
    char room[32768] __attribute__((aligned(8)));
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));
    ssize_t n;
    int more = MNL_CB_OK;

    m->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    gen->version = NFNETLINK_V0;
    if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
        return false;
    while (more > MNL_CB_STOP && (n = mnl_socket_recvfrom(sock, room, sizeof(room))) > 0)
        more = mnl_cb_run(room, (size_t)n, 0, 0, forward_policy_on_chain, out);
    return more >= 0;
}

void forward_policy_warn(void)
{
    autobuf struct buf chains = {0};
    struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

    if (!sock)
        return;
    if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) == 0 && list_chains(sock, &chains) &&
        chains.len)
        log_warn("the host drops forwarded packets that its own rules do not accept: containers "
                 "reach the outside, and are reached by published ports, only where these chains "
                 "let them (published ports work without: --publish-mode proxy)",
                 KV("chains", chains.data));
    mnl_socket_close(sock);
}
