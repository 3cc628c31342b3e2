/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct nlmsghdr;

/* Blocks; belongs to start-up. */
void forward_policy_warn(void);
/* A chain of a dump: adds "table chain" to the struct buf ctx if it drops by policy what is
 * forwarded. Pure. */
int forward_policy_on_chain(const struct nlmsghdr *m, void *ctx);
