/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else decides over what this host forwards: the chains of other tables at that hook, and
 * whether they drop what none of their rules decides.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct nlmsghdr;

struct forward_chain {
    const char *family, *table, *name; /* "ip", "ip6", "inet" */
    bool is_base;  /* at the hook; else the chain of ours that hangs in this table */
    bool drops;    /* what no rule decides, by its policy or its last rule */
    uint64_t last; /* the handle of that rule; 0: the policy */
    uint64_t jump; /* the handle of the rule that leads to our chain; 0: none */
    unsigned n_rules;
    unsigned n_behind; /* the jump: rules that should stand before it */
};
struct forward_chains {
    struct arena *a;
    const char *own; /* the name of our chain in the tables of others */
    struct forward_chain *v;
    size_t n, cap;
    struct forward_chain *current; /* whose rules are being read */
};

/* Blocks. False: could not be read (others were changing it: try again). */
bool forward_chains_read(struct forward_chains *out);
/* Parts of the kernel's dumps; ctx is the struct forward_chains. Pure. */
int forward_on_chain(const struct nlmsghdr *m, void *ctx);
int forward_on_rule(const struct nlmsghdr *m, void *ctx);
