/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a document: cJSON parses, as strictly as RFC 8259 and Go's encoding/json because
 * json_check.c has looked at the tokens first. Pure, any thread: cJSON's hooks and its global
 * error are left alone, and nothing here depends on the locale.
 * cJSON keeps numbers as doubles and forgets the text, but the engine needs integers exact to 64
 * bits and raw values as they came: its tree and the text are walked in step, and each node keeps
 * where its value stands. Values come in the same order in both.
 */
#include "json_node.h"

#include "base/utf8.h"

#include <cjson/cJSON.h>
#include <string.h>

/* The caller deletes the tree. The text is a copy because json_check may overwrite what cJSON
 * cannot take, and because of the NUL behind it: cJSON would report a text that ends too early at
 * its last byte. */
static struct err *parse_tree(const char *text, size_t len, cJSON **out)
{
    autofree char *copy = mem_alloc(len + 1);
    const char *end;

    memcpy(copy, text, len);
    TRY(json_check(copy, len));
    *out = cJSON_ParseWithLengthOpts(copy, len + 1, &end, true);
    return *out ? NULL : json_syntax_err(copy, len, (size_t)(end - copy), NULL);
}

/* ---- tree and text in step ---- */

struct walk {
    struct arena *a;
    const char *p, *end; /* the text is known to be valid, but has no NUL */
};

/* The text is valid (json_check, then cJSON), so commas and colons may be skipped wherever they
 * are. */
static void skip_separators(struct walk *w)
{
    while (*w->p == ' ' || *w->p == '\n' || *w->p == ',' || *w->p == ':' || *w->p == '\t' ||
           *w->p == '\r')
        w->p++;
}

static void skip_string(struct walk *w)
{
    ASSERT(*w->p == '"');
    for (w->p++; *w->p != '"'; w->p++)
        if (*w->p == '\\')
            w->p++;
    w->p++;
}

static bool ends_number_or_word(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_number_or_word(struct walk *w)
{
    while (w->p < w->end && !ends_number_or_word(*w->p))
        w->p++;
}

/* The upper bits of cJSON's type are flags (cJSON_IsReference, cJSON_StringIsConst). */
static enum json_type type_of(const cJSON *c)
{
    switch (c->type & 0xff) {
    case cJSON_True:
    case cJSON_False:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

static struct json *take_value(struct walk *w, const cJSON *c);

static void take_items(struct walk *w, const cJSON *first, struct json *j)
{
    struct json **next = &j->first;

    ASSERT(*w->p == '[' || *w->p == '{');
    w->p++;
    for (const cJSON *c = first; c; c = c->next) {
        *next = take_value(w, c);
        next = &(*next)->next;
        j->n++;
    }
    skip_separators(w);
    w->p++;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static struct json *take_value(struct walk *w, const cJSON *c)
{
    struct json *j = arena_new(w->a, struct json);

    skip_separators(w);
    if (c->string) {
        j->key = arena_strdup(w->a, c->string);
        skip_string(w);
        skip_separators(w);
    }
    j->text = w->p;
    j->type = type_of(c);
    j->is_true = cJSON_IsTrue(c);
    if (j->type == JSON_STRING) {
        j->str = arena_strdup(w->a, c->valuestring);
        skip_string(w);
    } else if (j->type == JSON_ARRAY || j->type == JSON_OBJECT) {
        take_items(w, c->child, j);
    } else {
        skip_number_or_word(w);
    }
    ASSERT(w->p > j->text && w->p <= w->end); /* the tree and the text are in step */
    j->text_len = (size_t)(w->p - j->text);
    return j;
}

/* The text with U+FFFD for every byte that is not UTF-8, as Go reads it. */
static char *repair_utf8(struct arena *a, const char *text, size_t len, size_t *out_len)
{
    autobuf struct buf b = {0};
    size_t i = 0;

    while (i < len) {
        size_t n = utf8_length(text + i, len - i);

        if (n)
            buf_add(&b, text + i, n);
        else
            buf_puts(&b, UTF8_REPLACEMENT);
        i += n ? n : 1;
    }
    *out_len = b.len;
    return arena_memdup(a, b.data, b.len);
}

struct err *json_parse_in_place(struct arena *a, const char *text, size_t len,
                                const struct json **out)
{
    struct walk w = {.a = a};
    cJSON *tree;

    if (len > JSON_TEXT_MAX)
        return err_new(ERR_TOO_LARGE, "JSON is larger than %u bytes", JSON_TEXT_MAX);
    if (!text_is_utf8(text, len))
        text = repair_utf8(a, text, len, &len);
    TRY(parse_tree(text, len, &tree));
    w.p = text;
    w.end = text + len;
    *out = take_value(&w, tree);
    cJSON_Delete(tree);
    return NULL;
}

struct err *json_parse(struct arena *a, const char *text, size_t len, const struct json **out)
{
    if (len <= JSON_TEXT_MAX)
        text = arena_memdup(a, text, len);
    return json_parse_in_place(a, text, len, out);
}
