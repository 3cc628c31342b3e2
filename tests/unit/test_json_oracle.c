/* SPDX-License-Identifier: Apache-2.0 */
/* links: base PkgConfig::CJSON */
/*
 * base/json reads what cJSON reads. Our parser exists because cJSON keeps neither 64-bit
 * integers nor the text of a value; where both speak, they must agree: everything that ours
 * accepts cJSON accepts, with the same tree.
 */
#include "base/json.h"

#include "test.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CORPUS "../fuzz/corpus/json"

static bool is_same_string(const char *ours, const char *theirs)
{
    /* invalid UTF-8 becomes U+FFFD here and stays as it is there */
    return text_is_utf8(theirs, strlen(theirs)) ? strcmp(ours, theirs) == 0 : ours != NULL;
}

static bool is_same(const struct json *ours, const cJSON *theirs);

static bool are_same_items(const struct json *ours, const cJSON *theirs)
{
    const struct json *item = json_first(ours);
    const cJSON *other = theirs->child;

    for (; item && other; item = json_next(item), other = other->next) {
        if (cJSON_IsObject(theirs) && !is_same_string(json_key(item), other->string))
            return false;
        if (!is_same(item, other))
            return false;
    }
    return !item && !other;
}

static bool is_same(const struct json *ours, const cJSON *theirs)
{
    switch (json_type(ours)) {
    case JSON_NULL:
        return cJSON_IsNull(theirs);
    case JSON_BOOL:
        return cJSON_IsBool(theirs) && json_bool(ours) == cJSON_IsTrue(theirs);
    case JSON_NUMBER:
        return cJSON_IsNumber(theirs) &&
               fabs(json_num(ours) - theirs->valuedouble) <= fabs(theirs->valuedouble) * 1e-12;
    case JSON_STRING:
        return cJSON_IsString(theirs) && is_same_string(json_str(ours), theirs->valuestring);
    case JSON_ARRAY:
        return cJSON_IsArray(theirs) && are_same_items(ours, theirs);
    default:
        return cJSON_IsObject(theirs) && are_same_items(ours, theirs);
    }
}

/* 1: both read it alike; 0: ours refuses it; -1: they differ. */
static int compare(struct arena *a, const char *text, size_t n)
{
    const struct json *ours = NULL;
    struct err *err = json_parse(a, text, n, &ours);
    cJSON *theirs;
    int result;

    if (err) {
        err_drop(err);
        return 0;
    }
    theirs = cJSON_ParseWithLengthOpts(text, n, NULL, 0);
    result = theirs && is_same(ours, theirs) ? 1 : -1;
    cJSON_Delete(theirs);
    return result;
}

TEST(json_agrees_with_cjson_on_documents)
{
    static const char *const documents[] = {
        "{}",
        "[]",
        "null",
        "[1,2.5,-3e2,\"x\",true,false,null]",
        "{\"a\":{\"b\":[{\"c\":\"\\u00e9\\n\\t\\\"\\\\\\/\"}]},\"d\":\"\\ud83d\\ude00\"}",
        " \r\n{\"k\" : [ ] , \"l\" : { } } ",
        "{\"Memory\":9007199254740991,\"CpuShares\":-1,\"x\":0.0001,\"y\":123456789.125}",
    };

    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        CHECK_INT(compare(test_arena, documents[i], strlen(documents[i])), 1);
}

TEST(json_agrees_with_cjson_on_the_corpus)
{
    DIR *dir = opendir(CORPUS);
    struct dirent *d;
    int alike = 0;

    CHECK(dir != NULL);
    while ((d = readdir(dir))) {
        static char text[1 << 16];
        FILE *f;
        size_t n;
        int result;

        if (d->d_name[0] == '.')
            continue;
        f = fopen(arena_printf(test_arena, CORPUS "/%s", d->d_name), "r");
        CHECK(f != NULL);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        result = compare(test_arena, text, n);
        if (result < 0)
            printf("# %s is read differently\n", d->d_name);
        CHECK(result >= 0);
        alike += result;
    }
    closedir(dir);
    CHECK(alike > 0);
}
