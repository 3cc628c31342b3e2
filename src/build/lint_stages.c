/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lint of instructions, with the variables that each sees. Pure.
 * Trap: what an image that is not known sets is not known either: nothing is said of variables in a
 * stage that is FROM one, or FROM such a stage.
 */
#include "linter.h"

#include "reader.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A stage while it is looked at, and then for the stages that are FROM it. */
struct looked_at {
    struct scope *scope;
    bool knows_env, has_workdir, has_shell;
    const struct instruction *cmd, *entrypoint, *health; /* the last one of this stage */
};
struct lint_look {
    struct linter *l;
    struct looked_at *st;
    const struct instruction *in; /* as written */
};

/* ---- secrets ---- */

/* The name has the word between '_', in any case. */
static bool has_word(const char *name, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = name;; p++) {
        if (!strncasecmp(p, word, n) && (!p[n] || p[n] == '_'))
            return true;
        p = strchr(p, '_');
        if (!p)
            return false;
    }
}

static bool has_any_word(const char *name, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has_word(name, words[i]))
            return true;
    return false;
}

static bool is_secret(const char *name)
{
    static const char *const tell[] = {"apikey",   "auth",  "credential", "credentials", "key",
                                       "password", "pword", "passwd",     "secret",      "token"};
    static const char *const clear[] = {"public", "file", "version"};

    return has_any_word(name, tell, ARRAY_LEN(tell)) &&
           !has_any_word(name, clear, ARRAY_LEN(clear));
}

static void check_secrets(const struct lint_look *k, const struct instruction *expanded)
{
    for (size_t i = 0; i < expanded->n_assignments; i++)
        if (is_secret(expanded->assignments[i].key))
            lint_warn(k->l, SECRETS_USED_IN_ARG_OR_ENV, k->in->where,
                      "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")",
                      instruction_name(k->in->type), expanded->assignments[i].key);
}

/* ---- by type ---- */

static void check_legacy(const struct lint_look *k)
{
    if (k->in->n_assignments && k->in->assignments[0].is_legacy)
        lint_warn(k->l, LEGACY_KEY_VALUE_FORMAT, k->in->where,
                  "\"%s key=value\" should be used instead of legacy \"%s key value\" format",
                  k->in->word, k->in->word);
}

/* The one before is told: it is the one that has no effect. */
static void check_once(const struct lint_look *k, const struct instruction **last)
{
    if (*last)
        lint_warn(k->l, MULTIPLE_INSTRUCTIONS_DISALLOWED, (*last)->where,
                  "Multiple %s instructions should not be used in the same stage because only the "
                  "last one will be used",
                  k->in->word);
    *last = k->in;
}

static void check_json(const struct lint_look *k)
{
    if (!k->in->is_json && !k->st->has_shell)
        lint_warn(k->l, JSON_ARGS_RECOMMENDED, k->in->where,
                  "JSON arguments recommended for %s to prevent unintended behavior related to OS "
                  "signals",
                  k->in->word);
}

static void check_workdir(const struct lint_look *k, const struct instruction *expanded)
{
    const char *path = expanded->args.v[0];

    if (!k->st->has_workdir && *path != '/')
        lint_warn(k->l, WORKDIR_RELATIVE_PATH, k->in->where,
                  "Relative workdir %s can have unexpected results if the base image changes",
                  quoted(k->l->a, path));
    k->st->has_workdir = true;
}

static void check_ports(const struct lint_look *k)
{
    for (size_t i = 0; i < k->in->args.n; i++) {
        const char *port = k->in->args.v[i], *proto = strchr(port, '/');
        bool has_upper = false;

        if (strchr(port, '$'))
            continue;
        for (; proto && *proto; proto++)
            has_upper |= isupper((unsigned char)*proto);
        if (has_upper)
            lint_warn(k->l, EXPOSE_PROTO_CASING, k->in->where,
                      "Defined protocol '%s' in EXPOSE instruction should be lowercase", port);
        if (strchr(port, ':'))
            lint_warn(k->l, EXPOSE_INVALID_FORMAT, k->in->where,
                      "EXPOSE instruction should not define an IP address or host-port mapping, "
                      "found '%s'",
                      port);
    }
}

/* Relative to the context, clean enough to be compared. */
static char *context_path(struct arena *a, const char *source)
{
    struct strs parts = text_split(a, source, '/'), kept = {0};

    for (size_t i = 0; i < parts.n; i++)
        if (*parts.v[i] && strcmp(parts.v[i], ".") != 0)
            strs_add(a, &kept, parts.v[i]);
    return kept.n ? strs_join(a, &kept, "/") : arena_strdup(a, "");
}

static void check_ignored(const struct lint_look *k, const struct instruction *expanded)
{
    const struct ignore *g = k->l->in->ignore;
    const struct copy_args *c = &expanded->copy;

    if (!g || c->from || ignore_has_exceptions(g))
        return;
    for (size_t i = 0; i < c->sources.n; i++) {
        const char *path = context_path(k->l->a, c->sources.v[i]);

        if (strstr(c->sources.v[i], "://"))
            continue;
        if (*path ? ignore_excludes(g, path) : ignore_excludes_root(g))
            lint_warn(k->l, COPY_IGNORED_FILE, k->in->where,
                      "Attempting to %s file %s that is excluded by .dockerignore",
                      k->in->type == INS_ADD ? "Add" : "Copy",
                      quoted(k->l->a, *path ? path : c->sources.v[i]));
    }
}

static void check_missing(const struct lint_look *k)
{
    const struct strs *missing = scope_missing(k->st->scope);
    struct strs known = {0}, told = {0};
    const char *meant;

    if (!k->st->knows_env || k->in->type == INS_EXPOSE)
        return;
    for (size_t i = 0; i < missing->n; i++) {
        if (k->l->out->n == LINT_WARNINGS_MAX)
            return;
        if (strs_has(&told, missing->v[i]))
            continue;
        strs_add(k->l->a, &told, missing->v[i]);
        if (!known.v)
            known = scope_names(k->st->scope, k->l->a);
        meant = suggest(k->l->a, missing->v[i], (const char *const *)known.v, known.n, true);
        lint_warn(k->l, UNDEFINED_VAR, k->in->where, "Usage of undefined variable '$%s'%s",
                  missing->v[i], meant ? arena_printf(k->l->a, " (did you mean $%s?)", meant) : "");
    }
}

static void check_instruction(const struct lint_look *k, const struct instruction *expanded)
{
    switch (k->in->type) {
    case INS_ADD:
    case INS_COPY:
        check_ignored(k, expanded);
        break;
    case INS_ENV:
    case INS_ARG:
    case INS_LABEL:
        check_legacy(k);
        if (k->in->type != INS_LABEL)
            check_secrets(k, expanded);
        break;
    case INS_CMD:
        check_once(k, &k->st->cmd);
        check_json(k);
        break;
    case INS_ENTRYPOINT:
        check_once(k, &k->st->entrypoint);
        check_json(k);
        break;
    case INS_HEALTHCHECK:
        check_once(k, &k->st->health);
        break;
    case INS_EXPOSE:
        check_ports(k);
        break;
    case INS_SHELL:
        k->st->has_shell = true;
        break;
    case INS_WORKDIR:
        check_workdir(k, expanded);
        break;
    default:
        break;
    }
}

/* ---- stages ---- */

static struct looked_at enter(struct linter *l, const char *base, const struct looked_at *parent)
{
    static char *const path[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    const struct strs nothing = {.v = (char **)path, .n = 1};
    const struct strs *env = &nothing;
    bool is_known = true;

    if (parent)
        return (struct looked_at){.scope = scope_enter_stage(l->global, parent->scope, NULL),
                                  .knows_env = parent->knows_env,
                                  .has_workdir = parent->has_workdir,
                                  .has_shell = parent->has_shell};
    if (strcmp(base, "scratch") != 0) {
        const struct strs *answer = l->in->image_env ? l->in->image_env(l->in->ctx, base) : NULL;

        is_known = answer;
        if (answer)
            env = answer;
    }
    return (struct looked_at){.scope = scope_enter_stage(l->global, NULL, env),
                              .knows_env = is_known};
}

static struct err *look_at_stage(struct linter *l, const struct stage *st, struct looked_at *all)
{
    size_t place = (size_t)(st - l->d->stages);
    const struct stage *parent;
    char *base;

    TRY(lint_from(l, st, &base));
    parent = dockerfile_find_base(l->d, base, place);
    all[place] = enter(l, base, parent ? &all[parent - l->d->stages] : NULL);
    for (size_t i = 0; i < st->n; i++) {
        const struct lint_look k = {.l = l, .st = &all[place], .in = &st->instructions[i]};
        struct instruction expanded;

        *l->where = k.in->where;
        TRY(scope_expand(k.st->scope, k.in, &expanded));
        check_missing(&k);
        check_instruction(&k, &expanded);
    }
    *l->where = (struct source_range){0};
    return NULL;
}

struct err *lint_stages(struct linter *l)
{
    struct looked_at *all = arena_array(l->a, l->d->n_stages, sizeof(*all));

    for (size_t i = 0; i < l->d->n_stages; i++)
        TRY(look_at_stage(l, &l->d->stages[i], all));
    return NULL;
}
