/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_unpack: the tar that inflate.c delivers goes through libarchive's tar reader into
 * extract.c, with bounds on all that the sender controls. One worker (plus inflate's thread).
 * Trap: the tar's digest covers what follows the tar's end as well, so the stream is always
 * taken to its end, also when the reader has seen enough.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "storage/bounds.h"
#include "tar/decoder.h"

#include "draft.h"
#include "extract.h"
#include "inflate.h"
#include "tar_split.h"

enum {
    PROGRESS_MS = 200, /* so often progress is called when nothing comes */
};

static const char what[] = "the layer";

struct unpack {
    struct unpack_limits limits;
    unpack_progress_fn progress;
    void *progress_ctx;
    struct inflate *in;
    struct archive *tar;
    struct extract *x;
    struct tar_split *split;
    int64_t entries;
    struct err *read_err; /* what stopped the callback */
    bool at_end;
};

/* The next piece of tar; *n == 0 at the end. It goes to the record as well: ar NULL, and nobody
 * reads it any more. */
static struct err *next_piece(struct unpack *u, struct archive *ar, const void **p, size_t *n)
{
    enum inflate_state state = INFLATE_WAITING;

    TRY(tar_split_piece(u->split, ar, NULL, 0)); /* the last one goes back */
    while (state == INFLATE_WAITING) {
        TRY(inflate_next(u->in, PROGRESS_MS, &state, p, n));
        if (u->progress && !u->progress(u->progress_ctx, inflate_blob_bytes(u->in)))
            return err_new(ERR_CANCELLED, "unpacking was cancelled");
    }
    if (state == INFLATE_END)
        *n = 0;
    TRY(tar_split_piece(u->split, ar, *p, *n));
    return bounds_check(&u->limits, what, inflate_blob_bytes(u->in), inflate_tar_bytes(u->in));
}

static la_ssize_t on_tar_read(struct archive *ar, void *ctx, const void **p)
{
    struct unpack *u = ctx;
    size_t n = 0;

    if (u->at_end)
        return 0;
    u->read_err = next_piece(u, ar, p, &n);
    if (u->read_err) {
        archive_set_error(ar, EIO, "%s", err_text(u->read_err));
        return -1;
    }
    u->at_end = n == 0;
    return (la_ssize_t)n;
}

/* What failed first is the cause: the stream, else the archive. */
static struct err *cause(struct unpack *u, struct err *e)
{
    if (!u->read_err)
        return e;
    err_drop(e);
    return steal_ptr(&u->read_err);
}

static struct err *archive_err(struct archive *ar)
{
    const char *text = archive_error_string(ar);

    return err_new(ERR_INVALID, "the layer is no valid tar archive: %s", text ? text : "unknown");
}

static struct err *extract_all(struct unpack *u)
{
    struct archive_entry *e;
    int r;

    if (archive_read_open(u->tar, u, NULL, on_tar_read, NULL) != ARCHIVE_OK)
        return archive_err(u->tar);
    while ((r = archive_read_next_header(u->tar, &e)) != ARCHIVE_EOF) {
        /* WARN: a name that is not UTF-8, kept byte by byte */
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return archive_err(u->tar);
        TRY(bounds_check_entries(&u->limits, what, ++u->entries));
        TRY(extract_entry(u->x, u->tar, e));
    }
    return extract_finish(u->x);
}

/* The diff id is the digest of the whole tar: a tar that ends before its stream does has bytes
 * behind it all the same. */
static struct err *drain(struct unpack *u)
{
    const void *p;
    size_t n = 1;

    ASSERT(u->in);
    while (!u->at_end && n)
        TRY(next_piece(u, NULL, &p, &n));
    return tar_split_end(u->split, inflate_tar_bytes(u->in));
}

static struct err *run(struct unpack *u)
{
    struct utf8_scope scope = utf8_begin();
    struct err *e = extract_all(u);

    utf8_end(&scope);
    if (e)
        return cause(u, e);
    return drain(u);
}

static struct err *unpack_into(const struct layer_draft *d, int in_fd, struct unpack *u,
                               struct unpack_result *result)
{
    TRY(decoder_open(DECODER_TAR, &u->tar));
    TRY(inflate_begin(in_fd, &u->in));
    TRY(tar_split_create(d->dir, &u->split));
    u->x = extract_create(d->diff, u->limits.max_bytes, u->split);
    TRY(run(u));
    inflate_digests(u->in, result->blob_digest, result->diff_id);
    result->blob_bytes = inflate_blob_bytes(u->in);
    result->tar_bytes = inflate_tar_bytes(u->in);
    result->file_bytes = extract_file_bytes(u->x);
    result->entries = u->entries;
    return NULL;
}

struct err *layer_unpack(struct layer_store *s, int in_fd, const struct unpack_limits *limits,
                         unpack_progress_fn progress, void *ctx, struct unpack_result *result,
                         struct layer_draft **out)
{
    struct unpack u = {
        .limits = bounds_fill(limits),
        .progress = progress,
        .progress_ctx = ctx,
    };
    struct unpack_result found;
    struct layer_draft *draft;
    struct err *e;

    TRY(draft_create(s, &draft));
    e = unpack_into(draft, in_fd, &u, &found);
    extract_destroy(u.x);
    tar_split_destroy(u.split);
    inflate_end(u.in);
    archive_read_free(u.tar);
    err_drop(u.read_err);
    if (e) {
        layer_abort(draft);
        return e;
    }
    *result = found;
    *out = draft;
    return NULL;
}
