/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs nft texts. Callers see to it that one transaction is in flight at a time.
 * Trap: the library calls select(2), so a context whose socket got a number above 1,023 ends
 * the process (a thousand connections or adopted containers are enough). It is made at
 * start-up, before anything else has taken the low numbers.
 */
#include "nft.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <sys/select.h>

#include "base/fd.h"
#include "base/text.h"

struct nft {
    struct nft_ctx *ctx;
};

static struct err *open_context(struct nft *n)
{
    if (fd_lowest_free() >= FD_SETSIZE / 2)
        return err_new(ERR_UNAVAILABLE, "cannot set up libnftables: too many descriptors are open");
    n->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!n->ctx || nft_ctx_buffer_error(n->ctx) || nft_ctx_buffer_output(n->ctx))
        return err_new(ERR_INTERNAL, "cannot set up libnftables");
    return NULL;
}

struct nft *nft_create(void)
{
    struct nft *n = mem_new(struct nft);

    err_drop(open_context(n)); /* the first transaction tries again and says why not */
    return n;
}

void nft_destroy(struct nft *n)
{
    if (!n)
        return;
    if (n->ctx)
        nft_ctx_free(n->ctx);
    free(n);
}

/* "Error: Could not process rule: No such file or directory": the first line, without the echo of
 * the text below it. */
static struct err *error_of(const char *text)
{
    int n;

    text = text ? text : "";
    if (text_starts(text, "Error: "))
        text += strlen("Error: ");
    n = (int)strcspn(text, "\n");
    return err_new(ERR_INTERNAL, "nftables refused the rules: %.*s", n > 300 ? 300 : n, text);
}

struct err *nft_run(struct nft *n, const char *text)
{
    if (!n->ctx)
        TRY(open_context(n));
    if (nft_run_cmd_from_buffer(n->ctx, text))
        return error_of(nft_ctx_get_error_buffer(n->ctx));
    return NULL;
}

static struct err *ask_generation(struct mnl_socket *sock)
{
    char buf[512] __attribute__((aligned(8)));
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));
    ssize_t got;

    m->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
    m->nlmsg_flags = NLM_F_REQUEST;
    gen->version = NFNETLINK_V0;
    if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
        return err_sys("ask nftables");
    got = mnl_socket_recvfrom(sock, buf, sizeof(buf));
    if (got < (ssize_t)sizeof(*m))
        return err_sys("ask nftables");
    m = (void *)buf;
    if (m->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);
        if (ne->error)
            return err_sysno(-ne->error, "nftables does not work here (kernel support or "
                                         "CAP_NET_ADMIN is missing)");
    }
    return NULL;
}

struct err *nft_check(void)
{
    struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    struct err *e;

    if (!sock)
        return err_sys("open a netfilter socket");
    e = mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ? err_sys("bind a netfilter socket")
                                                         : ask_generation(sock);
    mnl_socket_close(sock);
    return e;
}
