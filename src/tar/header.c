/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ustar header, and in front of it a pax header with what does not fit: long names, owners beyond
 * 2,097,151, files from 8 GiB on, fractions of seconds, attributes, holes (GNU's sparse format 1.0,
 * which GNU tar, libarchive, Go and Python read). Pure.
 * Our own, because libarchive's writer wants the holes as zeros, however large they are, and writes
 * a second header for every file where it keeps fractions of seconds.
 */
#include "tar/header.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define OCTAL_7 07777777LL      /* what 7 octal digits hold: owners, device numbers */
#define OCTAL_11 077777777777LL /* what 11 hold: sizes, times */
#define NAME_BYTES 100
#define PAX_NAME_BYTES 80 /* of the file's own name */
#define MAP_LINE_MAX 44   /* two numbers with their line ends */

/* POSIX, "ustar Interchange Format". */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

/* By hand, as all that is done for every file: printf(3) took a sixth of a copy's time. */
static void put_octal(char *field, size_t n, int64_t value)
{
    uint64_t left = (uint64_t)value;

    field[n - 1] = '\0';
    for (size_t i = n - 1; i > 0; i--, left >>= 3)
        field[i - 1] = (char)('0' + (left & 7));
}

static int64_t at_most(int64_t value, int64_t max)
{
    return value < 0 || value > max ? 0 : value;
}

/* Names may fill their field to the last byte, so there may be no NUL. */
static void put_text(char *field, size_t n, const char *text)
{
    size_t len = strlen(text);

    memcpy(field, text, len < n ? len : n);
}

static void put_checksum(struct ustar *h)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned sum = 0;

    memset(h->checksum, ' ', sizeof(h->checksum));
    for (size_t i = 0; i < sizeof(*h); i++)
        sum += p[i];
    put_octal(h->checksum, 7, sum);
}

static char type_of(const struct tar_file *f)
{
    if (f->is_hard_link)
        return '1';
    switch (f->mode & S_IFMT) {
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFDIR:
        return '5';
    case S_IFIFO:
        return '6';
    default:
        return '0';
    }
}

static void fill_ustar(struct ustar *h, const struct tar_file *f, const char *name, char type,
                       int64_t size)
{
    *h = (struct ustar){.type = type, .magic = "ustar", .version = {'0', '0'}};
    put_text(h->name, sizeof(h->name), name);
    put_octal(h->mode, sizeof(h->mode), f->mode & 07777);
    put_octal(h->uid, sizeof(h->uid), at_most(f->uid, OCTAL_7));
    put_octal(h->gid, sizeof(h->gid), at_most(f->gid, OCTAL_7));
    put_octal(h->size, sizeof(h->size), at_most(size, OCTAL_11));
    put_octal(h->mtime, sizeof(h->mtime), at_most(f->mtime.tv_sec, OCTAL_11));
    if (f->link)
        put_text(h->link, sizeof(h->link), f->link);
    put_octal(h->major, sizeof(h->major), at_most(f->major, OCTAL_7));
    put_octal(h->minor, sizeof(h->minor), at_most(f->minor, OCTAL_7));
    put_checksum(h);
}

/* ---- the pax header ---- */

/* At the end of `field`; what is in front of the digits is not written. */
static char *put_decimal(char *field, size_t n, uint64_t value)
{
    char *at = field + n;

    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10));
    return at;
}

/* "LENGTH key=value\n", where LENGTH counts its own digits, too. */
static void add_record(struct buf *out, const char *key, const void *value, size_t n)
{
    size_t key_len = strlen(key), rest = key_len + n + 3, len = rest + 1;
    char field[24], *end = field + sizeof(field);
    const char *digits;

    while (digits = put_decimal(field, sizeof(field), len), len != rest + (size_t)(end - digits))
        len = rest + (size_t)(end - digits);
    buf_add(out, digits, (size_t)(end - digits));
    buf_putc(out, ' ');
    buf_add(out, key, key_len);
    buf_putc(out, '=');
    buf_add(out, value, n);
    buf_putc(out, '\n');
}

static void add_number(struct buf *out, const char *key, int64_t value)
{
    char text[24];

    add_record(out, key, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

static void add_number_if(struct buf *out, const char *key, int64_t value, int64_t max)
{
    if (value > max)
        add_number(out, key, value);
}

/* Of a time before 1970 the fraction counts the other way: -1.5 is {-2, 500000000}. */
static void add_mtime(struct buf *out, struct timespec t)
{
    int64_t whole = t.tv_sec, fraction = t.tv_nsec;
    bool is_before = whole < 0;
    char text[48], *end = text + sizeof(text), *at = end;

    if (!fraction && whole >= 0 && whole <= OCTAL_11)
        return;
    if (is_before) {
        whole = -(whole + (fraction > 0));
        fraction = fraction ? 1000000000 - fraction : 0;
    }
    for (int i = 0; i < 9; i++, fraction /= 10)
        if (at != end || fraction % 10)
            *--at = (char)('0' + fraction % 10);
    if (at != end)
        *--at = '.';
    at = put_decimal(text, (size_t)(at - text), (uint64_t)whole);
    if (is_before)
        *--at = '-';
    add_record(out, "mtime", at, (size_t)(end - at));
}

static bool is_long(const char *text)
{
    return text && strlen(text) > NAME_BYTES;
}

static void add_text_if_long(struct buf *out, const char *key, const char *text)
{
    if (is_long(text))
        add_record(out, key, text, strlen(text));
}

/* Of a text that comes as a record: those are UTF-8 unless it is said. */
static bool is_binary(const char *text, bool is_record)
{
    return is_record && !text_is_utf8(text, strlen(text));
}

static void add_records(struct buf *out, const struct tar_file *f)
{
    if (is_binary(f->name, f->is_sparse || is_long(f->name)) ||
        is_binary(f->link, is_long(f->link)))
        add_record(out, "hdrcharset", "BINARY", 6);
    if (f->is_sparse) {
        add_number(out, "GNU.sparse.major", 1);
        add_number(out, "GNU.sparse.minor", 0);
        add_record(out, "GNU.sparse.name", f->name, strlen(f->name));
        add_number(out, "GNU.sparse.realsize", f->size);
    } else {
        add_text_if_long(out, "path", f->name);
    }
    add_text_if_long(out, "linkpath", f->link);
    add_number_if(out, "uid", f->uid, OCTAL_7);
    add_number_if(out, "gid", f->gid, OCTAL_7);
    add_number_if(out, "SCHILY.devmajor", f->major, OCTAL_7);
    add_number_if(out, "SCHILY.devminor", f->minor, OCTAL_7);
    add_mtime(out, f->mtime);
    for (size_t i = 0; i < f->n_xattrs; i++) {
        autofree char *key = mem_printf("SCHILY.xattr.%s", f->xattrs[i].name);

        add_record(out, key, f->xattrs[i].value, f->xattrs[i].size);
    }
}

/* A name of its own, for readers that know no pax: they see a small file. */
static void add_pax(struct buf *out, const struct tar_file *f, int64_t size)
{
    const struct tar_file plain = {.mode = S_IFREG | 0644, .mtime.tv_sec = f->mtime.tv_sec};
    char name[NAME_BYTES] = "PaxHeaders/";
    size_t at = out->len, n = strlen(name);
    const char *base = f->name;
    struct ustar h;

    buf_add(out, &(struct ustar){0}, sizeof(h)); /* it has the size of what follows */
    add_records(out, f);
    add_number_if(out, "size", size, OCTAL_11);
    size = (int64_t)(out->len - at - sizeof(h));
    if (!size) {
        out->len = at;
        return;
    }
    for (const char *s = f->name; *s; s++)
        if (*s == '/' && s[1])
            base = s + 1;
    memcpy(name + n, base, strnlen(base, PAX_NAME_BYTES));
    fill_ustar(&h, &plain, name, 'x', size);
    memcpy(out->data + at, &h, sizeof(h));
    tar_header_pad(out, size);
}

/* ---- sparse files ---- */

/* "How many", then place and size of each, a line a number, filled up to a block. */
static void add_map(struct buf *out, const struct tar_file *f)
{
    size_t start = out->len;

    buf_reserve(out, f->n_extents * MAP_LINE_MAX + 2 * TAR_BLOCK);
    buf_printf(out, "%zu\n", f->n_extents);
    for (size_t i = 0; i < f->n_extents; i++)
        buf_printf(out, "%lld\n%lld\n", (long long)f->extents[i].at, (long long)f->extents[i].size);
    tar_header_pad(out, (int64_t)(out->len - start));
}

int64_t tar_file_data_bytes(const struct tar_file *f)
{
    int64_t n = 0;

    if (f->is_hard_link || !S_ISREG(f->mode))
        return 0;
    if (!f->is_sparse)
        return f->size;
    for (size_t i = 0; i < f->n_extents; i++)
        n += f->extents[i].size;
    return n;
}

void tar_header_add(struct buf *out, const struct tar_file *f)
{
    int64_t size = tar_file_data_bytes(f);
    autobuf struct buf map = {0}, name = {0};
    struct ustar h;

    if (f->is_sparse) {
        add_map(&map, f);
        size += (int64_t)map.len;
        buf_printf(&name, "GNUSparseFile.0/%.80s", f->name);
    }
    add_pax(out, f, size);
    fill_ustar(&h, f, f->is_sparse ? name.data : f->name, type_of(f), size);
    buf_add(out, &h, sizeof(h));
    buf_add(out, map.data, map.len);
}

void tar_header_pad(struct buf *out, int64_t data_bytes)
{
    static const char zeros[TAR_BLOCK];
    size_t over = (size_t)(data_bytes % TAR_BLOCK);

    if (over)
        buf_add(out, zeros, TAR_BLOCK - over);
}

void tar_header_end(struct buf *out)
{
    static const char zeros[2 * TAR_BLOCK];

    buf_add(out, zeros, sizeof(zeros));
}
