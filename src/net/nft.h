/* SPDX-License-Identifier: Apache-2.0 */
/* libnftables: one context for the engine, made at start-up. One thread at a time. */
#pragma once

#include "base/err.h"

struct nft;
struct nft *nft_create(void);
void nft_destroy(struct nft *n); /* accepts NULL */
/* One atomic transaction; blocks. */
struct err *nft_run(struct nft *n, const char *text) must_check;
/* That the kernel and our rights allow nftables at all; cheap, without the library. */
struct err *nft_check(void) must_check;
