/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and ages as people read and write them, in the wording of Docker's CLI. Pure.
 * Trap: sizes are printed in decimal units (1MB = 10^6) but read in binary ones (1m = 2^20),
 * because Docker does so.
 */
#include "base/text.h"

#include <string.h>

char *text_size(struct arena *a, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;

    /* 999.5 and up would be printed as 1e+03 */
    while ((size >= 999.5 || size <= -999.5) && unit + 1 < ARRAY_LEN(units)) {
        size /= 1000;
        unit++;
    }
    return arena_printf(a, "%.3g%s", size, units[unit]);
}

/* "", "b", "k", "kb", "kib" and so on: how many times `step` it is worth; 0 when junk. */
static int64_t take_unit(const char *s, int64_t step)
{
    static const char letters[] = "bkmgtp";
    const char *at;
    int64_t worth = 1;

    if (*s == ' ')
        s++;
    if (!*s)
        return 1;
    at = strchr(letters, *s++ | 0x20);
    if (!at || (at == letters && *s))
        return 0;
    for (; at > letters; at--)
        worth *= step;
    if ((*s | 0x20) == 'i')
        s++;
    if ((*s | 0x20) == 'b')
        s++;
    return *s ? 0 : worth;
}

static bool scale_fraction(const char *number, int64_t worth, int64_t *out)
{
    double value;

    if (!text_to_f64(number, &value))
        return false;
    value *= (double)worth;
    if (value >= 9223372036854775808.0)
        return false;
    *out = (int64_t)value;
    return true;
}

static bool take_size(const char *s, int64_t step, int64_t *out)
{
    size_t n = strspn(s, "0123456789.");
    char number[40];
    int64_t worth = take_unit(s + n, step), value;

    if (!n || n >= sizeof(number) || s[0] == '.' || !worth)
        return false;
    memcpy(number, s, n);
    number[n] = '\0';
    if (strchr(number, '.'))
        return s[n - 1] != '.' && scale_fraction(number, worth, out);
    if (!text_to_i64(number, &value) || __builtin_mul_overflow(value, worth, &value))
        return false;
    *out = value;
    return true;
}

bool text_to_bytes(const char *s, int64_t *out)
{
    return take_size(s, 1024, out);
}

bool text_to_decimal_bytes(const char *s, int64_t *out)
{
    return take_size(s, 1000, out);
}

char *text_ago(struct arena *a, int64_t seconds)
{
    int64_t minutes = seconds / 60, hours = (seconds + 1800) / 3600, whole_hours = seconds / 3600;

    if (seconds < 1)
        return arena_strdup(a, "Less than a second");
    if (seconds == 1)
        return arena_strdup(a, "1 second");
    if (seconds < 60)
        return arena_printf(a, "%lld seconds", (long long)seconds);
    if (minutes == 1)
        return arena_strdup(a, "About a minute");
    if (minutes < 60)
        return arena_printf(a, "%lld minutes", (long long)minutes);
    if (hours == 1)
        return arena_strdup(a, "About an hour");
    if (hours < 48)
        return arena_printf(a, "%lld hours", (long long)hours);
    if (hours < 24 * 7 * 2)
        return arena_printf(a, "%lld days", (long long)hours / 24);
    if (hours < 24 * 30 * 2)
        return arena_printf(a, "%lld weeks", (long long)hours / 24 / 7);
    if (hours < 24 * 365 * 2)
        return arena_printf(a, "%lld months", (long long)hours / 24 / 30);
    return arena_printf(a, "%lld years", (long long)whole_hours / 24 / 365);
}
