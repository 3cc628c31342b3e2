/* SPDX-License-Identifier: Apache-2.0 */
/* Between the tar that is unpacked and its record: which bytes went into which file. One worker. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive;
struct tar_split;

/* layer: the directory that diff/ is in; borrowed. */
struct err *tar_split_create(int layer, struct tar_split **out) must_check;
/* The next bytes of the tar, valid until the next piece; what ar has left behind by now, and was in
 * no file, goes into the record. */
struct err *tar_split_piece(struct tar_split *s, struct archive *ar, const void *p, size_t n)
    must_check;
/* A file begins whose path below diff/ this is, without links. */
void tar_split_begin_file(struct tar_split *s, const char *path);
/* What libarchive has just handed out of ar went to the file's place `at`. */
struct err *tar_split_data(struct tar_split *s, struct archive *ar, const void *p, size_t n,
                           int64_t at) must_check;
struct err *tar_split_end_file(struct tar_split *s) must_check;
/* The file `name` in dir, which is `path` below diff/, makes room for a later entry: it goes to
 * replaced/. *out_moved false: it is still there, and need not be kept. */
struct err *tar_split_keep(struct tar_split *s, int dir, const char *name, const char *path,
                           bool *out_moved) must_check;
void tar_split_refuse(struct tar_split *s, const char *why); /* there will be no record */
/* All pieces have come, of so many bytes. */
struct err *tar_split_end(struct tar_split *s, int64_t tar_bytes) must_check;
void tar_split_destroy(struct tar_split *s); /* accepts NULL */
