/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undoes JSON escapes for the log reader: runs between backslashes are copied whole.
 * Lenient, because a log file is read for a person: what is no escape is shown as it
 * stands. Pure, any thread.
 */
#include "unescape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

static bool hex4(const char *s, size_t n, uint32_t *out)
{
    uint32_t v = 0;

    if (n < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex_value(s[i]);

        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    *out = v;
    return true;
}

/* s stands behind "\u". Returns how much of it was used, 0 when it is no code. */
static size_t take_code(const char *s, size_t n, uint32_t *out)
{
    uint32_t high, low;

    if (!hex4(s, n, &high))
        return 0;
    *out = high;
    if (high < 0xd800 || high > 0xdfff)
        return 4;
    *out = 0xfffd;
    if (high > 0xdbff || n < 10 || s[4] != '\\' || s[5] != 'u' || !hex4(s + 6, n - 6, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 4;
    *out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 10;
}

/* s stands on a backslash. Writes to *out and returns how much of s was used. */
static size_t take_escape(const char *s, size_t n, char **out)
{
    static const char from[] = "nrtbf\"\\/", to[] = "\n\r\t\b\f\"\\/";
    const char *found;
    uint32_t rune;
    size_t used;

    if (n >= 2 && s[1] == 'u') {
        used = take_code(s + 2, n - 2, &rune);
        if (used) {
            *out += utf8_write(rune, *out);
            return used + 2;
        }
    }
    found = n >= 2 ? memchr(from, s[1], sizeof(from) - 1) : NULL;
    *(*out)++ = found ? to[found - from] : '\\';
    return found ? 2 : 1;
}

size_t json_unescape(char *out, const char *s, size_t n)
{
    const char *end = s + n;
    char *at = out;

    while (s < end) {
        const char *back = memchr(s, '\\', (size_t)(end - s));
        size_t run = (size_t)((back ? back : end) - s);

        memcpy(at, s, run);
        at += run;
        s += run;
        if (back)
            s += take_escape(s, (size_t)(end - s), &at);
    }
    return (size_t)(at - out);
}
