/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions of --change: the Dockerfile's, without those that need a build.
 * Pure, any thread. Lists come as a JSON array or as the shell form, which for
 * commands means /bin/sh -c.
 */
#include "change.h"

#include "base/clock.h"
#include "base/fd.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CHANGE_MAX = 64 * 1024, PORT_MAX = 65535 };

typedef struct err *(*apply_fn)(struct arena *a, const char *rest, struct run_defaults *c);

/* ["a", "b"]; false when it is not that: then it is the shell form. */
static bool read_array(struct arena *a, const char *s, struct strs *out)
{
    const struct json *doc = NULL;
    autoerr struct err *e = *s == '[' ? json_parse(a, s, strlen(s), &doc) : NULL;
    struct strs items;

    if (!doc || e || json_type(doc) != JSON_ARRAY)
        return false;
    items = json_strs(a, doc);
    if (items.n != json_len(doc))
        return false;
    *out = items;
    return true;
}

/* The next word, its quotes and backslashes resolved; NULL at the end. */
static char *next_word(struct arena *a, const char **at)
{
    autobuf struct buf b = {0};
    const char *s = *at;
    char quote = '\0';

    while (isspace((unsigned char)*s))
        s++;
    if (!*s)
        return NULL;
    for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
        if (quote ? *s == quote : (*s == '"' || *s == '\''))
            quote = quote ? '\0' : *s;
        else if (*s == '\\' && quote != '\'' && s[1])
            buf_putc(&b, *++s);
        else
            buf_putc(&b, *s);
    }
    *at = s;
    return arena_strndup(a, b.data ? b.data : "", b.len);
}

static struct strs words(struct arena *a, const char *s)
{
    struct strs list = {0};
    char *word;

    while ((word = next_word(a, &s)))
        strs_add(a, &list, word);
    return list;
}

static struct strs command(struct arena *a, const char *s)
{
    struct strs list = {0};

    if (read_array(a, s, &list))
        return list;
    strs_add(a, &list, "/bin/sh");
    strs_add(a, &list, "-c");
    strs_add(a, &list, s);
    return list;
}

static struct err *apply_cmd(struct arena *a, const char *rest, struct run_defaults *c)
{
    c->cmd = command(a, rest);
    return NULL;
}

static struct err *apply_entrypoint(struct arena *a, const char *rest, struct run_defaults *c)
{
    c->entrypoint = command(a, rest);
    return NULL;
}

/* "k=v k2=v2", or the old "k the rest". */
static struct err *read_pairs(struct arena *a, const char *rest, const char *what,
                              struct pairs *out)
{
    const char *at = rest;
    char *word = next_word(a, &at);
    struct pairs given = {0};

    if (!strchr(word, '=')) {
        while (isspace((unsigned char)*at))
            at++;
        if (!*at)
            return err_new(ERR_INVALID, "%s must have two arguments", what);
        pairs_set(a, out, word, at);
        return NULL;
    }
    for (; word; word = next_word(a, &at)) {
        char *equals = strchr(word, '=');

        if (!equals)
            return err_new(ERR_INVALID,
                           "Syntax error - can't find = in \"%s\". Must be of the form: name=value",
                           word);
        *equals = '\0';
        if (!*word)
            return err_new(ERR_INVALID, "%s names can not be blank", what);
        pairs_add(a, &given, word, equals + 1);
    }
    pairs_merge(a, out, &given);
    return NULL;
}

static struct err *apply_env(struct arena *a, const char *rest, struct run_defaults *c)
{
    struct pairs vars = {0}, all = {0};
    struct strs env = {0};

    TRY(read_pairs(a, rest, "ENV", &vars));
    for (size_t n = 0; n < c->env.n; n++) {
        size_t len = strcspn(c->env.v[n], "=");

        pairs_add(a, &all, arena_strndup(a, c->env.v[n], len), c->env.v[n] + len);
    }
    for (size_t n = 0; n < vars.n; n++)
        vars.v[n].value = arena_printf(a, "=%s", vars.v[n].value);
    pairs_merge(a, &all, &vars);
    for (size_t n = 0; n < all.n; n++)
        strs_add(a, &env, arena_printf(a, "%s%s", all.v[n].key, all.v[n].value));
    c->env = env;
    return NULL;
}

static struct err *apply_label(struct arena *a, const char *rest, struct run_defaults *c)
{
    return read_pairs(a, rest, "LABEL", &c->labels);
}

static struct err *add_ports(struct arena *a, char *word, struct strs *out)
{
    char *slash = strchr(word, '/'), *dash;
    const char *proto = "tcp";
    uint32_t first, last;
    const char *given = arena_strdup(a, word);

    if (slash) {
        *slash = '\0';
        proto = slash + 1;
        text_lower(slash + 1);
    }
    dash = strchr(word, '-');
    if (dash)
        *dash = '\0';
    if (!text_to_u32(word, &first) || !text_to_u32(dash ? dash + 1 : word, &last) || !first ||
        first > last || last > PORT_MAX)
        return err_new(ERR_INVALID, "invalid containerPort: %s", given);
    if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
        return err_new(ERR_INVALID, "invalid proto: %s", proto);
    if (out->n + (last - first) >= IMAGE_PORTS_MAX) /* before a range is spelled out */
        return err_new(ERR_INVALID, "EXPOSE has more than %d ports", IMAGE_PORTS_MAX);
    for (uint32_t port = first; port <= last; port++)
        strs_add(a, out, arena_printf(a, "%u/%s", port, proto));
    return NULL;
}

static struct err *apply_expose(struct arena *a, const char *rest, struct run_defaults *c)
{
    struct strs list = words(a, rest), ports = {0};

    for (size_t n = 0; n < list.n; n++)
        TRY(add_ports(a, list.v[n], &ports));
    strs_merge(a, &c->exposed_ports, &ports);
    return NULL;
}

static struct err *apply_volume(struct arena *a, const char *rest, struct run_defaults *c)
{
    struct strs list;

    if (!read_array(a, rest, &list))
        list = words(a, rest);
    for (size_t n = 0; n < list.n; n++)
        if (!*text_trim(list.v[n]))
            return err_new(ERR_INVALID, "VOLUME specified can not be an empty string");
    strs_merge(a, &c->volumes, &list);
    return NULL;
}

static struct err *apply_user(struct arena *a, const char *rest, struct run_defaults *c)
{
    c->user = arena_strdup(a, rest);
    return NULL;
}

static struct err *apply_workdir(struct arena *a, const char *rest, struct run_defaults *c)
{
    const char *at = rest;
    const char *dir = next_word(a, &at);

    if (*dir != '/')
        dir = path_join(a, text_is_empty(c->working_dir) ? "/" : c->working_dir, dir);
    c->working_dir = path_clean(a, dir);
    return NULL;
}

static struct err *apply_stopsignal(struct arena *a, const char *rest, struct run_defaults *c)
{
    c->stop_signal = arena_strdup(a, rest);
    return NULL;
}

static struct err *apply_onbuild(struct arena *a, const char *rest, struct run_defaults *c)
{
    strs_add(a, &c->on_build, rest);
    return NULL;
}

static struct err *read_health_flag(struct image_health *h, char *word)
{
    static const struct {
        const char *name;
        size_t offset;
    } times[] = {
        {"--interval", offsetof(struct image_health, interval_ns)},
        {"--timeout", offsetof(struct image_health, timeout_ns)},
        {"--start-period", offsetof(struct image_health, start_period_ns)},
        {"--start-interval", offsetof(struct image_health, start_interval_ns)},
    };
    char *value = strchr(word, '=');

    if (!value)
        return err_new(ERR_INVALID, "missing a value on flag: %s", word);
    *value++ = '\0';
    if (!strcmp(word, "--retries")) {
        if (!text_to_i64(value, &h->retries) || h->retries < 0)
            return err_new(ERR_INVALID, "--retries must be at least 0, not %s", value);
        return NULL;
    }
    for (size_t n = 0; n < ARRAY_LEN(times); n++) {
        if (strcmp(word, times[n].name) != 0)
            continue;
        if (!clock_from_duration(value, (int64_t *)((char *)h + times[n].offset)))
            return err_new(ERR_INVALID, "invalid duration %s for %s", value, word);
        return NULL;
    }
    return err_new(ERR_INVALID, "unknown flag: %s", word);
}

static struct err *apply_healthcheck(struct arena *a, const char *rest, struct run_defaults *c)
{
    struct image_health *h = arena_new(a, struct image_health);
    const char *at = rest;
    char *word;

    while ((word = next_word(a, &at)) && text_starts(word, "--"))
        TRY(read_health_flag(h, word));
    while (isspace((unsigned char)*at))
        at++;
    if (word && !strcasecmp(word, "NONE") && !*at) {
        strs_add(a, &h->test, "NONE");
    } else if (word && !strcasecmp(word, "CMD") && *at) {
        struct strs list;

        if (read_array(a, at, &list)) {
            strs_add(a, &h->test, "CMD");
            for (size_t n = 0; n < list.n; n++)
                strs_add(a, &h->test, list.v[n]);
        } else {
            strs_add(a, &h->test, "CMD-SHELL");
            strs_add(a, &h->test, at);
        }
    } else {
        return err_new(ERR_INVALID, "HEALTHCHECK wants NONE or CMD and a command");
    }
    c->health = h;
    return NULL;
}

static const struct {
    const char *name;
    apply_fn apply;
} instructions[] = {
    {"CMD", apply_cmd},
    {"ENTRYPOINT", apply_entrypoint},
    {"ENV", apply_env},
    {"EXPOSE", apply_expose},
    {"LABEL", apply_label},
    {"VOLUME", apply_volume},
    {"USER", apply_user},
    {"WORKDIR", apply_workdir},
    {"ONBUILD", apply_onbuild},
    {"STOPSIGNAL", apply_stopsignal},
    {"HEALTHCHECK", apply_healthcheck},
};

struct err *change_apply(struct arena *a, const char *instruction, struct run_defaults *c)
{
    char *line = arena_strdup(a, instruction), *rest;
    size_t n;

    if (strlen(line) > CHANGE_MAX)
        return err_new(ERR_INVALID, "the change is longer than %d bytes", CHANGE_MAX);
    line = text_trim(line);
    for (n = strlen(line); n && isspace((unsigned char)line[n - 1]); n--)
        line[n - 1] = '\0';
    n = strcspn(line, " \t");
    rest = line + n;
    if (*rest)
        *rest++ = '\0';
    rest = text_trim(rest);
    for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
        if (strcasecmp(line, instructions[i].name) != 0)
            continue;
        if (!*rest)
            return err_new(ERR_INVALID, "%s requires at least one argument", instructions[i].name);
        return instructions[i].apply(a, rest, c);
    }
    return err_new(ERR_INVALID, "%s is not a valid change command", line);
}
