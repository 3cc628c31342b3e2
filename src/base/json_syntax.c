/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a text that is no JSON, in the words of Go's encoding/json, which clients of
 * Docker know: "invalid character 'x' after object key". Pure, any thread.
 * This is asked only of texts that were refused, and it reads them once more from the beginning:
 * the first byte that Go's scanner would not take is the one that is named.
 */
#include "json_node.h"

#include "base/utf8.h"

#include <string.h>

enum { DEPTH_MAX = 64 }; /* as deep as json_check lets a text be */

struct scan {
    const char *p, *end;
    uint64_t objects; /* a bit for each open container, as json_check has it */
    size_t depth;
    const char *why; /* NULL: the text ended */
};

static bool stop(struct scan *s, const char *why)
{
    s->why = s->p < s->end ? why : NULL;
    return false;
}

static bool is_at(const struct scan *s, const char *set)
{
    return s->p < s->end && *s->p && strchr(set, *s->p);
}

static void skip_blanks(struct scan *s)
{
    while (is_at(s, " \t\r\n"))
        s->p++;
}

static bool take_string(struct scan *s)
{
    for (s->p++; !is_at(s, "\""); s->p++) {
        if (s->p >= s->end || (unsigned char)*s->p < ' ')
            return stop(s, "in string literal");
        if (*s->p != '\\')
            continue;
        s->p++;
        if (!is_at(s, "\"\\/bfnrtu"))
            return stop(s, "in string escape code");
        for (int i = 0; *s->p == 'u' && i < 4; i++)
            if (s->p + 1 + i >= s->end || text_hex_value(s->p[1 + i]) < 0) {
                s->p += 1 + i;
                return stop(s, "in \\u hexadecimal character escape");
            }
    }
    s->p++;
    return true;
}

static bool take_digits(struct scan *s, const char *why)
{
    if (!is_at(s, "0123456789"))
        return stop(s, why);
    while (is_at(s, "0123456789"))
        s->p++;
    return true;
}

static bool take_number(struct scan *s)
{
    if (*s->p == '-')
        s->p++;
    if (is_at(s, "0"))
        s->p++;
    else if (!take_digits(s, "in numeric literal"))
        return false;
    if (is_at(s, ".")) {
        s->p++;
        if (!take_digits(s, "after decimal point in numeric literal"))
            return false;
    }
    if (is_at(s, "eE")) {
        s->p++;
        if (is_at(s, "+-"))
            s->p++;
        return take_digits(s, "in exponent of numeric literal");
    }
    return true;
}

static bool take_word(struct scan *s)
{
    static const struct {
        const char *word, *why[4];
    } words[] = {
        {"true",
         {"in literal true (expecting 'r')", "in literal true (expecting 'u')",
          "in literal true (expecting 'e')"}},
        {"null",
         {"in literal null (expecting 'u')", "in literal null (expecting 'l')",
          "in literal null (expecting 'l')"}},
        {"false",
         {"in literal false (expecting 'a')", "in literal false (expecting 'l')",
          "in literal false (expecting 's')", "in literal false (expecting 'e')"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (*s->p != words[i].word[0])
            continue;
        s->p++;
        for (size_t k = 1; words[i].word[k]; k++, s->p++)
            if (s->p >= s->end || *s->p != words[i].word[k])
                return stop(s, words[i].why[k - 1]);
        return true;
    }
    return stop(s, "looking for beginning of value");
}

static bool take_open(struct scan *s)
{
    if (s->depth == DEPTH_MAX)
        return stop(s, "nested too deeply");
    s->depth++;
    s->objects = s->objects << 1 | (*s->p++ == '{');
    return true;
}

static void note_close(struct scan *s)
{
    s->p++;
    s->depth--;
    s->objects >>= 1;
}

static bool take_key(struct scan *s)
{
    skip_blanks(s);
    if (!is_at(s, "\""))
        return stop(s, "looking for beginning of object key string");
    if (!take_string(s))
        return false;
    skip_blanks(s);
    if (!is_at(s, ":"))
        return stop(s, "after object key");
    s->p++;
    return true;
}

/* At the beginning of a value; out: whether it is complete, or was a bracket. */
static bool take_value(struct scan *s, bool *out_is_whole)
{
    skip_blanks(s);
    *out_is_whole = true;
    if (is_at(s, "\""))
        return take_string(s);
    if (is_at(s, "-0123456789"))
        return take_number(s);
    if (!is_at(s, "{["))
        return s->p < s->end ? take_word(s) : stop(s, NULL);
    if (!take_open(s))
        return false;
    skip_blanks(s);
    if (is_at(s, s->objects & 1 ? "}" : "]")) {
        note_close(s);
        return true;
    }
    *out_is_whole = false;
    return !(s->objects & 1) || take_key(s);
}

/* Behind a value: brackets that close, up to a comma (true) or the end of the text. */
static bool take_separator(struct scan *s)
{
    while (s->depth) {
        bool in_object = s->objects & 1;

        skip_blanks(s);
        if (is_at(s, ",")) {
            s->p++;
            return !in_object || take_key(s);
        }
        if (!is_at(s, in_object ? "}" : "]"))
            return stop(s, in_object ? "after object key:value pair" : "after array element");
        note_close(s);
    }
    skip_blanks(s);
    return s->p < s->end && stop(s, "after top-level value");
}

static void scan(struct scan *s)
{
    bool is_whole;

    while (take_value(s, &is_whole))
        if (is_whole && !take_separator(s))
            return;
}

static struct err *say(const char *at, const char *why)
{
    unsigned char c = (unsigned char)*at;
    const char *name = strchr("n\nr\rt\t", c);
    char rune[5] = "";

    if (c == '\'')
        return err_new(ERR_INVALID, "invalid JSON: invalid character '\\'' %s", why);
    if (c < ' ' && name && c)
        return err_new(ERR_INVALID, "invalid JSON: invalid character '\\%c' %s", name[-1], why);
    if (c < ' ' || c == 0x7f)
        return err_new(ERR_INVALID, "invalid JSON: invalid character '\\x%02x' %s", c, why);
    rune[utf8_write(c, rune)] = '\0'; /* Go takes the byte for a character */
    return err_new(ERR_INVALID, "invalid JSON: invalid character '%s' %s", rune, why);
}

struct err *json_syntax_err(const char *text, size_t len, size_t at, const char *what)
{
    struct scan s = {.p = text, .end = text + len};

    if (what)
        return err_new(ERR_INVALID, "invalid JSON: %s at byte %zu", what, at);
    scan(&s);
    return s.why ? say(s.p, s.why) : err_new(ERR_INVALID, "invalid JSON: unexpected EOF");
}
