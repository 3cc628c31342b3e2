/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON writer and table encoding. Pure; recursion follows our own tables, never input.
 * Trap: jw.needs_comma is the whole state; a value written behind the writer's back into
 * the buffer (instead of jw_raw) loses a comma.
 */
#include "base/json.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void quote_byte(struct buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
    const char *at = c ? strchr(from, c) : NULL;

    if (at) {
        char pair[2] = {'\\', into[at - from]};

        buf_add(out, pair, 2);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte)) /* of eight */
#define HAS_ZERO(w) (((w)-EACH(1)) & ~(w)&EACH(0x80))

/* Bytes that stand for themselves at the front, eight at a time: there may be a few more. */
static size_t count_plain(const char *s, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t w, below_space;

        memcpy(&w, s + i, 8);
        below_space = (w - EACH(' ')) & ~w;
        if (((w | below_space) & EACH(0x80)) | HAS_ZERO(w ^ EACH('"')) | HAS_ZERO(w ^ EACH('\\')))
            break;
    }
    return i;
}

void json_quote(struct buf *out, const char *s, size_t n)
{
    size_t i = 0;

    buf_putc(out, '"');
    while (i < n) {
        size_t from = i, len = 1;

        i += count_plain(s + i, n - i);
        while (i < n && (unsigned char)s[i] >= ' ' && s[i] != '"' && s[i] != '\\') {
            len = utf8_length(s + i, n - i);
            if (!len)
                break;
            i += len;
        }
        buf_add(out, s + from, i - from);
        if (i == n)
            break;
        if (len)
            quote_byte(out, (unsigned char)s[i]);
        else
            buf_puts(out, UTF8_REPLACEMENT);
        i++;
    }
    buf_putc(out, '"');
}

/* The comma and the key that come before a value. */
static void begin(struct jw *w, const char *key)
{
    if (w->needs_comma)
        buf_putc(w->out, ',');
    w->needs_comma = true;
    if (!key)
        return;
    json_quote(w->out, key, strlen(key));
    buf_putc(w->out, ':');
}

static void open_with(struct jw *w, const char *key, char bracket)
{
    begin(w, key);
    buf_putc(w->out, bracket);
    w->needs_comma = false;
}

static void close_with(struct jw *w, char bracket)
{
    buf_putc(w->out, bracket);
    w->needs_comma = true;
}

void jw_obj(struct jw *w, const char *key)
{
    open_with(w, key, '{');
}

void jw_obj_end(struct jw *w)
{
    close_with(w, '}');
}

void jw_arr(struct jw *w, const char *key)
{
    open_with(w, key, '[');
}

void jw_arr_end(struct jw *w)
{
    close_with(w, ']');
}

void jw_raw(struct jw *w, const char *key, const char *json)
{
    begin(w, key);
    buf_puts(w->out, json);
}

void jw_null(struct jw *w, const char *key)
{
    jw_raw(w, key, "null");
}

void jw_bool(struct jw *w, const char *key, bool value)
{
    jw_raw(w, key, value ? "true" : "false");
}

void jw_strn(struct jw *w, const char *key, const char *value, size_t n)
{
    begin(w, key);
    json_quote(w->out, value, n);
}

void jw_str(struct jw *w, const char *key, const char *value)
{
    jw_strn(w, key, value ? value : "", value ? strlen(value) : 0);
}

void jw_int(struct jw *w, const char *key, int64_t value)
{
    begin(w, key);
    buf_printf(w->out, "%lld", (long long)value);
}

/* The shortest text that reads back as the same number; null for what JSON cannot say. */
void jw_f64(struct jw *w, const char *key, double value)
{
    char text[40];

    if (!isfinite(value)) {
        jw_null(w, key);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    jw_raw(w, key, text);
}

void jw_strs(struct jw *w, const char *key, const struct strs *s)
{
    jw_arr(w, key);
    for (size_t i = 0; i < s->n; i++)
        jw_str(w, NULL, s->v[i]);
    jw_arr_end(w);
}

void jw_strs_or_null(struct jw *w, const char *key, const struct strs *s)
{
    if (s->v)
        jw_strs(w, key, s);
    else
        jw_null(w, key);
}

void jw_pairs(struct jw *w, const char *key, const struct pairs *p)
{
    jw_obj(w, key);
    for (size_t i = 0; i < p->n; i++)
        jw_str(w, p->v[i].key, p->v[i].value);
    jw_obj_end(w);
}

void jw_time(struct jw *w, const char *key, int64_t wall_ns)
{
    char text[RFC3339_MAX];

    clock_rfc3339(wall_ns, text);
    jw_str(w, key, text);
}

/* ---- tables ---- */

static void write_set(struct jw *w, const char *key, const struct strs *s)
{
    jw_obj(w, key);
    for (size_t i = 0; i < s->n; i++) {
        jw_obj(w, s->v[i]);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_list(struct jw *w, const char *key, const struct jlist *list,
                       const struct jtable *item)
{
    jw_arr(w, key);
    for (size_t i = 0; i < list->n; i++)
        jw_struct(w, NULL, item, (const char *)list->v + i * item->size);
    jw_arr_end(w);
}

static bool is_zero(const void *p, size_t n)
{
    const char *bytes = p;

    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

static void write_dict_value(struct jw *w, const struct jfield *f, const struct jdict *dict,
                             size_t i)
{
    const struct jlist *list = (const struct jlist *)dict->v + i;
    const char *item = (const char *)dict->v + i * f->sub->size;

    if (f->flags & J_DICT_LIST) {
        if (!list->v && (f->flags & J_NULL_ITEM))
            jw_null(w, dict->keys[i]);
        else
            write_list(w, dict->keys[i], list, f->sub);
    } else if ((f->flags & J_NULL_ITEM) && is_zero(item, f->sub->size)) {
        jw_null(w, dict->keys[i]);
    } else {
        jw_struct(w, dict->keys[i], f->sub, item);
    }
}

static void write_dict(struct jw *w, const struct jfield *f, const struct jdict *dict)
{
    jw_obj(w, f->key);
    for (size_t i = 0; i < dict->n; i++)
        write_dict_value(w, f, dict, i);
    jw_obj_end(w);
}

/* Absent means: no array or object at all. */
static bool is_absent(const struct jfield *f, const void *p)
{
    switch (f->type) {
    case J_STR:
    case J_RAW:
    case J_PTR:
    case J_PTR_I64:
        return !*(void *const *)p;
    case J_TRI:
        return !*(const int *)p;
    case J_STRS:
    case J_SET:
        return !((const struct strs *)p)->v;
    case J_PAIRS:
        return !((const struct pairs *)p)->v;
    case J_LIST:
        return !((const struct jlist *)p)->v;
    case J_DICT:
        return !((const struct jdict *)p)->v;
    default:
        return false;
    }
}

/* What Go's omitempty leaves out, and structs that are all zero. */
static bool is_empty(const struct jfield *f, const void *p)
{
    switch (f->type) {
    case J_STR:
        return text_is_empty(*(char *const *)p);
    case J_BOOL:
        return !*(const bool *)p;
    case J_INT:
        return !*(const int *)p;
    case J_I64:
        return !*(const int64_t *)p;
    case J_F64:
        return *(const double *)p == 0;
    case J_STRS:
    case J_SET:
        return !((const struct strs *)p)->n;
    case J_PAIRS:
        return !((const struct pairs *)p)->n;
    case J_LIST:
        return !((const struct jlist *)p)->n;
    case J_DICT:
        return !((const struct jdict *)p)->n;
    case J_U32X2:
        return is_zero(p, 2 * sizeof(uint32_t));
    case J_OBJ:
        return is_zero(p, f->sub->size);
    default:
        return is_absent(f, p);
    }
}

static bool is_null(const struct jfield *f, const void *p)
{
    switch (f->type) {
    case J_TRI:
    case J_RAW:
    case J_PTR:
    case J_PTR_I64:
        return is_absent(f, p);
    case J_STR:
        return (f->flags & J_NULL_STR) && is_absent(f, p);
    default:
        return (f->flags & J_NULL_LIST) && is_absent(f, p);
    }
}

static void write_value(struct jw *w, const struct jfield *f, const void *p)
{
    switch (f->type) {
    case J_STR:
        jw_str(w, f->key, *(char *const *)p);
        break;
    case J_BOOL:
        jw_bool(w, f->key, *(const bool *)p);
        break;
    case J_TRI:
        jw_bool(w, f->key, *(const int *)p > 0);
        break;
    case J_INT:
        jw_int(w, f->key, *(const int *)p);
        break;
    case J_I64:
        jw_int(w, f->key, *(const int64_t *)p);
        break;
    case J_PTR_I64:
        jw_int(w, f->key, **(const int64_t *const *)p);
        break;
    case J_F64:
        jw_f64(w, f->key, *(const double *)p);
        break;
    case J_U32X2:
        jw_arr(w, f->key);
        jw_int(w, NULL, ((const uint32_t *)p)[0]);
        jw_int(w, NULL, ((const uint32_t *)p)[1]);
        jw_arr_end(w);
        break;
    case J_STRS:
        jw_strs(w, f->key, p);
        break;
    case J_PAIRS:
        jw_pairs(w, f->key, p);
        break;
    case J_SET:
        write_set(w, f->key, p);
        break;
    case J_OBJ:
        jw_struct(w, f->key, f->sub, p);
        break;
    case J_PTR:
        jw_struct(w, f->key, f->sub, *(void *const *)p);
        break;
    case J_LIST:
        write_list(w, f->key, p, f->sub);
        break;
    case J_DICT:
        write_dict(w, f, p);
        break;
    case J_RAW:
        jw_raw(w, f->key, *(char *const *)p);
        break;
    }
}

void jw_fields(struct jw *w, const struct jtable *t, const void *s)
{
    for (const struct jfield *f = t->fields; f->key; f++) {
        const void *p = (const char *)s + f->offset;

        if (f->flags & J_UNKEPT || (f->flags & J_OMIT && is_empty(f, p)))
            continue;
        if (is_null(f, p))
            jw_null(w, f->key);
        else
            write_value(w, f, p);
    }
}

void jw_struct(struct jw *w, const char *key, const struct jtable *t, const void *s)
{
    jw_obj(w, key);
    jw_fields(w, t, s);
    jw_obj_end(w);
}

char *json_encode(struct arena *a, const struct jtable *t, const void *s)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_struct(&w, NULL, t, s);
    return arena_strndup(a, b.data, b.len);
}
