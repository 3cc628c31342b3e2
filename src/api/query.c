/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings: application/x-www-form-urlencoded, read as Go's net/url reads them. Pure. */
#include "query.h"

#include <string.h>

#include "base/clock.h"

static struct err *parse_pair(struct arena *a, const char *s, size_t n, struct pair *out)
{
    const char *eq = memchr(s, '=', n);
    size_t name_len = eq ? (size_t)(eq - s) : n;

    TRY(text_from_query(a, s, name_len, &out->key));
    return text_from_query(a, eq ? eq + 1 : "", eq ? n - name_len - 1 : 0, &out->value);
}

static size_t count_pairs(const char *s)
{
    size_t n = 1;

    for (; *s; s++)
        n += *s == '&';
    return n;
}

struct err *query_parse(struct arena *a, const char *text, struct query *out)
{
    size_t room = count_pairs(text);
    struct query q = {0};

    if (room > QUERY_PARAMS_MAX)
        return err_new(ERR_INVALID, "too many query parameters");
    q.v = arena_array(a, room, sizeof(*q.v));
    if (strchr(text, ';')) /* others read it as '&': nobody may be told what it is not */
        return err_new(ERR_INVALID, "invalid semicolon separator in query");
    while (*text) {
        size_t n = strcspn(text, "&");

        if (n > 0)
            TRY(parse_pair(a, text, n, &q.v[q.n++]));
        text += n + (text[n] == '&');
    }
    *out = q;
    return NULL;
}

static const char *find(const struct query *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (!strcmp(q->v[i].key, name))
            return q->v[i].value;
    return NULL;
}

const char *query_get(const struct query *q, const char *name)
{
    const char *value = find(q, name);

    return value ? value : "";
}

struct strs query_all(struct arena *a, const struct query *q, const char *name)
{
    struct strs all = {0};

    for (size_t i = 0; i < q->n; i++)
        if (!strcmp(q->v[i].key, name))
            strs_add(a, &all, q->v[i].value);
    return all;
}

/* Docker's httputils.BoolValue. */
bool query_is_true(const struct query *q, const char *name)
{
    return text_is_true(query_get(q, name));
}

struct err *query_i64(const struct query *q, const char *name, int64_t if_absent, int64_t *out)
{
    const char *value = query_get(q, name);

    if (!*value) {
        *out = if_absent;
        return NULL;
    }
    if (!text_to_i64(value, out))
        return err_new(ERR_INVALID, "invalid value for %s: \"%s\" is not a number", name, value);
    return NULL;
}

struct err *query_time(const struct query *q, const char *name, int64_t *out_ns)
{
    const char *value = query_get(q, name);

    if (!clock_from_unix(value, out_ns))
        return err_new(ERR_INVALID, "invalid value for \"%s\": failed to parse timestamp \"%s\"",
                       name, value);
    return NULL;
}
