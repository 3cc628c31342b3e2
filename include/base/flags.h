/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags as tables, parsed the way Docker's programs (pflag) do. Pure; a FLAG_PATH asks for the
 * working directory. Rows of a program that has a configuration file also name its key there.
 */
#pragma once

#include "base/text.h"

enum flag_type {
    FLAG_BOOL,     /* bool; --x, --x=false */
    FLAG_TEXT,     /* char *, NULL when not given; the last one counts */
    FLAG_PATH,     /* char *, made absolute */
    FLAG_LIST,     /* struct strs */
    FLAG_MAP,      /* struct pairs; "k=v" */
    FLAG_INT,      /* int, not below min */
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
    FLAG_HIDDEN = 1,   /* an alias or a deprecated name: parsed, not in --help */
    FLAG_IGNORED = 2,  /* checked, stored nowhere */
    FLAG_REFUSED = 4,  /* of other programs like this one; `remark` says why it is none here */
    FLAG_RELOADED = 8, /* a running program takes a new value of its configuration file */
    FLAG_IN_FILE = 16, /* a key of the configuration file, and no flag */
};

struct flag {
    const char *name; /* NULL ends a table */
    char letter;      /* 0: none */
    const char *key;  /* in a configuration file; NULL: not allowed there */
    enum flag_type type;
    size_t offset;
    const char *kind; /* of the value, in --help: "ip", …; NULL: as its type says */
    const char *help; /* NULL: not shown */
    unsigned bits;
    bool is_on;         /* FLAG_BOOL: the value without the flag */
    int min;            /* FLAG_INT */
    const char *remark; /* why it has no effect: for the log, when it is given */
};

#define FLAG(t, s, member, n, l, k, h, ...)                                                        \
    {                                                                                              \
        .name = (n), .letter = (l), .type = (t), .offset = offsetof(s, member), .kind = (k),       \
        .help = (h), __VA_ARGS__                                                                   \
    }
#define FLAG_NOT(n, why)                                                                           \
    {                                                                                              \
        .name = (n), .type = FLAG_BOOL, .bits = FLAG_HIDDEN | FLAG_REFUSED, .remark = (why)        \
    }
#define FLAG_END                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct flag_parse {
    const struct flag *flags;
    void *options;      /* the struct the offsets are of; zeroed by the caller */
    bool *given;        /* NULL, or by row of `flags`: set where a flag is given */
    bool options_first; /* stop at the first argument that is no flag */
    struct strs args;   /* out: what is left */
    bool wants_help;    /* out; a table may have a --help of its own instead */
};

/* ERR_INVALID with pflag's sentences. Strings live in the arena. */
struct err *flags_parse(struct arena *a, struct flag_parse *p, char **argv, size_t n) must_check;
/* One value from its text; lists and maps grow. The error is Go's sentence about the value. */
struct err *flag_set(struct arena *a, const struct flag *f, const char *text, void *options)
    must_check;
/* What is shown of a table, by name: tables group what belongs together, people look for names.
 * `last` NULL: the first; returns NULL after the last. */
const struct flag *flag_next(const struct flag *flags, const struct flag *last);
/* Of its value, in words of --help; NULL: it takes none. */
const char *flag_kind(const struct flag *f);
/* The "Options:" block of --help, wrapped at `width` columns. */
void flags_help(struct buf *out, const struct flag *flags, size_t width);
