/* SPDX-License-Identifier: Apache-2.0 */
/* Command line flags as tables, parsed the way Docker's CLI (pflag) does. Pure. */
#pragma once

#include "base/text.h"

enum flag_type {
    FLAG_BOOL,     /* bool; --x, --x=false */
    FLAG_TEXT,     /* char *, NULL when not given; the last one counts */
    FLAG_LIST,     /* struct strs */
    FLAG_NUMBER,   /* struct number */
    FLAG_BYTES,    /* struct number; "64m" */
    FLAG_SWAP,     /* struct number; bytes or -1 */
    FLAG_CPUS,     /* struct number in 1e-9 CPUs; "1.5" */
    FLAG_DURATION, /* struct number in ns; "1m30s" */
};

struct number {
    int64_t value;
    bool is_set;
};

enum {
    FLAG_HIDDEN = 1, /* an alias or a deprecated name: parsed, not in --help */
};

struct flag {
    const char *name; /* NULL ends a table */
    char letter;      /* 0: none */
    enum flag_type type;
    size_t offset;
    const char *kind; /* in --help: "list", "bytes", …; NULL for booleans */
    const char *help;
    unsigned bits;
    bool is_on; /* FLAG_BOOL: the value without the flag */
};

#define FLAG(t, s, member, n, l, k, h, ...)                                                        \
    {                                                                                              \
        .name = (n), .letter = (l), .type = (t), .offset = offsetof(s, member), .kind = (k),       \
        .help = (h), __VA_ARGS__                                                                   \
    }
#define FLAG_END                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct flag_parse {
    const struct flag *flags;
    void *options;      /* the struct the offsets are of; zeroed by the caller */
    bool options_first; /* stop at the first argument that is no flag */
    struct strs args;   /* out: what is left */
    bool wants_help;    /* out */
};

/* ERR_INVALID with pflag's sentences. Strings live in the arena. */
struct err *flags_parse(struct arena *a, struct flag_parse *p, char **argv, size_t n) must_check;
/* The "Options:" block of --help, wrapped at `width` columns. */
void flags_help(struct buf *out, const struct flag *flags, size_t width);
