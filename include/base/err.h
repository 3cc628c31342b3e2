/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error type of the engine. NULL is success. An error is returned or
 * finished (replied, logged, dropped) exactly once; whoever holds it owns it.
 * Any thread.
 */
#pragma once

#include <stdbool.h>

#include <stdarg.h>

#define must_check __attribute__((warn_unused_result))
/* Without this GCC warns at -O2 of outputs that a failing callee left unset. */
#define never_null __attribute__((returns_nonnull))
#define like_printf(f, a) __attribute__((format(printf, f, a)))

enum err_kind {
    ERR_INTERNAL = 1,    /* our fault or the system's: 500 */
    ERR_INVALID,         /* bad parameter: 400 */
    ERR_UNAUTHORIZED,    /* 401 */
    ERR_FORBIDDEN,       /* 403 */
    ERR_NOT_FOUND,       /* 404 */
    ERR_CONFLICT,        /* 409 */
    ERR_NOT_MODIFIED,    /* 304, no body */
    ERR_TOO_LARGE,       /* 413: a bound of ours was met */
    ERR_NOT_IMPLEMENTED, /* 501 */
    ERR_UNAVAILABLE,     /* 503 */
    ERR_CANCELLED,       /* the caller or a later command gave up: 499 is not HTTP, so 409 */
    ERR_TIMEOUT,         /* a deadline of ours passed: 500 */
};

struct err;

struct err *err_new(enum err_kind kind, const char *fmt, ...) must_check never_null
    like_printf(2, 3);
/* ERR_INTERNAL with errno kept and ": strerror" appended. */
struct err *err_sys(const char *fmt, ...) must_check never_null like_printf(1, 2);
struct err *err_sysno(int sys, const char *fmt, ...) must_check never_null like_printf(2, 3);
/* What "no space left on device" means where no device is meant: of a call that makes a mount or a
 * namespace. Reads errno and leaves it; "" when it says something else. */
const char *err_no_room(void);
/* "added: text of e", same kind and errno. Takes e, returns it. */
struct err *err_wrap(struct err *e, const char *fmt, ...) must_check never_null like_printf(2, 3);
/* Changes the kind (a mechanism's "not found" may be a caller's "invalid"). Returns e. */
struct err *err_as(struct err *e, enum err_kind kind) must_check never_null;
/* Docker answers it like a fault of the engine (500), but it is the caller's or another host's: the
 * log does not call it an error. Returns e. */
struct err *err_outside(struct err *e) must_check never_null;
bool err_is_outside(const struct err *e);
struct err *err_copy(const struct err *e) must_check; /* NULL gives NULL */

enum err_kind err_kind(const struct err *e);
int err_errno(const struct err *e); /* 0 when no system call was involved */
const char *err_text(const struct err *e);
void err_drop(struct err *e); /* accepts NULL */

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        struct err *try_err_ = (expr);                                                             \
        if (try_err_)                                                                              \
            return try_err_;                                                                       \
    } while (0)

/* For our own bugs only; never compiled out, never used on input. */
#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            assert_fail(#x, __FILE__, __LINE__);                                                   \
    } while (0)
/* The same where the look costs something: debug builds only. */
#ifdef NDEBUG
#define ASSERT_DEBUG(x) ((void)(0 && (x)))
#else
#define ASSERT_DEBUG(x) ASSERT(x)
#endif
_Noreturn void assert_fail(const char *what, const char *file, int line);
