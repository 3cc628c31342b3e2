/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: JSON with dockerd's keys. A key that is also given as a
 * flag is refused, as dockerd does it, so that nobody has to guess which one wins.
 * Start-up, blocking.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/suggest.h"

#include "settings_flags.h"

#define FILE_MAX (1u << 20)
#define DIRECTIVES_MAX 1000
#define PROXIES "proxies"

/* A directive of the file. "proxies" holds directives of its own: "proxies.http-proxy". */
struct directive {
    const char *key;
    const struct json *value;
};
struct directives {
    struct directive *v;
    size_t n;
};

static struct err *collect(struct arena *a, const struct json *root, struct directives *out)
{
    const struct json *proxies = json_get(root, PROXIES);

    if (proxies && json_type(proxies) != JSON_OBJECT)
        return err_new(ERR_INVALID, "directive " PROXIES " must be an object of strings");
    *out = (struct directives){
        .v = arena_array(a, json_len(root) + json_len(proxies) + 1, sizeof(struct directive))};
    for (const struct json *it = json_first(root); it; it = json_next(it))
        if (it != proxies)
            out->v[out->n++] = (struct directive){json_key(it), it};
    for (const struct json *it = json_first(proxies); it; it = json_next(it))
        out->v[out->n++] = (struct directive){arena_printf(a, PROXIES ".%s", json_key(it)), it};
    return NULL;
}

static const struct flag *find_key(const char *key)
{
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (f->key && !strcmp(f->key, key))
            return f;
    }
    return NULL;
}

static struct err *wrong_type(const struct flag *f, const char *wanted)
{
    return err_new(ERR_INVALID, "directive %s must be %s", f->key, wanted);
}

static struct err *load_list(struct arena *a, const struct flag *f, const struct json *j,
                             struct settings *out)
{
    if (json_type(j) != JSON_ARRAY)
        return wrong_type(f, "a list of strings");
    for (const struct json *it = json_first(j); it; it = json_next(it)) {
        if (!json_str(it))
            return wrong_type(f, "a list of strings");
        TRY(flag_set(a, f, json_str(it), out));
    }
    return NULL;
}

static struct err *load_map(struct arena *a, const struct flag *f, const struct json *j,
                            struct settings *out)
{
    if (json_type(j) != JSON_OBJECT)
        return wrong_type(f, "an object of strings");
    for (const struct json *it = json_first(j); it; it = json_next(it)) {
        if (!json_str(it))
            return wrong_type(f, "an object of strings");
        TRY(flag_set(a, f, arena_printf(a, "%s=%s", json_key(it), json_str(it)), out));
    }
    return NULL;
}

static struct err *load_number(struct arena *a, const struct flag *f, const struct json *j,
                               struct settings *out)
{
    if (json_type(j) != JSON_NUMBER || json_num(j) != (double)json_int(j))
        return wrong_type(f, "a whole number");
    return flag_set(a, f, arena_printf(a, "%lld", (long long)json_int(j)), out);
}

/* What lists and maps are as texts of flags, where the file has a form of its own. */
static struct err *load_form(struct arena *a, const struct flag *f, settings_form_fn *form,
                             const struct json *j, struct settings *out)
{
    struct strs texts = {0};
    struct err *err = form(a, j, &texts);

    if (err)
        return err_wrap(err, "directive %s", f->key);
    for (size_t i = 0; i < texts.n; i++)
        TRY(flag_set(a, f, texts.v[i], out));
    return NULL;
}

static struct err *load_bytes(struct arena *a, const struct flag *f, const struct json *j,
                              struct settings *out)
{
    if (json_str(j))
        return flag_set(a, f, json_str(j), out);
    return load_number(a, f, j, out);
}

static struct err *load_value(struct arena *a, const struct flag *f, const struct json *j,
                              struct settings *out)
{
    settings_form_fn *form = settings_form(f->key);

    if (f->bits & FLAG_IGNORED)
        return NULL;
    if (form)
        return load_form(a, f, form, j, out);
    switch (f->type) {
    case FLAG_TEXT:
    case FLAG_PATH:
        return json_str(j) ? flag_set(a, f, json_str(j), out) : wrong_type(f, "a string");
    case FLAG_LIST:
        return load_list(a, f, j, out);
    case FLAG_MAP:
        return load_map(a, f, j, out);
    case FLAG_INT:
        return load_number(a, f, j, out);
    case FLAG_BYTES:
        return load_bytes(a, f, j, out);
    case FLAG_BOOL:
        if (json_type(j) != JSON_BOOL)
            return wrong_type(f, "true or false");
        return flag_set(a, f, json_bool(j) ? "true" : "false", out);
    default: /* no setting is of another type */
        return NULL;
    }
}

/* "x (did you mean y?)" */
static const char *with_nearest(struct arena *a, const char *key)
{
    const char **known = arena_array(a, settings_flag_count, sizeof(*known));
    size_t n = 0;

    for (const struct flag *f = settings_flags; f->name; f++)
        if (f->key)
            known[n++] = f->key;
    return arena_printf(a, "%s%s", key, suggestion(a, key, known, n, true));
}

static struct err *check_known(struct arena *a, const struct directives *d)
{
    struct strs unknown = {0};

    if (d->n > DIRECTIVES_MAX)
        return err_new(ERR_INVALID, "it has more than %d directives", DIRECTIVES_MAX);
    for (size_t i = 0; i < d->n; i++) {
        if (!find_key(d->v[i].key))
            strs_add(a, &unknown, with_nearest(a, d->v[i].key));
    }
    if (!unknown.n)
        return NULL;
    return err_new(ERR_INVALID, "the following directives don't match any configuration option: %s",
                   strs_join(a, &unknown, ", "));
}

static char *pairs_text(struct arena *a, const struct pairs *p)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < p->n; i++)
        buf_printf(&b, "%s%s:%s", i ? " " : "", p->v[i].key, p->v[i].value);
    return arena_printf(a, "map[%s]", b.data ? b.data : "");
}

/* The value as Go's %v prints it. */
char *settings_flag_text(struct arena *a, const struct flag *f, const struct settings *s)
{
    const void *from = (const char *)s + f->offset;
    const char *text;

    if (f->bits & FLAG_IGNORED)
        return arena_strdup(a, "");
    switch (f->type) {
    case FLAG_TEXT:
    case FLAG_PATH:
        text = *(char *const *)from;
        return settings_masked(a, text ? text : "");
    case FLAG_LIST:
        return arena_printf(a, "[%s]", strs_join(a, from, " "));
    case FLAG_MAP:
        return pairs_text(a, from);
    case FLAG_INT:
        return arena_printf(a, "%d", *(const int *)from);
    case FLAG_BYTES:
        return arena_printf(a, "%lld", (long long)((const struct number *)from)->value);
    case FLAG_BOOL:
        return arena_strdup(a, *(const bool *)from ? "true" : "false");
    default:
        return arena_strdup(a, "");
    }
}

static struct err *check_conflicts(struct arena *a, const struct directives *d,
                                   const struct settings *flags, const struct settings *file)
{
    struct strs both = {0};

    for (size_t i = 0; i < d->n; i++) {
        const struct flag *f = find_key(d->v[i].key);

        if (flags->given[f - settings_flags])
            strs_add(a, &both,
                     arena_printf(a, "%s: (from flag: %s, from file: %s)", f->key,
                                  settings_flag_text(a, f, flags), settings_flag_text(a, f, file)));
    }
    if (!both.n)
        return NULL;
    return err_new(ERR_INVALID,
                   "the following directives are specified both as a flag and in the "
                   "configuration file: %s",
                   strs_join(a, &both, ", "));
}

static struct err *load(struct arena *a, const struct json *root, struct settings *out)
{
    struct settings file = {0};
    struct directives d;

    if (json_type(root) != JSON_OBJECT)
        return err_new(ERR_INVALID, "it is not a JSON object");
    TRY(collect(a, root, &d));
    TRY(check_known(a, &d));
    for (size_t i = 0; i < d.n; i++)
        TRY(load_value(a, find_key(d.v[i].key), d.v[i].value, &file));
    TRY(check_conflicts(a, &d, out, &file));
    for (size_t i = 0; i < d.n; i++) {
        const struct flag *f = find_key(d.v[i].key);

        TRY(load_value(a, f, d.v[i].value, out));
        out->given[f - settings_flags] = true;
    }
    return NULL;
}

static struct err *parse(struct arena *a, const char *text, size_t len, struct settings *out)
{
    const struct json *root;

    if (strspn(text, " \t\r\n") == len)
        return NULL;
    TRY(json_parse(a, text, len, &root));
    return load(a, root, out);
}

struct err *settings_file_load(struct arena *a, const char *path, bool must_exist,
                               struct settings *out)
{
    struct err *err;
    char *text;
    size_t len;

    err = file_read(a, AT_FDCWD, path, FILE_MAX, &text, &len);
    if (err && err_kind(err) == ERR_NOT_FOUND && !must_exist) {
        err_drop(err);
        return NULL;
    }
    if (!err)
        err = parse(a, text, len, out);
    if (err)
        return err_wrap(err_as(err, ERR_INVALID), "unable to configure the daemon with file %s",
                        path);
    return NULL;
}
