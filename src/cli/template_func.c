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

/* One verb: flags and width are kept, %s %v %d %q and %t are known. */
static void print_verb(struct arena *a, const char *spec, size_t len, const struct json *arg,
                       struct buf *out)
{
    autobuf struct buf quoted = {0};
    const char *text = arg ? value_text(a, arg) : "%!(NOVERB)";
    char verb = spec[len - 1];
    bool left = len > 2 && spec[1] == '-';
    int64_t width = 0;
    int pad;

    if (verb == 'q') {
        json_quote(&quoted, text, strlen(text));
        text = quoted.data;
    }
    text_to_i64(arena_strndup(a, spec + 1 + left, len - 2 - left), &width);
    width = width < 0 ? 0 : width > 1000 ? 1000 : width;
    pad = (int)width - (int)strlen(text);
    if (pad > 0 && !left)
        buf_printf(out, "%*s", pad, "");
    buf_puts(out, text);
    if (pad > 0 && left)
        buf_printf(out, "%*s", pad, "");
}

static struct err *call_printf(struct arena *a, const struct args *args, const struct json **out)
{
    autobuf struct buf b = {0};
    const char *f = json_str(args->v[0]);
    size_t next = 1;

    for (; f && *f; f++) {
        size_t len;

        if (*f != '%') {
            buf_putc(&b, *f);
            continue;
        }
        len = 1 + strspn(f + 1, "-0123456789.");
        if (f[len] == '%') {
            buf_putc(&b, '%');
        } else if (!f[len] || !strchr("svdqtxg", f[len])) {
            return err_new(ERR_INVALID, "printf: the verb in \"%s\" is not supported", f);
        } else {
            print_verb(a, f, len + 1, next < args->n ? args->v[next] : NULL, &b);
            next++;
        }
        f += len;
    }
    *out = value_of_text(a, b.data ? b.data : "");
    return NULL;
}

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
    {"json", 1, call_json},   {"index", 1, call_index},     {"len", 1, call_len},
    {"upper", 1, call_upper}, {"lower", 1, call_lower},     {"title", 1, call_title},
    {"join", 2, call_join},   {"split", 2, call_split},     {"truncate", 2, call_truncate},
    {"print", 0, call_print}, {"println", 0, call_println}, {"printf", 1, call_printf},
    {"eq", 2, call_eq},       {"ne", 2, call_ne},           {"lt", 2, call_lt},
    {"le", 2, call_le},       {"gt", 2, call_gt},           {"ge", 2, call_ge},
    {"not", 1, call_not},     {"and", 1, call_and},         {"or", 1, call_or},
};

const struct function *function_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
            return &functions[i];
    return NULL;
}
