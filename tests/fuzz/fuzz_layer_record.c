/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/*
 * Any bytes as the record of a layer's tar, as they are and (so that one gets past the checksum)
 * compressed first: the sizes add up at the end, and every name stays below.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

#include "tar_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
    ASSERT(*path && *path != '/' && !strstr(path, "//"));
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        ASSERT(!((at == path || at[-1] == '/') && (at[2] == '/' || !at[2])));
}

static void read_record(int fd)
{
    struct tar_record_reader *r;
    struct tar_step s = {.kind = TAR_STEP_RAW};
    struct err *e = tar_record_open(fd, &r);
    int64_t total = 0;
    char some[7];
    size_t n;

    if (e) {
        err_drop(e);
        return;
    }
    for (int i = 0; !e; i++) {
        e = tar_record_next(r, &s);
        if (e || s.kind == TAR_STEP_END)
            break;
        if (s.kind == TAR_STEP_RAW && i % 2)
            e = tar_record_read_raw(r, some, sizeof(some), &n);
        if (s.kind == TAR_STEP_RAW || s.kind == TAR_STEP_DATA) {
            ASSERT(s.n > 0);
            total += s.n;
        }
        if (s.kind == TAR_STEP_FILE || s.kind == TAR_STEP_REPLACED)
            check_path(s.path);
    }
    ASSERT(e || s.n >= total);
    err_drop(e);
    tar_record_close(r);
}

static void read_bytes(const void *p, size_t n)
{
    autoclose int fd = memfd_create("record", MFD_CLOEXEC);

    ASSERT(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
    read_record(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char magic[] = "berth tar record 1\n";
    size_t plain_len = sizeof(magic) - 1 + size, room = compressBound(plain_len) + 64;
    autofree unsigned char *plain = mem_alloc(plain_len), *packed = mem_alloc(room);
    z_stream z = {0};

    read_bytes(data, size);
    memcpy(plain, magic, sizeof(magic) - 1);
    if (size)
        memcpy(plain + sizeof(magic) - 1, data, size);
    ASSERT(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = plain;
    z.avail_in = (unsigned)plain_len;
    z.next_out = packed;
    z.avail_out = (unsigned)room;
    ASSERT(deflate(&z, Z_FINISH) == Z_STREAM_END);
    read_bytes(packed, room - z.avail_out);
    deflateEnd(&z);
    return 0;
}
