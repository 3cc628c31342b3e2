/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the host forwards packets because of us. Where it does, what neither comes from nor goes
 * to a bridge of ours stays as it was: dropped (rules of guard_text). Any thread.
 */
#pragma once

#include "base/text.h"

enum forward_family { FORWARD4, FORWARD6, FORWARD_FAMILIES };

struct forwarding;
/* path: where it is remembered until the machine is started again; NULL: nowhere. */
struct forwarding *forwarding_create(const char *path);
void forwarding_destroy(struct forwarding *f);
/* Worker or start-up. *out_off: the host does not forward, and from now on it is on our account
 * that it does (remembered before it is so). The rules come first, then forwarding_turn_on. */
struct err *forwarding_claim(struct forwarding *f, enum forward_family family, bool *out_off)
    must_check;
struct err *forwarding_turn_on(enum forward_family family) must_check;
/* At the end: what was turned on is turned off, unless a bridge that came later, and is not of
 * own_names, may live from it. */
void forwarding_give_back(struct forwarding *f, const struct strs *own_names);

/* The rules, as commands that may follow one another: what of others is let through anew each time.
 * Worker. */
struct err *forwarding_guard(struct forwarding *f, const char *tag, const struct strs *own_names,
                             struct buf *out) must_check;

struct guard_view {
    const char *tag;
    bool is_closed[FORWARD_FAMILIES];
    struct strs guests[FORWARD_FAMILIES]; /* bridges whose packets are let through */
    struct strs bridged;                  /* links within which they are, by br_netfilter */
};
void guard_text(struct buf *out, const struct guard_view *v); /* pure */
