/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of log drivers and their options, in Docker's words. Checking is pure
 * and runs at create; log_create trusts nothing all the same, since a database may
 * hold what another version accepted. Trap: without options berth's json-file is
 * bounded (5 files of 20 MiB), Docker's is not.
 */
#include "stream/log.h"

#include <regex.h>
#include <string.h>

#include "base/digest.h"
#include "base/fd.h"

#include "log_inner.h"

#define DEFAULT_MAX_SIZE (20 << 20)
#define DEFAULT_MAX_FILES 5
#define MAX_FILES 1000
#define DEFAULT_BUFFER (1 << 20)
#define TAG_ID "{{.ID}}"
#define TAG_FULL_ID "{{.FullID}}"

struct log_driver {
    const char *name;
    const char *const *options; /* NULL: any */
    bool has_file;
};

static const char *const json_options[] = {
    "max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", NULL};
static const char *const common_options[] = {"mode", "max-buffer-size", NULL};

static const struct log_driver drivers[] = {
    {"json-file", json_options, true},
    {"none", NULL, false},
};

static const struct log_driver *find_driver(const char *type)
{
    if (text_is_empty(type))
        return &drivers[0];
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        if (!strcmp(drivers[i].name, type))
            return &drivers[i];
    }
    return NULL;
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (!strcmp(*names, name))
            return true;
    }
    return false;
}

/* Docker's human sizes: decimal units, "10m" is 10,000,000; "10mb", "1.5g". */
static bool decimal_size(const char *s, int64_t *out)
{
    static const char units[] = "kmgtp";
    char number[32];
    size_t n = strspn(s, "0123456789.");
    double value, scale = 1;
    const char *unit;

    if (!n || n >= sizeof(number))
        return false;
    memcpy(number, s, n);
    number[n] = '\0';
    if (!text_to_f64(number, &value))
        return false;
    s += n + (s[n] == ' ');
    unit = *s ? strchr(units, *s | 0x20) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        scale *= 1000;
    s += unit ? 1 : 0;
    if (*s == 'b' || *s == 'B')
        s++;
    if (*s || value * scale > 1e18)
        return false;
    *out = (int64_t)(value * scale);
    return true;
}

struct json_settings {
    int64_t max_size;
    int max_files;
    bool is_blocking;
    int64_t max_buffer;
};

static struct err *read_size(const struct pairs *o, struct json_settings *out)
{
    const char *size = pairs_get(o, "max-size"), *files = pairs_get(o, "max-file");
    int64_t n;

    out->max_size = DEFAULT_MAX_SIZE;
    out->max_files = size ? 1 : DEFAULT_MAX_FILES; /* Docker: max-size alone keeps one file */
    if (size && !decimal_size(size, &out->max_size))
        return err_new(ERR_INVALID, "invalid size: '%s'", size);
    if (out->max_size <= 0)
        return err_new(ERR_INVALID, "max-size must be a positive number");
    if (!files)
        return NULL;
    if (!text_to_i64(files, &n))
        return err_new(ERR_INVALID, "invalid max-file: '%s' is not a number", files);
    if (n < 1)
        return err_new(ERR_INVALID, "max-file cannot be less than 1");
    if (n > MAX_FILES)
        return err_new(ERR_INVALID, "max-file cannot be more than %d", MAX_FILES);
    out->max_files = (int)n;
    return NULL;
}

static struct err *read_mode(const struct pairs *o, struct json_settings *out)
{
    const char *mode = pairs_get(o, "mode"), *size = pairs_get(o, "max-buffer-size");

    out->is_blocking = text_is_empty(mode) || !strcmp(mode, "blocking");
    out->max_buffer = DEFAULT_BUFFER;
    if (!out->is_blocking && strcmp(mode, "non-blocking"))
        return err_new(ERR_INVALID, "logger: logging mode not supported: %s", mode);
    if (!size)
        return NULL;
    if (out->is_blocking)
        return err_new(ERR_INVALID, "logger: max-buffer-size option is only supported with "
                                    "'mode=non-blocking'");
    if (!text_to_bytes(size, &out->max_buffer) || out->max_buffer <= 0)
        return err_new(ERR_INVALID, "invalid size: '%s'", size);
    return NULL;
}

static bool go_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};

    *out = is_listed(yes, s);
    return *out || is_listed(no, s);
}

static struct err *check_compress(const struct pairs *o)
{
    const char *text = pairs_get(o, "compress");
    bool is_on;

    if (!text)
        return NULL;
    if (!go_bool(text, &is_on))
        return err_new(ERR_INVALID, "invalid compress: '%s' is not a boolean", text);
    if (is_on)
        return err_new(ERR_INVALID, "compress is not supported yet for the json-file log driver");
    return NULL;
}

static struct err *check_regex(const struct pairs *o, const char *key)
{
    const char *text = pairs_get(o, key);
    regex_t re;

    if (!text)
        return NULL;
    if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
        return err_new(ERR_INVALID, "invalid %s: '%s' is not a regular expression", key, text);
    regfree(&re);
    return NULL;
}

/* Only the two templates that need nothing but the id; plain text is itself. */
static struct err *expand_tag(struct arena *a, const char *tag, const char *id, char **out)
{
    autobuf struct buf text = {0};

    buf_puts(&text, "");
    for (const char *s = tag; *s;) {
        if (text_starts(s, TAG_ID)) {
            buf_add(&text, id, strnlen(id, ID_SHORT));
            s += strlen(TAG_ID);
        } else if (text_starts(s, TAG_FULL_ID)) {
            buf_puts(&text, id);
            s += strlen(TAG_FULL_ID);
        } else if (text_starts(s, "{{")) {
            return err_new(ERR_INVALID, "log tag '%s': only %s and %s can be used", tag, TAG_ID,
                           TAG_FULL_ID);
        } else {
            buf_putc(&text, *s++);
        }
    }
    *out = arena_strdup(a, text.data);
    return NULL;
}

static struct err *check_json(const struct pairs *o)
{
    autoarena struct arena *a = arena_create();
    const char *tag = pairs_get(o, "tag");
    struct json_settings s;
    char *text;

    TRY(read_size(o, &s));
    TRY(read_mode(o, &s));
    TRY(check_compress(o));
    TRY(check_regex(o, "labels-regex"));
    TRY(check_regex(o, "env-regex"));
    return tag ? expand_tag(a, tag, "", &text) : NULL;
}

struct err *log_check(const char *type, const struct pairs *options)
{
    const struct log_driver *driver = find_driver(type);
    static const struct pairs none;

    if (!driver)
        return err_new(ERR_INVALID, "logger: no log driver named '%s' is registered", type);
    if (!options)
        options = &none;
    for (size_t i = 0; driver->options && i < options->n; i++) {
        const char *key = options->v[i].key;

        if (!is_listed(driver->options, key) && !is_listed(common_options, key))
            return err_new(ERR_INVALID, "unknown log opt '%s' for %s log driver", key,
                           driver->name);
    }
    return driver->has_file ? check_json(options) : NULL;
}

/* Whether `name` is in the comma list or matches the expression of the two options. */
static bool is_chosen(struct arena *a, const char *list, const char *expression, const char *name)
{
    struct strs names = {0};
    regex_t re;
    bool is_match;

    if (list)
        names = text_split(a, list, ',');
    for (size_t i = 0; i < names.n; i++) {
        if (!strcmp(text_trim(names.v[i]), name))
            return true;
    }
    if (!expression || regcomp(&re, expression, REG_EXTENDED | REG_NOSUB))
        return false;
    is_match = !regexec(&re, name, 0, NULL, 0);
    regfree(&re);
    return is_match;
}

static struct err *choose_attrs(struct arena *a, const struct log_spec *s, struct pairs *out)
{
    const struct pairs *o = s->options;
    const char *tag = pairs_get(o, "tag");
    char *text;

    for (size_t i = 0; s->labels && i < s->labels->n; i++) {
        const struct pair *label = &s->labels->v[i];

        if (is_chosen(a, pairs_get(o, "labels"), pairs_get(o, "labels-regex"), label->key))
            pairs_set(a, out, label->key, label->value);
    }
    for (size_t i = 0; s->env && i < s->env->n; i++) {
        char *name = arena_strdup(a, s->env->v[i]), *value = strchr(name, '=');

        if (!value)
            continue;
        *value++ = '\0';
        if (is_chosen(a, pairs_get(o, "env"), pairs_get(o, "env-regex"), name))
            pairs_set(a, out, name, value);
    }
    if (text_is_empty(tag))
        return NULL;
    TRY(expand_tag(a, tag, s->container_id ? s->container_id : "", &text));
    pairs_set(a, out, "tag", text);
    return NULL;
}

static void add_quoted(struct buf *out, const char *s)
{
    size_t n = strlen(s);

    buf_putc(out, '"');
    buf_reserve(out, n * 6 + 1);
    out->len += record_escape(out->data + out->len, s, n);
    buf_putc(out, '"');
}

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return strcmp(x->key, y->key);
}

/* The attributes as dockerd writes them: keys sorted, no spaces. NULL: none. */
static struct err *attrs_json(const struct log_spec *s, char **out)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    struct pairs attrs = {0};

    *out = NULL;
    TRY(choose_attrs(a, s, &attrs));
    if (!attrs.n)
        return NULL;
    qsort(attrs.v, attrs.n, sizeof(*attrs.v), by_key);
    for (size_t i = 0; i < attrs.n; i++) {
        buf_putc(&text, i ? ',' : '{');
        add_quoted(&text, attrs.v[i].key);
        buf_putc(&text, ':');
        add_quoted(&text, attrs.v[i].value);
    }
    buf_putc(&text, '}');
    *out = buf_steal(&text);
    return NULL;
}

static struct err *open_json(struct log *g, const struct log_spec *s)
{
    static const struct pairs none;
    struct log_spec spec = *s;
    struct json_settings settings;
    char *attrs;

    if (!spec.options)
        spec.options = &none;
    TRY(read_size(spec.options, &settings));
    TRY(read_mode(spec.options, &settings));
    TRY(attrs_json(&spec, &attrs));
    g->is_blocking = settings.is_blocking;
    g->max_buffer = (size_t)settings.max_buffer;
    jsonfile_init(g, mem_printf("%s/%s-json.log", s->dir, s->container_id), attrs,
                  settings.max_size, settings.max_files);
    return NULL;
}

struct err *log_create(struct loop *l, struct pools *p, const struct log_spec *s, struct log **out)
{
    const struct log_driver *driver = find_driver(s->type);
    autofree struct log *g = NULL;

    ASSERT_LOOP();
    if (!driver)
        return err_new(ERR_INVALID, "logger: no log driver named '%s' is registered", s->type);
    g = mem_new(struct log);
    g->loop = l;
    g->pools = p;
    g->is_blocking = true;
    list_init(&g->readers);
    g->marks_end = &g->marks;
    if (driver->has_file)
        TRY(open_json(g, s));
    g->has_file = driver->has_file;
    g->landed.landing = s->landing;
    g->landed.id = s->container_id ? mem_strdup(s->container_id) : NULL;
    g->landed.record = -1;
    *out = steal_ptr(&g);
    return NULL;
}

const char *log_path(const struct log *g)
{
    return g->has_file ? g->files.path : "";
}
