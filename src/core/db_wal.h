/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's write-ahead log read by ourselves (sqlite.org/fileformat2.html, section 4): SQLite
 * takes everything up to the first frame with a wrong checksum and forgets the rest without a
 * word, which is right for the end of a log that was being written, and for nothing else. Pure
 * but for reading the file; nothing is changed.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WAL_HEADER = 32, WAL_FRAME_HEADER = 24 };

/* Where a log stood after a commit that was acknowledged; see db_mark.h. */
struct wal_place {
    uint32_t salt[2];
    uint32_t n_frames; /* 0: nothing in it counts */
    uint32_t sum[2];   /* of the last of them */
};

struct wal_frame {
    uint32_t page;   /* its number */
    uint32_t commit; /* pages of the database after the transaction; 0: it goes on */
    const unsigned char *data;
    bool is_sound;      /* checksum and salts are right, given the frame before */
    bool is_same_salts; /* of this log, not of the one that was overwritten */
};

struct wal {
    unsigned char *text; /* the file; malloc */
    size_t len;
    uint32_t page_bytes; /* of the header */
    uint32_t salt[2];
    bool is_header_sound, is_big_endian;
    size_t n_frames; /* whole ones in the file, of whatever log */
    size_t n_valid;  /* what SQLite will take: up to the last commit before the first fault */
    size_t n_later_commits; /* of this log, behind the first fault */
};

/* An absent file is an empty log. ERR_TOO_LARGE above the bound, ERR_INTERNAL when unreadable. */
struct err *wal_read(const char *path, struct wal *out) must_check;
void wal_finish(struct wal *w);
/* i counts from 0. */
void wal_frame(const struct wal *w, size_t i, struct wal_frame *out);
/* The running checksum behind frame i, as the file has it. */
void wal_sum_of(const struct wal *w, size_t i, uint32_t out[2]);
/* Whether `page` instead of frame i's own would have its checksum. */
bool wal_frame_fits(const struct wal *w, size_t i, const unsigned char *page);
/* For salvage: what can be known of a head that is not sound, out of the first frame. */
void wal_mend_header(struct wal *w);
/* The frame's number of a page, and the size it commits, with which its checksum is right; false:
 * none has been found up to n_pages. */
bool wal_mend_frame(const struct wal *w, size_t i, uint32_t n_pages, struct wal_frame *f);
/* Whether everything that was acknowledged is in the valid part. `place` NULL: nobody knows what
 * was; then two commits behind a fault are damage, since the first was waited for before the
 * second was written, and a single one may be the end of a log that was being written. On false
 * *why is a sentence (static). */
bool wal_is_whole(const struct wal *w, const struct wal_place *place, const char **why);
