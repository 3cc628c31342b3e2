/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers and the other owners of the host's firewall. A chain of somebody else's that drops
 * what none of its rules decides gets one rule of ours at that very place: a jump into a chain
 * that accepts what our bridges send and get (our own table has decided over it already).
 */
#pragma once

#include <stdbool.h>

struct passage;
struct nft;

struct passage *passage_create(const char *tag, bool may_open);
void passage_destroy(struct passage *f); /* accepts NULL */
/* Worker, one at a time: looks, and opens what has to be. `bridge_names` are our bridges, NULL:
 * none any more, everything is taken back. False: others were at work, look again. */
bool passage_look(struct passage *f, struct nft *nft, const char *bridge_names);

/* Between two looks, on the loop. "" or the chains: that stay shut, that were opened. */
const char *passage_shut(const struct passage *f);
const char *passage_opened(const struct passage *f);
bool passage_is_shut(const struct passage *f, bool is_v6);
