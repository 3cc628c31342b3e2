/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink, a batch at a time: messages are appended, sent by one system call, and
 * every one is acknowledged. A struct nl is used by one thread at a time and works
 * in the network namespace where it was opened, whoever uses it.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "base/mem.h"

#define NL_MESSAGES_MAX 8
#define NL_WHAT_MAX 96

struct nl {
    struct mnl_socket *sock;
    uint32_t seq;
    size_t len;
    unsigned n; /* messages in the batch; their seq are seq - n + 1 … seq */
    char what[NL_MESSAGES_MAX][NL_WHAT_MAX];
    char batch[4096];
};

/* In the calling thread's namespace. */
struct err *nl_open(struct nl **out) must_check;
void nl_close(struct nl *nl); /* accepts NULL */
/* Appends a request with ACK; `what` completes "cannot …". Attributes are added to the
 * returned header by mnl_attr_put, then nl_end. */
struct nlmsghdr *nl_begin(struct nl *nl, int type, unsigned flags, const char *what, ...)
    like_printf(4, 5);
void nl_end(struct nl *nl, struct nlmsghdr *m);
/* Sends the batch, waits for all answers; the first failure with errno kept. */
struct err *nl_commit(struct nl *nl) must_check;
/* The single answer to the one message that was begun. */
typedef int (*nl_fn)(const struct nlmsghdr *m, void *ctx);
struct err *nl_query(struct nl *nl, nl_fn fn, void *ctx) must_check;
/* All answers to it. The kernel lists in several goes and says when something changed between two
 * of them: then what was told may have gaps and doubles, so restart makes ctx what it was and all
 * is told again, a few times at most (a machine may be so busy that it never is at rest: the last
 * is taken as it is). */
struct err *nl_dump(struct nl *nl, nl_fn fn, void (*restart)(void *ctx), void *ctx) must_check;

/* One datagram of the kernel's; ENOBUFS: one was lost, or is larger than the room. What others send
 * is passed over: root in a container's namespace can write to every socket that is open there. */
ssize_t nl_receive(const struct mnl_socket *sock, void *buf, size_t room, int flags);

/* mnl_nlmsg_ok alone takes a length above INT_MAX for a small one: a walk without end. */
static inline bool nl_is_whole(const struct nlmsghdr *m, int len)
{
    return mnl_nlmsg_ok(m, len) && m->nlmsg_len <= (uint32_t)len;
}
/* Pure: one datagram of replies, from an address that is a multiple of 4. The first failure;
 * *left goes down by one for each message answered. */
struct err *nl_read_acks(const struct nl *nl, const void *reply, size_t size, unsigned *left)
    must_check;
/* fn for each part of the answer, until it is done. A part may be shorter than its type wants. */
struct nl_progress {
    bool is_done, is_torn; /* torn: see nl_dump */
};
struct err *nl_read_answer(const struct nl *nl, const void *reply, size_t size, nl_fn fn, void *ctx,
                           struct nl_progress *out) must_check;
