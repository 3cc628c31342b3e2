/* SPDX-License-Identifier: Apache-2.0 */
/* links: json_by_hand base */
/*
 * A second opinion on base/json, whose parser is cJSON: a parser written by hand must refuse the
 * same texts and make the same tree of the others, down to the text of each value.
 */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "json_by_hand.h"

#define CORPUS "../fuzz/corpus/json"

static void check_alike(const char *text, size_t n)
{
    const char *difference = json_difference(test_arena, text, n);

    if (difference)
        test_fail(__FILE__, __LINE__, "%.*s: %s", (int)n, text, difference);
}

static const char *const documents[] = {
    "{}",
    "[]",
    "null",
    "[1,2.5,-3e2,\"x\",true,false,null]",
    "{\"a\":{\"b\":[{\"c\":\"\\u00e9\\n\\t\\\"\\\\\\/\"}]},\"d\":\"\\ud83d\\ude00\"}",
    " \r\n{\"k\" : [ ] , \"l\" : { } , \"k\": [[] , 1 ]} ",
    "{\"Memory\":9007199254740991,\"CpuShares\":-1,\"x\":0.0001,\"y\":123456789.125}",
    "[\"\\ud83d\",\"\\ud83d\\ud83d\\ude00\",\"\\ude00\\ud83d\",\"\\ud83d\\u0041\\\"\"]",
    "[\"a\xff\", 1.0E+5 , \"\xed\xa0\x80\"]",
    "[1234567890123456789012345678901234567890123456789012345678901234567890.5e-3 ,"
    "-1234567890123456789012345678901234567890123456789012345678901234567890]",
    "123456789012345678901234567890123456789012345678901234567890123",
    "1234567890123456789012345678901234567890123456789012345678901234",
};

TEST(json_is_read_as_by_hand)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        check_alike(documents[i], strlen(documents[i]));
}

TEST(json_that_ends_anywhere_is_read_as_by_hand)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        for (size_t n = 0; n < strlen(documents[i]); n++)
            check_alike(arena_memdup(test_arena, documents[i], n), n);
}

/* What cJSON alone would take or refuse otherwise is one byte away from these. */
static const char bytes[] =
    "\0\1\b\t\n\r !\"+,-./0189:ABEN[\\]abdefnrstu{|}~\x7f\x80\xc3\xed\xf0\xff";

TEST(json_with_a_byte_anywhere_is_read_as_by_hand)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        size_t n = strlen(documents[i]);

        for (size_t at = 0; at < n; at++) {
            autofree char *text = mem_strdup(documents[i]);
            autoarena struct arena *a = arena_create();

            for (size_t c = 0; c < sizeof(bytes) - 1; c++) {
                const char *difference;

                text[at] = bytes[c];
                difference = json_difference(a, text, n);
                if (difference)
                    test_fail(__FILE__, __LINE__, "byte %d is %d in %s: %s", (int)at, bytes[c],
                              documents[i], difference);
            }
        }
    }
}

TEST(json_corpus_is_read_as_by_hand)
{
    DIR *dir = opendir(CORPUS);
    struct dirent *d;
    int n_files = 0;

    CHECK(dir != NULL);
    while ((d = readdir(dir))) {
        static char text[1 << 16];
        FILE *f;
        size_t n;

        if (d->d_name[0] == '.')
            continue;
        f = fopen(arena_printf(test_arena, CORPUS "/%s", d->d_name), "r");
        CHECK(f != NULL);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        check_alike(text, n);
        n_files++;
    }
    closedir(dir);
    CHECK(n_files > 0);
}
