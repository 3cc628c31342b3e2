/* SPDX-License-Identifier: Apache-2.0 */
/* Writes setup programs (wire/program.h): append records, then seal. Any thread. */
#pragma once

#include "base/text.h"
#include "wire/program.h"

struct program { /* {0} is empty; finish with program_finish */
    struct buf bytes;
    unsigned n_ops;
};

struct program_args { /* of one record; fd 0 is a real index, so say -1 for none */
    int fd;
    uint16_t flags;
    uint32_t a;
    uint64_t b, c;
};
#define NO_FD .fd = -1

void program_add(struct program *p, enum program_code code, struct program_args args);
/* The same with one or two strings. */
void program_add_str(struct program *p, enum program_code code, struct program_args args,
                     const char *first, const char *second);
void program_add_strs(struct program *p, enum program_code code, struct program_args args,
                      const struct strs *list);
void program_add_bytes(struct program *p, enum program_code code, struct program_args args,
                       const void *data, size_t size);
/* A sealed memfd. ERR_INVALID when the program is too large (argv and env are the
 * only parts that grow). */
struct err *program_seal(struct program *p, size_t n_fds, int *out_fd) must_check;
void program_finish(struct program *p);
static inline void auto_program_(struct program *p)
{
    program_finish(p);
}
#define autoprogram __attribute__((cleanup(auto_program_)))
