/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's path.Match without recursion: as there, only the last '*' is tried at other places,
 * so the cost is pattern × text at worst. Pure, any thread.
 * Trap: a character class may match '/', only '*' and '?' may not; a malformed pattern
 * matches nothing.
 */
#include "base/text.h"

#include "base/utf8.h"

#include <string.h>

/* Invalid bytes count as one rune each, as Go's decoder does. */
static size_t take_rune(const char *s, uint32_t *rune)
{
    size_t len = utf8_length(s, strnlen(s, 4));

    *rune = len ? utf8_value(s, len) : 0xfffd;
    return len ? len : 1;
}

/* One bound of a range; NULL when malformed. */
static const char *take_class_rune(const char *p, uint32_t *rune)
{
    if (!*p || *p == '-' || *p == ']')
        return NULL;
    if (*p == '\\' && !*++p)
        return NULL;
    return p + take_rune(p, rune);
}

/* p stands after '['. Returns the place after ']' or NULL when malformed. */
static const char *match_class(const char *p, uint32_t rune, bool *does_match)
{
    bool is_negated = *p == '^', is_found = false;
    const char *first;

    if (is_negated)
        p++;
    for (first = p; *p != ']' || p == first;) {
        uint32_t low, high;

        p = take_class_rune(p, &low);
        if (!p)
            return NULL;
        high = low;
        if (*p == '-') {
            p = take_class_rune(p + 1, &high);
            if (!p)
                return NULL;
        }
        if (low <= rune && rune <= high)
            is_found = true;
    }
    *does_match = is_found != is_negated;
    return p + 1;
}

/* Matches one element that is not '*'. False: no match or malformed. */
static bool match_one(const char **pattern, const char **s)
{
    const char *p = *pattern;
    uint32_t rune;
    size_t len;
    bool does_match = false;

    if (!**s)
        return false;
    len = take_rune(*s, &rune);
    if (*p == '[') {
        p = match_class(p + 1, rune, &does_match);
    } else if (*p == '?') {
        does_match = rune != '/';
        p++;
    } else {
        if (*p == '\\')
            p++;
        does_match = *p && *p == **s;
        p++;
        len = 1;
    }
    if (!p || !does_match)
        return false;
    *pattern = p;
    *s += len;
    return true;
}

bool text_glob(const char *pattern, const char *s)
{
    const char *after_star = NULL, *star_end = NULL;

    for (;;) {
        if (*pattern == '*') {
            after_star = ++pattern;
            star_end = s;
            continue;
        }
        if (!*pattern && !*s)
            return true;
        if (*pattern && match_one(&pattern, &s))
            continue;
        if (!after_star || !*star_end || *star_end == '/')
            return false;
        pattern = after_star;
        s = ++star_end;
    }
}
