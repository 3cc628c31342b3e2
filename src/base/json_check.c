/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of a JSON text, looked at before cJSON builds a tree of them. Pure, any thread.
 * cJSON knows the grammar but is lax about the tokens: it takes control bytes in strings, any of
 * them between values, \u escapes that are none, leading zeros and a byte order mark, and ends a
 * string at \u0000. It has no bounds but a recursion of 1,000. All that is refused here.
 * Trap: what JSON allows and cJSON refuses (half of a surrogate pair, long numbers) is overwritten
 * in place by something of the same length; numbers and raw values are read from the original.
 */
#include "json_node.h"

#include <string.h>

enum { VALUES_MAX = 1 << 20, CJSON_NUMBER_MAX = 63 };

struct check {
    char *start, *p, *end; /* *end is NUL, so looking at *p needs no test for the end */
    uint64_t objects;      /* one bit for each open container, the innermost lowest: is an object */
    size_t depth, values;
    char before; /* first byte of the token before */
};

_Static_assert(JSON_DEPTH_MAX <= 64, "a bit for each open container");

static struct err *refuse(const struct check *c, const char *what)
{
    return json_syntax_err(c->start, (size_t)(c->end - c->start), (size_t)(c->p - c->start), what);
}

/* ---- strings ---- */

static struct err *take_hex4(struct check *c, uint32_t *out)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++, c->p++) {
        int digit = text_hex_value(*c->p);

        if (digit < 0)
            return refuse(c, NULL);
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return NULL;
}

/* At the digits behind "\u". A lone surrogate becomes U+FFFD, as in Go. */
static struct err *check_unicode(struct check *c)
{
    char *digits = c->p;
    uint32_t rune = 0, low = 0;

    TRY(take_hex4(c, &rune));
    if (!rune)
        return refuse(c, "a NUL in a string is not allowed");
    if (rune < 0xd800 || rune >= 0xe000)
        return NULL;
    if (rune < 0xdc00 && c->p[0] == '\\' && c->p[1] == 'u') {
        char *back = c->p;

        c->p += 2;
        TRY(take_hex4(c, &low));
        if (low >= 0xdc00 && low < 0xe000)
            return NULL;
        c->p = back;
    }
    memcpy(digits, "fffd", 4);
    return NULL;
}

static struct err *check_escape(struct check *c)
{
    char kind = *++c->p;

    if (kind != 'u' && (!kind || !strchr("\"\\/bfnrt", kind)))
        return refuse(c, NULL);
    c->p++;
    return kind == 'u' ? check_unicode(c) : NULL;
}

/* The NUL behind the text is a control byte, so a string that does not end is refused there. */
static struct err *check_string(struct check *c)
{
    for (c->p++; *c->p != '"';) {
        if (*c->p == '\\')
            TRY(check_escape(c));
        else if ((unsigned char)*c->p < ' ')
            return refuse(c, NULL);
        else
            c->p++;
    }
    c->p++;
    return NULL;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct err *skip_digits(struct check *c)
{
    if (!is_digit(*c->p))
        return refuse(c, NULL);
    while (is_digit(*c->p))
        c->p++;
    return NULL;
}

static struct err *check_number(struct check *c)
{
    char *number = c->p;

    if (*c->p == '-')
        c->p++;
    if (*c->p == '0' && is_digit(c->p[1]))
        return refuse(c, NULL);
    TRY(skip_digits(c));
    if (*c->p == '.') {
        c->p++;
        TRY(skip_digits(c));
    }
    if (*c->p == 'e' || *c->p == 'E') {
        c->p++;
        if (*c->p == '+' || *c->p == '-')
            c->p++;
        TRY(skip_digits(c));
    }
    if (c->p - number > CJSON_NUMBER_MAX) {
        number += *number == '-' ? 2 : 1; /* sign and a digit stay: "1-23…" is no number */
        memset(number, ' ', (size_t)(c->p - number));
    }
    return NULL;
}

/* ---- structure: bounds, and what cJSON would report one byte late ---- */

static struct err *check_open(struct check *c)
{
    ASSERT(c->depth <= JSON_DEPTH_MAX);
    if (c->depth == JSON_DEPTH_MAX)
        return refuse(c, "nested too deeply");
    c->depth++;
    c->objects = c->objects << 1 | (*c->p++ == '{');
    return NULL;
}

/* A bracket too many is for cJSON to refuse; here it must only not count below zero. */
static void note_close(struct check *c)
{
    c->p++;
    c->objects >>= 1;
    if (c->depth)
        c->depth--;
}

/* A value or member begins at the top, behind a bracket that is not closed at once and a comma. */
static struct err *count_value(struct check *c)
{
    bool in_object = c->objects & 1;
    bool is_first = c->before == '[' || c->before == '{' || !c->before;

    if ((!is_first && c->before != ',') || (is_first && *c->p == (in_object ? '}' : ']')))
        return NULL;
    if (in_object && *c->p != '"')
        return refuse(c, NULL);
    if (++c->values > VALUES_MAX)
        return err_new(ERR_TOO_LARGE, "JSON has more than %d values", VALUES_MAX);
    return NULL;
}

static struct err *check_token(struct check *c)
{
    switch (*c->p) {
    case '"':
        return check_string(c);
    case '-':
    case '0' ... '9':
        return check_number(c);
    case 'a' ... 'z': /* which words there are is cJSON's to know */
        while (*c->p >= 'a' && *c->p <= 'z')
            c->p++;
        return NULL;
    case '{':
    case '[':
        return check_open(c);
    case '}':
    case ']':
        note_close(c);
        return NULL;
    case ',':
    case ':':
        c->p++;
        return NULL;
    default:
        return refuse(c, NULL);
    }
}

struct err *json_check(char *text, size_t len)
{
    struct check c = {.start = text, .p = text, .end = text + len};

    ASSERT(!text[len]);
    for (;;) {
        char first;

        while (*c.p == ' ' || *c.p == '\t' || *c.p == '\n' || *c.p == '\r')
            c.p++;
        if (c.p == c.end)
            return NULL;
        first = *c.p;
        TRY(count_value(&c));
        TRY(check_token(&c));
        c.before = first;
    }
}
