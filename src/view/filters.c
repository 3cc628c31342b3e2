/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and matching of filters. Pure. */
#include "view/filters.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static bool is_known(const char *const *known, const char *key)
{
    for (; *known; known++)
        if (!strcmp(*known, key))
            return true;
    return false;
}

/* As Go reads them, null is "" in a list, and false in a map. */
static struct err *read_value(struct arena *a, const struct json *node, const struct json *v,
                              struct strs *out)
{
    bool is_list = json_type(node) == JSON_ARRAY;

    if (json_type(v) != JSON_NULL && json_type(v) != (is_list ? JSON_STRING : JSON_BOOL))
        return err_new(ERR_INVALID, "invalid filter '%.100s': a value is no %s", json_key(node),
                       is_list ? "text" : "boolean");
    if (is_list)
        strs_add(a, out, json_str(v) ? json_str(v) : "");
    else if (json_bool(v))
        strs_add(a, out, json_key(v));
    return NULL;
}

static struct err *read_values(struct arena *a, const struct json *node, struct strs *out)
{
    enum json_type type = json_type(node);

    *out = (struct strs){0};
    if (type != JSON_ARRAY && type != JSON_OBJECT && type != JSON_NULL)
        return err_new(ERR_INVALID, "invalid filter '%.100s': neither a list nor a map",
                       json_key(node));
    for (const struct json *v = json_first(node); v; v = json_next(v))
        TRY(read_value(a, node, v, out));
    return NULL;
}

/* Of equal keys the last one counts, as in Go. */
static struct filter *slot_of(struct filters *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->v[i].key, key))
            return &f->v[i];
    return &f->v[f->n++];
}

static size_t n_known(const char *const *known)
{
    size_t n = 0;

    while (known[n])
        n++;
    return n;
}

struct err *filters_parse(struct arena *a, const char *json, const char *const *known,
                          struct filters *out)
{
    const struct json *doc;
    struct filters f = {0};
    size_t n_values = 0;
    struct err *err;

    *out = f;
    if (!*json)
        return NULL;
    err = json_parse(a, json, strlen(json), &doc);
    if (!err && json_type(doc) != JSON_OBJECT && json_type(doc) != JSON_NULL)
        err = err_new(ERR_INVALID, "filters is not an object");
    if (err)
        return err_as(err_wrap(err, "invalid filter"), ERR_INVALID);
    f.v = arena_array(a, n_known(known) + 1, sizeof(*f.v));
    for (const struct json *k = json_first(doc); k; k = json_next(k)) {
        struct filter *slot;

        if (!is_known(known, json_key(k)))
            return err_new(ERR_INVALID, "invalid filter '%.100s'", json_key(k));
        slot = slot_of(&f, json_key(k));
        slot->key = arena_strdup(a, json_key(k));
        TRY(read_values(a, k, &slot->values));
        n_values += slot->values.n;
    }
    if (n_values > FILTER_VALUES_MAX)
        return err_new(ERR_INVALID, "invalid filter: %zu values, at most %d work", n_values,
                       FILTER_VALUES_MAX);
    *out = f;
    return NULL;
}

const struct strs *filters_get(const struct filters *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->v[i].key, key) && f->v[i].values.n > 0)
            return &f->v[i].values;
    return NULL;
}

bool filters_has(const struct filters *f, const char *key, const char *value)
{
    const struct strs *values = filters_get(f, key);

    return !values || strs_has(values, value);
}

bool filters_has_prefix_of(const struct filters *f, const char *key, const char *value)
{
    const struct strs *values = filters_get(f, key);

    for (size_t i = 0; values && i < values->n; i++)
        if (text_starts(value, values->v[i]))
            return true;
    return !values;
}

bool filters_match_labels(const struct filters *f, const struct pairs *labels)
{
    const struct strs *wanted = filters_get(f, "label"), *unwanted = filters_get(f, "label!");

    return (!wanted || pairs_match_all(labels, wanted)) &&
           !(unwanted && pairs_match_any(labels, unwanted));
}

/* All values must say the same, as in Docker. */
struct err *filters_bool(const struct filters *f, const char *key, bool *out)
{
    const struct strs *values = filters_get(f, key);
    bool value = false, other;

    if (!values)
        return NULL;
    for (size_t i = 0; i < values->n; i++)
        if (!text_to_bool(values->v[i], i ? &other : &value) || (i && other != value))
            return err_new(ERR_INVALID, "invalid filter '%s=[%.100s]'", key, values->v[i]);
    *out = value;
    return NULL;
}

struct err *filters_until(const struct filters *f, int64_t *out_ns)
{
    const struct strs *values = filters_get(f, "until");
    int64_t ns;

    *out_ns = 0;
    if (!values)
        return NULL;
    if (values->n > 1)
        return err_new(ERR_INVALID, "more than one until filter specified");
    if (clock_from_duration(values->v[0], &ns))
        *out_ns = clock_wall_ns() - ns;
    else if (!clock_from_unix(values->v[0], out_ns) && !clock_from_rfc3339(values->v[0], out_ns))
        return err_new(ERR_INVALID, "invalid filter 'until=%s'", values->v[0]);
    return NULL;
}
