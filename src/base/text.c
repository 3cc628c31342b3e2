/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded parsing and predicates on text. Pure, any thread, independent of the locale
 * except text_to_f64, which relies on the process never calling setlocale().
 * Trap: the parsers take whole strings; "12 " and "0x1" are junk, not 12 and 0.
 */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_all_digits(const char *s)
{
    if (!*s)
        return false;
    while (is_digit(*s))
        s++;
    return !*s;
}

/* The value is made negative from the start: INT64_MIN has no positive counterpart. */
bool text_to_i64(const char *s, int64_t *out)
{
    bool is_negative = *s == '-';
    int64_t value = 0;

    if (*s == '-' || *s == '+')
        s++;
    if (!is_all_digits(s))
        return false;
    for (; *s; s++) {
        int digit = is_negative ? -(*s - '0') : *s - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool text_to_u32(const char *s, uint32_t *out)
{
    uint64_t value = 0;

    if (!is_all_digits(s))
        return false;
    for (; *s; s++) {
        value = value * 10 + (uint64_t)(*s - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool text_to_bool(const char *s, bool *out)
{
    static const char *const words[][2] = {{"0", "1"},        {"f", "t"},        {"F", "T"},
                                           {"false", "true"}, {"FALSE", "TRUE"}, {"False", "True"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (int value = 0; value < 2; value++) {
            if (strcmp(s, words[i][value]) != 0)
                continue;
            *out = value;
            return true;
        }
    }
    return false;
}

static const char *skip_digits(const char *s)
{
    while (is_digit(*s))
        s++;
    return s;
}

/* [+-] digits [. digits] [e [+-] digits] with a digit before or after the point. */
static bool is_decimal_number(const char *s)
{
    const char *start, *end;
    size_t digits;

    if (*s == '-' || *s == '+')
        s++;
    start = s;
    s = skip_digits(s);
    digits = (size_t)(s - start);
    if (*s == '.') {
        end = skip_digits(s + 1);
        digits += (size_t)(end - s) - 1;
        s = end;
    }
    if (!digits)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '-' || *s == '+')
            s++;
        if (!is_digit(*s))
            return false;
        s = skip_digits(s);
    }
    return !*s;
}

bool text_to_f64(const char *s, double *out)
{
    double value;

    if (!is_decimal_number(s))
        return false;
    value = strtod(s, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool text_starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), tail = strlen(suffix);

    return n >= tail && !memcmp(s + n - tail, suffix, tail);
}

bool text_same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

bool text_is_empty(const char *s)
{
    return !s || !*s;
}

/* Docker's httputils.BoolValue: whatever is not one of these words is true, so ?force=yes and
 * ?force=2 are. */
bool text_is_true(const char *s)
{
    static const char *const falses[] = {"", "0", "no", "false", "none"};
    size_t n;

    if (!s)
        return false;
    while (is_space(*s))
        s++;
    n = strlen(s);
    while (n && is_space(s[n - 1]))
        n--;
    for (size_t i = 0; i < ARRAY_LEN(falses); i++)
        if (strlen(falses[i]) == n && !strncasecmp(s, falses[i], n))
            return false;
    return true;
}

bool text_is_hex(const char *s, size_t n)
{
    if (strnlen(s, n + 1) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
            return false;
    return true;
}

int text_hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

void text_lower(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

char *text_trim(char *s)
{
    size_t n;

    while (is_space(*s))
        s++;
    n = strlen(s);
    while (n && is_space(s[n - 1]))
        s[--n] = '\0';
    return s;
}
