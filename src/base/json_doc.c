/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-only access to parsed documents. Pure; nodes live in the document's arena.
 * Trap: a missing node is NULL everywhere and reads as null, so chains of json_get need no checks.
 */
#include "json_node.h"

#include <string.h>
#include <strings.h>

#include "strs.h"

enum json_type json_type(const struct json *j)
{
    return j ? j->type : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};

    return names[type];
}

/* Of equal keys the last one counts, as in Go. */
const struct json *json_get(const struct json *j, const char *key)
{
    const struct json *exact = NULL, *any_case = NULL;

    if (json_type(j) != JSON_OBJECT)
        return NULL;
    for (const struct json *it = j->first; it; it = it->next) {
        if (!strcmp(it->key, key))
            exact = it;
        else if (!strcasecmp(it->key, key))
            any_case = it;
    }
    return exact ? exact : any_case;
}

size_t json_line(const struct json *root, const struct json *j)
{
    size_t n = 0;

    for (const char *p = root->text; p < j->text; p++)
        n += *p == '\n';
    return n;
}

const char *json_str(const struct json *j)
{
    return j ? j->str : NULL;
}

bool json_bool(const struct json *j)
{
    return j && j->is_true;
}

/* Numbers are at most as long as the text, but only this much of one can matter. */
double json_num(const struct json *j)
{
    char number[400];
    double value = 0;

    if (json_type(j) != JSON_NUMBER || j->text_len >= sizeof(number))
        return 0;
    memcpy(number, j->text, j->text_len);
    number[j->text_len] = '\0';
    return text_to_f64(number, &value) ? value : 0;
}

bool json_exact_int(const struct json *j, int64_t *out)
{
    char number[24];

    if (json_type(j) != JSON_NUMBER || j->text_len >= sizeof(number))
        return false;
    memcpy(number, j->text, j->text_len);
    number[j->text_len] = '\0';
    return text_to_i64(number, out);
}

static bool is_whole(const struct json *j)
{
    return !memchr(j->text, '.', j->text_len) && !memchr(j->text, 'e', j->text_len) &&
           !memchr(j->text, 'E', j->text_len);
}

int64_t json_int(const struct json *j)
{
    int64_t value;
    double number;

    if (json_type(j) != JSON_NUMBER)
        return 0;
    if (json_exact_int(j, &value))
        return value;
    if (is_whole(j))
        return j->text[0] == '-' ? INT64_MIN : INT64_MAX;
    number = json_num(j);
    if (number >= 9223372036854775808.0)
        return INT64_MAX;
    if (number <= -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)number;
}

size_t json_len(const struct json *j)
{
    return j ? j->n : 0;
}

const struct json *json_first(const struct json *j)
{
    return j ? j->first : NULL;
}

const struct json *json_next(const struct json *j)
{
    return j->next;
}

const char *json_key(const struct json *j)
{
    return j ? j->key : NULL;
}

char *json_text(struct arena *a, const struct json *j)
{
    return j ? arena_strndup(a, j->text, j->text_len) : arena_strdup(a, "null");
}

struct strs json_strs(struct arena *a, const struct json *j)
{
    struct strs list = {0};

    if (json_type(j) != JSON_ARRAY)
        return list;
    list.v = strs_slots(a, 0);
    for (const struct json *it = j->first; it; it = it->next)
        if (it->str)
            strs_add(a, &list, it->str);
    return list;
}
