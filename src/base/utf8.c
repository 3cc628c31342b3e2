/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict UTF-8 after table 3-7 of the Unicode standard. Pure, any thread.
 * Trap: the second byte's range depends on the first; that is what rejects overlong forms
 * and surrogates.
 */
#include "base/utf8.h"

#include "base/text.h"

#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

static size_t expected_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef)
        return 3;
    if (c >= 0xf0 && c <= 0xf4)
        return 4;
    return 0;
}

static bool second_is_allowed(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

/* 0: no character begins at s, or it is cut off. */
size_t utf8_length(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t len = n ? expected_length(u[0]) : 0;

    if (len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (!is_tail(u[i]))
            return 0;
    if (len > 1 && !second_is_allowed(u[0], u[1]))
        return 0;
    return len;
}

size_t utf8_write(uint32_t rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if ((rune >= 0xd800 && rune <= 0xdfff) || rune > 0x10ffff)
        rune = 0xfffd;
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

uint32_t utf8_value(const char *s, size_t len)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t rune;

    ASSERT(len >= 1 && len <= 4);
    rune = (unsigned char)s[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        rune = rune << 6 | ((unsigned char)s[i] & 0x3f);
    return rune;
}

/* Most text is ASCII: eight bytes at a time. */
static size_t ascii_words(const char *s, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, s + i, 8);
        if (word & 0x8080808080808080ull)
            break;
    }
    return i;
}

bool text_is_utf8(const char *s, size_t n)
{
    size_t i = ascii_words(s, n);

    while (i < n) {
        size_t len = utf8_length(s + i, n - i);

        if (!len)
            return false;
        i += len;
        if (len == 1)
            i += ascii_words(s + i, n - i);
    }
    return true;
}
