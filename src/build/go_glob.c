/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a walk for COPY's sources needs beside base's text_glob. Pure, any thread.
 * Trap: Go finds a pattern malformed only where its matching gets to; here it is looked at whole,
 * so that an error does not depend on the files.
 */
#include "build/go_glob.h"

#include <string.h>

/* p stands after '['; the place after its ']', or NULL when malformed. */
static const char *skip_class(const char *p)
{
    size_t n = 0;

    if (*p == '^')
        p++;
    for (; *p != ']' || !n; n++) {
        for (int end = 0; end < 2; end++) {
            if (!*p || *p == '-' || *p == ']')
                return NULL;
            if (*p == '\\')
                p++;
            if (!*p)
                return NULL;
            p++;
            while ((*p & 0xc0) == 0x80) /* the rest of a rune */
                p++;
            if (*p != '-')
                break;
            if (end == 0)
                p++;
        }
    }
    return p + 1;
}

bool go_glob_is_valid(const char *pattern)
{
    for (const char *p = pattern; *p;) {
        if (*p == '[') {
            p = skip_class(p + 1);
            if (!p)
                return false;
            continue;
        }
        if (*p == '\\' && !*++p)
            return false;
        p++;
    }
    return true;
}

static const char *find_wild(const char *p)
{
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (strchr("*?[", *p))
            return p;
    }
    return NULL;
}

bool go_glob_is_wild(const char *pattern)
{
    return find_wild(pattern);
}

static char *unescape(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\' && i + 1 < n)
            i++;
        out[len++] = s[i];
    }
    return out;
}

char *go_glob_literal(struct arena *a, const char *pattern)
{
    return unescape(a, pattern, strlen(pattern));
}
