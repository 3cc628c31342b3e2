/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of templates: making nodes and printing them as Go's fmt does. Pure.
 * Trap: JSON does not say whether an object was a Go struct or a map, nor what kind of nil a null
 * was. Structs are told by their keys (all of them Go identifiers), nils by their well-known names.
 */
#include "template_inner.h"

#include <stdlib.h>
#include <string.h>

static const struct json *parse_own(struct arena *a, const char *text)
{
    const struct json *j = NULL;

    err_drop(json_parse(a, arena_strdup(a, text), strlen(text), &j));
    return j;
}

const struct json *value_of_text(struct arena *a, const char *s)
{
    autobuf struct buf b = {0};

    json_quote(&b, s, strlen(s));
    return parse_own(a, b.data);
}

const struct json *value_of_int(struct arena *a, int64_t v)
{
    return parse_own(a, arena_printf(a, "%lld", (long long)v));
}

const struct json *value_of_bool(struct arena *a, bool v)
{
    return parse_own(a, v ? "true" : "false");
}

bool value_is_true(const struct json *j)
{
    switch (json_type(j)) {
    case JSON_BOOL:
        return json_bool(j);
    case JSON_NUMBER:
        return json_num(j) != 0;
    case JSON_STRING:
        return json_str(j)[0] != '\0';
    case JSON_ARRAY:
        return json_len(j) > 0;
    case JSON_OBJECT:
        return json_len(j) > 0;
    default:
        return false;
    }
}

static int by_key(const void *a, const void *b)
{
    return strcmp(json_key(*(const struct json *const *)a),
                  json_key(*(const struct json *const *)b));
}

const struct json **value_sorted(struct arena *a, const struct json *j)
{
    size_t n = json_len(j), i = 0;
    const struct json **v = arena_array(a, n + 1, sizeof(*v));

    for (const struct json *m = json_first(j); m; m = json_next(m))
        v[i++] = m;
    if (n)
        qsort(v, n, sizeof(*v), by_key);
    return v;
}

static bool looks_like_struct(const struct json *j)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    for (const struct json *m = json_first(j); m; m = json_next(m)) {
        const char *key = json_key(m);

        if (!key[0] || !strchr(upper, key[0]) || key[strspn(key, word)])
            return false;
    }
    return json_len(j) > 0;
}

static bool is_map_name(const char *key)
{
    static const char *const names[] = {
        "Volumes", "Labels", "ExposedPorts", "PortBindings", "Ports",    "DriverOpts", "Options",
        "Sysctls", "Tmpfs",  "StorageOpt",   "Annotations",  "Networks", "Attributes", "Data"};

    for (size_t i = 0; key && i < ARRAY_LEN(names); i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

bool value_is_map(const struct json *j)
{
    return json_type(j) == JSON_OBJECT && is_map_name(json_key(j));
}

static const char *nil_text(const char *key)
{
    static const char *const pointers[] = {
        "MemorySwappiness", "OomKillDisable", "PidsLimit", "Init",   "Health",    "Healthcheck",
        "StopTimeout",      "IPAMConfig",     "UsageData", "SizeRw", "SizeRootFs"};

    if (!key)
        return "<no value>";
    if (is_map_name(key))
        return "map[]";
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        if (strcmp(key, pointers[i]) == 0)
            return "<nil>";
    return "[]";
}

static void print_number(const struct json *j, struct buf *out)
{
    double d = json_num(j);

    if (d > -9e18 && d < 9e18 && (double)(int64_t)d == d)
        buf_printf(out, "%lld", (long long)json_int(j));
    else
        buf_printf(out, "%g", d);
}

static void print_object(struct arena *a, const struct json *j, struct buf *out)
{
    const char *sep = "";

    if (looks_like_struct(j)) {
        buf_putc(out, '{');
        for (const struct json *m = json_first(j); m; m = json_next(m), sep = " ") {
            buf_puts(out, sep);
            value_print(a, m, out);
        }
        buf_putc(out, '}');
        return;
    }
    buf_puts(out, "map[");
    for (const struct json **m = value_sorted(a, j); *m; m++, sep = " ") {
        buf_printf(out, "%s%s:", sep, json_key(*m));
        if (json_type(*m) == JSON_OBJECT && !json_len(*m))
            buf_puts(out, "{}"); /* the sets of the API: map[string]struct{} */
        else
            value_print(a, *m, out);
    }
    buf_putc(out, ']');
}

/* The depth is bounded by JSON_DEPTH_MAX. */
void value_print(struct arena *a, const struct json *j, struct buf *out)
{
    const char *sep = "";

    switch (json_type(j)) {
    case JSON_STRING:
        buf_puts(out, json_str(j));
        break;
    case JSON_BOOL:
        buf_puts(out, json_bool(j) ? "true" : "false");
        break;
    case JSON_NUMBER:
        print_number(j, out);
        break;
    case JSON_ARRAY:
        buf_putc(out, '[');
        for (const struct json *m = json_first(j); m; m = json_next(m), sep = " ") {
            buf_puts(out, sep);
            value_print(a, m, out);
        }
        buf_putc(out, ']');
        break;
    case JSON_OBJECT:
        print_object(a, j, out);
        break;
    default:
        buf_puts(out, nil_text(j ? json_key(j) : NULL));
    }
}

char *value_text(struct arena *a, const struct json *j)
{
    autobuf struct buf b = {0};

    value_print(a, j, &b);
    return arena_strndup(a, b.data ? b.data : "", b.len);
}
