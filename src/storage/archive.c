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

#include "decoder.h"
#include "storage/layer.h"
#include "tar_name.h"

enum { MEMBERS_MAX = 100000, READ_BYTES = 256 << 10 };

struct open_member {
    struct member m; /* first: what fn sees */
    struct archive *ar;
    struct tar_name name, link;
};

static ssize_t read_member(struct member *m, void *p, size_t n)
{
    struct open_member *o = container_of(m, struct open_member, m);
    la_ssize_t got = m->link ? 0 : archive_read_data(o->ar, p, n);

    ASSERT(o->ar);
    if (got >= 0)
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

static struct err *archive_err(struct archive *ar)
{
    const char *text = archive_error_string(ar);

    return err_new(ERR_INVALID, "this is no valid tar archive: %s", text ? text : "unknown");
}

static struct err *each_entry(struct archive *ar, int in_fd,
                              struct err *(*fn)(void *ctx, struct member *m), void *ctx)
{
    autofree struct open_member *o = mem_new(struct open_member);
    struct archive_entry *e;
    bool is_wanted;
    int r, n = 0;

    if (archive_read_open_fd(ar, in_fd, READ_BYTES) != ARCHIVE_OK)
        return archive_err(ar);
    o->ar = ar;
    while ((r = archive_read_next_header(ar, &e)) != ARCHIVE_EOF) {
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return archive_err(ar);
        if (++n > MEMBERS_MAX)
            return err_new(ERR_INVALID, "the archive has more than %d members", MEMBERS_MAX);
        TRY(open_entry(o, e, &is_wanted));
        if (is_wanted)
            TRY(fn(ctx, &o->m));
    }
    return NULL;
}

struct err *archive_each(int in_fd, struct err *(*fn)(void *ctx, struct member *m), void *ctx)
{
    struct utf8_scope scope = utf8_begin();
    struct archive *ar = NULL;
    struct err *e = decoder_open(DECODER_RAW_TAR, &ar);

    if (!e)
        e = each_entry(ar, in_fd, fn, ctx);
    archive_read_free(ar);
    utf8_end(&scope);
    return e;
}
