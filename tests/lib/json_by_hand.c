/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON parser of 300 lines without a library: RFC 8259 as Go's encoding/json reads it, without
 * recursion. It was the engine's; now it is the second opinion on base/json_parse.c, whose grammar
 * is cJSON's. It shares the nodes with base, nothing else.
 */
#include "json_by_hand.h"

#include "json_node.h"

#include "base/utf8.h"

#include <string.h>

enum { JSON_NODES_MAX = 1 << 20 };

struct parser {
    struct arena *a;
    const char *start, *p, *end;
    struct json *top;                   /* the open array or object */
    struct json *root;                  /* the first value */
    struct json *open[JSON_DEPTH_MAX];  /* top is the last of these */
    struct json **next[JSON_DEPTH_MAX]; /* where its next item belongs */
    size_t depth, nodes;
    struct err *error;
};

static bool fail(struct parser *ps, const char *what)
{
    if (ps->p >= ps->end)
        ps->error = err_new(ERR_INVALID, "invalid JSON: unexpected end of input");
    else
        ps->error =
            err_new(ERR_INVALID, "invalid JSON: %s at byte %zu", what, (size_t)(ps->p - ps->start));
    return false;
}

static void skip_space(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
        ps->p++;
}

static bool next_is(const struct parser *ps, char c)
{
    return ps->p < ps->end && *ps->p == c;
}

static bool next_is_digit(const struct parser *ps)
{
    return ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9';
}

/* ---- strings ---- */

static bool take_hex4(struct parser *ps, uint32_t *out)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++, ps->p++) {
        char c = ps->p < ps->end ? *ps->p : '\0';

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return fail(ps, "bad \\u escape");
    }
    *out = value;
    return true;
}

/* After "\u". A lone surrogate becomes U+FFFD, as in Go. */
static bool take_unicode(struct parser *ps, char **to)
{
    uint32_t rune, low;

    if (!take_hex4(ps, &rune))
        return false;
    if (!rune)
        return fail(ps, "a NUL in a string is not allowed");
    if (rune >= 0xd800 && rune < 0xdc00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' &&
        ps->p[1] == 'u') {
        const char *back = ps->p;

        ps->p += 2;
        if (!take_hex4(ps, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
        else
            ps->p = back;
    }
    *to += utf8_write(rune, *to);
    return true;
}

static bool take_escape(struct parser *ps, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *at;

    ps->p++;
    if (next_is(ps, 'u')) {
        ps->p++;
        return take_unicode(ps, to);
    }
    at = ps->p < ps->end && *ps->p ? strchr(from, *ps->p) : NULL;
    if (!at)
        return fail(ps, "bad escape");
    *(*to)++ = into[at - from];
    ps->p++;
    return true;
}

/* Length of the literal's inside up to the closing quote; escapes only ever shrink. */
static size_t literal_length(const struct parser *ps)
{
    const char *p = ps->p;

    while (p < ps->end && *p != '"')
        p += *p == '\\' ? 2 : 1;
    return p < ps->end ? (size_t)(p - ps->p) : (size_t)(ps->end - ps->p);
}

static bool take_string(struct parser *ps, const char **out)
{
    char *text, *to;

    if (!next_is(ps, '"'))
        return fail(ps, "expected a string");
    ps->p++;
    text = to = arena_alloc(ps->a, literal_length(ps) + 1);
    while (!next_is(ps, '"')) {
        if (ps->p >= ps->end)
            return fail(ps, "");
        if ((unsigned char)*ps->p < ' ')
            return fail(ps, "control byte in a string");
        if (*ps->p != '\\')
            *to++ = *ps->p++;
        else if (!take_escape(ps, &to))
            return false;
    }
    ps->p++;
    *to = '\0';
    *out = text;
    return true;
}

/* ---- other scalars ---- */

static bool skip_number_digits(struct parser *ps)
{
    if (!next_is_digit(ps))
        return fail(ps, "bad number");
    while (next_is_digit(ps))
        ps->p++;
    return true;
}

static bool skip_number(struct parser *ps)
{
    if (next_is(ps, '-'))
        ps->p++;
    if (next_is(ps, '0'))
        ps->p++;
    else if (!skip_number_digits(ps))
        return false;
    if (next_is(ps, '.')) {
        ps->p++;
        if (!skip_number_digits(ps))
            return false;
    }
    if (next_is(ps, 'e') || next_is(ps, 'E')) {
        ps->p++;
        if (next_is(ps, '+') || next_is(ps, '-'))
            ps->p++;
        return skip_number_digits(ps);
    }
    return true;
}

static bool skip_word(struct parser *ps, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, word, n) != 0)
        return fail(ps, "unexpected byte");
    ps->p += n;
    return true;
}

static bool take_scalar(struct parser *ps, struct json *j)
{
    switch (*ps->p) {
    case '"':
        j->type = JSON_STRING;
        return take_string(ps, &j->str);
    case 't':
        j->type = JSON_BOOL;
        j->is_true = true;
        return skip_word(ps, "true");
    case 'f':
        j->type = JSON_BOOL;
        return skip_word(ps, "false");
    case 'n':
        return skip_word(ps, "null");
    case '-':
    case '0' ... '9':
        j->type = JSON_NUMBER;
        return skip_number(ps);
    default:
        return fail(ps, "unexpected byte");
    }
}

/* ---- structure ---- */

static struct json *add_node(struct parser *ps)
{
    struct json *j;

    if (ps->nodes++ >= JSON_NODES_MAX) {
        ps->error = err_new(ERR_TOO_LARGE, "JSON has more than %d values", JSON_NODES_MAX);
        return NULL;
    }
    j = arena_new(ps->a, struct json);
    if (!ps->depth) {
        ps->root = j;
        return j;
    }
    *ps->next[ps->depth - 1] = j;
    ps->next[ps->depth - 1] = &j->next;
    ps->top->n++;
    return j;
}

static void end_value(struct parser *ps, struct json *j)
{
    j->text_len = (size_t)(ps->p - j->text);
}

static bool open_container(struct parser *ps, struct json *j)
{
    j->type = *ps->p == '{' ? JSON_OBJECT : JSON_ARRAY;
    if (ps->depth == JSON_DEPTH_MAX)
        return fail(ps, "nested too deeply");
    ps->p++;
    ps->next[ps->depth] = &j->first;
    ps->open[ps->depth++] = ps->top = j;
    return true;
}

static void close_container(struct parser *ps)
{
    ps->p++;
    end_value(ps, ps->top);
    ps->depth--;
    ps->top = ps->depth ? ps->open[ps->depth - 1] : NULL;
}

/* A value's beginning: scalars are finished, containers are left open. */
static bool begin_value(struct parser *ps)
{
    const char *key = NULL;
    struct json *j;

    if (ps->top && ps->top->type == JSON_OBJECT) {
        if (!take_string(ps, &key))
            return false;
        skip_space(ps);
        if (!next_is(ps, ':'))
            return fail(ps, "expected a colon");
        ps->p++;
        skip_space(ps);
    }
    if (ps->p >= ps->end)
        return fail(ps, "");
    j = add_node(ps);
    if (!j)
        return false;
    j->key = key;
    j->text = ps->p;
    if (*ps->p == '{' || *ps->p == '[')
        return open_container(ps, j);
    if (!take_scalar(ps, j))
        return false;
    end_value(ps, j);
    return true;
}

/* After a value: closes what ends here and takes the comma before the next one. */
static bool end_or_comma(struct parser *ps, bool was_opened)
{
    skip_space(ps);
    while (ps->top && next_is(ps, ps->top->type == JSON_OBJECT ? '}' : ']')) {
        close_container(ps);
        skip_space(ps);
        was_opened = false;
    }
    if (!ps->top || was_opened)
        return true;
    if (!next_is(ps, ','))
        return fail(ps, "expected a comma");
    ps->p++;
    skip_space(ps);
    return true;
}

static bool parse_text(struct parser *ps)
{
    skip_space(ps);
    do {
        const struct json *before = ps->top;

        if (!begin_value(ps) || !end_or_comma(ps, ps->top != before))
            return false;
    } while (ps->top);
    return ps->p == ps->end || fail(ps, "text after the value");
}

/* The text with U+FFFD for every byte that is not UTF-8, as Go reads it. */
static char *repair_utf8(struct arena *a, const char *text, size_t len, size_t *out_len)
{
    autobuf struct buf b = {0};
    size_t i = 0;

    while (i < len) {
        size_t n = utf8_length(text + i, len - i);

        if (n)
            buf_add(&b, text + i, n);
        else
            buf_puts(&b, UTF8_REPLACEMENT);
        i += n ? n : 1;
    }
    *out_len = b.len;
    return arena_memdup(a, b.data, b.len);
}

struct err *json_by_hand(struct arena *a, const char *text, size_t len, const struct json **out)
{
    struct parser ps = {.a = a};

    if (len > JSON_TEXT_MAX)
        return err_new(ERR_TOO_LARGE, "JSON is larger than %u bytes", JSON_TEXT_MAX);
    if (!text_is_utf8(text, len))
        text = repair_utf8(a, text, len, &len);
    ps.start = ps.p = text;
    ps.end = text + len;
    if (!parse_text(&ps))
        return ps.error;
    *out = ps.root;
    return NULL;
}

/* ---- comparing ---- */

static bool is_same_text(const char *x, const char *y)
{
    return x && y ? !strcmp(x, y) : x == y;
}

static const char *tree_difference(struct arena *a, const struct json *x, const struct json *y)
{
    const struct json *i = x->first, *k = y->first;

    if (x->type != y->type || x->is_true != y->is_true || x->n != y->n)
        return arena_printf(a, "%s is %s", json_text(a, x), json_text(a, y));
    if (!is_same_text(x->key, y->key) || !is_same_text(x->str, y->str))
        return arena_printf(a, "the strings of %s differ", json_text(a, x));
    if (x->text_len != y->text_len || memcmp(x->text, y->text, x->text_len) != 0)
        return arena_printf(a, "%s is the text %s", json_text(a, x), json_text(a, y));
    for (; i && k; i = i->next, k = k->next) {
        const char *difference = tree_difference(a, i, k);

        if (difference)
            return difference;
    }
    return i || k ? "one list is shorter" : NULL;
}

const char *json_difference(struct arena *a, const char *text, size_t len)
{
    const struct json *x, *y;
    struct err *e = json_parse(a, text, len, &x), *f = json_by_hand(a, text, len, &y);
    const char *difference = NULL;

    if (e && f && err_kind(e) != err_kind(f))
        difference = arena_printf(a, "refused as \"%s\" and \"%s\"", err_text(e), err_text(f));
    else if (!e != !f)
        difference = arena_printf(a, "refused by one: %s", err_text(e ? e : f));
    else if (!e)
        difference = tree_difference(a, x, y);
    err_drop(e);
    err_drop(f);
    return difference;
}
