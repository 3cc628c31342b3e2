/* SPDX-License-Identifier: Apache-2.0 */
/* The files of one json-file log: NAME, NAME.1 (older), NAME.2 …; see logfiles.c. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A place in the log. A generation is a file: 0 is the one that NAME was when the engine opened
 * the log, older ones are negative; each rotation begins the next. Off is always behind a whole
 * record. */
struct log_pos {
    int64_t gen, off;
};

struct logfiles {
    pthread_mutex_t lock; /* guards gen against the names: renaming and opening */
    char *path;
    int64_t gen; /* of the file that has the plain name */
    int max_files;
    bool compresses; /* rotated ones become NAME.1.gz … */
};
void logfiles_init(struct logfiles *f, char *path, int max_files); /* takes path */
void logfiles_finish(struct logfiles *f);
/* For writing; creates it. -1 and errno. */
int logfiles_open_current(struct logfiles *f);
/* The file of *gen for reading or, when it is gone, of the next one that is left (*gen tells).
 * -1: none. */
int logfiles_open(struct logfiles *f, int64_t *gen);
/* The generation of the oldest file that is left. */
int64_t logfiles_oldest(struct logfiles *f);
int64_t logfiles_current(struct logfiles *f);
/* Every file but the current: NAME.1 becomes NAME.1.gz. A worker beside the writer; it takes a
 * while and holds the lock for names only. */
void logfiles_compress(struct logfiles *f);
/* The clock was set back while the log was in that file: what is behind a place in it may be older
 * than what is before. The file says so itself, also when it was rotated and compressed. */
void logfiles_note_step(int fd);
bool logfiles_have_step(struct logfiles *f); /* one of the files that are left */
/* Moves every file one name on; the oldest goes. Returns false when that failed (errno). */
bool logfiles_rotate(struct logfiles *f);
