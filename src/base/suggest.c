/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was meant by a misspelt word: the option that is nearest, when it is at most two insertions,
 * deletions or replacements away, as in BuildKit. Pure, any thread.
 */
#include "base/suggest.h"

#include <ctype.h>
#include <string.h>

enum { FAR = 3, WORD_MAX = 64, OPTIONS_MAX = 1000 };

static char fold(char c, bool has_case)
{
    return has_case ? c : (char)tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

static size_t distance(const char *a, const char *b, bool has_case)
{
    size_t row[WORD_MAX + 1], len_a = strlen(a), len_b = strlen(b);

    if (len_a > WORD_MAX || len_b > WORD_MAX || len_a > len_b + FAR || len_b > len_a + FAR)
        return FAR;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];
            bool is_same = fold(a[i - 1], has_case) == fold(b[j - 1], has_case);

            row[j] = least(above + 1, row[j - 1] + 1, diagonal + !is_same);
            diagonal = above;
        }
    }
    return row[len_b];
}

static bool has_lower(const char *s)
{
    for (; *s; s++)
        if (islower((unsigned char)*s))
            return true;
    return false;
}

/* In capitals only when the word has no small letter. */
static const char *in_case_of(struct arena *a, const char *option, const char *word)
{
    char *copy = arena_strdup(a, option);
    bool is_lower = has_lower(word);

    for (char *p = copy; *p; p++)
        *p = (char)(is_lower ? tolower((unsigned char)*p) : toupper((unsigned char)*p));
    return copy;
}

const char *suggest(struct arena *a, const char *word, const char *const *options, size_t n,
                    bool has_case)
{
    const char *best = NULL;
    size_t nearest = FAR;

    for (size_t i = 0; i < n && i < OPTIONS_MAX; i++) {
        size_t d = distance(word, options[i], has_case);

        if (!d) /* the word is right: something else is wrong */
            return NULL;
        if (d < nearest) {
            nearest = d;
            best = options[i];
        }
    }
    return best && !has_case ? in_case_of(a, best, word) : best;
}

const char *suggestion(struct arena *a, const char *word, const char *const *options, size_t n,
                       bool has_case)
{
    const char *s = suggest(a, word, options, n, has_case);

    return s ? arena_printf(a, " (did you mean %s?)", s) : "";
}
