/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffers. Growth doubles; a buffer with data is always followed by a NUL.
 * Trap: pointers into data die with the next call that adds.
 */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BUF_FIRST = 128 };

void buf_finish(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

/* One byte more than asked for is there, for the NUL. A sum that overflows is made one that no
 * machine has, so that it ends in the abort of mem_resize and not in a small buffer. */
void buf_reserve(struct buf *b, size_t more)
{
    size_t need, cap;

    if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 4)
        need = SIZE_MAX / 4; /* mem_resize aborts */
    if (b->data && need < b->cap)
        return;
    for (cap = b->cap ? b->cap : BUF_FIRST; cap <= need;)
        cap *= 2;
    b->data = mem_resize(b->data, b->cap, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    ASSERT(p || !n);
    buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    ASSERT(b->len < b->cap); /* room for the NUL */
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    ASSERT(b->len <= b->cap);
    if (b->len + 1 >= b->cap)
        buf_reserve(b, 1);
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    buf_reserve(b, 64);
    va_start(ap, fmt);
    n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    if ((size_t)n >= b->cap - b->len) {
        buf_reserve(b, (size_t)n);
        va_start(ap, fmt);
        vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
        va_end(ap);
    }
    b->len += (size_t)n;
    ASSERT(b->len < b->cap);
}

void buf_drop_front(struct buf *b, size_t n)
{
    ASSERT(n <= b->len);
    if (!n)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

/* An empty buffer gives "" and not NULL: callers print it. */
char *buf_steal(struct buf *b)
{
    char *data;

    buf_reserve(b, 0);
    data = b->data;
    *b = (struct buf){0};
    return data;
}
