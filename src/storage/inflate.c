/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blob → sha256 → decompressor → ring → sha256 of the tar. Two threads: the reader thread of
 * this file, and the worker that calls inflate_next; the ring's lock is all they share.
 * The hash of the tar is made by whoever has time: the worker when it gives a slot back, or the
 * reader while the ring is full (zstd decompresses faster than files are written).
 * Trap: libarchive starts external programs for filters it was built without; such a build is
 * refused when the filter is added (ARCHIVE_WARN), never noticed too late.
 */
#include "inflate.h"

#include <archive.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/fd.h"
#include "tar/decoder.h"

enum { SLOTS = 4, SLOT_BYTES = 256 << 10, READ_BYTES = 256 << 10 };

struct inflate_slot {
    char *data;
    size_t len;
};

struct inflate {
    pthread_t thread;
    int in_fd, stop_fd;
    struct archive *reader;
    char *read_buf;
    struct sha256 *blob_hash; /* the reader's */
    struct sha256 *tar_hash;  /* of whoever has set is_hashing */
    _Atomic int64_t blob_bytes;
    int64_t tar_bytes;
    bool is_plain;  /* no compression: both digests are one; set before the first slot is filled */
    bool at_eof;    /* of in_fd; the reader's */
    int read_errno; /* the reader's */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct inflate_slot slots[SLOTS];
    unsigned filled, hashed, taken; /* counts; filled - taken slots hold data */
    bool is_hashing;                /* somebody is, with the lock dropped */
    bool holds_slot;                /* the worker still reads slots[taken] */
    bool has_ended, is_stopped;
    struct err *err;
};

/* ---- the reader thread ---- */

/* Waits for data or for inflate_end; false when it is time to stop. */
static bool wait_readable(struct inflate *f)
{
    struct pollfd fds[2] = {{.fd = f->in_fd, .events = POLLIN},
                            {.fd = f->stop_fd, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    return !fds[1].revents;
}

/* Bytes of the blob, hashed; 0 at its end, -1 on an error or when stopped. */
static ssize_t read_blob(struct inflate *f)
{
    ssize_t n;

    if (f->at_eof)
        return 0;
    do {
        if (!wait_readable(f)) {
            f->read_errno = ECANCELED;
            return -1;
        }
        n = read(f->in_fd, f->read_buf, READ_BYTES);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n < 0)
        f->read_errno = errno;
    if (n == 0)
        f->at_eof = true;
    if (n > 0) {
        sha256_add(f->blob_hash, f->read_buf, (size_t)n);
        atomic_fetch_add_explicit(&f->blob_bytes, n, memory_order_relaxed);
    }
    return n;
}

/* libarchive asks for bytes; a read that was stopped ends the decompression as an error does. */
static la_ssize_t on_archive_read(struct archive *ar, void *ctx, const void **p)
{
    struct inflate *f = ctx;
    ssize_t n = read_blob(f);

    if (n < 0)
        archive_set_error(ar, f->read_errno, "read: %s", strerror(f->read_errno));
    *p = f->read_buf;
    return n;
}

static struct err *reader_error(struct inflate *f)
{
    const char *text = archive_error_string(f->reader);

    if (f->read_errno)
        return err_sysno(f->read_errno, "read the layer");
    return err_new(ERR_INVALID, "the layer's compressed data is damaged: %s",
                   text ? text : "unknown error");
}

/* Under the lock, which is dropped meanwhile. */
static void hash_next_slot(struct inflate *f)
{
    const struct inflate_slot *slot = &f->slots[f->hashed % SLOTS];

    ASSERT(f->hashed != f->filled && !f->is_hashing);
    f->is_hashing = true;
    pthread_mutex_unlock(&f->lock);
    sha256_add(f->tar_hash, slot->data, slot->len);
    pthread_mutex_lock(&f->lock);
    f->is_hashing = false;
    f->hashed++;
    pthread_cond_broadcast(&f->changed);
}

/* Under the lock: something to hash, and nobody is at it. */
static bool may_hash(const struct inflate *f)
{
    return !f->is_plain && !f->is_hashing && f->hashed != f->filled;
}

/* An empty slot to fill; NULL when stopped. */
static struct inflate_slot *wait_empty_slot(struct inflate *f)
{
    struct inflate_slot *slot = NULL;

    pthread_mutex_lock(&f->lock);
    while (f->filled - f->taken == SLOTS && !f->is_stopped) {
        if (may_hash(f))
            hash_next_slot(f);
        else
            pthread_cond_wait(&f->changed, &f->lock);
    }
    if (!f->is_stopped)
        slot = &f->slots[f->filled % SLOTS];
    pthread_mutex_unlock(&f->lock);
    return slot;
}

static void publish_slot(struct inflate *f)
{
    pthread_mutex_lock(&f->lock);
    f->filled++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static struct err *fill_ring(struct inflate *f)
{
    struct archive_entry *entry;
    int r = archive_read_open(f->reader, f, NULL, on_archive_read, NULL);

    if (r == ARCHIVE_OK)
        r = archive_read_next_header(f->reader, &entry);
    if (r == ARCHIVE_EOF)
        return NULL;
    if (r != ARCHIVE_OK)
        return reader_error(f);
    f->is_plain = archive_filter_count(f->reader) == 1 &&
                  archive_filter_code(f->reader, 0) == ARCHIVE_FILTER_NONE;
    for (;;) {
        struct inflate_slot *slot = wait_empty_slot(f);
        la_ssize_t n;

        if (!slot)
            return err_new(ERR_CANCELLED, "unpacking was stopped");
        n = archive_read_data(f->reader, slot->data, SLOT_BYTES);
        if (n < 0)
            return reader_error(f);
        if (n == 0)
            return NULL;
        slot->len = (size_t)n;
        publish_slot(f);
    }
}

/* What follows the compressed data belongs to the blob's digest all the same. */
static struct err *read_rest(struct inflate *f)
{
    ssize_t n;

    do {
        n = read_blob(f);
    } while (n > 0);
    return n < 0 ? reader_error(f) : NULL;
}

static void *run_reader(void *arg)
{
    struct inflate *f = arg;
    struct err *e = fill_ring(f);

    if (!e)
        e = read_rest(f);
    pthread_mutex_lock(&f->lock);
    f->err = e;
    f->has_ended = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- the worker's side ---- */

/* Under the lock. The slot of the last call is hashed by now, or is hashed now, and goes back. */
static void give_slot_back(struct inflate *f)
{
    if (!f->holds_slot)
        return;
    while (!f->is_plain && f->hashed == f->taken) {
        if (may_hash(f))
            hash_next_slot(f);
        else
            pthread_cond_wait(&f->changed, &f->lock);
    }
    ASSERT(f->taken != f->filled);
    f->holds_slot = false;
    f->taken++;
    pthread_cond_broadcast(&f->changed);
}

/* Under the lock. */
static enum inflate_state wait_filled_slot(struct inflate *f, int wait_ms)
{
    struct timespec until;

    give_slot_back(f);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (f->filled == f->taken && !f->has_ended)
        if (pthread_cond_timedwait(&f->changed, &f->lock, &until) == ETIMEDOUT)
            return f->filled == f->taken && !f->has_ended ? INFLATE_WAITING : INFLATE_DATA;
    return f->filled == f->taken ? INFLATE_END : INFLATE_DATA;
}

struct err *inflate_next(struct inflate *f, int wait_ms, enum inflate_state *state, const void **p,
                         size_t *n)
{
    struct err *e = NULL;
    enum inflate_state now;

    pthread_mutex_lock(&f->lock);
    now = wait_filled_slot(f, wait_ms);
    if (now == INFLATE_END)
        e = err_copy(f->err);
    if (now == INFLATE_DATA)
        f->holds_slot = true;
    pthread_mutex_unlock(&f->lock);
    if (e)
        return e;
    if (now == INFLATE_DATA) {
        const struct inflate_slot *slot = &f->slots[f->taken % SLOTS];

        f->tar_bytes += (int64_t)slot->len;
        *p = slot->data;
        *n = slot->len;
    }
    *state = now;
    return NULL;
}

int64_t inflate_blob_bytes(const struct inflate *f)
{
    return atomic_load_explicit(&f->blob_bytes, memory_order_relaxed);
}

int64_t inflate_tar_bytes(const struct inflate *f)
{
    return f->tar_bytes;
}

void inflate_digests(struct inflate *f, char blob[DIGEST_MAX], char tar[DIGEST_MAX])
{
    sha256_end(steal_ptr(&f->blob_hash), blob);
    if (f->is_plain)
        memcpy(tar, blob, DIGEST_MAX);
    else
        sha256_end(steal_ptr(&f->tar_hash), tar);
}

static void destroy(struct inflate *f)
{
    if (f->reader)
        archive_read_free(f->reader);
    if (f->stop_fd >= 0)
        close(f->stop_fd);
    for (int i = 0; i < SLOTS; i++)
        free(f->slots[i].data);
    sha256_destroy(f->blob_hash);
    sha256_destroy(f->tar_hash);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    err_drop(f->err);
    free(f->read_buf);
    free(f);
}

/* CLOCK_MONOTONIC: the wait for a slot must not depend on the wall clock (pthread_cond_timedwait(3)
 * uses CLOCK_REALTIME otherwise). */
static struct inflate *create(int in_fd)
{
    struct inflate *f = mem_new(struct inflate);
    pthread_condattr_t attr;

    f->in_fd = in_fd;
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    f->read_buf = mem_alloc(READ_BYTES);
    for (int i = 0; i < SLOTS; i++)
        f->slots[i].data = mem_alloc(SLOT_BYTES);
    f->blob_hash = sha256_create();
    f->tar_hash = sha256_create();
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &attr);
    pthread_condattr_destroy(&attr);
    return f;
}

struct err *inflate_begin(int in_fd, struct inflate **out)
{
    struct inflate *f = create(in_fd);
    struct err *e = f->stop_fd < 0 ? err_sys("make an eventfd") : NULL;
    int sys;

    if (!e)
        e = decoder_open(DECODER_RAW, &f->reader);
    if (!e) {
        sys = pthread_create(&f->thread, NULL, run_reader, f);
        e = sys ? err_sysno(sys, "start a thread") : NULL;
    }
    if (e) {
        destroy(f);
        return e;
    }
    *out = f;
    return NULL;
}

void inflate_end(struct inflate *f)
{
    uint64_t one = 1;

    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_stopped = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    ASSERT(write(f->stop_fd, &one, sizeof(one)) == sizeof(one));
    pthread_join(f->thread, NULL);
    destroy(f);
}
