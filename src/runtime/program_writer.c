/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of setup programs: records of wire/program.h behind one header, handed
 * over in a sealed memfd so that what was checked is what is run. Any thread.
 *
 * A record is written as header, data, zero padding to 8 bytes: `size` is known only
 * afterwards and patched in by offset, because the buffer may have moved.
 */
#include "program_writer.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

static size_t begin(struct program *p, enum program_code code, struct program_args args)
{
    struct program_op op = {
        .code = (uint16_t)code,
        .flags = args.flags,
        .fd = args.fd,
        .a = args.a,
        .b = args.b,
        .c = args.c,
    };
    size_t at;

    ASSERT(code > 0 && code < P_CODE_END);
    if (p->bytes.len == 0)
        buf_add(&p->bytes, &(struct program_header){0}, sizeof(struct program_header));
    at = p->bytes.len;
    buf_add(&p->bytes, &op, sizeof(op));
    return at;
}

/* Records begin at multiples of 8: the child reads their 64-bit fields in place. */
static void end(struct program *p, size_t at)
{
    uint32_t size;

    while (p->bytes.len % 8)
        buf_putc(&p->bytes, '\0');
    ASSERT(p->bytes.len > at && p->bytes.len - at <= UINT32_MAX);
    size = (uint32_t)(p->bytes.len - at);
    memcpy(p->bytes.data + at + offsetof(struct program_op, size), &size, sizeof(size));
    p->n_ops++;
}

void program_add(struct program *p, enum program_code code, struct program_args args)
{
    end(p, begin(p, code, args));
}

void program_add_bytes(struct program *p, enum program_code code, struct program_args args,
                       const void *data, size_t size)
{
    size_t at = begin(p, code, args);

    ASSERT(data || !size);
    buf_add(&p->bytes, data, size);
    end(p, at);
}

void program_add_str(struct program *p, enum program_code code, struct program_args args,
                     const char *first, const char *second)
{
    size_t at = begin(p, code, args);

    buf_add(&p->bytes, first, strlen(first) + 1);
    if (second)
        buf_add(&p->bytes, second, strlen(second) + 1);
    end(p, at);
}

void program_add_strs(struct program *p, enum program_code code, struct program_args args,
                      const struct strs *list)
{
    size_t at = begin(p, code, args);

    for (size_t i = 0; i < list->n; i++)
        buf_add(&p->bytes, list->v[i], strlen(list->v[i]) + 1);
    end(p, at);
}

/* Sealed, so that what the keeper's child checks is what it runs, whoever else has the
 * descriptor. */
static struct err *memfd_sealed(const char *name, const void *p, size_t n, int *out_fd)
{
    autoclose int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL) /* before 6.3 */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys("make memory for the %s", name);
    TRY(fd_write_all(fd, p, n));
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_sys("seal the %s", name);
    *out_fd = steal_fd(&fd);
    return NULL;
}

/* 65,535 records and PROGRAM_MAX bytes: more than the kernel takes as arguments (execve(2), "Limits
 * on size of arguments and environment"). */
struct err *program_seal(struct program *p, size_t n_fds, int *out_fd)
{
    struct program_header head = {
        .magic = PROGRAM_MAGIC,
        .version = PROGRAM_VERSION,
        .n_ops = (uint16_t)p->n_ops,
        .size = (uint32_t)p->bytes.len,
        .n_fds = (uint32_t)n_fds,
    };

    ASSERT(p->n_ops > 0 && n_fds <= PROGRAM_FDS_MAX);
    if (p->bytes.len > PROGRAM_MAX || p->n_ops > UINT16_MAX)
        return err_new(ERR_INVALID,
                       "argument list too long: %zu bytes of command, environment "
                       "and mounts",
                       p->bytes.len);
    memcpy(p->bytes.data, &head, sizeof(head));
    return memfd_sealed("program", p->bytes.data, p->bytes.len, out_fd);
}

void program_finish(struct program *p)
{
    buf_finish(&p->bytes);
}
