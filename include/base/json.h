/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON three ways. Tables: one jfield array both decodes and encodes a struct.
 * Documents: read-only access to parsed foreign JSON. Writer: streams objects
 * that have no struct. cJSON parses (base/json_parse.c). Pure, any thread.
 *
 * Decoding as Go does it: keys match case-insensitively, unknown keys are
 * ignored, null is absent, absent is zero, a wrong type is ERR_INVALID in Go's words naming
 * the field. Depth and size are bounded (JSON_DEPTH_MAX, JSON_TEXT_MAX), and how often a member
 * comes again (JSON_AGAIN_MAX): each time it is merged with what was there.
 */
#pragma once

#include "base/text.h"

#define JSON_DEPTH_MAX 64
#define JSON_TEXT_MAX (16u << 20)
#define JSON_AGAIN_MAX 4

enum jtype {
    J_STR,     /* char * (arena); NULL when absent */
    J_BOOL,    /* bool */
    J_TRI,     /* int: 0 absent, 1 true, -1 false ("pointer to bool") */
    J_INT,     /* int */
    J_I64,     /* int64_t */
    J_F64,     /* double */
    J_PTR_I64, /* int64_t * (arena), NULL when absent or null; encodes null */
    J_U32X2,   /* uint32_t[2]: [1,2]; a missing one is zero, as in Go's arrays */
    J_STRS,    /* struct strs; a lone string is accepted when J_OR_STR */
    J_PAIRS,   /* struct pairs: {"k":"v"} */
    J_SET,     /* struct strs: {"k":{}} */
    J_OBJ,     /* embedded struct described by sub */
    J_PTR,     /* struct * (arena), NULL when absent, described by sub */
    J_LIST,    /* struct jlist of structs described by sub */
    J_DICT,    /* struct jdict: {"key": struct} described by sub */
    J_RAW,     /* char * (arena): the JSON text of the value, kept as is */
};

/* Array of structs, sub->size apart. v == NULL: absent. */
struct jlist {
    void *v;
    size_t n;
};
/* Keys beside values; values are sub->size apart. A null value is a zeroed struct. */
struct jdict {
    char **keys;
    void *v;
    size_t n;
};

enum {
    J_OMIT = 1,       /* encode: leave out when zero/absent */
    J_OR_STR = 2,     /* J_STRS: accept "x" for ["x"] */
    J_NULL_LIST = 4,  /* encode: an absent list, set, dict or pairs is null (default is [] or {}) */
    J_NULL_ITEM = 8,  /* J_DICT: a zeroed struct or absent list encodes as null */
    J_DICT_LIST = 16, /* J_DICT whose values are lists: v is struct jlist[n] of sub structs */
    J_NULL_STR = 32,  /* encode: an absent string is null (default is "") */
    J_NULL_OBJ = 64,  /* decode: J_OBJ that is a pointer in Docker's type: null takes it back */
    J_UNKEPT = 128,   /* decode: only the type is judged; never encoded */
};

struct jtable;
struct jfield {
    const char *key;
    enum jtype type;
    unsigned flags;
    size_t offset;
    const struct jtable *sub;
    size_t max; /* of its entries, where json_check_sizes' usual bound is not right; 0: it is */
};
struct jtable {
    size_t size; /* of the struct */
    const struct jfield *fields;
};
#define J(t, s, member, k, ...)                                                                    \
    {                                                                                              \
        .key = (k), .type = (t), .offset = offsetof(s, member), __VA_ARGS__                        \
    }
#define J_END                                                                                      \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/* ---- writer ---- */
struct jw { /* {.out = &buf} */
    struct buf *out;
    bool needs_comma;
};
/* key is NULL inside arrays and at the top. No HTML escaping; control bytes and
 * invalid UTF-8 are escaped (U+FFFD) so that the output is always valid JSON. */
void jw_obj(struct jw *w, const char *key);
void jw_obj_end(struct jw *w);
void jw_arr(struct jw *w, const char *key);
void jw_arr_end(struct jw *w);
void jw_str(struct jw *w, const char *key, const char *value); /* NULL writes "" */
void jw_strn(struct jw *w, const char *key, const char *value, size_t n);
void jw_int(struct jw *w, const char *key, int64_t value);
void jw_f64(struct jw *w, const char *key, double value);
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
void jw_raw(struct jw *w, const char *key, const char *json);
void jw_strs(struct jw *w, const char *key, const struct strs *s);         /* absent: [] */
void jw_strs_or_null(struct jw *w, const char *key, const struct strs *s); /* absent: null */
void jw_pairs(struct jw *w, const char *key, const struct pairs *p);       /* absent: {} */
void jw_time(struct jw *w, const char *key, int64_t wall_ns);              /* RFC3339Nano */
void jw_struct(struct jw *w, const char *key, const struct jtable *t, const void *s);
/* The fields of a struct into the object that is open. */
void jw_fields(struct jw *w, const struct jtable *t, const void *s);
/* Appends `s` as a JSON string literal, quotes included. */
void json_quote(struct buf *out, const char *s, size_t n);

/* ---- tables ---- */
/* `out` must be zeroed; strings live in the arena. Trailing garbage is an error, and so is a NUL
 * inside a string (\u0000): C strings cannot carry it. Of equal keys the last one counts. */
struct err *json_decode(struct arena *a, const char *text, size_t len, const struct jtable *t,
                        void *out) must_check;
char *json_encode(struct arena *a, const struct jtable *t, const void *s);
/* ERR_INVALID "Env has 70000 entries, at most 10000 work" for a list of the struct, or of what is
 * below it, with more than `max` entries (or its row's). */
struct err *json_check_sizes(const struct jtable *t, const void *s, size_t max) must_check;

/* ---- documents ---- */
struct json; /* a node; owned by the document's arena */
/* Each member that is not empty, with its way from the root ("HostConfig.Mounts.Target"), known or
 * not to the tables, which end with NULL: all of them decode the root. */
typedef void json_visit_fn(void *ctx, const char *path, bool is_known);
void json_visit(const struct json *j, const struct jtable *const *tables, json_visit_fn *fn,
                void *ctx);
struct err *json_parse(struct arena *a, const char *text, size_t len, const struct json **out)
    must_check;
enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type json_type(const struct json *j);                     /* NULL node: JSON_NULL */
const struct json *json_get(const struct json *j, const char *key); /* exact, then any case; NULL */
const char *json_str(const struct json *j);                         /* NULL unless a string */
bool json_bool(const struct json *j);
int64_t json_int(const struct json *j); /* 0 unless a number; saturates */
double json_num(const struct json *j);
size_t json_len(const struct json *j); /* array or object */
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *j);
/* How many lines below the beginning of `root`, of the same document, the value stands. */
size_t json_line(const struct json *root, const struct json *j);
const char *json_key(const struct json *j);             /* inside an object */
char *json_text(struct arena *a, const struct json *j); /* back to text */
struct err *json_fill(struct arena *a, const struct json *j, const struct jtable *t, void *out)
    must_check;                                               /* as json_decode */
struct strs json_strs(struct arena *a, const struct json *j); /* non-strings are skipped */
