/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the record of a layer's tar, step by step. Worker. Whoever can change the store's files can
 * change this one: every number and name is looked at, memory is that of one step, and what is not
 * as tar_record_write.c writes it is damage.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/fd.h"
#include "tar/tar_name.h"

#include "tar_record.h"

enum { IN_BYTES = 32 << 10, PLAIN_BYTES = 32 << 10, GZIP_WINDOW = 15 + 16 };

static const char magic[] = "berth tar record 1\n";

struct tar_record_reader {
    int fd;
    z_stream z;
    bool has_ended;    /* the gzip stream */
    int64_t raw_left;  /* of the RAW step that was the last */
    int64_t tar_bytes; /* of all steps so far */
    int64_t n_replaced;
    bool has_file, has_data, is_refused, is_over;
    size_t at, len; /* what has been read of plain, and how much there is */
    unsigned char in[IN_BYTES], plain[PLAIN_BYTES];
};

static struct err *damaged(const char *how)
{
    return err_new(ERR_CONFLICT, "the record of its archive is damaged: %s", how);
}

static struct err *read_in(struct tar_record_reader *r)
{
    ssize_t n;

    do
        n = read(r->fd, r->in, sizeof(r->in));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys("read the record of a layer's archive");
    if (n == 0)
        return damaged("it is cut off");
    r->z.next_in = r->in;
    r->z.avail_in = (unsigned)n;
    return NULL;
}

/* More of the plain text, at the end of what is there; all of that has been read. */
static struct err *inflate_more(struct tar_record_reader *r)
{
    int z = Z_OK;

    ASSERT(r->at == r->len);
    r->at = r->len = 0;
    r->z.next_out = r->plain;
    r->z.avail_out = sizeof(r->plain);
    while (r->z.avail_out == sizeof(r->plain)) {
        if (r->has_ended)
            return damaged("its last step is missing");
        if (!r->z.avail_in)
            TRY(read_in(r));
        z = inflate(&r->z, Z_NO_FLUSH);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return damaged("it cannot be decompressed");
        r->has_ended = z == Z_STREAM_END;
    }
    r->len = sizeof(r->plain) - r->z.avail_out;
    return NULL;
}

static struct err *take(struct tar_record_reader *r, void *p, size_t n)
{
    unsigned char *to = p;

    while (n) {
        size_t some;

        if (r->at == r->len)
            TRY(inflate_more(r));
        some = r->len - r->at < n ? r->len - r->at : n;
        memcpy(to, r->plain + r->at, some);
        r->at += some;
        to += some;
        n -= some;
    }
    return NULL;
}

/* LEB128 of what int64_t holds, in its shortest form. */
static struct err *take_number(struct tar_record_reader *r, int64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 63; shift += 7) {
        unsigned char b;

        TRY(take(r, &b, 1));
        v |= (uint64_t)(b & 127) << shift;
        if (b & 128)
            continue;
        if (!b && shift)
            return damaged("a number is not as it is written");
        *out = (int64_t)v;
        return NULL;
    }
    return damaged("a number is too large");
}

static struct err *take_text(struct tar_record_reader *r, struct tar_step *s)
{
    int64_t n;

    TRY(take_number(r, &n));
    if (n < 1 || n >= (int64_t)sizeof(s->path))
        return damaged("a name is too long");
    TRY(take(r, s->path, (size_t)n));
    s->path[n] = '\0';
    return strlen(s->path) == (size_t)n ? NULL : damaged("a name has a NUL");
}

/* A name as the unpacking has cleaned it: below diff/, without "..". */
static struct err *take_path(struct tar_record_reader *r, struct tar_step *s)
{
    struct tar_name clean;
    struct err *e;

    TRY(take_text(r, s));
    e = tar_name_clean(s->path, &clean);
    if (!e && !strcmp(clean.path, s->path))
        return NULL;
    err_drop(e);
    return damaged("a name leads elsewhere");
}

static struct err *count(struct tar_record_reader *r, int64_t n)
{
    if (n < 1 || n > INT64_MAX - r->tar_bytes)
        return damaged("a size is impossible");
    r->tar_bytes += n;
    return NULL;
}

static struct err *take_raw(struct tar_record_reader *r, struct tar_step *s)
{
    TRY(take_number(r, &s->n));
    TRY(count(r, s->n));
    r->raw_left = s->n;
    return NULL;
}

static struct err *take_file(struct tar_record_reader *r, struct tar_step *s)
{
    if (r->has_file)
        return damaged("a file begins within another one");
    r->has_file = true;
    r->has_data = false;
    return take_path(r, s);
}

static struct err *take_data(struct tar_record_reader *r, struct tar_step *s)
{
    if (!r->has_file)
        return damaged("data of no file");
    r->has_data = true;
    TRY(take_number(r, &s->at));
    TRY(take_number(r, &s->n));
    if (s->n > INT64_MAX - s->at)
        return damaged("a size is impossible");
    return count(r, s->n);
}

static struct err *take_check(struct tar_record_reader *r, struct tar_step *s)
{
    unsigned char b[4];

    if (!r->has_file || !r->has_data)
        return damaged("a check of no file");
    r->has_file = false;
    TRY(take(r, b, sizeof(b)));
    s->crc = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return NULL;
}

static struct err *take_replaced(struct tar_record_reader *r, struct tar_step *s)
{
    if (r->has_file)
        return damaged("a file is replaced within another one");
    TRY(take_path(r, s));
    TRY(take_number(r, &s->n));
    return s->n == r->n_replaced++ && s->n < TAR_REPLACED_MAX
               ? NULL
               : damaged("a replaced file has a wrong number");
}

static struct err *take_refusal(struct tar_record_reader *r, struct tar_step *s)
{
    if (r->tar_bytes || r->has_file || r->is_refused)
        return damaged("it is and is not there");
    r->is_refused = true;
    return take_text(r, s);
}

/* What the trailer of gzip says must be read, too, and nothing follows. */
static struct err *check_rest(struct tar_record_reader *r)
{
    unsigned char byte;
    ssize_t n;

    if (r->at < r->len)
        return damaged("something follows its last step");
    while (!r->has_ended) {
        int z;

        if (!r->z.avail_in)
            TRY(read_in(r));
        r->z.next_out = &byte;
        r->z.avail_out = 1;
        z = inflate(&r->z, Z_NO_FLUSH);
        if ((z != Z_OK && z != Z_STREAM_END) || !r->z.avail_out)
            return damaged("its end is not that of its beginning");
        r->has_ended = z == Z_STREAM_END;
    }
    do
        n = r->z.avail_in ? 1 : read(r->fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 0 ? NULL : damaged("something follows its end");
}

static struct err *take_end(struct tar_record_reader *r, struct tar_step *s)
{
    if (r->has_file)
        return damaged("a file has no check");
    TRY(take_number(r, &s->n));
    if (!r->is_refused && s->n != r->tar_bytes)
        return damaged("its sizes do not add up");
    r->is_over = true;
    return check_rest(r);
}

struct err *tar_record_next(struct tar_record_reader *r, struct tar_step *out)
{
    static struct err *(*const takers[])(struct tar_record_reader *, struct tar_step *) = {
        [TAR_STEP_END] = take_end,         [TAR_STEP_RAW] = take_raw,
        [TAR_STEP_FILE] = take_file,       [TAR_STEP_DATA] = take_data,
        [TAR_STEP_CHECK] = take_check,     [TAR_STEP_REPLACED] = take_replaced,
        [TAR_STEP_REFUSAL] = take_refusal,
    };
    unsigned char kind;

    ASSERT(!r->is_over);
    while (r->raw_left) {
        unsigned char skipped[512];
        size_t n;

        TRY(tar_record_read_raw(r, skipped, sizeof(skipped), &n));
    }
    TRY(take(r, &kind, 1));
    if (kind >= ARRAY_LEN(takers) || (r->is_refused && kind != TAR_STEP_END))
        return damaged("it has a step that there is not");
    out->kind = kind;
    return takers[kind](r, out);
}

struct err *tar_record_read_raw(struct tar_record_reader *r, void *p, size_t size, size_t *n)
{
    *n = r->raw_left < (int64_t)size ? (size_t)r->raw_left : size;
    TRY(take(r, p, *n));
    r->raw_left -= (int64_t)*n;
    return NULL;
}

struct err *tar_record_open(int fd, struct tar_record_reader **out)
{
    struct tar_record_reader *r = mem_new(struct tar_record_reader);
    char line[sizeof(magic) - 1];
    struct err *e;

    r->fd = fd;
    ASSERT(inflateInit2(&r->z, GZIP_WINDOW) == Z_OK);
    e = take(r, line, sizeof(line));
    if (!e && memcmp(line, magic, sizeof(line)) != 0)
        e = damaged("it is none, or that of a newer engine");
    if (e) {
        tar_record_close(r);
        return e;
    }
    *out = r;
    return NULL;
}

void tar_record_close(struct tar_record_reader *r)
{
    if (!r)
        return;
    inflateEnd(&r->z);
    free(r);
}
