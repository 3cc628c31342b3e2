/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of templates: Docker's own (json, join, upper, …) and Go's (index, eq, …). Pure. */
#include "template_inner.h"

#include <ctype.h>
#include <string.h>

static struct err *call_json(struct arena *a, const struct args *args, const struct json **out)
{
    const struct json *j = args->v[0];
    autobuf struct buf b = {0};

    if (json_type(j) == JSON_OBJECT && json_get(j, ".labels")) { /* a row: hide our extras */
        struct jw w = {.out = &b};

        jw_obj(&w, NULL);
        for (const struct json **m = value_sorted(a, j); *m; m++)
            if (json_key(*m)[0] != '.')
                jw_raw(&w, json_key(*m), json_text(a, *m));
        jw_obj_end(&w);
        *out = value_of_text(a, b.data);
    } else {
        *out = value_of_text(a, j ? json_text(a, j) : "null");
    }
    return NULL;
}

static const struct json *index_object(struct arena *a, const struct json *j, const char *key)
{
    for (const struct json *m = json_first(j); m; m = json_next(m))
        if (strcmp(json_key(m), key) == 0)
            return m;
    /* A missing entry of a map of strings is Go's zero value. */
    if (!json_first(j) || json_type(json_first(j)) == JSON_STRING)
        return value_of_text(a, "");
    return NULL;
}

static struct err *call_index(struct arena *a, const struct args *args, const struct json **out)
{
    const struct json *j = args->v[0];

    for (size_t i = 1; i < args->n; i++) {
        const struct json *k = args->v[i];

        if (json_type(j) == JSON_ARRAY && json_type(k) == JSON_NUMBER) {
            int64_t at = json_int(k);

            if (at < 0 || at >= (int64_t)json_len(j))
                return err_new(ERR_INVALID, "error calling index: index out of range: %lld",
                               (long long)at);
            for (j = json_first(j); at > 0; at--)
                j = json_next(j);
        } else if (json_type(j) == JSON_OBJECT && json_str(k)) {
            j = index_object(a, j, json_str(k));
        } else if (json_type(j) == JSON_NULL) {
            return err_new(ERR_INVALID, "error calling index: index of untyped nil");
        } else {
            return err_new(ERR_INVALID, "error calling index: cannot index %s", value_text(a, j));
        }
    }
    *out = j;
    return NULL;
}

static struct err *call_len(struct arena *a, const struct args *args, const struct json **out)
{
    const struct json *j = args->v[0];
    size_t n = json_str(j) ? strlen(json_str(j)) : json_len(j);

    if (json_type(j) == JSON_NUMBER || json_type(j) == JSON_BOOL)
        return err_new(ERR_INVALID, "error calling len: len of type %s",
                       json_type(j) == JSON_BOOL ? "bool" : "int");
    *out = value_of_int(a, (int64_t)n);
    return NULL;
}

static struct err *change_case(struct arena *a, const struct args *args, int (*f)(int),
                               const struct json **out)
{
    char *s = value_text(a, args->v[0]);

    for (char *p = s; *p; p++)
        *p = (char)f((unsigned char)*p);
    *out = value_of_text(a, s);
    return NULL;
}

static struct err *call_upper(struct arena *a, const struct args *args, const struct json **out)
{
    return change_case(a, args, toupper, out);
}

static struct err *call_lower(struct arena *a, const struct args *args, const struct json **out)
{
    return change_case(a, args, tolower, out);
}

static struct err *call_title(struct arena *a, const struct args *args, const struct json **out)
{
    char *s = value_text(a, args->v[0]);

    for (char *p = s; *p; p++)
        if (p == s || p[-1] == ' ')
            *p = (char)toupper((unsigned char)*p);
    *out = value_of_text(a, s);
    return NULL;
}

static struct err *call_join(struct arena *a, const struct args *args, const struct json **out)
{
    autobuf struct buf b = {0};
    const char *sep = json_str(args->v[1]);

    for (const struct json *m = json_first(args->v[0]); m; m = json_next(m)) {
        if (m != json_first(args->v[0]))
            buf_puts(&b, sep ? sep : "");
        value_print(a, m, &b);
    }
    *out = value_of_text(a, b.data ? b.data : "");
    return NULL;
}

static struct err *call_split(struct arena *a, const struct args *args, const struct json **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const char *s = value_text(a, args->v[0]), *sep = value_text(a, args->v[1]), *at;
    char *text;

    jw_arr(&w, NULL);
    while (sep[0] && (at = strstr(s, sep))) {
        jw_strn(&w, NULL, s, (size_t)(at - s));
        s = at + strlen(sep);
    }
    jw_str(&w, NULL, s);
    jw_arr_end(&w);
    text = arena_strndup(a, b.data, b.len);
    return json_parse(a, text, b.len, out);
}

static struct err *call_truncate(struct arena *a, const struct args *args, const struct json **out)
{
    const char *s = value_text(a, args->v[0]);
    int64_t n = json_int(args->v[1]);
    size_t len = strlen(s);

    *out = value_of_text(a, n >= 0 && (size_t)n < len ? arena_strndup(a, s, (size_t)n) : s);
    return NULL;
}

static struct err *call_print(struct arena *a, const struct args *args, const struct json **out)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < args->n; i++) {
        if (i && !json_str(args->v[i]) && !json_str(args->v[i - 1]))
            buf_putc(&b, ' ');
        value_print(a, args->v[i], &b);
    }
    *out = value_of_text(a, b.data ? b.data : "");
    return NULL;
}

static struct err *call_println(struct arena *a, const struct args *args, const struct json **out)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < args->n; i++) {
        if (i)
            buf_putc(&b, ' ');
        value_print(a, args->v[i], &b);
    }
    buf_putc(&b, '\n');
    *out = value_of_text(a, b.data);
    return NULL;
}

/* ---- parts ---- */

static struct err *bound_of(const struct args *args, size_t n, size_t len, size_t if_absent,
                            size_t *out)
{
    int64_t at = n < args->n ? json_int(args->v[n]) : (int64_t)if_absent;

    if (n < args->n && json_type(args->v[n]) != JSON_NUMBER)
        return err_new(ERR_INVALID, "error calling slice: cannot index slice/array with type %s",
                       json_str(args->v[n]) ? "string" : "nil");
    if (at < 0 || at > (int64_t)len)
        return err_new(ERR_INVALID, "error calling slice: index out of range: %lld", (long long)at);
    *out = (size_t)at;
    return NULL;
}

static struct err *part_of_list(struct arena *a, const struct json *list, size_t from, size_t to,
                                const struct json **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    size_t i = 0;

    jw_arr(&w, NULL);
    for (const struct json *m = json_first(list); m && i < to; m = json_next(m), i++)
        if (i >= from)
            jw_raw(&w, NULL, json_text(a, m));
    jw_arr_end(&w);
    return json_parse(a, arena_strndup(a, b.data, b.len), b.len, out);
}

static struct err *call_slice(struct arena *a, const struct args *args, const struct json **out)
{
    const struct json *j = args->v[0];
    const char *s = json_str(j);
    size_t len = s ? strlen(s) : json_len(j), from, to;

    if (!s && json_type(j) != JSON_ARRAY)
        return err_new(ERR_INVALID, "error calling slice: can't slice item of type %s",
                       json_type(j) == JSON_NULL ? "nil" : "that");
    if (args->n > 3)
        return err_new(ERR_INVALID, "error calling slice: too many slice indexes: %zu",
                       args->n - 1);
    TRY(bound_of(args, 1, len, 0, &from));
    TRY(bound_of(args, 2, len, len, &to));
    if (from > to)
        return err_new(ERR_INVALID, "error calling slice: invalid slice index: %zu > %zu", from,
                       to);
    if (!s)
        return part_of_list(a, j, from, to, out);
    *out = value_of_text(a, arena_strndup(a, s + from, to - from));
    return NULL;
}

#define PAD_MAX 1000

/* Nothing around nothing, as Docker does it. */
static struct err *call_pad(struct arena *a, const struct args *args, const struct json **out)
{
    const char *s = value_text(a, args->v[0]);
    int64_t before = json_int(args->v[1]), after = json_int(args->v[2]);

    if (before < 0 || after < 0 || before > PAD_MAX || after > PAD_MAX)
        return err_new(ERR_INVALID, "error calling pad: 0 to %d blanks work", PAD_MAX);
    *out =
        value_of_text(a, *s ? arena_printf(a, "%*s%s%*s", (int)before, "", s, (int)after, "") : "");
    return NULL;
}

/* ---- escapes ---- */

struct escape {
    char c;
    const char *with;
};

static char *escaped(struct arena *a, const struct args *args, const struct escape *escapes)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < args->n; i++) {
        for (const char *s = value_text(a, args->v[i]); *s; s++) {
            const struct escape *e = escapes;

            while (e->with && e->c != *s)
                e++;
            if (e->with)
                buf_puts(&b, e->with);
            else
                buf_putc(&b, *s);
        }
    }
    return arena_strndup(a, b.data ? b.data : "", b.len);
}

static struct err *call_html(struct arena *a, const struct args *args, const struct json **out)
{
    static const struct escape escapes[] = {{'"', "&#34;"}, {'\'', "&#39;"}, {'&', "&amp;"},
                                            {'<', "&lt;"},  {'>', "&gt;"},   {0, NULL}};

    *out = value_of_text(a, escaped(a, args, escapes));
    return NULL;
}

static struct err *call_js(struct arena *a, const struct args *args, const struct json **out)
{
    static const struct escape escapes[] = {{'\\', "\\\\"},   {'\'', "\\'"},     {'"', "\\\""},
                                            {'<', "\\u003C"}, {'>', "\\u003E"},  {'&', "\\u0026"},
                                            {'=', "\\u003D"}, {'\n', "\\u000A"}, {0, NULL}};

    *out = value_of_text(a, escaped(a, args, escapes));
    return NULL;
}

static struct err *call_urlquery(struct arena *a, const struct args *args, const struct json **out)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    autobuf struct buf b = {0};

    for (size_t i = 0; i < args->n; i++) {
        for (const char *s = value_text(a, args->v[i]); *s; s++) {
            if (*s == ' ')
                buf_putc(&b, '+');
            else if (strchr(plain, *s))
                buf_putc(&b, *s);
            else
                buf_printf(&b, "%%%02X", (unsigned char)*s);
        }
    }
    *out = value_of_text(a, b.data ? b.data : "");
    return NULL;
}

/* ---- comparing ---- */

static int compare(struct arena *a, const struct json *x, const struct json *y)
{
    if (json_type(x) == JSON_NUMBER && json_type(y) == JSON_NUMBER)
        return json_num(x) < json_num(y) ? -1 : json_num(x) > json_num(y);
    return strcmp(value_text(a, x), value_text(a, y));
}

static struct err *call_eq(struct arena *a, const struct args *args, const struct json **out)
{
    bool same = false;

    for (size_t i = 1; i < args->n; i++)
        same |= compare(a, args->v[0], args->v[i]) == 0;
    *out = value_of_bool(a, same);
    return NULL;
}

#define COMPARISON(name, op)                                                                       \
    static struct err *call_##name(struct arena *a, const struct args *args,                       \
                                   const struct json **out)                                        \
    {                                                                                              \
        *out = value_of_bool(a, compare(a, args->v[0], args->v[1]) op 0);                          \
        return NULL;                                                                               \
    }
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)

static struct err *call_not(struct arena *a, const struct args *args, const struct json **out)
{
    *out = value_of_bool(a, !value_is_true(args->v[0]));
    return NULL;
}

static struct err *call_and(struct arena *a, const struct args *args, const struct json **out)
{
    size_t i = 0;

    (void)a;
    while (i + 1 < args->n && value_is_true(args->v[i]))
        i++;
    *out = args->v[i];
    return NULL;
}

static struct err *call_or(struct arena *a, const struct args *args, const struct json **out)
{
    size_t i = 0;

    (void)a;
    while (i + 1 < args->n && !value_is_true(args->v[i]))
        i++;
    *out = args->v[i];
    return NULL;
}

static const struct function functions[] = {
    {"json", 1, call_json},
    {"index", 1, call_index},
    {"len", 1, call_len},
    {"upper", 1, call_upper},
    {"lower", 1, call_lower},
    {"title", 1, call_title},
    {"join", 2, call_join},
    {"split", 2, call_split},
    {"truncate", 2, call_truncate},
    {"print", 0, call_print},
    {"println", 0, call_println},
    {"printf", 1, call_printf},
    {"eq", 2, call_eq},
    {"ne", 2, call_ne},
    {"lt", 2, call_lt},
    {"le", 2, call_le},
    {"gt", 2, call_gt},
    {"ge", 2, call_ge},
    {"not", 1, call_not},
    {"and", 1, call_and},
    {"or", 1, call_or},
    {"slice", 1, call_slice},
    {"pad", 3, call_pad},
    {"html", 1, call_html},
    {"js", 1, call_js},
    {"urlquery", 1, call_urlquery},
};

const struct function *function_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
            return &functions[i];
    return NULL;
}
