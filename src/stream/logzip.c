/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed log files that can be read from any place: an ordinary .gz (zcat reads it)
 * of one member for each 64 KiB, then an empty member whose extra field is the index: 8
 * bytes for each of the others. Its own end has a fixed form, so it is found from behind:
 *   … offsets[n] { block, n, size, magic }  03 00  crc = 0  length = 0
 * Disk workers. Trap: the index is input, an operator may have put the file there.
 */
#include "logview.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

#include "readdisk.h"

#define BLOCK (64u << 10)
#define BLOCK_MAX (16u << 20)
#define BLOCKS_MAX 8000 /* an extra field has room for 64 KiB */
#define LEVEL 4
#define GZIP (15 + 16)            /* zlib's word for "window of 32 KiB, in a gzip member" */
#define MAGIC 0x5844494854524542u /* "BERTHIDX" */
#define TAIL 10                   /* the empty deflate stream, crc, length */

struct foot {
    uint32_t block, n;
    uint64_t size, magic;
} __attribute__((packed));

struct logzip_index {
    uint32_t block, n;
    int64_t size;
    uint64_t *begin; /* n + 1: of each member, and the end of the last */
    char *bytes;     /* of member `at` */
    size_t bytes_n;
    int64_t at;
};

/* ---- writing ---- */

static bool write_all(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n) {
        ssize_t w = write(fd, at, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

/* The empty member: RFC 1952 lets a gzip file consist of several, and each may have an extra field,
 * which every tool skips. 04 in the head is FEXTRA. */
static bool put_index(int out, const uint64_t *begin, const struct foot *f)
{
    static const unsigned char tail[TAIL] = {3};
    uint32_t n = le32toh(f->n);
    uint16_t content = (uint16_t)(n * sizeof(*begin) + sizeof(*f)), extra = content + 4;
    unsigned char head[] = {
        0x1f, 0x8b,           8,           4, 0, 0, 0, 0, 0, 3, extra & 0xff, extra >> 8, 'B',
        'I',  content & 0xff, content >> 8};

    ASSERT(n <= BLOCKS_MAX);
    return write_all(out, head, sizeof(head)) && write_all(out, begin, n * sizeof(*begin)) &&
           write_all(out, f, sizeof(*f)) && write_all(out, tail, sizeof(tail));
}

struct packer {
    z_stream z;
    unsigned char *in, *out;
    size_t block, out_room;
};

static bool put_member(struct packer *k, size_t n, int out, uint64_t *pos)
{
    deflateReset(&k->z);
    k->z.next_in = k->in;
    k->z.avail_in = (uInt)n;
    k->z.next_out = k->out;
    k->z.avail_out = (uInt)k->out_room;
    if (deflate(&k->z, Z_FINISH) != Z_STREAM_END)
        return false;
    *pos += k->z.total_out;
    return write_all(out, k->out, k->z.total_out);
}

static bool put_members(struct packer *k, int in, int out, int64_t size)
{
    autofree uint64_t *begin = mem_array(BLOCKS_MAX + 1, sizeof(*begin));
    struct foot f = {.block = htole32((uint32_t)k->block), .magic = htole64(MAGIC)};
    uint64_t pos = 0;
    int64_t off = 0;
    uint32_t n = 0;
    size_t got;

    while (off < size && n < BLOCKS_MAX) {
        got = readdisk_pread(in, (char *)k->in, k->block, off);
        if (!got)
            break;
        begin[n++] = htole64(pos);
        if (!put_member(k, got, out, &pos))
            return false;
        off += (int64_t)got;
        if (got < k->block)
            break;
    }
    if (off != size) {
        errno = EIO;
        return false;
    }
    f.n = htole32(n);
    f.size = htole64((uint64_t)size);
    return put_index(out, begin, &f);
}

bool logzip_write(int in, int out)
{
    struct packer k = {.block = BLOCK};
    struct stat st;
    bool is_done;

    if (fstat(in, &st))
        return false;
    while (st.st_size / (int64_t)k.block >= BLOCKS_MAX)
        k.block *= 2;
    if (k.block > BLOCK_MAX) {
        errno = EFBIG;
        return false;
    }
    if (deflateInit2(&k.z, LEVEL, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        errno = ENOMEM;
        return false;
    }
    k.out_room = deflateBound(&k.z, k.block) + 64;
    k.in = mem_alloc(k.block);
    k.out = mem_alloc(k.out_room);
    is_done = put_members(&k, in, out, st.st_size);
    deflateEnd(&k.z);
    free(k.in);
    free(k.out);
    return is_done;
}

/* ---- reading ---- */

/* Nothing of the index may lead outside of the file or make the members of another size than they
 * say. */
static bool is_sound(const struct logzip_index *z, int64_t end)
{
    if (!z->block || z->block > BLOCK_MAX || z->n > BLOCKS_MAX || z->size < 0 ||
        (uint64_t)z->n != ((uint64_t)z->size + z->block - 1) / z->block)
        return false;
    for (uint32_t i = 0; i < z->n; i++) {
        if (z->begin[i] >= z->begin[i + 1] || z->begin[i + 1] > (uint64_t)end)
            return false;
    }
    return true;
}

static bool read_index(struct logzip_index *z, int fd, const struct foot *f, int64_t foot_at)
{
    int64_t at = foot_at - (int64_t)le32toh(f->n) * 8;

    z->block = le32toh(f->block);
    z->n = le32toh(f->n);
    z->size = (int64_t)le64toh(f->size);
    if (z->n > BLOCKS_MAX || at < 16)
        return false;
    z->begin = mem_array(z->n + 1, sizeof(*z->begin));
    if (readdisk_pread(fd, (char *)z->begin, z->n * 8, at) != z->n * 8)
        return false;
    for (uint32_t i = 0; i < z->n; i++)
        z->begin[i] = le64toh(z->begin[i]);
    z->begin[z->n] = (uint64_t)(at - 16); /* the head of the last member */
    return is_sound(z, at);
}

struct logzip_index *logzip_open(int fd)
{
    struct logzip_index *z;
    unsigned char magic[2];
    struct foot f;
    struct stat st;
    int64_t at;

    if (readdisk_pread(fd, (char *)magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b ||
        fstat(fd, &st))
        return NULL;
    at = st.st_size - TAIL - (int64_t)sizeof(f);
    if (at < 0 || readdisk_pread(fd, (char *)&f, sizeof(f), at) != sizeof(f) ||
        le64toh(f.magic) != MAGIC)
        return NULL;
    z = mem_new(struct logzip_index);
    z->at = -1;
    if (read_index(z, fd, &f, at))
        return z;
    logzip_close(z);
    return NULL;
}

void logzip_close(struct logzip_index *z)
{
    if (!z)
        return;
    free(z->begin);
    free(z->bytes);
    free(z);
}

int64_t logzip_size(const struct logzip_index *z)
{
    return z->size;
}

static bool unpack(struct logzip_index *z, int fd, int64_t which)
{
    size_t n = (size_t)(z->begin[which + 1] - z->begin[which]);
    size_t want = which == (int64_t)z->n - 1 ? (size_t)(z->size - which * z->block) : z->block;
    autofree char *in = NULL;
    z_stream s = {0};
    int result;

    ASSERT(which >= 0 && which < (int64_t)z->n);
    if (n > 2 * (size_t)BLOCK_MAX)
        return false;
    in = mem_alloc(n);
    if (readdisk_pread(fd, in, n, (int64_t)z->begin[which]) != n || inflateInit2(&s, GZIP) != Z_OK)
        return false;
    ASSERT(want <= z->block); /* is_sound: n blocks hold the size */
    if (!z->bytes)
        z->bytes = mem_alloc(z->block);
    s.next_in = (unsigned char *)in;
    s.avail_in = (uInt)n;
    s.next_out = (unsigned char *)z->bytes;
    s.avail_out = (uInt)want;
    result = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    z->at = result == Z_STREAM_END && !s.avail_out ? which : -1;
    z->bytes_n = want;
    return z->at == which;
}

size_t logzip_pread(struct logzip_index *z, int fd, char *p, size_t n, int64_t off)
{
    size_t done = 0;

    ASSERT(fd >= 0 && off >= 0);
    while (done < n && off < z->size) {
        int64_t which = off / z->block;
        size_t skip = (size_t)(off % z->block), part;

        if (z->at != which && !unpack(z, fd, which))
            break;
        part = z->bytes_n - skip < n - done ? z->bytes_n - skip : n - done;
        memcpy(p + done, z->bytes + skip, part);
        done += part;
        off += (int64_t)part;
    }
    return done;
}
