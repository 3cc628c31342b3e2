/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A removal is a write, and has to work on a full disk. Three things see to it:
 *  - Blocks behind the ends of the state file and of its log are allocated ahead (KEEP_SIZE): the
 *    log's for what SQLite writes until its next checkpoint, the file's for what that checkpoint
 * may add. A container that fills the disk cannot take them.
 *  - New documents are refused before that is used up: it serves removals and changes of state.
 *  - The ballast is an ordinary file, given up when a write fails all the same (a file system that
 *    copies on write or allocates nothing ahead) and made again when there is room.
 * Trap: closing any descriptor of a file ends SQLite's locks on it, so ours stays open as long.
 */
#include "db_room.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define BALLAST_BYTES ((off_t)4 << 20)
#define LOG_BYTES ((off_t)4 << 20)   /* what SQLite lets its log grow to: db_store.c */
#define AHEAD_BYTES ((off_t)4 << 20) /* of the file; a checkpoint adds the log at most */
#define SHORT_BYTES ((uint64_t)1 << 20)
#define RENEW_BYTES ((uint64_t)BALLAST_BYTES * 4) /* free, before the ballast takes its part */

struct db_room {
    int file, ballast; /* -1: cannot be opened */
    char *log_path;
    off_t file_end, log_end; /* allocated up to there */
    bool has_ballast;
    bool is_told; /* that there is no room */
};

struct db_room *db_room_create(const char *path)
{
    struct db_room *r = mem_new(struct db_room);
    const char *slash = strrchr(path, '/');
    autofree char *ballast =
        mem_printf("%.*s/ballast", (int)(slash ? slash - path : 1), slash ? path : ".");
    struct stat st;

    r->log_path = mem_printf("%s-wal", path);
    r->file = open(path, O_RDWR | O_CLOEXEC);
    r->ballast = open(ballast, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    r->has_ballast =
        r->ballast >= 0 && fstat(r->ballast, &st) == 0 && st.st_blocks * 512 >= BALLAST_BYTES;
    return r;
}

/* SQLite has emptied the log: what it had allocated is taken again before somebody else comes. */
void db_room_destroy(struct db_room *r)
{
    if (!r)
        return;
    r->log_end = 0;
    db_room_keep(r);
    if (r->file >= 0)
        close(r->file);
    if (r->ballast >= 0)
        close(r->ballast);
    free(r->log_path);
    free(r);
}

static uint64_t free_bytes(const struct db_room *r)
{
    struct statvfs v;

    if (r->file < 0 || fstatvfs(r->file, &v) < 0)
        return UINT64_MAX; /* the write will tell */
    return (uint64_t)v.f_bavail * v.f_frsize;
}

bool db_room_is_short(const struct db_room *r)
{
    return free_bytes(r) < SHORT_BYTES;
}

/* By a write that takes no room: the flags of the file system do not tell after an error of it. */
bool db_room_is_readonly(const struct db_room *r)
{
    return r->file >= 0 && futimens(r->file, NULL) < 0 && errno == EROFS;
}

static bool allocate(struct db_room *r, int fd, off_t bytes)
{
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0)
        return true;
    return errno == ENOSPC && db_room_give(r) && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0;
}

static bool keep_file(struct db_room *r)
{
    struct stat st;

    if (r->file < 0 || fstat(r->file, &st) < 0)
        return false;
    if (st.st_size + AHEAD_BYTES <= r->file_end)
        return true;
    r->file_end = st.st_size + 2 * AHEAD_BYTES; /* twice: so that it is not often asked for */
    if (!allocate(r, r->file, r->file_end))
        r->file_end = st.st_size + AHEAD_BYTES;
    return r->file_end > st.st_size + AHEAD_BYTES || allocate(r, r->file, r->file_end);
}

/* A log that has outgrown its bound is cut back to it: what is allocated there stays. */
static bool keep_log(struct db_room *r)
{
    autoclose int log = -1;

    if (r->log_end)
        return true;
    log = open(r->log_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log < 0 || !allocate(r, log, LOG_BYTES))
        return false;
    r->log_end = LOG_BYTES;
    return true;
}

void db_room_keep(struct db_room *r)
{
    bool has_log = keep_log(r), has_file = keep_file(r);

    if (has_log && has_file) {
        r->is_told = false;
        return;
    }
    if (!r->is_told)
        log_warn("no room can be set aside on the disk for the state file: on a full disk even a "
                 "removal may fail",
                 KV("file", r->log_path));
    r->is_told = true;
}

bool db_room_give(struct db_room *r)
{
    if (!r->has_ballast || ftruncate(r->ballast, 0) < 0)
        return false;
    r->has_ballast = false;
    log_warn("the disk of the data root is full: its ballast is given up so that things can be "
             "removed; free some space");
    return true;
}

bool db_room_renew(struct db_room *r)
{
    if (r->has_ballast || r->ballast < 0 || free_bytes(r) < RENEW_BYTES)
        return r->has_ballast;
    r->has_ballast = fallocate(r->ballast, 0, 0, BALLAST_BYTES) == 0;
    if (!r->has_ballast)
        (void)!ftruncate(r->ballast, 0);
    return r->has_ballast;
}
