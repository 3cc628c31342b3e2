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
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"

#include "logview.h"

#define ZIP ".gz"

void logfiles_init(struct logfiles *f, char *path, int max_files)
{
    ASSERT(path && max_files > 0);
    pthread_mutex_init(&f->lock, NULL);
    f->path = path;
    f->max_files = max_files;
}

void logfiles_finish(struct logfiles *f)
{
    pthread_mutex_destroy(&f->lock);
    free(f->path);
}

/* suffix: "" or ZIP. */
static const char *name_of(const struct logfiles *f, int64_t age, const char *suffix,
                           char out[PATH_MAX])
{
    ASSERT(!*suffix || age > 0);
    if (age <= 0)
        return f->path;
    snprintf(out, PATH_MAX, "%s.%lld%s", f->path, (long long)age, suffix);
    return out;
}

/* Whether a file of that age is there, compressed or not. */
static bool has_age(const struct logfiles *f, int64_t age)
{
    char name[PATH_MAX];

    return !access(name_of(f, age, "", name), F_OK) ||
           (age > 0 && !access(name_of(f, age, ZIP, name), F_OK));
}

/* O_NOFOLLOW: the directory is the engine's, but an operator may have put a link there, and the
 * file is opened as root. */
static int open_age(const struct logfiles *f, int64_t age)
{
    char name[PATH_MAX];
    int fd = age > 0 ? open(name_of(f, age, ZIP, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    return fd >= 0 ? fd : open(name_of(f, age, "", name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool remove_age(const struct logfiles *f, int64_t age)
{
    char name[PATH_MAX];

    if (age > 0)
        unlink(name_of(f, age, ZIP, name));
    return !unlink(name_of(f, age, "", name)) || errno == ENOENT;
}

static bool move_age(const struct logfiles *f, int64_t age)
{
    char from[PATH_MAX], to[PATH_MAX];

    if (age > 0 && rename(name_of(f, age, ZIP, from), name_of(f, age + 1, ZIP, to)) &&
        errno != ENOENT)
        return false;
    return !rename(name_of(f, age, "", from), name_of(f, age + 1, "", to)) || errno == ENOENT;
}

int logfiles_open_current(struct logfiles *f)
{
    int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    char folder[PATH_MAX];
    char *slash;

    if (fd >= 0 || errno != ENOENT)
        return fd;
    snprintf(folder, sizeof(folder), "%s", f->path);
    slash = strrchr(folder, '/');
    if (!slash)
        return fd;
    *slash = '\0';
    if (mkdir(folder, 0710)) /* only the last part: the container's directory must be there */
        return -1;
    return open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

int logfiles_open(struct logfiles *f, int64_t *gen)
{
    int64_t age;
    int fd = -1;

    pthread_mutex_lock(&f->lock);
    age = f->gen - *gen;
    if (age >= f->max_files)
        age = f->max_files - 1;
    for (; age >= 0 && fd < 0; age--) {
        fd = open_age(f, age);
        if (fd >= 0)
            *gen = f->gen - age;
    }
    pthread_mutex_unlock(&f->lock);
    return fd;
}

int64_t logfiles_oldest(struct logfiles *f)
{
    int64_t age, gen;

    pthread_mutex_lock(&f->lock);
    for (age = f->max_files - 1; age > 0; age--) {
        if (has_age(f, age))
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
    for (int64_t age = 1; age < f->max_files; age++) {
        if (!has_age(f, age))
            return age;
    }
    /* With one file the full one goes; readers that have it open still read it. */
    return remove_age(f, f->max_files - 1) ? f->max_files - 1 : -1;
}

static bool move_files(struct logfiles *f)
{
    int64_t gap = make_gap(f);

    for (int64_t age = gap - 1; age >= 0; age--) {
        if (!move_age(f, age))
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

/* ---- steps of the clock ---- */

static const char step_name[] = "user.berth.step";

static bool has_step(int fd)
{
    char mark;

    return fgetxattr(fd, step_name, &mark, sizeof(mark)) == 1;
}

/* A file system without attributes keeps no mark: then a search by time may find a place too
 * late. */
void logfiles_note_step(int fd)
{
    if (!has_step(fd))
        (void)fsetxattr(fd, step_name, "1", 1, 0);
}

bool logfiles_have_step(struct logfiles *f)
{
    bool is_found = false;

    for (int64_t gen = logfiles_oldest(f), end = logfiles_current(f); gen <= end && !is_found;
         gen++) {
        int fd = logfiles_open(f, &gen);

        is_found = fd >= 0 && has_step(fd);
        if (fd >= 0)
            close(fd);
    }
    return is_found;
}

/* ---- compressing ---- */

/* The oldest file that is not compressed, and its generation; -1: none. */
static int open_plain(struct logfiles *f, int64_t *out_gen)
{
    char name[PATH_MAX];
    int fd = -1;

    pthread_mutex_lock(&f->lock);
    for (int64_t age = f->max_files - 1; age > 0 && fd < 0; age--) {
        if (!access(name_of(f, age, ZIP, name), F_OK)) {
            unlink(name_of(f, age, "", name)); /* an engine died between the two */
            continue;
        }
        fd = open(name_of(f, age, "", name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        *out_gen = f->gen - age;
    }
    pthread_mutex_unlock(&f->lock);
    return fd;
}

/* Puts the compressed file in the place of the plain one, wherever that is by now. */
static bool replace_plain(struct logfiles *f, int64_t gen, const char *made)
{
    char plain[PATH_MAX], zip[PATH_MAX];
    bool is_done = false;

    pthread_mutex_lock(&f->lock);
    if (f->gen - gen < f->max_files && !access(name_of(f, f->gen - gen, "", plain), F_OK) &&
        !rename(made, name_of(f, f->gen - gen, ZIP, zip)))
        is_done = !unlink(plain);
    pthread_mutex_unlock(&f->lock);
    return is_done;
}

static bool compress_one(struct logfiles *f, int in, int64_t gen)
{
    char made[PATH_MAX];
    int out;
    bool is_done;

    snprintf(made, sizeof(made), "%s" ZIP ".tmp", f->path);
    out = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (out < 0)
        return false;
    if (has_step(in))
        logfiles_note_step(out);
    is_done = logzip_write(in, out) && !fdatasync(out) && replace_plain(f, gen, made);
    close(out);
    if (!is_done)
        unlink(made);
    return is_done;
}

void logfiles_compress(struct logfiles *f)
{
    bool goes_on = true;
    int64_t gen;
    int fd;

    while (goes_on && (fd = open_plain(f, &gen)) >= 0) {
        goes_on = compress_one(f, fd, gen);
        close(fd);
    }
}
