/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error type: a kind, an errno and one text in a single block of memory.
 * Any thread. A newcomer's trap: err_wrap and err_as take their argument, so the old
 * pointer is gone after the call.
 */
#include "base/err.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ERR_TEXT_MAX = 4096 }; /* foreign names end up in texts: a bound, not a promise */

struct err {
    enum err_kind kind;
    int sys;
    bool is_outside;
    char text[];
};

/* One block for struct and text, zeroed: the NUL is there. Texts hold foreign names, so they are
 * cut. */
static struct err *make(enum err_kind kind, int sys, const char *text)
{
    size_t n = strnlen(text, ERR_TEXT_MAX);
    struct err *e = mem_alloc(sizeof(*e) + n + 1);

    ASSERT(kind >= ERR_INTERNAL && kind <= ERR_TIMEOUT);
    e->kind = kind;
    e->sys = sys;
    memcpy(e->text, text, n);
    return e;
}

struct err *err_new(enum err_kind kind, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return make(kind, 0, text);
}

/* Lower case, as Go prints it: clients look for "no such file or directory". */
static const char *reason_of(int sys, char *buf, size_t size)
{
    const char *text = strerror_r(sys, buf, size);

    if (text != buf)
        snprintf(buf, size, "%s", text);
    if (buf[0] >= 'A' && buf[0] <= 'Z' && buf[1] >= 'a' && buf[1] <= 'z')
        buf[0] = (char)(buf[0] - 'A' + 'a');
    return buf;
}

static like_printf(2, 0) struct err *make_sys(int sys, const char *fmt, va_list ap)
{
    char text[ERR_TEXT_MAX], reason[128], both[ERR_TEXT_MAX + 128 + 3];

    vsnprintf(text, sizeof(text), fmt, ap);
    snprintf(both, sizeof(both), "%s: %s", text, reason_of(sys, reason, sizeof(reason)));
    return make(ERR_INTERNAL, sys, both);
}

struct err *err_sys(const char *fmt, ...)
{
    int sys = errno;
    struct err *e;
    va_list ap;

    va_start(ap, fmt);
    e = make_sys(sys, fmt, ap);
    va_end(ap);
    return e;
}

struct err *err_sysno(int sys, const char *fmt, ...)
{
    struct err *e;
    va_list ap;

    va_start(ap, fmt);
    e = make_sys(sys, fmt, ap);
    va_end(ap);
    return e;
}

const char *err_no_room(void)
{
    return errno == ENOSPC ? " (a limit of user.max_*_namespaces or fs.mount-max is reached)" : "";
}

struct err *err_wrap(struct err *e, const char *fmt, ...)
{
    char added[ERR_TEXT_MAX], both[2 * ERR_TEXT_MAX + 3];
    struct err *wrapped;
    va_list ap;

    ASSERT(e);
    va_start(ap, fmt);
    vsnprintf(added, sizeof(added), fmt, ap);
    va_end(ap);
    snprintf(both, sizeof(both), "%s: %s", added, e->text);
    wrapped = make(e->kind, e->sys, both);
    wrapped->is_outside = e->is_outside;
    err_drop(e);
    return wrapped;
}

struct err *err_as(struct err *e, enum err_kind kind)
{
    ASSERT(e);
    e->kind = kind;
    return e;
}

struct err *err_copy(const struct err *e)
{
    struct err *copy;

    if (!e)
        return NULL;
    copy = make(e->kind, e->sys, e->text);
    copy->is_outside = e->is_outside;
    return copy;
}

struct err *err_outside(struct err *e)
{
    ASSERT(e);
    e->is_outside = true;
    return e;
}

bool err_is_outside(const struct err *e)
{
    return e->is_outside;
}

enum err_kind err_kind(const struct err *e)
{
    ASSERT(e);
    return e->kind;
}

int err_errno(const struct err *e)
{
    return e->sys;
}

const char *err_text(const struct err *e)
{
    return e->text;
}

void err_drop(struct err *e)
{
    free(e);
}

_Noreturn void assert_fail(const char *what, const char *file, int line)
{
    dprintf(STDERR_FILENO, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
