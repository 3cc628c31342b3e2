/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of its own that reads a blob, hashes it and decompresses it into a small ring of
 * buffers; the caller's worker takes them out. Ends with its owner: inflate_end joins it.
 */
#pragma once

#include "base/digest.h"

#include <stdint.h>

struct inflate;

/* in_fd stays the caller's and must outlive inflate_end. */
struct err *inflate_begin(int in_fd, struct inflate **out) must_check;

enum inflate_state { INFLATE_DATA, INFLATE_WAITING, INFLATE_END };
/* *p is valid until the next call. WAITING: nothing came for `wait_ms`. */
struct err *inflate_next(struct inflate *f, int wait_ms, enum inflate_state *state, const void **p,
                         size_t *n) must_check;
int64_t inflate_blob_bytes(const struct inflate *f); /* read so far; any time */
int64_t inflate_tar_bytes(const struct inflate *f);  /* handed out so far */
/* After INFLATE_END. */
void inflate_digests(struct inflate *f, char blob[DIGEST_MAX], char tar[DIGEST_MAX]);
void inflate_end(struct inflate *f); /* accepts NULL; stops the thread wherever it is */
