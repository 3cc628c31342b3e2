/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of lines that is only ever added to, with rotation, written behind the loop: adding never
 * waits. What waits for the disk is bounded; more is lost, counted, and told in the file by a line
 * of its owner's as soon as there is room. A process that dies leaves whole lines. Loop thread, but
 * for open and close, which block.
 */
#pragma once

#include "base/text.h"

struct loop;
struct pools;
struct journal;

struct journal_settings {
    const char *path;
    int64_t max_bytes;  /* of one file, about */
    int max_files;      /* with the current one; path.1 is the youngest before */
    size_t pending_max; /* bytes that may wait for the disk */
    /* A line that says so many are lost, without its newline. */
    void (*tell_gap)(void *ctx, struct buf *out, uint64_t n);
    void *ctx;
};

/* Settings are copied, path too. The last line may be torn: it is ended. */
struct err *journal_open(struct loop *l, struct pools *p, const struct journal_settings *s,
                         struct journal **out) must_check;
/* line: without a newline inside or at its end. */
void journal_add(struct journal *j, const char *line, size_t n);
bool journal_is_busy(const struct journal *j);  /* a worker writes; NULL: none does */
uint64_t journal_lost(const struct journal *j); /* in all */
/* When no worker is left: writes what waits, itself. Accepts NULL. */
void journal_close(struct journal *j);
