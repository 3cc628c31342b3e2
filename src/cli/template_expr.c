/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: `.A.B`, `$x.A`, `(index .X 0).Y`, literals, functions, `|`. Evaluated while it is
 * read; parentheses nest at most TEMPLATE_DEPTH_MAX deep. Pure.
 */
#include "template_inner.h"

#include <ctype.h>
#include <string.h>

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

static struct err *field(struct scope *s, const struct json *j, const char *key,
                         const struct json **out)
{
    const struct json *value = json_get(j, key);

    if (!value && !s->is_test && json_type(j) != JSON_NULL && !is_optional(key)) {
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

static struct err *quoted(struct scope *s, const char **at, const struct json **out)
{
    autobuf struct buf b = {0};
    char quote = *(*at)++;

    for (; **at && **at != quote; (*at)++) {
        if (quote == '"' && **at == '\\' && (*at)[1]) {
            (*at)++;
            buf_putc(&b, **at == 'n' ? '\n' : **at == 't' ? '\t' : **at);
        } else {
            buf_putc(&b, **at);
        }
    }
    if (!**at)
        return err_new(ERR_INVALID, "unterminated quoted string");
    (*at)++;
    *out = value_of_text(s->a, b.data ? b.data : "");
    return NULL;
}

static struct err *number(struct scope *s, const char **at, const struct json **out)
{
    size_t len = 1 + strspn(*at + 1, "0123456789.");
    char *text = arena_strndup(s->a, *at, len);
    const struct json *value = NULL;

    *at += len;
    err_drop(json_parse(s->a, text, len, &value));
    if (!value)
        return err_new(ERR_INVALID, "bad number syntax: \"%s\"", text);
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
    } else if (isdigit((unsigned char)**at) || **at == '-') {
        TRY(number(s, at, &value));
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

struct err *pipeline_eval(struct scope *s, const char *text, const struct json **out)
{
    const char *at = text;
    struct err *e;

    e = pipeline(s, &at, out);
    if (!e && *at)
        e = err_new(ERR_INVALID, "unexpected \"%c\" in operand", *at);
    return e;
}
