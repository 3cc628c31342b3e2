/* SPDX-License-Identifier: Apache-2.0 */
/* links: build */
/*
 * The first byte chooses bits, the rest is a word: it is expanded in bounded time and size, its
 * parts are in its whole, and a word without anything special is itself.
 */
#include "build/expand.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    if (!strcmp(name, "A"))
        return "a.b/c*d a.b/c*d";
    if (!strcmp(name, "E"))
        return "";
    return !strcmp(name, "U") ? "g\xc3\xbc\xff\n \"q\"" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    struct expansion x = {.a = a, .escape = '\\', .variable = variable};
    size_t left = EXPANDED_TOTAL_MAX, n = 0;
    struct strs words = {0};
    char *word, *is;
    struct err *e;

    if (!size || size > 4096)
        return 0;
    word = arena_strndup(a, (const char *)data + 1, size - 1);
    x.bits = data[0] & 15;
    x.escape = data[0] & 16 ? '`' : '\\';
    x.left = &left;
    e = expand_word(&x, word, &is);
    if (e) {
        err_drop(e);
        return 0;
    }
    ASSERT(strlen(is) <= EXPANDED_MAX);
    if (!strpbrk(word, "$\"'\\`"))
        ASSERT(!strcmp(word, is));
    e = expand_words(&x, word, &words);
    ASSERT(!e || err_kind(e) == ERR_TOO_LARGE);
    err_drop(e);
    for (size_t i = 0; i < words.n; i++)
        n += strlen(words.v[i]);
    ASSERT(n <= strlen(is));
    return 0;
}
