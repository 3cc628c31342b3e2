/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive_each: members of a document archive (docker save, OCI layout), one after the other,
 * nothing unpacked. Worker.
 * Trap: a member's content can be read only while fn runs; what fn leaves unread is skipped.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "storage/bounds.h"
#include "storage/layer.h"
#include "tar/decoder.h"
#include "tar/tar_name.h"

enum { MEMBERS_MAX = 100000, READ_BYTES = 256 << 10 };

struct open_member {
    struct member m; /* first: what fn sees */
    struct archive *ar;
    struct tar_name name, link;
    struct unpack_limits limits;
    int64_t plain_bytes; /* of members: a hole of a sparse one is not in the tar */
    struct err *err;     /* what stopped a read */
};

static const char what[] = "the archive";

static struct err *check_bounds(const struct open_member *o)
{
    int64_t packed = archive_filter_bytes(o->ar, -1), tar = archive_filter_bytes(o->ar, 0);

    return bounds_check(&o->limits, what, packed, tar > o->plain_bytes ? tar : o->plain_bytes);
}

static ssize_t read_member(struct member *m, void *p, size_t n)
{
    struct open_member *o = container_of(m, struct open_member, m);
    la_ssize_t got = m->link ? 0 : archive_read_data(o->ar, p, n);

    ASSERT(o->ar);
    o->plain_bytes += got > 0 ? got : 0;
    if (got >= 0 && !o->err)
        o->err = check_bounds(o);
    if (got >= 0 && !o->err)
        return got;
    errno = EIO;
    return -1;
}

/* Fills o->m; *is_wanted is false for folders and devices. */
static struct err *open_entry(struct open_member *o, struct archive_entry *e, bool *is_wanted)
{
    const char *raw = archive_entry_pathname(e), *hard = archive_entry_hardlink(e);
    mode_t type = archive_entry_filetype(e);

    *is_wanted = false;
    if (!raw)
        return err_new(ERR_INVALID, "an archive entry has no usable name");
    TRY(tar_name_clean(raw, &o->name));
    o->m =
        (struct member){.path = o->name.path, .size = archive_entry_size(e), .read = read_member};
    if (hard)
        TRY(tar_name_clean(hard, &o->link));
    else if (S_ISLNK(type))
        TRY(tar_name_follow(&o->name, archive_entry_symlink(e) ?: "", &o->link));
    else if (!S_ISREG(type))
        return NULL;
    if (hard || S_ISLNK(type)) {
        o->m.link = o->link.path;
        o->m.size = 0;
    }
    *is_wanted = true;
    return NULL;
}

/* What failed first is the cause: the bounds, else what fn made of it. */
static struct err *cause(struct open_member *o, struct err *e)
{
    if (!o->err)
        return e;
    err_drop(e);
    return steal_ptr(&o->err);
}

static struct err *each_entry(struct open_member *o, int in_fd,
                              struct err *(*fn)(void *ctx, struct member *m), void *ctx)
{
    struct archive *ar = o->ar;
    struct archive_entry *e;
    bool is_wanted;
    int r, n = 0;

    if (archive_read_open_fd(ar, in_fd, READ_BYTES) != ARCHIVE_OK)
        return decoder_err(ar);
    while ((r = archive_read_next_header(ar, &e)) != ARCHIVE_EOF) {
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return decoder_err(ar);
        if (++n > MEMBERS_MAX)
            return err_new(ERR_INVALID, "the archive has more than %d members", MEMBERS_MAX);
        TRY(check_bounds(o));
        TRY(open_entry(o, e, &is_wanted));
        if (is_wanted)
            TRY(cause(o, fn(ctx, &o->m)));
    }
    return check_bounds(o);
}

struct err *archive_each(int in_fd, struct err *(*fn)(void *ctx, struct member *m), void *ctx,
                         int64_t *packed_bytes)
{
    autofree struct open_member *o = mem_new(struct open_member);
    struct utf8_scope scope = utf8_begin();
    struct err *e = decoder_open(DECODER_RAW_TAR, &o->ar);

    o->limits = bounds_fill(NULL);
    if (!e)
        e = each_entry(o, in_fd, fn, ctx);
    if (!e)
        *packed_bytes = archive_filter_bytes(o->ar, -1);
    archive_read_free(o->ar);
    utf8_end(&scope);
    return e;
}
