/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table decoding: members of a document into the fields of a struct, as Go's encoding/json
 * does it. Pure, any thread; recursion is bounded by JSON_DEPTH_MAX.
 * Everything is copied into the struct's arena, so a struct outlives its document.
 * Trap: members are taken in the document's order, so of equal keys (in any case) the last
 * one counts, and a null takes back what Go has a pointer, a slice or a map for. Equal members of a
 * struct are merged, which takes as long as what is there already: so they are counted.
 */
#include "json_node.h"

#include "base/map.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "strs.h"

/* The way from the root to a value, for error texts. */
struct where {
    const struct where *up;
    const char *key;
};

enum { FIELDS_MAX = 128 /* of a table */, NUMBER_SHOWN = 40 };

struct fill {
    struct arena *a;
    const struct jfield *field;
    const struct where *where;
};

static struct err *fill_object(struct arena *a, const struct json *j, const struct jtable *t,
                               void *out, const struct where *where);

/* In Go's words, which clients know; `expected` is the type's name in Go. */
static struct err *wrong(const struct where *where, const char *expected, const struct json *j)
{
    const struct where *path[JSON_DEPTH_MAX + 2];
    autobuf struct buf b = {0};
    bool names_number =
        j->type == JSON_NUMBER && (text_starts(expected, "int") || text_starts(expected, "float"));
    size_t n = 0;

    for (; where && n < ARRAY_LEN(path); where = where->up)
        if (where->key)
            path[n++] = where;
    while (n) {
        buf_printf(&b, "%s%s", b.len ? "." : "", path[--n]->key);
    }
    return err_new(
        ERR_INVALID, "invalid JSON: json: cannot unmarshal %s%s%.*s into Go %s%s of type %s",
        json_type_name(j->type), names_number ? " " : "",
        names_number ? (int)(j->text_len < NUMBER_SHOWN ? j->text_len : NUMBER_SHOWN) : 0, j->text,
        b.len ? "struct field " : "value", b.len ? b.data : "", expected);
}

/* ---- scalars ---- */

static struct err *fill_str(const struct fill *f, const struct json *j, char **out)
{
    if (j->type != JSON_STRING)
        return wrong(f->where, "string", j);
    *out = arena_strdup(f->a, j->str);
    return NULL;
}

static struct err *fill_bool(const struct fill *f, const struct json *j, bool *out)
{
    if (j->type != JSON_BOOL)
        return wrong(f->where, "bool", j);
    *out = j->is_true;
    return NULL;
}

/* Go's *bool: absent is not false. -1 is false here, so that a zeroed struct is absent. */
static struct err *fill_tri(const struct fill *f, const struct json *j, int *out)
{
    bool value = false;

    TRY(fill_bool(f, j, &value));
    *out = value ? 1 : -1;
    return NULL;
}

static struct err *fill_i64(const struct fill *f, const struct json *j, int64_t *out)
{
    if (!json_exact_int(j, out))
        return wrong(f->where, "int64", j);
    return NULL;
}

static struct err *fill_ptr_i64(const struct fill *f, const struct json *j, int64_t **out)
{
    int64_t value;

    TRY(fill_i64(f, j, &value));
    *out = arena_memdup(f->a, &value, sizeof(value));
    return NULL;
}

static struct err *fill_int(const struct fill *f, const struct json *j, int *out)
{
    int64_t value;

    if (!json_exact_int(j, &value) || value < INT_MIN || value > INT_MAX)
        return wrong(f->where, "int", j);
    *out = (int)value;
    return NULL;
}

static struct err *fill_f64(const struct fill *f, const struct json *j, double *out)
{
    autofree char *number = NULL;

    if (j->type == JSON_NUMBER)
        number = mem_printf("%.*s", (int)j->text_len, j->text);
    if (!number || !text_to_f64(number, out))
        return wrong(f->where, "float64", j);
    return NULL;
}

static struct err *fill_u32x2(const struct fill *f, const struct json *j, uint32_t out[2])
{
    uint32_t both[2] = {0};
    size_t n = 0;

    if (j->type != JSON_ARRAY)
        return wrong(f->where, "[2]uint", j);
    for (const struct json *it = j->first; it && n < ARRAY_LEN(both); it = it->next) {
        int64_t value = 0;

        if (it->type != JSON_NULL &&
            (!json_exact_int(it, &value) || value < 0 || value > UINT32_MAX))
            return wrong(f->where, "[2]uint", it);
        both[n++] = (uint32_t)value;
    }
    memcpy(out, both, sizeof(both));
    return NULL;
}

/* ---- lists of text ---- */

/* A null leaves what is there, also an item of an equal member before, but for the lists that may
 * be a string: Docker decodes those anew. */
static struct err *fill_strs(const struct fill *f, const struct json *j, struct strs *out)
{
    size_t kept = f->field->flags & J_OR_STR ? 0 : out->n;
    struct strs list = {0};

    if (j->type == JSON_STRING && (f->field->flags & J_OR_STR)) {
        strs_add(f->a, &list, j->str);
        *out = list;
        return NULL;
    }
    if (j->type != JSON_ARRAY)
        return wrong(f->where, "[]string", j);
    list.v = strs_slots(f->a, j->n);
    for (const struct json *it = j->first; it; it = it->next) {
        ASSERT(list.n < j->n);
        if (it->type != JSON_STRING && it->type != JSON_NULL)
            return wrong(f->where, "[]string", it);
        if (it->type == JSON_STRING)
            list.v[list.n] = arena_strdup(f->a, it->str);
        else
            list.v[list.n] = list.n < kept ? out->v[list.n] : arena_strdup(f->a, "");
        list.n++;
    }
    *out = list;
    return NULL;
}

/*
 * Members by key: the last of equal keys counts and stands where the first stood.
 * `found` maps a key to its place in `out` plus one; foreign objects may have a million keys.
 */
static size_t place_of(struct map *found, const char *key, size_t n)
{
    size_t place = (size_t)map_get(found, key);

    if (place)
        return place - 1;
    map_put(found, key, (void *)(n + 1));
    return n;
}

static void keep_pair(struct pairs *p, struct map *found, char *key, char *value)
{
    size_t place = place_of(found, key, p->n);

    ASSERT(place <= p->n);
    if (place == p->n)
        p->n++;
    p->v[place] = (struct pair){key, value};
}

static struct err *fill_pairs(const struct fill *f, const struct json *j, struct pairs *out)
{
    struct pairs all = {0};
    struct map *found;

    if (j->type != JSON_OBJECT)
        return wrong(f->where, "map[string]string", j);
    for (const struct json *it = j->first; it; it = it->next)
        if (it->type != JSON_STRING && it->type != JSON_NULL)
            return wrong(&(struct where){f->where, it->key}, "string", it);
    all.v = pairs_slots(f->a, out->n + j->n);
    found = map_create();
    for (size_t i = 0; i < out->n; i++)
        keep_pair(&all, found, out->v[i].key, out->v[i].value);
    for (const struct json *it = j->first; it; it = it->next)
        keep_pair(&all, found, arena_strdup(f->a, it->key),
                  arena_strdup(f->a, it->str ? it->str : ""));
    map_destroy(found);
    *out = all;
    return NULL;
}

static void keep_name(struct strs *s, struct map *found, char *name)
{
    size_t place = place_of(found, name, s->n);

    ASSERT(place <= s->n);
    if (place == s->n)
        s->n++;
    s->v[place] = name;
}

static struct err *fill_set(const struct fill *f, const struct json *j, struct strs *out)
{
    struct strs all = {0};
    struct map *found;

    if (j->type != JSON_OBJECT)
        return wrong(f->where, "map[string]struct {}", j);
    for (const struct json *it = j->first; it; it = it->next)
        if (it->type != JSON_OBJECT && it->type != JSON_NULL)
            return wrong(&(struct where){f->where, it->key}, "struct", it);
    all.v = strs_slots(f->a, out->n + j->n);
    found = map_create();
    for (size_t i = 0; i < out->n; i++)
        keep_name(&all, found, out->v[i]);
    for (const struct json *it = j->first; it; it = it->next)
        keep_name(&all, found, arena_strdup(f->a, it->key));
    map_destroy(found);
    *out = all;
    return NULL;
}

/* ---- structs ---- */

/* An object that comes twice goes into the same struct, as Go does it. */
static struct err *fill_ptr(const struct fill *f, const struct json *j, void **out)
{
    void *s = *out ? *out : arena_alloc(f->a, f->field->sub->size);

    TRY(fill_object(f->a, j, f->field->sub, s, f->where));
    *out = s;
    return NULL;
}

/* Items of an equal member before are gone into, not replaced: Go reuses a slice's. */
static struct err *fill_list(const struct fill *f, const struct json *j, struct jlist *out)
{
    const struct jtable *sub = f->field->sub;
    struct jlist list = {.n = j->n};
    char *item;

    if (j->type != JSON_ARRAY)
        return wrong(f->where, "[]struct", j);
    item = list.v = arena_array(f->a, j->n, sub->size);
    if (out->n && j->n)
        memcpy(list.v, out->v, (out->n < j->n ? out->n : j->n) * sub->size);
    for (const struct json *it = j->first; it; it = it->next, item += sub->size)
        TRY(fill_object(f->a, it, sub, item, f->where));
    *out = list;
    return NULL;
}

static struct err *fill_dict_value(const struct fill *f, const struct json *j, struct jdict *dict,
                                   size_t i)
{
    struct where where = {f->where, j->key};
    struct fill inner = {f->a, f->field, &where};
    size_t size = f->field->sub->size;

    if (!(f->field->flags & J_DICT_LIST)) {
        memset((char *)dict->v + i * size, 0, size);
        return fill_object(f->a, j, f->field->sub, (char *)dict->v + i * size, &where);
    }
    ((struct jlist *)dict->v)[i] = (struct jlist){0};
    return j->type == JSON_NULL ? NULL : fill_list(&inner, j, (struct jlist *)dict->v + i);
}

static struct err *fill_members(const struct fill *f, const struct json *j, struct map *found,
                                struct jdict *out)
{
    for (const struct json *it = j->first; it; it = it->next) {
        size_t i = place_of(found, it->key, out->n);

        TRY(fill_dict_value(f, it, out, i));
        out->keys[i] = arena_strdup(f->a, it->key);
        out->n = map_count(found);
    }
    return NULL;
}

/* What was there before stays unless its key comes again: two equal keys of an object merge. */
static struct err *fill_dict(const struct fill *f, const struct json *j, struct jdict *out)
{
    bool has_lists = f->field->flags & J_DICT_LIST;
    size_t size = has_lists ? sizeof(struct jlist) : f->field->sub->size, room;
    struct jdict dict = {.n = out->n};
    struct map *found;
    struct err *e;

    if (j->type != JSON_OBJECT)
        return wrong(f->where, "struct", j);
    room = out->n + j->n;
    dict.keys = arena_array(f->a, room, sizeof(char *));
    dict.v = arena_array(f->a, room, size);
    found = map_create();
    for (size_t i = 0; i < out->n; i++) {
        dict.keys[i] = out->keys[i];
        place_of(found, dict.keys[i], i);
    }
    if (out->n)
        memcpy(dict.v, out->v, out->n * size);
    e = fill_members(f, j, found, &dict);
    map_destroy(found);
    if (!e)
        *out = dict;
    return e;
}

static struct err *fill_field(const struct fill *f, const struct json *j, void *p)
{
    switch (f->field->type) {
    case J_STR:
        return fill_str(f, j, p);
    case J_BOOL:
        return fill_bool(f, j, p);
    case J_TRI:
        return fill_tri(f, j, p);
    case J_INT:
        return fill_int(f, j, p);
    case J_I64:
        return fill_i64(f, j, p);
    case J_PTR_I64:
        return fill_ptr_i64(f, j, p);
    case J_F64:
        return fill_f64(f, j, p);
    case J_U32X2:
        return fill_u32x2(f, j, p);
    case J_STRS:
        return fill_strs(f, j, p);
    case J_PAIRS:
        return fill_pairs(f, j, p);
    case J_SET:
        return fill_set(f, j, p);
    case J_OBJ:
        return fill_object(f->a, j, f->field->sub, p, f->where);
    case J_PTR:
        return fill_ptr(f, j, p);
    case J_LIST:
        return fill_list(f, j, p);
    case J_DICT:
        return fill_dict(f, j, p);
    case J_RAW:
        *(char **)p = json_text(f->a, j);
        return NULL;
    }
    return NULL;
}

/* Go folds by Unicode: of all characters two more are a letter of ASCII, U+017F is an s and U+212A
 * is a k. Whoever looks at a request before us must not read another field than we do. */
static bool is_folded(const char *key, const char *name)
{
    for (; *name; name++) {
        char c = *name | 0x20;

        if (c == 's' && text_starts(key, "\xc5\xbf"))
            key += 2;
        else if (c == 'k' && text_starts(key, "\xe2\x84\xaa"))
            key += 3;
        else if (strncasecmp(key, name, 1) == 0)
            key++;
        else
            return false;
    }
    return *key == '\0';
}

const struct jfield *json_find_field(const struct jtable *t, const char *key)
{
    const struct jfield *any_case = NULL;

    for (const struct jfield *f = t->fields; f->key; f++) {
        if (!strcmp(f->key, key))
            return f;
        if (!any_case && is_folded(key, f->key))
            any_case = f;
    }
    return any_case;
}

/* Go's pointers, slices and maps become nil; for all other types null is no value. */
static void fill_null(const struct jfield *f, void *p)
{
    switch (f->type) {
    case J_TRI:
        *(int *)p = 0;
        break;
    case J_PTR:
    case J_PTR_I64:
    case J_RAW:
        *(void **)p = NULL;
        break;
    case J_STRS:
    case J_SET:
        *(struct strs *)p = (struct strs){0};
        break;
    case J_PAIRS:
        *(struct pairs *)p = (struct pairs){0};
        break;
    case J_LIST:
        *(struct jlist *)p = (struct jlist){0};
        break;
    case J_DICT:
        *(struct jdict *)p = (struct jdict){0};
        break;
    case J_OBJ:
        if (f->flags & J_NULL_OBJ)
            memset(p, 0, f->sub->size);
        break;
    default:
        break;
    }
}

static struct err *fill_member(struct arena *a, const struct jfield *f, const struct json *j,
                               void *out, const struct where *where)
{
    uint64_t unkept[4] = {0}; /* room for any type but J_OBJ */
    void *p = f->flags & J_UNKEPT ? (void *)unkept : (char *)out + f->offset;

    ASSERT(!(f->flags & J_UNKEPT) || f->type != J_OBJ);
    if (j->type != JSON_NULL)
        return fill_field(&(struct fill){a, f, where}, j, p);
    fill_null(f, p);
    return NULL;
}

static struct err *fill_object(struct arena *a, const struct json *j, const struct jtable *t,
                               void *out, const struct where *where)
{
    uint8_t times[FIELDS_MAX] = {0};

    if (j->type == JSON_NULL)
        return NULL;
    if (j->type != JSON_OBJECT)
        return wrong(where, "struct", j);
    for (const struct json *it = j->first; it; it = it->next) {
        const struct jfield *field = json_find_field(t, it->key);
        struct where inner = {where, field ? field->key : NULL};

        ASSERT(!field || field - t->fields < FIELDS_MAX);
        if (field && times[field - t->fields]++ == JSON_AGAIN_MAX)
            return err_new(ERR_INVALID, "invalid JSON: %s is there more than %d times", field->key,
                           JSON_AGAIN_MAX);
        if (field)
            TRY(fill_member(a, field, it, out, &inner));
    }
    return NULL;
}

struct err *json_decode(struct arena *a, const char *text, size_t len, const struct jtable *t,
                        void *out)
{
    autoarena struct arena *document = arena_create();
    const struct json *root;

    TRY(json_parse_in_place(document, text, len, &root));
    return json_fill(a, root, t, out);
}

struct err *json_fill(struct arena *a, const struct json *j, const struct jtable *t, void *out)
{
    return j ? fill_object(a, j, t, out, NULL) : NULL;
}
