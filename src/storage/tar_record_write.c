/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the record of a layer's tar while the layer is unpacked. Worker. It is made durable by the
 * layer's commit, with the files. Trap: a stranger's tar may consist of what is in no file; then
 * the record is not as large as the tar, but says that it is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <zlib.h>

#include "base/fd.h"
#include "storage/space.h"

#include "tar_record.h"

enum { OUT_BYTES = 64 << 10, LEVEL = 3, MEM_LEVEL = 8, GZIP_WINDOW = 15 + 16 };

static const char magic[] = "berth tar record 1\n";
static const char what_needs[] = "the layer needs at least";

struct tar_record_writer {
    int fd;
    z_stream z;
    bool has_z;
    int64_t written;
    struct space_meter space;
    const char *why; /* refused; a constant */
    unsigned char out[OUT_BYTES];
};

static struct err *flush_out(struct tar_record_writer *w)
{
    size_t n = sizeof(w->out) - w->z.avail_out;

    TRY(space_take(&w->space, w->fd, (int64_t)n, 0, what_needs));
    TRY(fd_write_all(w->fd, w->out, n));
    w->written += (int64_t)n;
    w->z.next_out = w->out;
    w->z.avail_out = sizeof(w->out);
    if (w->written > TAR_RECORD_MAX)
        tar_record_refuse(w, "too much of its archive is in none of its files");
    return NULL;
}

static struct err *put(struct tar_record_writer *w, const void *p, size_t n)
{
    w->z.next_in = (unsigned char *)p;
    w->z.avail_in = (unsigned)n;
    while (w->z.avail_in) {
        ASSERT(deflate(&w->z, Z_NO_FLUSH) == Z_OK);
        if (!w->z.avail_out)
            TRY(flush_out(w));
    }
    return NULL;
}

static struct err *put_number(struct tar_record_writer *w, uint64_t v)
{
    unsigned char b[10];
    size_t n = 0;

    for (; v > 127; v >>= 7)
        b[n++] = (unsigned char)(v | 128);
    b[n++] = (unsigned char)v;
    return put(w, b, n);
}

static struct err *put_kind(struct tar_record_writer *w, enum tar_step_kind kind)
{
    unsigned char b = (unsigned char)kind;

    return put(w, &b, 1);
}

static struct err *put_text(struct tar_record_writer *w, enum tar_step_kind kind, const char *text)
{
    size_t n = strlen(text);

    TRY(put_kind(w, kind));
    TRY(put_number(w, n));
    return put(w, text, n);
}

static struct err *begin(struct tar_record_writer *w)
{
    if (w->has_z)
        deflateEnd(&w->z);
    w->z = (z_stream){0};
    ASSERT(deflateInit2(&w->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEM_LEVEL, Z_DEFAULT_STRATEGY) ==
           Z_OK);
    w->has_z = true;
    w->z.next_out = w->out;
    w->z.avail_out = sizeof(w->out);
    return put(w, magic, sizeof(magic) - 1);
}

struct err *tar_record_create(int layer, struct tar_record_writer **out)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    struct tar_record_writer *w = mem_new(struct tar_record_writer);
    struct err *e = NULL;

    w->fd = openat(layer, TAR_RECORD_NAME, flags, 0600);
    if (w->fd < 0)
        e = err_sys("make the record of a layer's archive");
    if (!e)
        e = begin(w);
    if (e) {
        tar_record_destroy(w);
        return e;
    }
    *out = w;
    return NULL;
}

struct err *tar_record_add_raw(struct tar_record_writer *w, const void *p, size_t n)
{
    if (w->why || !n)
        return NULL;
    TRY(put_kind(w, TAR_STEP_RAW));
    TRY(put_number(w, n));
    return put(w, p, n);
}

struct err *tar_record_add_file(struct tar_record_writer *w, const char *path)
{
    return w->why ? NULL : put_text(w, TAR_STEP_FILE, path);
}

struct err *tar_record_add_data(struct tar_record_writer *w, int64_t at, int64_t n)
{
    ASSERT(at >= 0 && n > 0);
    if (w->why)
        return NULL;
    TRY(put_kind(w, TAR_STEP_DATA));
    TRY(put_number(w, (uint64_t)at));
    return put_number(w, (uint64_t)n);
}

struct err *tar_record_add_check(struct tar_record_writer *w, uint32_t crc)
{
    const unsigned char b[5] = {TAR_STEP_CHECK, (unsigned char)crc, (unsigned char)(crc >> 8),
                                (unsigned char)(crc >> 16), (unsigned char)(crc >> 24)};

    return w->why ? NULL : put(w, b, sizeof(b));
}

struct err *tar_record_add_replaced(struct tar_record_writer *w, const char *path, unsigned n)
{
    if (w->why)
        return NULL;
    TRY(put_text(w, TAR_STEP_REPLACED, path));
    return put_number(w, n);
}

void tar_record_refuse(struct tar_record_writer *w, const char *why)
{
    if (!w->why)
        w->why = why;
}

bool tar_record_is_refused(const struct tar_record_writer *w)
{
    return w->why != NULL;
}

/* Again from the start: the reason is all that is in it. */
static struct err *write_refusal(struct tar_record_writer *w)
{
    if (ftruncate(w->fd, 0) < 0 || lseek(w->fd, 0, SEEK_SET) < 0)
        return err_sys("write the record of a layer's archive");
    TRY(begin(w));
    return put_text(w, TAR_STEP_REFUSAL, w->why);
}

struct err *tar_record_end(struct tar_record_writer *w, int64_t tar_bytes)
{
    int r = Z_OK;

    if (w->why)
        TRY(write_refusal(w));
    TRY(put_kind(w, TAR_STEP_END));
    TRY(put_number(w, (uint64_t)tar_bytes));
    while (r != Z_STREAM_END) {
        r = deflate(&w->z, Z_FINISH);
        ASSERT(r == Z_OK || r == Z_STREAM_END);
        TRY(flush_out(w));
    }
    return NULL;
}

void tar_record_destroy(struct tar_record_writer *w)
{
    if (!w)
        return;
    if (w->has_z)
        deflateEnd(&w->z);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
