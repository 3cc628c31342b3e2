/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file takes the kernel some 40 µs, of which its directory is locked for ten: two threads make
 * nearly twice as many. The second one begins with the first batch that is worth it, has the
 * credentials of the caller's thread, and ends with the batch's owner.
 * Trap: on a busy machine the second thread may come late. It joins only while there is something
 * left, and nobody waits for it but for the file that it has at hand.
 */
#include "place_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

enum { WORTH_HELP = 8 };

struct place_batch {
    int dir;
    size_t parent_len; /* of all paths */
    struct batch_file files[BATCH_FILES_MAX];
    size_t n;
    char *bytes; /* BATCH_BYTES */
    size_t used;
    _Atomic size_t next; /* of the files, whoever makes it */

    bool has_tried, has_helper;
    pthread_t helper;
    pthread_mutex_t lock;
    pthread_cond_t has_news, is_done;
    unsigned turn;                     /* of the batch that is made */
    bool is_open, is_helped, is_ended; /* locked, as what is above */
};

/* ---- one file ---- */

struct err *place_link_temp(int fd, int dir, const char *name)
{
    char link[32];

    if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
        return NULL;
    if (errno == EEXIST)
        return err_sys("name %s", name);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, link, dir, name, AT_SYMLINK_FOLLOW) < 0 ? err_sys("name %s", name)
                                                                    : NULL;
}

static struct err *fill(struct batch_file *f)
{
    if (fstat(f->fd, &f->st) < 0)
        return err_sys("stat %s", f->path);
    TRY(fd_write_all_at(f->fd, f->content, f->size, 0));
    return meta_apply_new(f->fd, &f->meta, NULL, &f->st);
}

static void make(int dir, struct batch_file *f)
{
    f->fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, f->meta.mode & 0777);
    if (f->fd < 0)
        return;
    f->err = fill(f);
    if (!f->err)
        f->err = place_link_temp(f->fd, dir, f->base);
    f->is_named = !f->err;
    if (f->err && err_errno(f->err) == EEXIST) {
        err_drop(steal_ptr(&f->err));
        return;
    }
    close(steal_fd(&f->fd));
}

static void make_some(struct place_batch *b, size_t n)
{
    for (size_t i = b->next++; i < n; i = b->next++)
        make(b->dir, &b->files[i]);
}

/* ---- two threads ---- */

static void *help(void *arg)
{
    struct place_batch *b = arg;
    unsigned seen = 0;

    pthread_mutex_lock(&b->lock);
    while (!b->is_ended) {
        size_t n = b->n;

        if (!b->is_open || b->turn == seen) {
            pthread_cond_wait(&b->has_news, &b->lock);
            continue;
        }
        seen = b->turn;
        b->is_helped = true;
        pthread_mutex_unlock(&b->lock);
        make_some(b, n);
        pthread_mutex_lock(&b->lock);
        b->is_helped = false;
        pthread_cond_signal(&b->is_done);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static bool has_helper(struct place_batch *b)
{
    if (!b->has_tried && sysconf(_SC_NPROCESSORS_ONLN) > 1)
        b->has_helper = pthread_create(&b->helper, NULL, help, b) == 0;
    b->has_tried = true;
    return b->has_helper;
}

struct batch_file *place_batch_make(struct place_batch *b)
{
    bool is_helped = b->n >= WORTH_HELP && has_helper(b);

    b->next = 0;
    if (is_helped) {
        pthread_mutex_lock(&b->lock);
        b->turn++;
        b->is_open = true;
        pthread_cond_signal(&b->has_news);
        pthread_mutex_unlock(&b->lock);
    }
    make_some(b, b->n);
    if (is_helped) {
        pthread_mutex_lock(&b->lock);
        b->is_open = false;
        while (b->is_helped)
            pthread_cond_wait(&b->is_done, &b->lock);
        pthread_mutex_unlock(&b->lock);
    }
    return b->files;
}

/* ---- what is in it ---- */

struct place_batch *place_batch_create(void)
{
    struct place_batch *b = mem_new(struct place_batch);

    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->has_news, NULL);
    pthread_cond_init(&b->is_done, NULL);
    return b;
}

void place_batch_forget(struct place_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct batch_file *f = &b->files[i];

        if (f->fd >= 0)
            close(f->fd);
        err_drop(f->err);
        free(f->path);
    }
    b->n = 0;
}

void place_batch_destroy(struct place_batch *b)
{
    if (!b)
        return;
    if (b->has_helper) {
        pthread_mutex_lock(&b->lock);
        b->is_ended = true;
        pthread_cond_signal(&b->has_news);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->helper, NULL);
    }
    place_batch_forget(b);
    pthread_cond_destroy(&b->has_news);
    pthread_cond_destroy(&b->is_done);
    pthread_mutex_destroy(&b->lock);
    free(b->bytes);
    free(b);
}

size_t place_batch_count(const struct place_batch *b)
{
    return b->n;
}

/* No name twice: which of the two came last would be chance. Nor in another case, since some file
 * systems take that for the same. */
bool place_batch_takes(const struct place_batch *b, const char *path, size_t parent_len,
                       size_t size)
{
    if (!b->n)
        return true;
    if (b->n == BATCH_FILES_MAX || size > BATCH_BYTES - b->used || parent_len != b->parent_len ||
        memcmp(path, b->files[0].path, parent_len))
        return false;
    for (size_t i = 0; i < b->n; i++)
        if (!strcasecmp(path + parent_len, b->files[i].path + parent_len))
            return false;
    return true;
}

char *place_batch_space(struct place_batch *b, size_t size)
{
    if (!b->bytes)
        b->bytes = malloc(BATCH_BYTES); /* not zeroed: what is read was written */
    ASSERT(b->bytes);
    if (!b->n)
        b->used = 0;
    if (size > BATCH_BYTES - b->used)
        return NULL;
    b->used += size;
    return b->bytes + b->used - size;
}

void place_batch_add(struct place_batch *b, int dir, const char *path, size_t parent_len,
                     const struct batch_file *f)
{
    struct batch_file *to = &b->files[b->n++];

    ASSERT(b->n <= BATCH_FILES_MAX && (b->n == 1 || dir == b->dir));
    b->dir = dir;
    b->parent_len = parent_len;
    *to = *f;
    to->fd = -1;
    to->path = mem_strdup(path);
    to->base = to->path + (f->base - path);
}
