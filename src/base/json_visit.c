/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a document says, by the tables that decode it: each member with its way from the root in
 * the tables' spelling, also those that no table has. Empty ones are left out: clients send the
 * whole of a request. Pure, any thread; recursion ends with the tables.
 */
#include "json_node.h"

#define KEY_SHOWN 100 /* of a stranger's key */

struct walk {
    struct buf path;
    json_visit_fn *fn;
    void *ctx;
};

static bool is_empty(const struct json *j)
{
    switch (j->type) {
    case JSON_ARRAY:
        for (const struct json *it = j->first; it; it = it->next)
            if (it->type != JSON_NUMBER || !is_empty(it)) /* "ConsoleSize": [0, 0] */
                return false;
        return true;
    case JSON_OBJECT:
        return !j->first;
    case JSON_NUMBER:
        return json_num(j) == 0;
    case JSON_STRING:
        return *j->str == '\0';
    case JSON_BOOL:
        return !j->is_true;
    case JSON_NULL:
        return true;
    }
    return true;
}

static void visit_object(struct walk *w, const struct json *j, const struct jtable *const *tables);

static void visit_items(struct walk *w, const struct json *j, const struct jtable *const *tables)
{
    for (const struct json *it = j->first; it; it = it->next)
        visit_object(w, it, tables);
}

static void visit_below(struct walk *w, const struct jfield *f, const struct json *j)
{
    const struct jtable *const below[] = {f->sub, NULL};

    if (f->type == J_OBJ || f->type == J_PTR)
        visit_object(w, j, below);
    else if (f->type == J_DICT && f->flags & J_DICT_LIST)
        for (const struct json *it = j->first; it; it = it->next)
            visit_items(w, it, below);
    else if (f->type == J_LIST || f->type == J_DICT)
        visit_items(w, j, below);
}

static void visit_object(struct walk *w, const struct json *j, const struct jtable *const *tables)
{
    size_t len = w->path.len;

    if (j->type != JSON_OBJECT)
        return;
    for (const struct json *it = j->first; it; it = it->next) {
        const struct jfield *f = NULL;

        if (is_empty(it))
            continue;
        for (const struct jtable *const *t = tables; *t && !f; t++)
            f = json_find_field(*t, it->key);
        buf_printf(&w->path, "%s%.*s", len ? "." : "", KEY_SHOWN, f ? f->key : it->key);
        w->fn(w->ctx, w->path.data, f != NULL);
        if (f && f->sub)
            visit_below(w, f, it);
        w->path.len = len;
    }
}

void json_visit(const struct json *j, const struct jtable *const *tables, json_visit_fn *fn,
                void *ctx)
{
    struct walk w = {.fn = fn, .ctx = ctx};

    visit_object(&w, j, tables);
    buf_finish(&w.path);
}
