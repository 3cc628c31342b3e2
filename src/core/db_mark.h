/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark: how far the write-ahead log had come when a commit was acknowledged, in a file beside
 * it (PATH-mark). With it the end of a log that was being written can be told from the loss of
 * what was promised. Written after the commit is on disk and never waited for, so that what it
 * says is always a lower bound, whichever of the two reached the disk. Writer thread, start-up.
 */
#pragma once

#include "db_wal.h"

struct mark {
    struct wal_place place;
    bool is_closing; /* the log is being put into the database and removed */
};

struct mark_file;
/* Makes the file (on disk when it returns) unless it is there. */
struct err *mark_open(const char *db_path, struct mark_file **out) must_check;
void mark_close(struct mark_file *f); /* accepts NULL */
void mark_write(struct mark_file *f, const struct mark *m, bool must_be_on_disk);
/* False: there is none, or none that can be read. */
bool mark_read(const char *db_path, struct mark *out);
/* Whether the file is there, readable or not: there was a database. */
bool mark_exists(const char *db_path);
