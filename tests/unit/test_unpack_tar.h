/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tars made by hand, header by header, so that tests can lie in every field. ustar and pax.
 *     struct buf t = {0};
 *     tar_add(&t, (struct tar_file){"etc/x", '0', .data = "hello"});
 *     tar_end(&t);
 */
#pragma once

#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct tar_file {
    const char *name;
    char type; /* '0' file, '1' hard link, '2' symlink, '3' '4' devices, '5' folder, '6' fifo */
    const char *data, *link;
    unsigned mode; /* 0: 0644, or 0755 for folders */
    unsigned major, minor;
    int64_t size; /* 0: of data; else what the header claims */
};

static inline void tar_pad(struct buf *t)
{
    static const char zero[512];

    if (t->len % 512)
        buf_add(t, zero, 512 - t->len % 512);
}

/* A name of a header: cut at 100 bytes, without a NUL when it fills them. */
static inline void tar_name(char *field, const char *name)
{
    size_t len = strlen(name);

    memcpy(field, name, len < 100 ? len : 100);
}

static inline void tar_raw_header(struct buf *t, const struct tar_file *f, int64_t size)
{
    char h[512] = {0};
    unsigned sum = 0, mode = f->mode ? f->mode : f->type == '5' ? 0755 : 0644;

    tar_name(h, f->name);
    snprintf(h + 100, 8, "%07o", mode & 07777777u);
    snprintf(h + 108, 8, "%07o", (unsigned)getuid() & 07777777u);
    snprintf(h + 116, 8, "%07o", (unsigned)getgid() & 07777777u);
    snprintf(h + 124, 12, "%011llo", (unsigned long long)size & 077777777777ULL);
    snprintf(h + 136, 12, "%011o", 1000000000u);
    memset(h + 148, ' ', 8);
    h[156] = f->type;
    if (f->link)
        tar_name(h + 157, f->link);
    memcpy(h + 257, "ustar\00000", 8);
    snprintf(h + 329, 8, "%07o", f->major & 07777777u);
    snprintf(h + 337, 8, "%07o", f->minor & 07777777u);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    buf_add(t, h, 512);
}

static inline void tar_add(struct buf *t, struct tar_file f)
{
    size_t len = f.data ? strlen(f.data) : 0;

    tar_raw_header(t, &f, f.size ? f.size : (int64_t)len);
    if (len) {
        buf_add(t, f.data, len);
        tar_pad(t);
    }
}

/* A pax record for the next entry. */
static inline void tar_pax(struct buf *t, const char *key, const void *value, size_t n)
{
    struct tar_file f = {.name = "PaxHeaders/x", .type = 'x'};
    size_t body = strlen(key) + n + 3, len = body;
    struct buf record = {0};
    char digits[24];

    while ((size_t)snprintf(digits, sizeof(digits), "%zu", len) + body != len)
        len = body + strlen(digits);
    buf_printf(&record, "%zu %s=", len, key);
    buf_add(&record, value, n);
    buf_putc(&record, '\n');
    tar_raw_header(t, &f, (int64_t)record.len);
    buf_add(t, record.data, record.len);
    tar_pad(t);
    buf_finish(&record);
}

static inline void tar_end(struct buf *t)
{
    static const char zero[1024];

    buf_add(t, zero, sizeof(zero));
}

/* An fd at the start of the bytes. */
static inline int tar_open(const void *p, size_t n)
{
    int fd = memfd_create("tar", MFD_CLOEXEC);

    if (fd >= 0 && (write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0))
        abort();
    return fd;
}
