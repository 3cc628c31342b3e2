/* SPDX-License-Identifier: Apache-2.0 */
/* links: json_by_hand base */
/*
 * Any bytes into the JSON parser and a table with a field of every type. What was decoded must
 * encode to valid JSON, and that must decode and encode to the same text again. What is refused
 * and what tree is made is compared with a parser written by hand.
 */
#include "base/json.h"

#include <string.h>

#include "json_by_hand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct leaf {
    char *s;
    int n;
};

struct tree {
    char *str, *raw;
    bool flag;
    int tri, number;
    int64_t big, *maybe;
    double ratio;
    uint32_t two[2];
    struct strs list, set;
    struct pairs pairs;
    struct leaf leaf, *pointed;
    struct jlist leaves;
    struct jdict dict, lists;
};

static const struct jfield leaf_fields[] = {
    J(J_STR, struct leaf, s, "S", .flags = J_NULL_STR),
    J(J_INT, struct leaf, n, "N", .flags = J_OMIT),
    J_END,
};
static const struct jtable leaf_json = {sizeof(struct leaf), leaf_fields};

static const struct jfield tree_fields[] = {
    J(J_STR, struct tree, str, "Str"),
    J(J_RAW, struct tree, raw, "Raw"),
    J(J_BOOL, struct tree, flag, "Flag"),
    J(J_TRI, struct tree, tri, "Tri"),
    J(J_INT, struct tree, number, "Number"),
    J(J_I64, struct tree, big, "Big"),
    J(J_PTR_I64, struct tree, maybe, "Maybe"),
    J(J_F64, struct tree, ratio, "Ratio"),
    J(J_U32X2, struct tree, two, "Two"),
    J(J_STRS, struct tree, list, "List", .flags = J_OR_STR | J_NULL_LIST),
    J(J_SET, struct tree, set, "Set", .flags = J_OMIT),
    J(J_PAIRS, struct tree, pairs, "Pairs"),
    J(J_OBJ, struct tree, leaf, "Leaf", .sub = &leaf_json),
    J(J_PTR, struct tree, pointed, "Pointed", .sub = &leaf_json),
    J(J_LIST, struct tree, leaves, "Leaves", .sub = &leaf_json),
    J(J_DICT, struct tree, dict, "Dict", .sub = &leaf_json, .flags = J_NULL_ITEM),
    J(J_DICT, struct tree, lists, "Lists", .sub = &leaf_json, .flags = J_DICT_LIST),
    J_END,
};
static const struct jtable tree_json = {sizeof(struct tree), tree_fields};

static void walk(struct arena *a, const struct json *j)
{
    for (const struct json *it = json_first(j); it; it = json_next(it))
        walk(a, it);
    ASSERT(text_is_utf8(json_text(a, j), strlen(json_text(a, j))));
    (void)json_int(j);
    (void)json_num(j);
    (void)json_strs(a, j);
    if (json_key(j))
        (void)json_get(j, json_key(j));
}

static void decode_twice(struct arena *a, const uint8_t *data, size_t size)
{
    struct tree t = {0}, again = {0};
    struct err *e = json_decode(a, (const char *)data, size, &tree_json, &t);
    char *text;

    if (e) {
        err_drop(e);
        return;
    }
    text = json_encode(a, &tree_json, &t);
    e = json_decode(a, text, strlen(text), &tree_json, &again);
    ASSERT(!e);
    ASSERT(!strcmp(text, json_encode(a, &tree_json, &again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create();
    const struct json *j;
    struct err *e = json_parse(a, (const char *)data, size, &j);

    if (!e && size < 4096)
        walk(a, j);
    err_drop(e);
    ASSERT(!json_difference(a, (const char *)data, size));
    decode_twice(a, data, size);
    arena_destroy(a);
    return 0;
}
