/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on stderr, one write(2) each so that threads never mix within a line:
 *   time=2024-05-01T10:00:00.123456789Z level=info msg="container started" id=4f… ms=12
 * Allocates nothing (the keeper logs too); a line that does not fit is cut. Trap: values may
 * come from foreign parties, so control bytes and quotes are always escaped.
 */
#include "base/log.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 8192 };

static _Atomic int log_level = LOG_LEVEL_INFO; /* the one global */

static const char *const level_names[] = {"error", "warn", "info", "debug"};

struct log_line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

static void add_char(struct log_line *l, char c)
{
    if (l->len < LINE_MAX_BYTES - 1) /* the last byte is for the newline */
        l->text[l->len++] = c;
}

static void add_text(struct log_line *l, const char *s)
{
    while (*s)
        add_char(l, *s++);
}

/* Values of words alone stand without quotes, as logfmt has it. */
static bool is_plain(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
            return false;
    return true;
}

static void add_escaped(struct log_line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        add_char(l, '\\');
        add_char(l, (char)c);
    } else if (c == '\n') {
        add_text(l, "\\n");
    } else if (c < ' ' || c == 0x7f) {
        add_text(l, "\\x");
        add_char(l, hex[c >> 4]);
        add_char(l, hex[c & 15]);
    } else {
        add_char(l, (char)c);
    }
}

static void add_value(struct log_line *l, const char *s)
{
    if (is_plain(s)) {
        add_text(l, s);
        return;
    }
    add_char(l, '"');
    for (; *s; s++)
        add_escaped(l, (unsigned char)*s);
    add_char(l, '"');
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_level_from_text(const char *s, enum log_level *out)
{
    if (!strcmp(s, "fatal")) {
        *out = LOG_LEVEL_ERROR;
        return true;
    }
    if (!strcmp(s, "warning")) {
        *out = LOG_LEVEL_WARN;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (!strcmp(s, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* One write(2): lines up to PIPE_BUF (4096 bytes, pipe(7)) are never mixed with those of other
 * threads and processes on the same pipe. */
void log_write(enum log_level level, const char *msg, const struct log_kv *kv)
{
    char when[RFC3339_MAX], number[24];
    struct log_line l;
    ssize_t ignored;

    ASSERT(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
    l.len = 0;
    clock_rfc3339_fixed(clock_wall_ns(), when);
    add_text(&l, "time=");
    add_text(&l, when);
    add_text(&l, " level=");
    add_text(&l, level_names[level]);
    add_text(&l, " msg=");
    add_value(&l, msg);
    for (; kv->key; kv++) {
        add_char(&l, ' ');
        add_text(&l, kv->key);
        add_char(&l, '=');
        snprintf(number, sizeof(number), "%lld", (long long)kv->number);
        add_value(&l, kv->text ? kv->text : number);
    }
    l.text[l.len++] = '\n';
    ignored = write(STDERR_FILENO, l.text, l.len); /* nobody to tell if this fails */
    (void)ignored;
}
