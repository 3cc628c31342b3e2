/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two slots of one sector each, written in turn: a write that is cut off leaves the other.
 */
#include "db_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

#define MAGIC "berthmk1"
#define SECTOR 512
#define FLAG_CLOSING 1u

struct slot {
    char magic[8];
    uint64_t turn; /* the higher one counts */
    struct wal_place place;
    uint32_t flags;
    uint64_t sum; /* of what is before it */
};

struct mark_file {
    int fd;
    uint64_t turn;
    bool has_failed;
};

/* FNV-1a */
static uint64_t sum_of(const struct slot *s)
{
    const unsigned char *p = (const unsigned char *)s;
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < offsetof(struct slot, sum); i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static char *mark_path(const char *db_path)
{
    return mem_printf("%s-mark", db_path);
}

static bool read_slots(int fd, struct slot *out)
{
    bool is_found = false;

    for (int i = 0; i < 2; i++) {
        struct slot s;

        if (pread(fd, &s, sizeof(s), (off_t)i * SECTOR) != (ssize_t)sizeof(s) ||
            memcmp(s.magic, MAGIC, sizeof(s.magic)) != 0 || s.sum != sum_of(&s))
            continue;
        if (!is_found || s.turn > out->turn)
            *out = s;
        is_found = true;
    }
    return is_found;
}

bool mark_read(const char *db_path, struct mark *out)
{
    autofree char *path = mark_path(db_path);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct slot s;

    if (fd < 0 || !read_slots(fd, &s))
        return false;
    out->place = s.place;
    out->is_closing = s.flags & FLAG_CLOSING;
    return true;
}

bool mark_exists(const char *db_path)
{
    autofree char *path = mark_path(db_path);

    return access(path, F_OK) == 0;
}

static struct err *make_file(const char *path)
{
    char zeros[2 * SECTOR] = {0};

    return file_write_atomic(AT_FDCWD, path, zeros, sizeof(zeros), 0600, true);
}

struct err *mark_open(const char *db_path, struct mark_file **out)
{
    autofree char *path = mark_path(db_path);
    struct mark_file *f;
    struct slot s;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        TRY(make_file(path));
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys("open %s", path);
    f = mem_new(struct mark_file);
    f->fd = fd;
    f->turn = read_slots(fd, &s) ? s.turn : 0;
    *out = f;
    return NULL;
}

void mark_close(struct mark_file *f)
{
    if (!f)
        return;
    close(f->fd);
    free(f);
}

void mark_write(struct mark_file *f, const struct mark *m, bool must_be_on_disk)
{
    struct slot s;
    bool is_written;

    memset(&s, 0, sizeof(s)); /* padding is summed, too */
    memcpy(s.magic, MAGIC, sizeof(s.magic));
    s.turn = ++f->turn;
    s.place = m->place;
    s.flags = m->is_closing ? FLAG_CLOSING : 0;
    s.sum = sum_of(&s);
    is_written = pwrite(f->fd, &s, sizeof(s), (off_t)(s.turn & 1) * SECTOR) == (ssize_t)sizeof(s) &&
                 (!must_be_on_disk || fdatasync(f->fd) == 0);
    if (!is_written && !f->has_failed)
        log_warn("the mark of the state file cannot be written: damage at the end of its log "
                 "would not be noticed",
                 KV("error", strerror(errno)));
    f->has_failed = !is_written;
}
