/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes of a tar went into which file: the rest goes into the record. One worker. There is no
 * second reader of tars here that could be of another opinion than libarchive: libarchive's place
 * in the stream says where it has read a file's bytes. Trap: they are compared with the stream,
 * unless they lie in it; what is not the same there stays in the record.
 */
#include "tar_split.h"

#include <archive.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "store.h"
#include "tar_record.h"

struct tar_split {
    struct tar_record_writer *record;
    int layer, replaced; /* replaced -1: not made yet */
    unsigned n_replaced;
    int64_t done;    /* what is in front of this is in the record */
    struct buf tail; /* what is behind it, up to the piece */
    const char *piece;
    size_t piece_len;
    int64_t piece_at;
    const char *path; /* of the file; borrowed; NULL: none, or no data of it yet */
    bool has_file;
    uint32_t crc;
    int64_t run_at, run_len; /* data of the file that is not in the record yet */
};

struct err *tar_split_create(int layer, struct tar_split **out)
{
    struct tar_split *s = mem_new(struct tar_split);
    struct err *e;

    s->layer = layer;
    s->replaced = -1;
    e = tar_record_create(layer, &s->record);
    if (e) {
        tar_split_destroy(s);
        return e;
    }
    *out = s;
    return NULL;
}

void tar_split_destroy(struct tar_split *s)
{
    if (!s)
        return;
    tar_record_destroy(s->record);
    if (s->replaced >= 0)
        close(s->replaced);
    buf_finish(&s->tail);
    free(s);
}

static int64_t end_of_piece(const struct tar_split *s)
{
    return s->piece_at + (int64_t)s->piece_len;
}

static struct err *end_run(struct tar_split *s)
{
    int64_t n = s->run_len;

    s->run_len = 0;
    return n ? tar_record_add_data(s->record, s->run_at, n) : NULL;
}

/* All up to `to` is over; was it in no file, it is for the record. */
static struct err *move_to(struct tar_split *s, int64_t to, bool is_raw)
{
    int64_t n = to - s->done, in_tail = s->piece_at - s->done;
    size_t from_tail = (size_t)(in_tail < n ? in_tail : n);

    ASSERT(n >= 0 && to <= end_of_piece(s) && in_tail <= (int64_t)s->tail.len);
    if (!n)
        return NULL;
    if (in_tail < 0)
        from_tail = 0;
    if (is_raw) {
        TRY(end_run(s));
        TRY(tar_record_add_raw(s->record, s->tail.data, from_tail));
        if ((size_t)n > from_tail)
            TRY(tar_record_add_raw(s->record,
                                   s->piece + (s->done + (int64_t)from_tail - s->piece_at),
                                   (size_t)n - from_tail));
    }
    if (from_tail)
        buf_drop_front(&s->tail, from_tail);
    s->done = to;
    return NULL;
}

struct err *tar_split_piece(struct tar_split *s, struct archive *ar, const void *p, size_t n)
{
    int64_t place = ar ? archive_filter_bytes(ar, 0) : end_of_piece(s), end = end_of_piece(s);

    if (place > end)
        place = end;
    if (place > s->done)
        TRY(move_to(s, place, true));
    if (s->piece_len && s->done < end) {
        int64_t from = s->done > s->piece_at ? s->done - s->piece_at : 0;

        buf_add(&s->tail, s->piece + from, s->piece_len - (size_t)from);
    }
    s->piece_at = end;
    s->piece = p;
    s->piece_len = n;
    return NULL;
}

void tar_split_begin_file(struct tar_split *s, const char *path)
{
    ASSERT(!s->has_file && !s->run_len);
    s->path = path;
}

/* The bytes from `place` on, as far as they lie in one row. */
static const char *bytes_at(const struct tar_split *s, int64_t place, size_t *out_n)
{
    if (place >= s->piece_at) {
        *out_n = (size_t)(end_of_piece(s) - place);
        return s->piece + (place - s->piece_at);
    }
    *out_n = (size_t)(s->piece_at - place);
    return s->tail.data + (s->tail.len - *out_n);
}

static bool is_same(const struct tar_split *s, int64_t place, const char *p, size_t n)
{
    if (place < s->done || (int64_t)n > end_of_piece(s) - place)
        return false;
    while (n) {
        size_t some;
        const char *is = bytes_at(s, place, &some);

        some = some < n ? some : n;
        if (is != p && memcmp(is, p, some) != 0)
            return false;
        place += (int64_t)some;
        p += some;
        n -= some;
    }
    return true;
}

struct err *tar_split_data(struct tar_split *s, struct archive *ar, const void *p, size_t n,
                           int64_t at)
{
    int64_t place = archive_filter_bytes(ar, 0);

    if (!n || !is_same(s, place, p, n))
        return NULL;
    if (!s->has_file) {
        TRY(move_to(s, place, true));
        TRY(tar_record_add_file(s->record, s->path));
        s->has_file = true;
        s->crc = 0;
    }
    TRY(move_to(s, place, true));
    if (s->run_len && s->run_at + s->run_len != at)
        TRY(end_run(s));
    if (!s->run_len)
        s->run_at = at;
    s->run_len += (int64_t)n;
    s->crc = (uint32_t)crc32_z(s->crc, p, n);
    return move_to(s, place + (int64_t)n, false);
}

struct err *tar_split_end_file(struct tar_split *s)
{
    s->path = NULL;
    if (!s->has_file)
        return NULL;
    s->has_file = false;
    TRY(end_run(s));
    return tar_record_add_check(s->record, s->crc);
}

struct err *tar_split_keep(struct tar_split *s, int dir, const char *name, const char *path,
                           bool *out_moved)
{
    char number[16];

    *out_moved = false;
    if (s->n_replaced == TAR_REPLACED_MAX)
        tar_record_refuse(s->record, "too many of its archive's files take one another's place");
    if (tar_record_is_refused(s->record))
        return NULL;
    if (s->replaced < 0)
        TRY(store_open_dir(s->layer, TAR_REPLACED_NAME, &s->replaced));
    snprintf(number, sizeof(number), "%u", s->n_replaced);
    if (renameat(dir, name, s->replaced, number) < 0)
        return err_sys("replace %s", path);
    *out_moved = true;
    return tar_record_add_replaced(s->record, path, s->n_replaced++);
}

void tar_split_refuse(struct tar_split *s, const char *why)
{
    tar_record_refuse(s->record, why);
}

struct err *tar_split_end(struct tar_split *s, int64_t tar_bytes)
{
    TRY(tar_split_piece(s, NULL, NULL, 0));
    ASSERT(!s->has_file && s->done == tar_bytes);
    return tar_record_end(s->record, tar_bytes);
}
