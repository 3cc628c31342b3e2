/* SPDX-License-Identifier: Apache-2.0 */
/* The bridges of the host, whoever made them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;
struct nlmsghdr;

struct listed_bridge {
    int ifindex;
    char name[16];
    bool is_way_out; /* a route leads through it to a gateway */
};
struct bridge_list {
    struct arena *a;
    struct listed_bridge *v;
    size_t n, cap;
};
/* Worker. */
struct err *bridge_list_read(struct bridge_list *out);
/* What the kernel answers: of type nl_fn, pure; links come first. */
int bridge_list_on_link(const struct nlmsghdr *m, void *ctx);
int bridge_list_on_route(const struct nlmsghdr *m, void *ctx);
