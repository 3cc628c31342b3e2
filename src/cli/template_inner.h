/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the template engine. Every value is a JSON node. */
#pragma once

#include "template.h"

struct variable {
    const char *name; /* with its '$' */
    const struct json *value;
    struct variable *older;
};

/* What all scopes of one run share. */
struct run {
    enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;
    size_t steps;     /* nodes that have been run */
    size_t templates; /* that are open in each other */
};

struct scope {
    struct arena *a;
    const struct json *root;    /* $ */
    const struct json *dot;     /* . */
    struct variable *variables; /* innermost first */
    int depth;
    struct run *run;
    bool is_test; /* inside if, with, and, or: a missing field is false, not an error */
};

struct args {
    const struct json *v[16];
    size_t n;
};

/* Of the innermost variable of that name. False: there is none. */
bool variable_set(struct scope *s, const char *name, const struct json *value);

/* `text` is what stands between the braces, after keyword and declared variables. */
struct err *pipeline_eval(struct scope *s, const char *text, const struct json **out) must_check;

struct function {
    const char *name;
    size_t min_args;
    struct err *(*call)(struct arena *a, const struct args *args, const struct json **out);
};
const struct function *function_find(const char *name, size_t len);

struct err *call_printf(struct arena *a, const struct args *args, const struct json **out);

/* As Go's %v: maps as map[k:v], lists as [a b], structs as {a b}. */
void value_print(struct arena *a, const struct json *j, struct buf *out);
char *value_text(struct arena *a, const struct json *j);
/* Of a Go map, not of a struct: what it has not is no value, and no error. */
bool value_is_map(const struct json *j);
bool value_is_true(const struct json *j);
const struct json *value_of_text(struct arena *a, const char *s);
const struct json *value_of_int(struct arena *a, int64_t v);
const struct json *value_of_bool(struct arena *a, bool v);
/* Members of an object in the order of their keys. n members. */
const struct json **value_sorted(struct arena *a, const struct json *j);
