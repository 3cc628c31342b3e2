/* SPDX-License-Identifier: Apache-2.0 */
/* A container's resolver, from plan (loop) by open (worker) to serve (loop). */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct container;
struct net;

struct dns_start {
    bool is_wanted;
    int fds[2]; /* UDP, TCP; -1 */
};
void dns_start_init(struct dns_start *s);
void dns_start_plan(struct dns_start *s, const struct container *c);
struct err *dns_start_open(struct dns_start *s, struct net *n, int netns) must_check;
void dns_start_serve(struct dns_start *s, struct container *c); /* takes the sockets */
void dns_start_close(struct dns_start *s);
void dns_resume(struct container *c); /* after an engine restart */
void dns_hold(struct container *c);
bool resolver_is_wanted(const struct container *c);
