/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a log's files. Readers speak of generations, because names move: the
 * writer renames under the lock, a reader opens under the lock, and a reader that
 * has a file open keeps reading it whatever its name becomes. Workers only; the lock
 * is held for a few path look-ups, never while bytes are read or written.
 */
#include "logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

void logfiles_init(struct logfiles *f, char *path, int max_files)
{
    pthread_mutex_init(&f->lock, NULL);
    f->path = path;
    f->max_files = max_files;
}

void logfiles_finish(struct logfiles *f)
{
    pthread_mutex_destroy(&f->lock);
    free(f->path);
}

static const char *name_of(const struct logfiles *f, int64_t age, char out[PATH_MAX])
{
    if (age <= 0)
        return f->path;
    snprintf(out, PATH_MAX, "%s.%lld", f->path, (long long)age);
    return out;
}

int logfiles_open_current(struct logfiles *f)
{
    return open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

int logfiles_open(struct logfiles *f, int64_t *gen)
{
    char name[PATH_MAX];
    int64_t age;
    int fd = -1;

    pthread_mutex_lock(&f->lock);
    age = f->gen - *gen;
    if (age >= f->max_files)
        age = f->max_files - 1;
    for (; age >= 0 && fd < 0; age--) {
        fd = open(name_of(f, age, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
            *gen = f->gen - age;
    }
    pthread_mutex_unlock(&f->lock);
    return fd;
}

int64_t logfiles_oldest(struct logfiles *f)
{
    char name[PATH_MAX];
    int64_t age, gen;

    pthread_mutex_lock(&f->lock);
    for (age = f->max_files - 1; age > 0; age--) {
        if (!access(name_of(f, age, name), F_OK))
            break;
    }
    gen = f->gen - age;
    pthread_mutex_unlock(&f->lock);
    return gen;
}

int64_t logfiles_current(struct logfiles *f)
{
    int64_t gen;

    pthread_mutex_lock(&f->lock);
    gen = f->gen;
    pthread_mutex_unlock(&f->lock);
    return gen;
}

/* A rotation that was cut off has left a gap in the names: it goes on from there, so that doing it
 * again never costs a file. Returns the age that nothing has; the last one is emptied for it. */
static int64_t make_gap(struct logfiles *f)
{
    char name[PATH_MAX];

    for (int64_t age = 1; age < f->max_files; age++) {
        if (access(name_of(f, age, name), F_OK))
            return age;
    }
    /* With one file the full one goes; readers that have it open still read it. */
    if (unlink(name_of(f, f->max_files - 1, name)) && errno != ENOENT)
        return -1;
    return f->max_files - 1;
}

static bool move_files(struct logfiles *f)
{
    char from[PATH_MAX], to[PATH_MAX];
    int64_t gap = make_gap(f);

    for (int64_t age = gap - 1; age >= 0; age--) {
        if (rename(name_of(f, age, from), name_of(f, age + 1, to)) && errno != ENOENT)
            return false;
    }
    return gap >= 0;
}

bool logfiles_rotate(struct logfiles *f)
{
    bool has_moved;

    pthread_mutex_lock(&f->lock);
    has_moved = move_files(f);
    if (has_moved)
        f->gen++;
    pthread_mutex_unlock(&f->lock);
    return has_moved;
}
