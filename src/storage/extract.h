/* SPDX-License-Identifier: Apache-2.0 */
/* Turns archive entries into files below one directory nobody else can reach. One worker. */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct archive;
struct archive_entry;
struct extract;
struct tar_split;

/* root, split: borrowed. split hears what goes into which file. */
struct extract *extract_create(int root, int64_t max_bytes, struct tar_split *split);
/* Reads the entry's content from ar. */
struct err *extract_entry(struct extract *x, struct archive *ar, struct archive_entry *e)
    must_check;
/* Times of directories, which every entry below them would have moved. */
struct err *extract_finish(struct extract *x) must_check;
int64_t extract_file_bytes(const struct extract *x);
void extract_destroy(struct extract *x); /* accepts NULL */
