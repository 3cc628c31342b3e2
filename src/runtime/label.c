/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: SELinux contexts as text, by the rules of Docker's. Pure, any thread.
 * Trap: contexts become mount options and lines of /proc/PID/attr, so that what is more than
 * letters, digits and a few signs is refused here, and nowhere else.
 */
#include "runtime/label.h"

#include <stdlib.h>
#include <string.h>

#define SHARED_LEVEL "s0"

/* ---- one context ---- */

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (!(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') &&
            !(*text >= '0' && *text <= '9') && !strchr("_-.,:", *text))
            return false;
    return true;
}

static char *cut(struct arena *a, const char **at)
{
    size_t n = strcspn(*at, ":");
    char *part = arena_strndup(a, *at, n);

    *at += n + ((*at)[n] == ':');
    return part;
}

struct err *context_parse(struct arena *a, const char *text, struct context *out)
{
    const char *at = text;
    struct context c;

    if (strlen(text) > CONTEXT_MAX)
        return err_new(ERR_INVALID, "the SELinux context \"%.60s...\" has more than %d bytes", text,
                       CONTEXT_MAX);
    c.user = cut(a, &at);
    c.role = cut(a, &at);
    c.type = cut(a, &at);
    c.level = *at ? at : NULL;
    if (!*c.user || !*c.role || !*c.type || !is_plain(text) || text_ends(text, ":"))
        return err_new(ERR_INVALID, "\"%s\" is no SELinux context", text);
    c.level = arena_strdup(a, c.level);
    *out = c;
    return NULL;
}

char *context_text(struct arena *a, const struct context *c)
{
    return arena_printf(a, "%s:%s:%s%s%s", c->user, c->role, c->type, c->level ? ":" : "",
                        c->level ? c->level : "");
}

/* ---- lxc_contexts ---- */

/* `key = "value"`; NULL: it is another line. */
static char *value_of(struct arena *a, const char *line, const char *key)
{
    const char *equals = strchr(line, '=');
    char *value;
    size_t n;

    if (!equals || !text_same(text_trim(arena_strndup(a, line, (size_t)(equals - line))), key))
        return NULL;
    value = text_trim(arena_strdup(a, equals + 1));
    n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"')
        value = arena_strndup(a, value + 1, n - 2);
    return value;
}

static struct err *check_base(struct arena *a, const char *key, const char *value)
{
    struct context ignored;

    if (!value)
        return err_new(ERR_INVALID, "there is no line %s = \"...\"", key);
    return context_parse(a, value, &ignored);
}

struct err *label_base_parse(struct arena *a, const char *text, struct label_base *out)
{
    struct strs lines = text_split(a, text, '\n');
    struct label_base b = {0};

    for (size_t i = 0; i < lines.n; i++) {
        const char *process = value_of(a, lines.v[i], "process");
        const char *file = value_of(a, lines.v[i], "file");
        const char *layer = value_of(a, lines.v[i], "ro_file");

        b.process = process ? process : b.process;
        b.file = file ? file : b.file;
        b.layer = layer ? layer : b.layer;
    }
    TRY(check_base(a, "process", b.process));
    TRY(check_base(a, "file", b.file));
    if (!b.layer)
        b.layer = b.file;
    TRY(check_base(a, "ro_file", b.layer));
    *out = b;
    return NULL;
}

/* ---- what is asked for ---- */

static struct err *bad_option(const char *value)
{
    return err_new(ERR_INVALID,
                   "bad label option \"%s\", must be 'disable' or \"user, role, level, type, "
                   "filetype\" followed by ':' and a value",
                   value);
}

struct err *label_options_add(struct label_options *o, const char *value)
{
    const struct {
        const char *key;
        const char **to;
        bool has_colons;
    } parts[] = {
        {"user:", &o->user, false},  {"role:", &o->role, false},         {"type:", &o->type, false},
        {"level:", &o->level, true}, {"filetype:", &o->filetype, false},
    };

    if (strcmp(value, "disable") == 0) {
        o->is_given = o->is_disabled = true;
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *text = value + strlen(parts[i].key);

        if (!text_starts(value, parts[i].key))
            continue;
        if (!*text || !is_plain(text) || text_ends(text, ":") ||
            (!parts[i].has_colons && strchr(text, ':')))
            return bad_option(value);
        *parts[i].to = text;
        o->is_given = true;
        return NULL;
    }
    return bad_option(value);
}

struct err *label_options_of(struct arena *a, const char *process, struct label_options *out)
{
    struct context c;

    *out = (struct label_options){0};
    if (text_is_empty(process))
        return NULL;
    TRY(context_parse(a, process, &c));
    *out = (struct label_options){
        .is_given = true, .user = c.user, .role = c.role, .type = c.type, .level = c.level};
    return NULL;
}

/* ---- what it gets ---- */

static const char *either(const char *asked, const char *own)
{
    return asked ? asked : own;
}

static struct err *check_length(const char *text)
{
    return strlen(text) <= CONTEXT_MAX
               ? NULL
               : err_new(ERR_INVALID, "the SELinux context \"%.60s...\" has more than %d bytes",
                         text, CONTEXT_MAX);
}

/* Nobody's categories: such a container may do with files what SELinux lets the engine do, and no
 * confined one gets at what it leaves behind. */
static struct err *plan_disabled(struct arena *a, const struct label_base *base, struct labels *out)
{
    struct context file;
    char *mount;

    TRY(context_parse(a, base->file, &file));
    if (file.level)
        file.level = mcs_text(a, MCS_PRIVATE);
    mount = context_text(a, &file);
    TRY(check_length(mount));
    *out = (struct labels){.process = "", .mount = mount};
    return NULL;
}

/* The user and the level that are asked for are the files', too, but for the role and the type. */
struct err *labels_plan(struct arena *a, const struct label_base *base,
                        const struct label_options *o, const char *level, struct labels *out)
{
    struct context process, file;
    struct labels l;

    if (o->is_disabled)
        return plan_disabled(a, base, out);
    TRY(context_parse(a, base->process, &process));
    TRY(context_parse(a, base->file, &file));
    level = process.level ? either(o->level, level) : o->level;
    process = (struct context){either(o->user, process.user), either(o->role, process.role),
                               either(o->type, process.type), level};
    file = (struct context){either(o->user, file.user), file.role, either(o->filetype, file.type),
                            level};
    l = (struct labels){context_text(a, &process), context_text(a, &file)};
    TRY(check_length(l.process));
    TRY(check_length(l.mount));
    *out = l;
    return NULL;
}

char *label_shared(struct arena *a, const char *mount)
{
    struct context c;
    struct err *e = context_parse(a, mount, &c);
    bool is_shared = !e && c.level && strlen(c.level) >= strlen(SHARED_LEVEL); /* not longer */

    err_drop(e);
    if (!is_shared)
        return arena_strdup(a, mount);
    c.level = SHARED_LEVEL;
    return context_text(a, &c);
}

/* ---- categories ---- */

char *mcs_text(struct arena *a, unsigned low, unsigned high)
{
    ASSERT(low < high && high < MCS_CATEGORIES);
    return arena_printf(a, SHARED_LEVEL ":c%u,c%u", low, high);
}

static bool read_category(const char **at, unsigned *out)
{
    char *end;
    unsigned long n;

    if ((*at)[0] != 'c' || (*at)[1] < '0' || (*at)[1] > '9')
        return false;
    n = strtoul(*at + 1, &end, 10);
    *at = end;
    *out = (unsigned)n;
    return n < MCS_CATEGORIES;
}

/* In either order: to the kernel they are a set. */
bool mcs_parse(const char *level, unsigned *low, unsigned *high)
{
    unsigned x, y;

    if (!level || !text_starts(level, SHARED_LEVEL ":"))
        return false;
    level += strlen(SHARED_LEVEL ":");
    if (!read_category(&level, &x) || *level++ != ',' || !read_category(&level, &y) || *level ||
        x == y)
        return false;
    *low = x < y ? x : y;
    *high = x < y ? y : x;
    return true;
}
