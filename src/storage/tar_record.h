/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a layer's tar: what is in none of its files, and where in the tar its files are.
 *
 *   DATA_ROOT/layers/<chain hex>/tar-record    a gzip stream of the line "berth tar record 1", then
 *                                              steps: a byte of enum tar_step_kind, and what is
 *                                              behind it there; numbers are LEB128
 *                               replaced/<n>   files whose names a later entry of the tar has taken
 *
 * Workers; one at a time.
 */
#pragma once

#include "base/text.h"

#define TAR_RECORD_NAME "tar-record"
#define TAR_REPLACED_NAME "replaced"
#define TAR_RECORD_MAX (64 << 20) /* bytes on the disk */
#define TAR_REPLACED_MAX 4096     /* files in replaced/ */

enum tar_step_kind {
    TAR_STEP_END,      /* bytes of the tar */
    TAR_STEP_RAW,      /* size, bytes */
    TAR_STEP_FILE,     /* size, path below diff/: what TAR_STEP_DATA is of */
    TAR_STEP_DATA,     /* place in the file, size */
    TAR_STEP_CHECK,    /* crc32 of the file's data steps, four bytes, least first: it is over */
    TAR_STEP_REPLACED, /* size, path, n: what the path was until here is replaced/<n> */
    TAR_STEP_REFUSAL,  /* size, why there is no record: nothing follows but the end */
};

/* ---- writing ---- */

struct tar_record_writer;
struct err *tar_record_create(int layer, struct tar_record_writer **out) must_check;
struct err *tar_record_add_raw(struct tar_record_writer *w, const void *p, size_t n) must_check;
struct err *tar_record_add_file(struct tar_record_writer *w, const char *path) must_check;
struct err *tar_record_add_data(struct tar_record_writer *w, int64_t at, int64_t n) must_check;
struct err *tar_record_add_check(struct tar_record_writer *w, uint32_t crc) must_check;
struct err *tar_record_add_replaced(struct tar_record_writer *w, const char *path, unsigned n)
    must_check;
/* From now on nothing is written: the record will say only why. The first word counts. */
void tar_record_refuse(struct tar_record_writer *w, const char *why);
bool tar_record_is_refused(const struct tar_record_writer *w);
struct err *tar_record_end(struct tar_record_writer *w, int64_t tar_bytes) must_check;
void tar_record_destroy(struct tar_record_writer *w); /* accepts NULL */

/* ---- reading: every step is checked, whatever the file holds ---- */

struct tar_step {
    enum tar_step_kind kind;
    char path[4096 + 1]; /* FILE, REPLACED, REFUSAL */
    int64_t at, n;       /* DATA; n of RAW, END, REPLACED */
    uint32_t crc;
};
struct tar_record_reader;
/* fd: the record, from its beginning; borrowed. */
struct err *tar_record_open(int fd, struct tar_record_reader **out) must_check;
/* ERR_CONFLICT: the record is damaged. Behind the end nothing may be asked. What is left of a RAW
 * step's bytes is skipped. */
struct err *tar_record_next(struct tar_record_reader *r, struct tar_step *out) must_check;
/* Of the RAW step that was the last: the next bytes of it, at most `size`; 0: no more. */
struct err *tar_record_read_raw(struct tar_record_reader *r, void *p, size_t size, size_t *n)
    must_check;
void tar_record_close(struct tar_record_reader *r); /* accepts NULL */
