/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows an instruction's flags, one function for each form. The sentences are BuildKit's,
 * which clients and people know. Pure, any thread.
 */
#include "instruction.h"

#include "base/json.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *name_of(const struct reading *g)
{
    return instruction_name(g->in->type);
}

static struct err *wrong(const struct reading *g, const char *what)
{
    return parse_error(g->r, g->j, NULL, 0, "%s %s", name_of(g), what);
}

static struct err *check_count(const struct reading *g, size_t n)
{
    if (n <= DOCKERFILE_WORDS_MAX)
        return NULL;
    return parse_too_much(g->r, g->j->where, "%s has more than %d words", name_of(g),
                          DOCKERFILE_WORDS_MAX);
}

/* ---- the exec form ---- */

/* An array of strings is taken; what is no JSON is left to the shell form; an array of anything
 * else is an error, since it was meant. */
static struct err *take_json(struct reading *g, const char *s)
{
    const struct json *doc, *item;
    struct strs list = {0};
    struct err *e;

    if (*s != '[')
        return NULL;
    e = json_parse(g->r->a, s, strlen(s), &doc);
    if (e) {
        err_drop(e);
        return NULL;
    }
    TRY(check_count(g, json_len(doc)));
    for (item = json_first(doc); item; item = json_next(item)) {
        if (json_type(item) != JSON_STRING)
            return parse_error(g->r, g->j, s, strlen(s),
                               "when using JSON array syntax, arrays must be comprised of strings "
                               "only");
        strs_add(g->r->a, &list, json_str(item));
    }
    g->in->args = list;
    g->in->is_json = true;
    return NULL;
}

/* A vector, or one line for the shell. */
static struct err *parse_command(struct reading *g)
{
    TRY(take_json(g, g->rest));
    if (!g->in->is_json && *g->rest)
        strs_add(g->r->a, &g->in->args, g->rest);
    return NULL;
}

/* A vector, or words. */
static struct err *parse_list(struct reading *g)
{
    TRY(take_json(g, g->rest));
    if (!g->in->is_json) {
        struct text_words w = words_plain(g->r->a, g->rest);

        TRY(check_count(g, w.n));
        g->in->args = words_texts(g->r->a, &w);
    }
    return NULL;
}

/* ---- ARG, ENV, LABEL ---- */

static void add_assignment(struct reading *g, char *key, char *value, bool is_legacy)
{
    g->in->assignments[g->in->n_assignments++] =
        (struct assignment){.key = key, .value = value, .is_legacy = is_legacy};
}

static struct err *parse_legacy(struct reading *g)
{
    size_t n = strcspn(g->rest, "\t\v\f\r ");
    const char *value = g->rest + n;

    if (!*value)
        return wrong(g, "must have two arguments");
    value += strspn(value, "\t\v\f\r ");
    g->in->assignments = arena_new(g->r->a, struct assignment);
    add_assignment(g, arena_strndup(g->r->a, g->rest, n), arena_strdup(g->r->a, value), true);
    return NULL;
}

static struct err *take_assignment(struct reading *g, const struct text_word *w, bool needs_value)
{
    char *is = strchr(w->text, '=');

    if (!is && needs_value)
        return parse_error(g->r, g->j, w->at, w->n,
                           "Syntax error - can't find = in %s. Must be of the form: name=value",
                           quoted(g->r->a, w->text));
    if (is == w->text)
        return parse_error(g->r, g->j, w->at, w->n, "%s names can not be blank", name_of(g));
    if (is)
        *is = '\0';
    add_assignment(g, w->text, is ? is + 1 : NULL, false);
    return NULL;
}

static struct err *parse_assignments(struct reading *g)
{
    struct text_words w = words_quoted(g->r->a, g->rest, g->r->escape);
    bool needs_value = g->in->type != INS_ARG;

    if (!w.n)
        return wrong(g, "requires at least one argument");
    TRY(check_count(g, w.n));
    if (needs_value && !strchr(w.v[0].text, '='))
        return parse_legacy(g);
    g->in->assignments = arena_array(g->r->a, w.n, sizeof(struct assignment));
    for (size_t i = 0; i < w.n; i++)
        TRY(take_assignment(g, &w.v[i], needs_value));
    return NULL;
}

/* ---- ADD, COPY, RUN ---- */

static struct heredoc *find_heredoc(const struct reading *g, const char *name)
{
    struct heredoc *found = NULL;

    for (size_t i = 0; i < g->in->n_heredocs; i++)
        if (!strcmp(g->in->heredocs[i].name, name))
            found = &g->in->heredocs[i];
    return found;
}

static void take_source(struct reading *g, const char *source)
{
    struct copy_args *c = &g->in->copy;
    struct heredoc h, *found = NULL;

    if (g->in->n_heredocs && heredoc_parse_word(g->r->a, source, &h))
        found = find_heredoc(g, h.name);
    if (found)
        c->contents[c->n_contents++] = found;
    else
        strs_add(g->r->a, &c->sources, source);
}

static struct err *parse_copy(struct reading *g)
{
    struct copy_args *c = &g->in->copy;
    struct heredoc h;
    size_t n;

    TRY(parse_list(g));
    n = g->in->args.n;
    if (n < 2)
        return wrong(g, "requires at least two arguments, but only one was provided. Destination "
                        "could not be determined");
    c->dest = g->in->args.v[n - 1];
    if (!g->in->is_json) {
        TRY(heredoc_read_all(g->r, g->j, &g->in->heredocs, &g->in->n_heredocs));
        if (heredoc_parse_word(g->r->a, c->dest, &h))
            return wrong(g, "cannot accept a heredoc as a destination");
    }
    c->contents = arena_array(g->r->a, n, sizeof(struct heredoc *));
    for (size_t i = 0; i + 1 < n; i++)
        take_source(g, g->in->args.v[i]);
    return NULL;
}

static struct err *check_word(const struct reading *g, const char *flag, const char *fmt,
                              const char *const *known, size_t n)
{
    const char *value = ins_flag_value(g->in, flag);

    if (!value || !*value)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(value, known[i]))
            return NULL;
    for (size_t i = 0; i < g->flags.n; i++)
        if (!strcmp(g->in->flags[i].name, flag))
            return parse_error(g->r, g->j, g->flags.v[i].at, g->flags.v[i].n, "%s%s%s", fmt,
                               quoted(g->r->a, value), suggestion(g->r->a, value, known, n, true));
    return NULL;
}

/* A mount without variables is judged now; others when they are expanded. */
static struct err *check_mount(const struct reading *g, const struct text_word *w, const char *text)
{
    const char *from = strstr(text, "from=");
    struct run_mount m;
    struct err *e, *told;

    if (from && (from == text || from[-1] == ',') && memchr(from, '$', strcspn(from, ",")))
        return parse_error(g->r, g->j, w->at, w->n,
                           "'from' doesn't support variable expansion, "
                           "define alias stage instead");
    if (strchr(text, '$'))
        return NULL;
    e = run_mount_parse(g->r->a, text, &m);
    if (!e)
        return NULL;
    told = parse_error(g->r, g->j, w->at, w->n, "%s", err_text(e));
    err_drop(e);
    return told;
}

static struct err *parse_run(struct reading *g)
{
    static const char *const networks[] = {"default", "none", "host"};
    static const char *const securities[] = {"sandbox", "insecure"};

    TRY(check_word(g, "network", "unsupported network mode ", networks, ARRAY_LEN(networks)));
    TRY(check_word(g, "security", "unsupported security mode ", securities, ARRAY_LEN(securities)));
    for (size_t i = 0; i < g->in->n_flags; i++)
        if (!strcmp(g->in->flags[i].name, "mount"))
            TRY(check_mount(g, &g->flags.v[i], g->in->flags[i].value));
    TRY(parse_command(g));
    if (g->in->is_json)
        return g->in->args.n ? NULL : wrong(g, "requires at least one argument");
    return heredoc_read_all(g->r, g->j, &g->in->heredocs, &g->in->n_heredocs);
}

/* ---- the others ---- */

static struct err *parse_one(struct reading *g)
{
    if (!*g->rest)
        return wrong(g, "requires exactly one argument");
    strs_add(g->r->a, &g->in->args, g->rest);
    return NULL;
}

static struct err *parse_expose(struct reading *g)
{
    struct text_words w = words_plain(g->r->a, g->rest);

    if (!w.n)
        return wrong(g, "requires at least one argument");
    TRY(check_count(g, w.n));
    g->in->args = words_texts(g->r->a, &w);
    sort_texts(&g->in->args);
    return NULL;
}

static struct err *parse_volume(struct reading *g)
{
    TRY(parse_list(g));
    if (!g->in->args.n)
        return wrong(g, "requires at least one argument");
    for (size_t i = 0; i < g->in->args.n; i++) {
        char **v = &g->in->args.v[i];

        *v = trimmed(g->r->a, *v, strlen(*v));
        if (!**v)
            return wrong(g, "specified can not be an empty string");
    }
    return NULL;
}

static struct err *parse_shell(struct reading *g)
{
    TRY(parse_command(g));
    if (!g->in->args.n)
        return wrong(g, "requires at least one argument");
    return g->in->is_json ? NULL : wrong(g, "requires the arguments to be in JSON form");
}

static struct err *parse_health_command(struct reading *g, const char *command)
{
    struct health_args *h = &g->in->health;

    g->rest = command;
    TRY(parse_command(g));
    if (!g->in->args.n)
        return parse_error(g->r, g->j, NULL, 0, "Missing command after HEALTHCHECK CMD");
    strs_add(g->r->a, &h->test, g->in->is_json ? "CMD" : "CMD-SHELL");
    for (size_t i = 0; i < g->in->args.n; i++)
        strs_add(g->r->a, &h->test, g->in->args.v[i]);
    return NULL;
}

static struct err *parse_health(struct reading *g)
{
    const char *type = g->rest, *command;
    char *unknown;
    size_t n = 0;

    while (type[n] && !space_length(type + n))
        n++;
    if (!n)
        return wrong(g, "requires at least one argument");
    command = skip_spaces(type + n);
    if (n == 4 && !strncasecmp(type, "NONE", n)) {
        if (*command || g->in->n_flags)
            return parse_error(g->r, g->j, NULL, 0, "HEALTHCHECK NONE takes no arguments");
        g->in->health.is_none = true;
        strs_add(g->r->a, &g->in->health.test, "NONE");
        return NULL;
    }
    if (n == 3 && !strncasecmp(type, "CMD", n))
        return parse_health_command(g, command);
    unknown = arena_strndup(g->r->a, type, n);
    for (char *p = unknown; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return parse_error(g->r, g->j, type, n, "Unknown type %s in HEALTHCHECK (try CMD)",
                       quoted(g->r->a, unknown));
}

static struct err *parse_onbuild(struct reading *g)
{
    size_t n = strcspn(g->rest, "\t\v\f\r ");
    enum instruction_type type = instruction_type_of(arena_strndup(g->r->a, g->rest, n));
    struct instruction child;
    autobuf struct buf trigger = {0};

    if (!n)
        return wrong(g, "requires at least one argument");
    if (type == INS_ONBUILD)
        return parse_error(g->r, g->j, g->rest, n,
                           "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (type == INS_MAINTAINER || type == INS_FROM)
        return parse_error(g->r, g->j, g->rest, n, "%s isn't allowed as an ONBUILD trigger",
                           instruction_name(type));
    TRY(instruction_parse(g->r, g->j, g->rest, &child));
    g->in->heredocs = child.heredocs;
    g->in->n_heredocs = child.n_heredocs;
    buf_puts(&trigger, g->rest);
    for (size_t i = 0; i < child.n_heredocs; i++)
        buf_printf(&trigger, "\n%s%s", child.heredocs[i].body, child.heredocs[i].name);
    g->in->trigger = arena_strdup(g->r->a, trigger.data);
    return NULL;
}

static struct err *parse_from(struct reading *g)
{
    struct text_words w = words_plain(g->r->a, g->rest);

    if (w.n != 1 && (w.n != 3 || strcasecmp(w.v[1].text, "as") != 0))
        return wrong(g, "requires either one or three arguments");
    g->in->args = words_texts(g->r->a, &w);
    return NULL;
}

struct err *instruction_parse_args(struct reading *g)
{
    static struct err *(*const by_type[INS_TYPES])(struct reading *) = {
        [INS_ADD] = parse_copy,
        [INS_ARG] = parse_assignments,
        [INS_CMD] = parse_command,
        [INS_COPY] = parse_copy,
        [INS_ENTRYPOINT] = parse_command,
        [INS_ENV] = parse_assignments,
        [INS_EXPOSE] = parse_expose,
        [INS_FROM] = parse_from,
        [INS_HEALTHCHECK] = parse_health,
        [INS_LABEL] = parse_assignments,
        [INS_MAINTAINER] = parse_one,
        [INS_ONBUILD] = parse_onbuild,
        [INS_RUN] = parse_run,
        [INS_SHELL] = parse_shell,
        [INS_STOPSIGNAL] = parse_one,
        [INS_USER] = parse_one,
        [INS_VOLUME] = parse_volume,
        [INS_WORKDIR] = parse_one,
    };

    return by_type[g->in->type](g);
}
