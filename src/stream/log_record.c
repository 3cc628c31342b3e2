/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of Docker's json-file format, written byte for byte as dockerd does
 * (tab is \u0009, attrs stand before the time) and read leniently: other writers'
 * key order, torn and NUL-filled regions. Pure, any thread. It runs once per line of
 * every container: no allocation, no json.h. Trap: bytes that are not UTF-8 are lost
 * by the format itself (each becomes U+FFFD).
 */
#include "format.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "stream/log.h"

#include "unescape.h"

/* Bytes that cannot be copied as they are: controls, quotes, HTML, anything beyond ASCII. */
static bool is_plain(unsigned char c)
{
    static const bool special[128] = {
        ['"'] = true, ['\\'] = true, ['<'] = true, ['>'] = true, ['&'] = true, [127] = false};

    return c >= 0x20 && c < 0x80 && !special[c];
}

#define ONES 0x0101010101010101ull
#define HIGH 0x8080808080808080ull

static uint64_t zero_bytes(uint64_t v)
{
    return (v - ONES) & ~v & HIGH;
}

/* Length of the plain run at s, eight bytes at a time. */
static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        uint64_t hit;

        memcpy(&v, s + i, 8);
        hit = (v & HIGH) | ((v - ONES * 0x20) & ~v & HIGH) | zero_bytes(v ^ (ONES * '"')) |
              zero_bytes(v ^ (ONES * '\\')) | zero_bytes(v ^ (ONES * '<')) |
              zero_bytes(v ^ (ONES * '>')) | zero_bytes(v ^ (ONES * '&'));
        if (hit)
            break;
    }
    while (i < n && is_plain((unsigned char)s[i]))
        i++;
    return i;
}

static size_t escape_ascii(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    out[0] = '\\';
    out[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : (char)c;
    if (c == '"' || c == '\\' || c == '\n' || c == '\r')
        return 2;
    memcpy(out, "\\u00", 4);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* One character beyond ASCII. Sets *out_taken. */
static size_t escape_wide(char *out, const char *s, size_t n, size_t *out_taken)
{
    size_t len = utf8_length(s, n);

    *out_taken = len ? len : 1;
    if (!len) {
        memcpy(out, "\\ufffd", 6);
        return 6;
    }
    if (len == 3 && !memcmp(s, "\xe2\x80", 2) && (s[2] == '\xa8' || s[2] == '\xa9')) {
        memcpy(out, s[2] == '\xa8' ? "\\u2028" : "\\u2029", 6);
        return 6;
    }
    memcpy(out, s, len);
    return len;
}

size_t log_record_escape(char *out, const char *s, size_t n)
{
    size_t at = 0, w = 0, taken;

    while (at < n) {
        size_t run = plain_run(s + at, n - at);

        memcpy(out + w, s + at, run);
        w += run;
        at += run;
        if (at == n)
            break;
        taken = 1;
        if ((unsigned char)s[at] < 0x80)
            w += escape_ascii(out + w, (unsigned char)s[at]);
        else
            w += escape_wide(out + w, s + at, n - at, &taken);
        at += taken;
    }
    return w;
}

static char *add(char *out, const char *s, size_t n)
{
    memcpy(out, s, n);
    return out + n;
}
#define ADD(out, literal) add(out, literal, sizeof(literal) - 1)

size_t log_record_room(const struct log_piece *p, size_t attrs_n)
{
    return p->n * 6 + attrs_n + RFC3339_MAX + 64;
}

size_t log_record_write(char *out, const struct log_piece *p, const char *attrs, size_t attrs_n)
{
    char *at = ADD(out, "{\"log\":\"");

    at += log_record_escape(at, p->text, p->n);
    if (p->ends_line)
        at = ADD(at, "\\n");
    if (p->stream == STREAM_STDERR)
        at = ADD(at, "\",\"stream\":\"stderr\"");
    else
        at = ADD(at, "\",\"stream\":\"stdout\"");
    if (attrs) {
        at = ADD(at, ",\"attrs\":");
        at = add(at, attrs, attrs_n);
    }
    at = ADD(at, ",\"time\":\"");
    at = add(at, p->time, strlen(p->time));
    at = ADD(at, "\"}\n");
    return (size_t)(at - out);
}

struct scan {
    const char *p, *end;
};

static bool take(struct scan *s, char c)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
        s->p++;
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* The rest of a string whose opening quote is taken; still escaped. */
static bool take_string_rest(struct scan *s, const char **out, size_t *out_n)
{
    const char *start = s->p;

    for (;;) {
        const char *quote = memchr(s->p, '"', (size_t)(s->end - s->p));
        const char *back = quote;

        if (!quote)
            return false;
        s->p = quote + 1;
        while (back > start && back[-1] == '\\')
            back--;
        if ((quote - back) % 2)
            continue;
        *out = start;
        *out_n = (size_t)(quote - start);
        return true;
    }
}

static bool take_string(struct scan *s, const char **out, size_t *out_n)
{
    return take(s, '"') && take_string_rest(s, out, out_n);
}

/* An object or array: brackets are counted, strings are skipped as such. */
static bool skip_nested(struct scan *s)
{
    const char *text;
    size_t n;
    int depth = 0;

    do {
        if (s->p == s->end)
            return false;
        switch (*s->p++) {
        case '"':
            if (!take_string_rest(s, &text, &n))
                return false;
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
    } while (depth > 0);
    return true;
}

static bool take_value(struct scan *s, const char **out, size_t *out_n)
{
    while (s->p < s->end && *s->p == ' ')
        s->p++;
    if (s->p == s->end)
        return false;
    if (*s->p == '"')
        return take_string(s, out, out_n);
    *out = s->p;
    if (*s->p == '{' || *s->p == '[') {
        if (!skip_nested(s))
            return false;
    } else {
        while (s->p < s->end && !memchr(",}]", *s->p, 3))
            s->p++;
    }
    *out_n = (size_t)(s->p - *out);
    return true;
}

static bool key_is(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && !memcmp(key, name, n);
}

static void set_field(struct log_record *r, const char *key, size_t key_n, const char *v, size_t n)
{
    if (key_is(key, key_n, "log")) {
        r->log = v;
        r->log_n = n;
    } else if (key_is(key, key_n, "stream")) {
        r->stream = key_is(v, n, "stderr") ? STREAM_STDERR : STREAM_STDOUT;
    } else if (key_is(key, key_n, "time")) {
        r->time = v;
        r->time_n = n;
    } else if (key_is(key, key_n, "attrs") && n > 1 && *v == '{') {
        r->attrs = v;
        r->attrs_n = n;
    }
}

static bool parse_at(const char *p, const char *end, struct log_record *out)
{
    struct scan s = {p, end};
    struct log_record r = {.stream = STREAM_STDOUT};
    const char *key, *value;
    size_t key_n, n;

    if (!take(&s, '{'))
        return false;
    do {
        if (!take_string(&s, &key, &key_n) || !take(&s, ':') || !take_value(&s, &value, &n))
            return false;
        set_field(&r, key, key_n, value, n);
    } while (take(&s, ','));
    if (!take(&s, '}') || !r.time || (s.p < s.end && *s.p != '\r'))
        return false;
    if (!r.log)
        r.log = r.time; /* Docker leaves an empty text out */
    *out = r;
    return true;
}

#define OPENING "{\"log\":\""
#define STREAM "\",\"stream\":\"std"
#define TIME "\",\"time\":\""

static bool take_text(struct scan *s, const char *text, size_t n)
{
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
        return false;
    s->p += n;
    return true;
}
#define TAKE(s, literal) take_text(s, literal, sizeof(literal) - 1)

/* A record as we write it, without attrs, by comparing. False: it may be one all the same. */
static bool parse_usual(const char *p, const char *end, struct log_record *out)
{
    struct scan s = {p, end};
    struct log_record r = {.stream = STREAM_STDOUT};

    if (!TAKE(&s, OPENING) || !take_string_rest(&s, &r.log, &r.log_n))
        return false;
    s.p--; /* onto the closing quote */
    if (!TAKE(&s, STREAM))
        return false;
    if (TAKE(&s, "err"))
        r.stream = STREAM_STDERR;
    else if (!TAKE(&s, "out"))
        return false;
    if (!TAKE(&s, TIME) || !take_string_rest(&s, &r.time, &r.time_n) || s.end - s.p != 1 ||
        *s.p != '}')
        return false;
    *out = r;
    return true;
}

bool log_record_parse(const char *p, size_t n, struct log_record *out)
{
    static const char opening[] = OPENING;
    const char *end = p + n;

    if (parse_usual(p, end, out))
        return true;
    while (p < end && *p == '\0')
        p++;
    if (parse_at(p, end, out))
        return true;
    if ((size_t)(end - p) < sizeof(opening))
        return false;
    /* A torn record (power cut, disk full) with whole ones behind it: take the last. */
    for (const char *at = end - sizeof(opening) + 1; at > p; at--) {
        if (*at == '{' && !memcmp(at, opening, sizeof(opening) - 1))
            return parse_at(at, end, out);
    }
    return false;
}

size_t log_record_text(const struct log_record *r, char *out)
{
    return json_unescape(out, r->log, r->log_n);
}

bool log_record_ends_line(const struct log_record *r)
{
    const char *end = r->log + r->log_n, *back = end - 1;

    if (r->log_n < 2 || end[-1] != 'n')
        return false;
    while (back > r->log && back[-1] == '\\')
        back--;
    return (end - 1 - back) % 2 == 1;
}

bool log_record_time(const struct log_record *r, int64_t *out_ns)
{
    char text[RFC3339_MAX];

    if (r->time_n >= sizeof(text))
        return false;
    memcpy(text, r->time, r->time_n);
    text[r->time_n] = '\0';
    return clock_from_rfc3339(text, out_ns);
}

size_t log_record_time_fixed(const struct log_record *r, char *out)
{
    size_t n = r->time_n;
    int64_t ns;

    /* Ours and Docker's: "2024-01-02T03:04:05.12Z" only lacks zeros. */
    if (n >= 22 && n <= 30 && r->time[19] == '.' && r->time[n - 1] == 'Z') {
        memcpy(out, r->time, n - 1);
        memset(out + n - 1, '0', 30 - n);
        out[29] = 'Z';
        return 30;
    }
    if (!log_record_time(r, &ns))
        return 0;
    clock_rfc3339_fixed(ns, out);
    return strlen(out);
}

const struct log_format format_json = {
    .end = '\n',
    .room = log_record_room,
    .write = log_record_write,
    .parse = log_record_parse,
    .text = log_record_text,
    .ends_line = log_record_ends_line,
    .time = log_record_time,
    .time_fixed = log_record_time_fixed,
};
