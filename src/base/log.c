/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on stderr, one write(2) each so that threads never mix within a line:
 *   time=2024-05-01T10:00:00.123456789Z level=info msg="container started" id=4f… ms=12
 * or, with --log-format json, one JSON object each.
 * Allocates nothing (the keeper logs too); a line that does not fit is cut. Trap: values may
 * come from foreign parties, so control bytes and quotes are always escaped.
 */
#include "base/log.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

static _Atomic int log_level = LOG_LEVEL_INFO; /* the globals */
static bool is_json, is_journal;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"}; /* syslog(3) */

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

/* ---- JSON ---- */

/* Bytes of the UTF-8 sequence at s; 0: none, or one that JSON readers may refuse. */
static size_t sequence_at(const unsigned char *s)
{
    size_t n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static void add_code(struct log_line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    add_text(l, "\\u00");
    add_char(l, hex[c >> 4]);
    add_char(l, hex[c & 15]);
}

static void add_json(struct log_line *l, const char *text, size_t max)
{
    const unsigned char *s = (const unsigned char *)text;

    add_char(l, '"');
    for (size_t n; *s && l->len < max; s += n) {
        n = *s < 0x80 ? 1 : sequence_at(s);
        if (n > 1) {
            for (size_t i = 0; i < n; i++)
                add_char(l, (char)s[i]);
        } else if (n == 0) {
            n = 1;
            add_text(l, "\\ufffd");
        } else if (*s == '"' || *s == '\\') {
            add_char(l, '\\');
            add_char(l, (char)*s);
        } else if (*s < ' ' || *s == 0x7f) {
            add_code(l, *s);
        } else {
            add_char(l, (char)*s);
        }
    }
    add_char(l, '"');
}

/* What is cut must still be an object: values end JSON_ROOM before the line does, and what finds no
 * room is left out. */
enum { JSON_ROOM = 64 };

static void add_json_pair(struct log_line *l, const char *key, const struct log_kv *kv)
{
    const size_t max = LINE_MAX_BYTES - JSON_ROOM;
    char number[24];

    if (l->len + strlen(key) + JSON_ROOM > max)
        return;
    add_text(l, ",\"");
    add_text(l, key);
    add_text(l, "\":");
    snprintf(number, sizeof(number), "%lld", (long long)kv->number);
    if (kv->text)
        add_json(l, kv->text, max);
    else
        add_text(l, number);
}

static void write_json(struct log_line *l, const char *when, enum log_level level, const char *msg,
                       const struct log_kv *kv)
{
    add_text(l, "{\"time\":\"");
    add_text(l, when);
    add_text(l, "\",\"level\":\"");
    add_text(l, level == LOG_LEVEL_WARN ? "warning" : level_names[level]); /* logrus's word */
    add_text(l, "\"");
    add_json_pair(l, "msg", &(struct log_kv){"msg", msg, 0});
    for (; kv->key; kv++)
        add_json_pair(l, kv->key, kv);
    add_char(l, '}');
}

/* ---- level, format, journal ---- */

void log_set_json(bool on)
{
    is_json = on;
}

/* "DEVICE:INODE" of what stderr was when the service manager made it: it may lead elsewhere now. */
void log_find_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[48];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return;
    snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    is_journal = strcmp(own, stream) == 0;
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

static void write_text(struct log_line *l, const char *when, enum log_level level, const char *msg,
                       const struct log_kv *kv)
{
    char number[24];

    add_text(l, "time=");
    add_text(l, when);
    add_text(l, " level=");
    add_text(l, level_names[level]);
    add_text(l, " msg=");
    add_value(l, msg);
    for (; kv->key; kv++) {
        add_char(l, ' ');
        add_text(l, kv->key);
        add_char(l, '=');
        snprintf(number, sizeof(number), "%lld", (long long)kv->number);
        add_value(l, kv->text ? kv->text : number);
    }
}

/* One write(2): lines up to PIPE_BUF (4096 bytes, pipe(7)) are never mixed with those of other
 * threads and processes on the same pipe. */
void log_write(enum log_level level, const char *msg, const struct log_kv *kv)
{
    char when[RFC3339_MAX];
    struct log_line l;
    ssize_t ignored;

    ASSERT(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
    l.len = 0;
    clock_rfc3339_fixed(clock_wall_ns(), when);
    if (is_journal)
        add_text(&l, priorities[level]);
    if (is_json)
        write_json(&l, when, level, msg, kv);
    else
        write_text(&l, when, level, msg, kv);
    l.text[l.len++] = '\n';
    ignored = write(STDERR_FILENO, l.text, l.len); /* nobody to tell if this fails */
    (void)ignored;
}
