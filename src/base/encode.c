/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64 and query-string encodings. Pure, any thread.
 * Trap: base64 input may be of either alphabet, even mixed, padded or not, because clients
 * differ; the output is always NUL-terminated beside its length.
 */
#include "base/text.h"

#include <string.h>

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

/* Length without padding; SIZE_MAX when the padding is wrong. */
static size_t unpadded_length(const char *s, size_t n)
{
    size_t pad = 0;

    while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
        pad++;
    if (pad && n % 4)
        return SIZE_MAX;
    return n - pad;
}

struct err *text_from_base64(struct arena *a, const char *s, char **out, size_t *out_len)
{
    size_t n = unpadded_length(s, strlen(s)), len = 0;
    uint32_t bits = 0;
    char *data;

    if (n == SIZE_MAX || n % 4 == 1)
        return err_new(ERR_INVALID, "invalid base64: wrong length");
    data = arena_alloc(a, n / 4 * 3 + 3);
    for (size_t i = 0; i < n; i++) {
        int value = base64_value(s[i]);

        if (value < 0)
            return err_new(ERR_INVALID, "invalid base64: illegal byte at %zu", i);
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            data[len++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    data[len] = '\0';
    *out = data;
    *out_len = len;
    return NULL;
}

char *text_to_base64(struct arena *a, const void *p, size_t n, bool url_alphabet)
{
    static const char standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *letters = url_alphabet ? url : standard;
    const unsigned char *in = p;
    char *text = arena_alloc(a, n / 3 * 4 + 5), *to = text;

    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t bits = (uint32_t)in[i] << 16;

        if (left > 1)
            bits |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            bits |= in[i + 2];
        *to++ = letters[bits >> 18];
        *to++ = letters[bits >> 12 & 63];
        *to++ = left > 1 ? letters[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? letters[bits & 63] : '=';
    }
    *to = '\0';
    return text;
}

bool text_to_mac(const char *s, uint8_t out[6])
{
    uint8_t mac[6];

    for (int i = 0; i < 6; i++, s += 2) {
        int high = text_hex_value(s[0]), low = high < 0 ? -1 : text_hex_value(s[1]);

        if (low < 0)
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
        if (i < 5 && s[2] != ':' && s[2] != '-')
            return false;
        s += i < 5;
    }
    if (*s)
        return false;
    memcpy(out, mac, sizeof(mac));
    return true;
}

struct err *text_from_query(struct arena *a, const char *s, size_t n, char **out)
{
    char *text = arena_alloc(a, n + 1), *to = text;

    for (size_t i = 0; i < n; i++) {
        char c = s[i] == '+' ? ' ' : s[i];

        if (c == '%') {
            int high = n - i > 2 ? text_hex_value(s[i + 1]) : -1;
            int low = n - i > 2 ? text_hex_value(s[i + 2]) : -1;

            if (high < 0 || low < 0)
                return err_new(ERR_INVALID, "invalid URL escape at %zu", i);
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (!c)
            return err_new(ERR_INVALID, "a NUL byte is not allowed in a query");
        *to++ = c;
    }
    *to = '\0';
    *out = text;
    return NULL;
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("-._~", c));
}

char *text_to_query(struct arena *a, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = arena_alloc(a, 3 * strlen(s) + 1), *to = text;

    for (; *s; s++) {
        if (is_unreserved(*s)) {
            *to++ = *s;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*s >> 4];
        *to++ = hex[(unsigned char)*s & 15];
    }
    *to = '\0';
    return text;
}
