/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
/*
 * Any bytes into the text parsers of base/. The first line is a glob pattern for the rest;
 * encoders must undo their decoders.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_numbers(const char *s)
{
    uint32_t u;
    int64_t i;
    double d;

    (void)text_to_i64(s, &i);
    (void)text_to_u32(s, &u);
    (void)text_to_f64(s, &d);
    if (text_to_bytes(s, &i))
        ASSERT(i >= 0);
    (void)text_is_true(s);
}

static void parse_times(const char *s)
{
    char text[RFC3339_MAX];
    int64_t ns, again;

    (void)clock_from_unix(s, &ns);
    (void)clock_from_duration(s, &ns);
    if (!clock_from_rfc3339(s, &ns))
        return;
    clock_rfc3339(ns, text);
    ASSERT(clock_from_rfc3339(text, &again) && again == ns);
}

static void parse_encodings(struct arena *a, const char *s, size_t n)
{
    char *plain, *again;
    size_t len, len_again;
    struct err *e = text_from_base64(a, s, &plain, &len);

    if (!e) {
        char *coded = text_to_base64(a, plain, len, true);

        ASSERT(!text_from_base64(a, coded, &again, &len_again));
        ASSERT(len == len_again && !memcmp(plain, again, len));
    }
    err_drop(e);
    e = text_from_query(a, s, n, &plain);
    if (!e) {
        char *coded = text_to_query(a, plain);

        ASSERT(!text_from_query(a, coded, strlen(coded), &again));
        ASSERT(!strcmp(plain, again));
    }
    err_drop(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create();
    char *s = arena_strndup(a, (const char *)data, size), *rest = strchr(s, '\n');
    struct strs parts = text_split(a, s, '/');

    parse_numbers(s);
    parse_times(s);
    parse_encodings(a, s, strlen(s));
    ASSERT(!strcmp(strs_join(a, &parts, "/"), s));
    ASSERT(!strcmp(path_clean(a, s), path_clean(a, path_clean(a, s))));
    if (rest && size < 4096) {
        *rest++ = '\0';
        (void)text_glob(s, rest);
    }
    arena_destroy(a);
    return 0;
}
