/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: `.A.B`, `$x.A`, `(index .X 0).Y`, literals, functions, `|`. Evaluated while it is
 * read; parentheses nest at most TEMPLATE_DEPTH_MAX deep. Pure.
 */
#include "template_inner.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char name_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t\n");
}

/* Fields of Go structs that JSON leaves out when empty: absent is nil there, not an error. */
static bool is_optional(const char *key)
{
    static const char *const names[] = {"Health",      "Healthcheck", "StopTimeout", "OnBuild",
                                        "Shell",       "StopSignal",  "SizeRw",      "SizeRootFs",
                                        "Annotations", "Mounts",      "UsageData",   "Status",
                                        "Driver",      "ExposedPorts"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

static bool is_pointer(const char *key)
{
    static const char *const names[] = {"Health", "Healthcheck", "StopTimeout", "SizeRw",
                                        "SizeRootFs"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

/* It is printed by its name. */
static const struct json *nil_of(struct arena *a, const char *key)
{
    const char *text = arena_printf(a, "{\"%s\":null}", key);
    const struct json *j = NULL;

    err_drop(json_parse(a, text, strlen(text), &j));
    return json_first(j);
}

static const struct json *member_of_map(const struct json *map, const char *key)
{
    const struct json *found = NULL;

    for (const struct json *m = json_first(map); m; m = json_next(m))
        if (strcmp(json_key(m), key) == 0)
            found = m;
    return found;
}

static struct err *field(struct scope *s, const struct json *j, const char *key,
                         const struct json **out)
{
    const struct json *value = value_is_map(j) ? member_of_map(j, key) : json_get(j, key);

    if (!value && is_pointer(key) && json_type(j) == JSON_OBJECT && !value_is_map(j))
        value = nil_of(s->a, key);
    if (!value && !s->is_test && !value_is_map(j) && json_type(j) != JSON_NULL &&
        !is_optional(key)) {
        if (json_get(s->root, ".labels"))
            return err_new(ERR_INVALID, "executing \"\" at <.%s>: can't evaluate field %s", key,
                           key);
        return err_new(ERR_INVALID, "executing \"\" at <.%s>: map has no entry for key \"%s\"", key,
                       key);
    }
    *out = value;
    return NULL;
}

/* ".A.B" after a value. */
static struct err *chain(struct scope *s, const char **at, const struct json **value)
{
    while (**at == '.') {
        size_t len = strspn(*at + 1, name_letters);

        if (!len)
            return err_new(ERR_INVALID, "unexpected <.> in operand");
        TRY(field(s, *value, arena_strndup(s->a, *at + 1, len), value));
        *at += 1 + len;
    }
    return NULL;
}

static struct err *variable(struct scope *s, const char **at, const struct json **out)
{
    size_t len = 1 + strspn(*at + 1, name_letters);
    const char *name = arena_strndup(s->a, *at, len);

    *at += len;
    if (len == 1) {
        *out = s->root;
        return NULL;
    }
    for (struct variable *v = s->variables; v; v = v->older) {
        if (strcmp(v->name, name) == 0) {
            *out = v->value;
            return NULL;
        }
    }
    return err_new(ERR_INVALID, "undefined variable \"%s\"", name);
}

/* What follows a backslash; *at is moved to its last character. */
static void put_escape(const char **at, struct buf *out)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    const char *letter = **at ? strchr(letters, **at) : NULL;
    size_t digits = **at == 'x' ? 2 : **at == 'u' ? 4 : **at == 'U' ? 8 : 0;
    char utf8[4];

    if (letter) {
        buf_putc(out, values[letter - letters]);
    } else if (digits && strspn(*at + 1, "0123456789abcdefABCDEF") >= digits) {
        char hex[9] = "";
        uint32_t rune;

        memcpy(hex, *at + 1, digits);
        rune = (uint32_t)strtoul(hex, NULL, 16);
        if (digits == 2)
            buf_putc(out, (char)rune);
        else
            buf_add(out, utf8, utf8_write(rune > 0x10ffff ? 0xfffd : rune, utf8));
        *at += digits;
    } else {
        buf_putc(out, **at);
    }
}

static struct err *unquote(const char **at, struct buf *out)
{
    char quote = *(*at)++;

    for (; **at && **at != quote; (*at)++) {
        if (quote != '`' && **at == '\\' && (*at)[1]) {
            (*at)++;
            put_escape(at, out);
        } else {
            buf_putc(out, **at);
        }
    }
    if (!**at)
        return err_new(ERR_INVALID, "unterminated quoted string");
    (*at)++;
    return NULL;
}

static struct err *quoted(struct scope *s, const char **at, const struct json **out)
{
    autobuf struct buf b = {0};

    TRY(unquote(at, &b));
    *out = value_of_text(s->a, b.data ? b.data : "");
    return NULL;
}

/* 'a' is a number. */
static struct err *character(struct scope *s, const char **at, const struct json **out)
{
    autobuf struct buf b = {0};

    TRY(unquote(at, &b));
    if (!b.len || utf8_length(b.data, b.len) != b.len)
        return err_new(ERR_INVALID, "malformed character constant");
    *out = value_of_int(s->a, utf8_value(b.data, b.len));
    return NULL;
}

/* As in Go: 10, 1_000, 0x1f, 1.5, 1e3. */
static struct err *number(struct scope *s, const char **at, const struct json **out)
{
    const char *from = *at, *digits = from + (*from == '-' || *from == '+');
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    size_t len = (size_t)(digits - from) + (is_hex ? 2 : 0);
    autobuf struct buf b = {0};
    const struct json *value = NULL;

    len += strspn(from + len, is_hex ? "0123456789abcdefABCDEF_" : "0123456789._");
    if (!is_hex && (from[len] == 'e' || from[len] == 'E')) {
        len += 1 + (from[len + 1] == '-' || from[len + 1] == '+');
        len += strspn(from + len, "0123456789");
    }
    for (const char *p = from + (*from == '+'); p < from + len; p++)
        if (*p != '_')
            buf_putc(&b, *p);
    *at += len;
    if (is_hex)
        value = value_of_int(s->a, strtoll(b.data, NULL, 16));
    else if (b.data)
        err_drop(json_parse(s->a, arena_strdup(s->a, b.data), b.len, &value));
    if (!value)
        return err_new(ERR_INVALID, "bad number syntax: \"%.*s\"", (int)len, from);
    *out = value;
    return NULL;
}

static struct err *pipeline(struct scope *s, const char **at, const struct json **out);

static struct err *call(struct scope *s, const struct function *f, const struct args *args,
                        const struct json **out)
{
    if (args->n < f->min_args)
        return err_new(ERR_INVALID, "wrong number of args for %s: want %zu got %zu", f->name,
                       f->min_args, args->n);
    return f->call(s->a, args, out);
}

static struct err *word(struct scope *s, const char **at, const struct json **out)
{
    size_t len = strspn(*at, name_letters);
    const char *name = *at;
    const struct function *f = function_find(name, len);
    const struct args none = {.n = 0};

    if (!len)
        return err_new(ERR_INVALID, "unexpected \"%c\" in operand", **at);
    *at += len;
    if (len == 4 && memcmp(name, "true", 4) == 0)
        *out = value_of_bool(s->a, true);
    else if (len == 5 && memcmp(name, "false", 5) == 0)
        *out = value_of_bool(s->a, false);
    else if (len == 3 && memcmp(name, "nil", 3) == 0)
        *out = NULL;
    else if (f)
        return call(s, f, &none, out);
    else
        return err_new(ERR_INVALID, "function \"%.*s\" not defined", (int)len, name);
    return NULL;
}

static struct err *parentheses(struct scope *s, const char **at, const struct json **out)
{
    (*at)++;
    if (++s->depth > TEMPLATE_DEPTH_MAX)
        return err_new(ERR_INVALID, "too many nested parentheses");
    TRY(pipeline(s, at, out));
    s->depth--;
    if (**at != ')')
        return err_new(ERR_INVALID, "unclosed left paren");
    (*at)++;
    return NULL;
}

static struct err *operand(struct scope *s, const char **at, const struct json **out)
{
    const struct json *value = s->dot;

    if (**at == '"' || **at == '`') {
        TRY(quoted(s, at, &value));
    } else if (isdigit((unsigned char)**at) || **at == '-' || **at == '+' || **at == '\'') {
        TRY(**at == '\'' ? character(s, at, &value) : number(s, at, &value));
        *out = value;
        return NULL;
    } else if (**at == '(') {
        TRY(parentheses(s, at, &value));
    } else if (**at == '$') {
        TRY(variable(s, at, &value));
    } else if (**at == '.' && !strchr(name_letters, (*at)[1] ? (*at)[1] : ' ')) {
        (*at)++;
    } else if (**at != '.') {
        TRY(word(s, at, &value));
    }
    TRY(chain(s, at, &value));
    *out = value;
    return NULL;
}

static struct err *operands(struct scope *s, const char **at, struct args *args)
{
    for (skip_space(at); **at && **at != '|' && **at != ')'; skip_space(at)) {
        if (args->n == ARRAY_LEN(args->v) - 1)
            return err_new(ERR_INVALID, "too many arguments");
        TRY(operand(s, at, &args->v[args->n]));
        args->n++;
    }
    return NULL;
}

/* `.Label "key"`, the one method of rows. */
static struct err *label_method(struct scope *s, const char **at, const struct json **out)
{
    struct args args = {0};
    const char *name;

    *at += strlen(".Label");
    TRY(operands(s, at, &args));
    name = args.n ? json_str(args.v[0]) : NULL;
    if (!name)
        return err_new(ERR_INVALID, "wrong number of args for Label: want 1 got %zu", args.n);
    *out = NULL;
    for (const struct json *m = json_first(json_get(s->dot, ".labels")); m; m = json_next(m))
        if (strcmp(json_key(m), name) == 0)
            *out = m;
    if (!*out)
        *out = value_of_text(s->a, "");
    return NULL;
}

/* One command of a pipeline; `piped` (when has_piped) becomes its last argument. */
static struct err *command(struct scope *s, const char **at, bool has_piped,
                           const struct json *piped, const struct json **out)
{
    struct args args = {0};
    const struct function *f;
    size_t len;

    skip_space(at);
    len = strspn(*at, name_letters);
    f = len ? function_find(*at, len) : NULL;
    if (text_starts(*at, ".Label ") && json_get(s->dot, ".labels"))
        return label_method(s, at, out);
    if (f)
        *at += len;
    TRY(operands(s, at, &args));
    if (f) {
        if (has_piped)
            args.v[args.n++] = piped;
        return call(s, f, &args, out);
    }
    if (args.n == 0)
        return err_new(ERR_INVALID, "missing value for command");
    if (args.n > 1 || has_piped)
        return err_new(ERR_INVALID, "can't give argument to non-function");
    *out = args.v[0];
    return NULL;
}

static struct err *pipeline(struct scope *s, const char **at, const struct json **out)
{
    const struct json *value = NULL;

    TRY(command(s, at, false, NULL, &value));
    while (**at == '|') {
        (*at)++;
        TRY(command(s, at, true, value, &value));
    }
    *out = value;
    return NULL;
}

bool variable_set(struct scope *s, const char *name, const struct json *value)
{
    for (struct variable *v = s->variables; v; v = v->older) {
        if (strcmp(v->name, name) == 0) {
            v->value = value;
            return true;
        }
    }
    return false;
}

struct err *pipeline_eval(struct scope *s, const char *text, const struct json **out)
{
    const char *at = text;
    struct err *e;

    e = pipeline(s, &at, out);
    if (!e && *at)
        e = err_new(ERR_INVALID, "unexpected \"%c\" in operand", *at);
    return e;
}
