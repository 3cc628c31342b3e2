/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a docker-archive or OCI layout come in any order (docker save writes
 * its manifest last) and from a stream, so all of them are put aside first. Worker.
 * The files are numbered: no name of a stranger ever becomes a path of ours.
 */
#include "staging.h"

#include "base/digest.h"
#include "base/fd.h"
#include "base/map.h"
#include "storage/layer.h"
#include "storage/space.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 8, MEMBERS_MAX = 20000, COPY_BYTES = 256 * 1024 };

static const char what_needs[] = "the archive needs at least";

struct staged {
    const char *path; /* of ours; NULL: a link */
    const char *link; /* another member */
};

struct staging {
    struct arena *arena;
    struct map *members;
    char *dir;
    const _Atomic bool *stop;
    char *room; /* COPY_BYTES */
    struct space_meter space;
    int64_t packed_bytes;
    int n;
};

int64_t staging_packed_bytes(const struct staging *s)
{
    return s->packed_bytes;
}

static bool is_zero(const char *p, size_t n)
{
    return n && !*p && !memcmp(p, p + 1, n - 1);
}

/* A sparse member of a few bytes may claim to be larger than the disk: zeros stay holes. */
static struct err *put(struct staging *s, int fd, size_t n, int64_t at)
{
    if (is_zero(s->room, n))
        return ftruncate(fd, at + (int64_t)n) < 0 ? err_sys("extend a file") : NULL;
    TRY(space_take(&s->space, fd, (int64_t)n, 0, what_needs));
    if (lseek(fd, at, SEEK_SET) < 0)
        return err_sys("write");
    return fd_write_all(fd, s->room, n);
}

static struct err *copy(struct staging *s, struct member *m, int fd)
{
    for (int64_t at = 0;;) {
        ssize_t n = m->read(m, s->room, COPY_BYTES);

        if (*s->stop)
            return err_new(ERR_CANCELLED, "the client is gone");
        if (n < 0)
            return err_new(ERR_INVALID, "the archive ends in the middle of %s", m->path);
        if (n == 0)
            return NULL;
        TRY(put(s, fd, (size_t)n, at));
        at += n;
    }
}

static struct err *on_member(void *ctx, struct member *m)
{
    struct staging *s = ctx;
    struct staged *kept;
    autoclose int fd = -1;

    if (s->n >= MEMBERS_MAX)
        return err_new(ERR_INVALID, "the archive has more than %d members", MEMBERS_MAX);
    kept = arena_new(s->arena, struct staged);
    if (m->link) {
        kept->link = arena_strdup(s->arena, m->link);
    } else {
        kept->path = arena_printf(s->arena, "%s/%d", s->dir, s->n);
        fd = open(kept->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_sys("create %s", kept->path);
        TRY(space_take(&s->space, fd, 0, 1, what_needs));
        TRY(copy(s, m, fd));
    }
    s->n++;
    map_put(s->members, m->path, kept);
    return NULL;
}

void staging_remove(struct staging *s)
{
    autoerr struct err *e = NULL;

    if (!s)
        return;
    e = dir_remove_tree(AT_FDCWD, s->dir);
    map_destroy(s->members);
}

struct err *staging_fill(struct arena *a, const char *data_root, int in_fd,
                         const _Atomic bool *stop, struct staging **out)
{
    struct staging *s = arena_new(a, struct staging);
    char id[ID_MAX];
    struct err *e;

    id_random(id);
    s->arena = a;
    s->stop = stop;
    s->dir = arena_printf(a, "%s/tmp/load-%.12s", data_root, id);
    s->room = arena_alloc(a, COPY_BYTES);
    TRY(dir_make_all(s->dir, 0700));
    s->members = map_create();
    e = archive_each(in_fd, on_member, s, &s->packed_bytes);
    if (e) {
        staging_remove(s);
        return e;
    }
    *out = s;
    return NULL;
}

const char *staging_path(const struct staging *s, const char *name)
{
    for (int i = 0; i < LINKS_MAX && name; i++) {
        const struct staged *m = map_get(s->members, text_starts(name, "./") ? name + 2 : name);

        if (!m || m->path)
            return m ? m->path : NULL;
        name = m->link;
    }
    return NULL;
}

struct err *staging_read(struct arena *a, const struct staging *s, const char *name, size_t max,
                         char **out, size_t *out_len)
{
    const char *path = staging_path(s, name);

    if (!path)
        return err_new(ERR_NOT_FOUND, "the archive has no file %s", name);
    return file_read(a, AT_FDCWD, path, max, out, out_len);
}
