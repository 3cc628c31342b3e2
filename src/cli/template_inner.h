/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the template engine. Every value is a JSON node. */
#pragma once

#include "template.h"

struct variable {
    const char *name; /* with its '$' */
    const struct json *value;
    struct variable *older;
};

struct scope {
    struct arena *a;
    const struct json *root;    /* $ */
    const struct json *dot;     /* . */
    struct variable *variables; /* innermost first */
    int depth;
    bool is_test; /* inside if, with, and, or: a missing field is false, not an error */
};

struct args {
    const struct json *v[16];
    size_t n;
};

/* `text` is what stands between the braces, after keyword and declared variables. */
struct err *pipeline_eval(struct scope *s, const char *text, const struct json **out) must_check;

struct function {
    const char *name;
    size_t min_args;
    struct err *(*call)(struct arena *a, const struct args *args, const struct json **out);
};
const struct function *function_find(const char *name, size_t len);

/* As Go's %v: maps as map[k:v], lists as [a b], structs as {a b}. */
void value_print(struct arena *a, const struct json *j, struct buf *out);
char *value_text(struct arena *a, const struct json *j);
bool value_is_true(const struct json *j);
const struct json *value_of_text(struct arena *a, const char *s);
const struct json *value_of_int(struct arena *a, int64_t v);
const struct json *value_of_bool(struct arena *a, bool v);
/* Members of an object in the order of their keys. n members. */
const struct json **value_sorted(struct arena *a, const struct json *j);
