/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transport of nl.h. The kernel handles the messages of one send in order and
 * answers each, so a refused message does not stop those after it: callers batch only
 * what may fail together. Its extended message, when there is one, ends the sentence.
 */
#include "nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "nl_attr.h"

#define NL_RECV_MAX 32768
#define ERRNO_MAX 4096
#define DUMPS_MAX 5
#define NL_TIMEOUT_S 20 /* RTNL may be held by others for long; for ever would hang a worker */

/* NETLINK_EXT_ACK: errors with words (since 4.12). NETLINK_CAP_ACK: acknowledgements without a copy
 * of the message. */
struct err *nl_open(struct nl **out)
{
    struct nl *nl = mem_new(struct nl);
    struct timeval patience = {.tv_sec = NL_TIMEOUT_S};
    int on = 1;

    nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
        struct err *e = err_sys("open a netlink socket");
        nl_close(nl);
        return e;
    }
    mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
    mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
    setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    *out = nl;
    return NULL;
}

void nl_close(struct nl *nl)
{
    if (!nl)
        return;
    if (nl->sock)
        mnl_socket_close(nl->sock);
    free(nl);
}

/* `what` completes "cannot …": the error of this message says it. */
struct nlmsghdr *nl_begin(struct nl *nl, int type, unsigned flags, const char *what, ...)
{
    va_list ap;

    ASSERT(nl->n < NL_MESSAGES_MAX && nl->len + 1024 < sizeof(nl->batch));
    va_start(ap, what);
    vsnprintf(nl->what[nl->n++], NL_WHAT_MAX, what, ap);
    va_end(ap);

    struct nlmsghdr *m = mnl_nlmsg_put_header(nl->batch + nl->len);
    m->nlmsg_type = (uint16_t)type;
    m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    m->nlmsg_seq = ++nl->seq;
    return m;
}

void nl_end(struct nl *nl, struct nlmsghdr *m)
{
    nl->len += MNL_ALIGN(m->nlmsg_len);
    ASSERT(nl->len <= sizeof(nl->batch));
}

/* The text the kernel adds to an error, or NULL. */
static const char *extended_text(const struct nlmsghdr *m)
{
    static const struct nl_field fields[] = {{NLMSGERR_ATTR_MSG, NL_TEXT}, {0}};
    const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);
    size_t skip = sizeof(*ne);
    const char *text = NULL;

    if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
        return NULL;
    if (!(m->nlmsg_flags & NLM_F_CAPPED) && ne->msg.nlmsg_len >= sizeof(ne->msg))
        skip += ne->msg.nlmsg_len - sizeof(ne->msg);
    nl_fill(nl_attributes(m, skip), fields, &text);
    return text;
}

/* The answer's number says which message of the batch was refused. */
static struct err *error_of(const struct nl *nl, const struct nlmsghdr *m)
{
    const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);
    uint32_t first = nl->seq - nl->n + 1;
    const char *what =
        m->nlmsg_seq - first < nl->n ? nl->what[m->nlmsg_seq - first] : "ask rtnetlink";
    const char *more = extended_text(m);
    int sys = ne->error < 0 && ne->error > -ERRNO_MAX ? -ne->error : EPROTO;

    if (more)
        return err_sysno(sys, "cannot %s (%s)", what, more);
    return err_sysno(sys, "cannot %s", what);
}

/* Only the kernel's: anybody may send to a netlink socket, but not with port 0 (netlink(7)). */
ssize_t nl_receive(const struct mnl_socket *sock, void *buf, size_t room, int flags)
{
    struct sockaddr_nl from = {0};
    struct iovec part = {buf, room};
    struct msghdr h = {.msg_name = &from, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    do {
        h.msg_namelen = sizeof(from);
        n = recvmsg(mnl_socket_get_fd(sock), &h, flags);
    } while (n < 0 ? errno == EINTR : from.nl_pid != 0);
    if (n >= 0 && h.msg_flags & MSG_TRUNC) {
        errno = ENOBUFS;
        return -1;
    }
    return n;
}

static struct err *send_batch(struct nl *nl)
{
    ASSERT(nl->n > 0 && nl->len > 0);
    if (mnl_socket_sendto(nl->sock, nl->batch, nl->len) < 0)
        return err_sys("send to rtnetlink");
    return NULL;
}

static void forget_batch(struct nl *nl)
{
    nl->len = 0;
    nl->n = 0;
}

static bool is_error(const struct nlmsghdr *m)
{
    return m->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(m) >= sizeof(struct nlmsgerr);
}

struct err *nl_read_acks(const struct nl *nl, const void *reply, size_t size, unsigned *left)
{
    struct err *first = NULL;
    int len = (int)size;

    for (const struct nlmsghdr *m = reply; nl_is_whole(m, len); m = mnl_nlmsg_next(m, &len)) {
        const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);

        if (!is_error(m) || m->nlmsg_seq - (nl->seq - nl->n + 1) >= nl->n)
            continue;
        if (ne->error && !first)
            first = error_of(nl, m);
        *left -= *left > 0;
    }
    return first;
}

/* Each message is answered; the first error counts, but all answers are taken, or they would be
 * read as those of the next batch. */
static struct err *receive_acks(struct nl *nl)
{
    struct err *first = NULL;
    char buf[8192] __attribute__((aligned(8)));

    for (unsigned left = nl->n; left;) {
        ssize_t got = nl_receive(nl->sock, buf, sizeof(buf), 0);
        struct err *e;

        if (got < 0) {
            err_drop(first);
            return err_sys("wait for rtnetlink to %s", nl->what[nl->n - left]);
        }
        e = nl_read_acks(nl, buf, (size_t)got, &left);
        if (first)
            err_drop(e);
        else
            first = e;
    }
    return first;
}

struct err *nl_commit(struct nl *nl)
{
    struct err *e = nl->n ? send_batch(nl) : NULL;

    ASSERT(nl->n <= NL_MESSAGES_MAX);
    if (!e)
        e = receive_acks(nl);
    forget_batch(nl);
    return e;
}

struct err *nl_read_answer(const struct nl *nl, const void *reply, size_t size, nl_fn fn, void *ctx,
                           struct nl_progress *out)
{
    int len = (int)size;

    for (const struct nlmsghdr *m = reply; nl_is_whole(m, len); m = mnl_nlmsg_next(m, &len)) {
        if (m->nlmsg_seq != nl->seq)
            continue;
        out->is_torn |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        out->is_done = m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE;
        if (is_error(m)) {
            const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);
            return ne->error ? error_of(nl, m) : NULL;
        }
        if (out->is_done)
            return NULL;
        fn(m, ctx);
    }
    return NULL;
}

static struct err *receive_answer(struct nl *nl, nl_fn fn, void *ctx, bool *out_torn)
{
    autofree char *buf = mem_alloc(NL_RECV_MAX);
    struct nl_progress p = {0};

    while (!p.is_done) {
        ssize_t got = nl_receive(nl->sock, buf, NL_RECV_MAX, 0);

        if (got < 0)
            return err_sys("wait for rtnetlink to %s", nl->what[0]);
        TRY(nl_read_answer(nl, buf, (size_t)got, fn, ctx, &p));
    }
    *out_torn = p.is_torn;
    return NULL;
}

struct err *nl_query(struct nl *nl, nl_fn fn, void *ctx)
{
    struct err *e;
    bool is_torn;

    ASSERT(nl->n == 1);
    e = send_batch(nl);
    if (!e)
        e = receive_answer(nl, fn, ctx, &is_torn);
    forget_batch(nl);
    return e;
}

/* A number of its own for each, so that no answer is taken for another's. */
static void renumber(struct nl *nl)
{
    ((struct nlmsghdr *)(void *)nl->batch)->nlmsg_seq = ++nl->seq;
}

struct err *nl_dump(struct nl *nl, nl_fn fn, void (*restart)(void *ctx), void *ctx)
{
    struct nlmsghdr *m = (void *)nl->batch;
    struct err *e = NULL;
    bool is_torn = true;

    ASSERT(nl->n == 1);
    m->nlmsg_flags |= NLM_F_DUMP;
    for (int i = 0; i < DUMPS_MAX && !e && is_torn; i++) {
        if (i) {
            restart(ctx);
            renumber(nl);
        }
        e = send_batch(nl);
        if (!e)
            e = receive_answer(nl, fn, ctx, &is_torn);
    }
    forget_batch(nl);
    return e;
}
