/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive readers with just the filters and formats we allow. Any thread.
 * Trap: archive_read_support_filter_all, and a filter whose library is missing, run programs
 * found by PATH (CVE-2014-9357 and its kin); a filter that answers anything but OK is refused.
 */
#include "tar/decoder.h"

#include <archive.h>

#include "base/mem.h"

enum { LOOK_BYTES = 16 << 10 };

static int (*const filters[])(struct archive *) = {
    archive_read_support_filter_gzip,
    archive_read_support_filter_zstd,
    archive_read_support_filter_bzip2,
    archive_read_support_filter_xz,
};

struct err *decoder_open(enum decoder_kind kind, struct archive **out)
{
    struct archive *ar = archive_read_new();
    bool is_ok = ar != NULL;

    if (kind & DECODER_RAW)
        for (size_t i = 0; is_ok && i < ARRAY_LEN(filters); i++)
            is_ok = filters[i](ar) == ARCHIVE_OK;
    if (is_ok && kind == DECODER_RAW)
        is_ok = archive_read_support_format_raw(ar) == ARCHIVE_OK;
    if (is_ok && (kind & DECODER_TAR))
        is_ok = archive_read_support_format_tar(ar) == ARCHIVE_OK;
    if (is_ok)
        is_ok = archive_read_support_format_empty(ar) == ARCHIVE_OK;
    if (!is_ok) {
        archive_read_free(ar);
        return err_new(ERR_INTERNAL, "this libarchive lacks gzip, zstd, bzip2 or xz");
    }
    *out = ar;
    return NULL;
}

struct err *decoder_err(struct archive *ar)
{
    const char *text = archive_error_string(ar);

    return err_new(ERR_INVALID, "this is no valid tar archive: %s", text ? text : "unknown");
}

bool decoder_is_tar(int fd)
{
    struct archive *ar = NULL;
    autoerr struct err *e = decoder_open(DECODER_RAW_TAR, &ar);
    struct archive_entry *entry;
    bool is_tar = !e && archive_read_open_fd(ar, fd, LOOK_BYTES) == ARCHIVE_OK &&
                  archive_read_next_header(ar, &entry) == ARCHIVE_OK;

    archive_read_free(ar);
    return is_tar;
}

struct err *decoder_next_part(struct archive *ar, int64_t size, int64_t end,
                              struct content_part *out)
{
    struct content_part part = {0};
    int r = archive_read_data_block(ar, &part.p, &part.n, &part.at);

    *out = (struct content_part){.is_end = r == ARCHIVE_EOF};
    if (r == ARCHIVE_EOF)
        return NULL;
    if (r != ARCHIVE_OK)
        return decoder_err(ar);
    if (part.at < end || part.at > size || (int64_t)part.n > size - part.at)
        return err_new(ERR_INVALID, "the archive is damaged: data outside a file");
    *out = part;
    return NULL;
}

/* Of the thread alone (uselocale(3)): the process stays in "C". */
struct utf8_scope utf8_begin(void)
{
    struct utf8_scope s = {.own = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};

    if (s.own)
        s.before = uselocale(s.own);
    return s;
}

void utf8_end(struct utf8_scope *s)
{
    if (!s->own)
        return;
    uselocale(s->before);
    freelocale(s->own);
}
