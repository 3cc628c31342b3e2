/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of log drivers and their options, in Docker's words. Checking is pure
 * and runs at create; log_open_driver trusts nothing all the same, since a database may
 * hold what another version accepted. Trap: without options berth's json-file is
 * bounded (5 files of 20 MiB), Docker's is not.
 */
#include "stream/log.h"

#include <string.h>

#include "base/fd.h"

#include "log_forward.h"
#include "log_inner.h"
#include "logattrs.h"

#define DEFAULT_MAX_SIZE (20 << 20)
#define DEFAULT_MAX_FILES 5
#define MAX_FILES 1000
#define DEFAULT_BUFFER (1 << 20)

struct log_driver {
    const char *name;
    const char *const *options; /* NULL: any */
    struct err *(*check)(const struct pairs *options);
    struct err *(*open)(struct log *g, const struct log_spec *s);
    struct err *(*check_here)(void);
};

static struct err *check_json(const struct pairs *o);
static struct err *open_json(struct log *g, const struct log_spec *s);
static struct err *check_local(const struct pairs *o);
static struct err *open_local(struct log *g, const struct log_spec *s);

static const char *const json_options[] = {
    "max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", NULL};
static const char *const local_options[] = {"max-size", "max-file", "compress", NULL};
static const char *const syslog_options[] = {"syslog-address",
                                             "syslog-facility",
                                             "syslog-format",
                                             "labels",
                                             "labels-regex",
                                             "env",
                                             "env-regex",
                                             "tag",
                                             NULL};
static const char *const journald_options[] = {"labels",    "labels-regex", "env",
                                               "env-regex", "tag",          NULL};
static const char *const common_options[] = {"mode", "max-buffer-size", NULL};

static const struct log_driver drivers[] = {
    {"json-file", json_options, check_json, open_json},
    {"local", local_options, check_local, open_local},
    {"syslog", syslog_options, syslog_check, syslog_open},
    {"journald", journald_options, NULL, journald_open, journald_check_here},
    {"none", NULL, NULL, NULL},
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

struct file_settings {
    int64_t max_size;
    int max_files;
    bool compresses;
};

struct mode_settings {
    bool is_blocking;
    int64_t max_buffer;
};

static struct err *read_size(const struct pairs *o, struct file_settings *out)
{
    const char *size = pairs_get(o, "max-size"), *files = pairs_get(o, "max-file");
    int64_t n;

    out->max_size = DEFAULT_MAX_SIZE;
    if (size && !text_to_decimal_bytes(size, &out->max_size))
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

static struct err *read_mode(const struct pairs *o, struct mode_settings *out)
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

static struct err *read_compress(const struct pairs *o, struct file_settings *out)
{
    const char *text = pairs_get(o, "compress");

    if (text && !text_to_bool(text, &out->compresses))
        return err_new(ERR_INVALID, "invalid compress: '%s' is not a boolean", text);
    if (text && out->compresses && out->max_files < 2)
        return err_new(
            ERR_INVALID,
            "compress cannot be true when max-file is less than 2 or max-size is not set");
    out->compresses = out->compresses && out->max_files > 1;
    return NULL;
}

/* Docker's json-file keeps one file when max-size stands alone, and compresses when asked. */
static struct err *read_json(const struct pairs *o, struct file_settings *out)
{
    out->max_files = pairs_get(o, "max-size") ? 1 : DEFAULT_MAX_FILES;
    out->compresses = false;
    TRY(read_size(o, out));
    return read_compress(o, out);
}

static struct err *read_local(const struct pairs *o, struct file_settings *out)
{
    out->max_files = DEFAULT_MAX_FILES;
    out->compresses = true;
    TRY(read_size(o, out));
    return read_compress(o, out);
}

static struct err *check_json(const struct pairs *o)
{
    struct file_settings s;

    return read_json(o, &s);
}

static struct err *check_local(const struct pairs *o)
{
    struct file_settings s;

    return read_local(o, &s);
}

struct err *log_check(const char *type, const struct pairs *options)
{
    const struct log_driver *driver = find_driver(type);
    autoarena struct arena *a = arena_create();
    static const struct pairs none;
    struct mode_settings mode;
    char *tag;

    if (!driver)
        return err_new(ERR_INVALID, "error looking up logging plugin %s: plugin \"%s\" not found",
                       type, type);
    if (!options)
        options = &none;
    for (size_t i = 0; driver->options && i < options->n; i++) {
        const char *key = options->v[i].key;

        if (!is_listed(driver->options, key) && !is_listed(common_options, key))
            return err_new(ERR_INVALID, "unknown log opt '%s' for %s log driver", key,
                           driver->name);
    }
    if (!driver->open)
        return NULL;
    TRY(read_mode(options, &mode));
    TRY(log_attrs_check(options));
    TRY(log_tag(a, &(struct log_spec){.options = options}, "", &tag));
    return driver->check ? driver->check(options) : NULL;
}

struct err *log_check_here(const char *type)
{
    const struct log_driver *driver = find_driver(type);

    return driver && driver->check_here ? driver->check_here() : NULL;
}

/* A log in files of ours; takes path and attrs. */
static void init_file(struct log *g, char *path, char *attrs, int64_t max_size, int max_files)
{
    g->has_file = true;
    logfiles_init(&g->files, path, max_files);
    logdisk_init(&g->disk, &g->files);
    g->disk.attrs = attrs;
    g->disk.attrs_n = attrs ? strlen(attrs) : 0;
    g->disk.max_size = max_size;
    g->disk.is_blocking = g->is_blocking;
}

static struct err *open_json(struct log *g, const struct log_spec *s)
{
    struct file_settings settings;
    char *attrs;

    TRY(read_json(s->options, &settings));
    TRY(log_attrs_json(s, &attrs));
    init_file(g, mem_printf("%s/%s-json.log", s->dir, s->container_id), attrs, settings.max_size,
              settings.max_files);
    g->files.compresses = settings.compresses;
    return NULL;
}

static struct err *open_local(struct log *g, const struct log_spec *s)
{
    struct file_settings settings;

    TRY(read_local(s->options, &settings));
    init_file(g, mem_printf("%s/local-logs/container.log", s->dir), NULL, settings.max_size,
              settings.max_files);
    g->disk.format = &format_local;
    g->files.compresses = settings.compresses;
    return NULL;
}

struct err *log_open_driver(struct log *g, const struct log_spec *s)
{
    const struct log_driver *driver = find_driver(s->type);
    struct mode_settings mode = {.is_blocking = true};

    if (!driver)
        return err_new(ERR_INVALID, "error looking up logging plugin %s: plugin \"%s\" not found",
                       s->type, s->type);
    if (driver->open)
        TRY(read_mode(s->options, &mode));
    g->is_blocking = mode.is_blocking;
    g->max_buffer = (size_t)mode.max_buffer;
    return driver->open ? driver->open(g, s) : NULL;
}
