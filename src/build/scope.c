/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which variables an instruction sees, and what it is with their values. Pure.
 * Trap: an ARG without a value takes the global one, but leaves one of its own stage as it is.
 */
#include "build/expand.h"

#include "names.h"
#include "reader.h"

#include <string.h>
#include <strings.h>

/* What all scopes of one file share. */
struct shared {
    struct arena *a;
    char escape;
    const struct pairs *build_args;
    struct names given, wanted; /* --build-arg; names that an ARG has */
    size_t left;                /* of EXPANDED_TOTAL_MAX */
};
struct scope {
    struct shared *shared;
    const struct scope *global; /* NULL: this is it */
    struct names env, args;     /* in the global scope all are args */
    struct names declared;      /* what ARGs of this stage name, with or without a value */
    struct strs missing, used;
};

static const char *const proxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                      "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                      "ALL_PROXY",  "all_proxy"};

static bool is_proxy(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
        if (!strcmp(name, proxies[i]))
            return true;
    return false;
}

static struct arena *arena_of(const struct scope *s)
{
    return s->shared->a;
}

static const char *find_variable(void *ctx, const char *name)
{
    const struct scope *s = ctx;
    const char *value = names_get(&s->env, name);

    return value ? value : names_get(&s->args, name);
}

/* ---- one word ---- */

static struct expansion expansion_of(struct scope *s, unsigned bits)
{
    return (struct expansion){.a = arena_of(s),
                              .escape = bits & EXPAND_NO_QUOTES ? '\\' : s->shared->escape,
                              .bits = bits,
                              .variable = find_variable,
                              .ctx = s,
                              .left = &s->shared->left};
}

/* An ARG without a value is missing in no sense that anybody wants to be told. */
static void note(struct scope *s, const struct expansion *x)
{
    for (size_t i = 0; i < x->used.n && s->used.n < DOCKERFILE_WORDS_MAX; i++)
        strs_add(arena_of(s), &s->used, x->used.v[i]);
    for (size_t i = 0; i < x->missing.n && s->missing.n < DOCKERFILE_WORDS_MAX; i++)
        if (!names_get(&s->declared, x->missing.v[i]))
            strs_add(arena_of(s), &s->missing, x->missing.v[i]);
}

static struct err *expand_text(struct scope *s, unsigned bits, char **word)
{
    struct expansion x = expansion_of(s, bits);

    if (!*word)
        return NULL;
    TRY(expand_word(&x, *word, word));
    note(s, &x);
    return NULL;
}

static struct err *expand_list(struct scope *s, struct strs *list)
{
    struct strs out = {0};

    for (size_t i = 0; i < list->n; i++) {
        char *word = list->v[i];

        TRY(expand_text(s, 0, &word));
        strs_add(arena_of(s), &out, word);
    }
    if (list->v)
        *list = out;
    return NULL;
}

/* ---- the global scope ---- */

static void set_platform(struct names *m, const char *prefix, const char *platform)
{
    struct arena *a = m->a;
    struct strs part = text_split(a, platform, '/');

    names_set(m, arena_printf(a, "%sPLATFORM", prefix), platform);
    names_set(m, arena_printf(a, "%sOS", prefix), part.n > 0 ? part.v[0] : "");
    names_set(m, arena_printf(a, "%sARCH", prefix), part.n > 1 ? part.v[1] : "");
    names_set(m, arena_printf(a, "%sVARIANT", prefix), part.n > 2 ? part.v[2] : "");
    names_set(m, arena_printf(a, "%sOSVERSION", prefix), "");
}

static struct err *evaluate_args(struct scope *s, const struct instruction *in)
{
    struct instruction ignored;

    return scope_expand(s, in, &ignored);
}

struct err *scope_open(struct arena *a, const struct dockerfile *d, const struct scope_options *o,
                       struct scope **out)
{
    struct scope *s = arena_new(a, struct scope);
    const char *stage = text_is_empty(o->target_stage) ? NULL : o->target_stage;

    s->shared = arena_new(a, struct shared);
    *s->shared = (struct shared){.a = a,
                                 .escape = d->escape,
                                 .given = {.a = a},
                                 .wanted = {.a = a},
                                 .left = EXPANDED_TOTAL_MAX};
    s->env.a = s->args.a = s->declared.a = a;
    for (size_t i = 0; o->build_args && i < o->build_args->n; i++)
        if (o->build_args->v[i].value)
            names_set(&s->shared->given, o->build_args->v[i].key, o->build_args->v[i].value);
    set_platform(&s->args, "BUILD", o->build_platform ? o->build_platform : "");
    set_platform(&s->args, "TARGET", o->target_platform ? o->target_platform : "");
    if (!stage && d->n_stages && d->stages[d->n_stages - 1].name)
        stage = d->stages[d->n_stages - 1].name;
    names_set(&s->args, "TARGETSTAGE", stage ? stage : "default");
    for (size_t i = 0; i < d->n_global_args; i++)
        TRY(evaluate_args(s, &d->global_args[i]));
    *out = s;
    return NULL;
}

struct err *scope_expand_from(struct scope *global, const struct stage *st, char **out_base,
                              char **out_platform)
{
    char *base = st->base, *platform = st->platform;

    global->missing = global->used = (struct strs){0};
    TRY(expand_text(global, 0, &base));
    if (!*base)
        return err_new(ERR_INVALID, "base name (%s) should not be blank", st->base);
    TRY(expand_text(global, 0, &platform));
    if (platform && !*platform)
        return err_new(ERR_INVALID, "empty platform value from expression %s", st->platform);
    *out_base = base;
    *out_platform = platform;
    return NULL;
}

struct scope *scope_enter_stage(struct scope *global, const struct scope *base,
                                const struct strs *base_env)
{
    struct arena *a = arena_of(global);
    struct scope *s = arena_new(a, struct scope);

    *s = (struct scope){.shared = global->shared, .global = global};
    s->env.a = s->args.a = s->declared.a = a;
    if (base) {
        s->env.below = &base->env;
        s->args.below = &base->args;
        s->declared.below = &base->declared;
    }
    for (size_t i = 0; base_env && i < base_env->n; i++) {
        char *key = arena_strdup(a, base_env->v[i]), *is = strchr(key, '=');

        if (is)
            *is++ = '\0';
        names_set(&s->env, key, is ? is : "");
    }
    return s;
}

/* ---- instructions ---- */

static struct err *expand_arg(struct scope *s, struct assignment *arg)
{
    const char *given = names_get(&s->shared->given, arg->key);

    names_set(&s->shared->wanted, arg->key, "");
    names_set(&s->declared, arg->key, "");
    if (given)
        arg->value = arena_strdup(arena_of(s), given);
    else if (arg->value)
        TRY(expand_text(s, 0, &arg->value));
    else if (s->global)
        arg->value = (char *)names_get(&s->global->args, arg->key);
    if (arg->value)
        names_set(&s->args, arg->key, arg->value);
    return NULL;
}

static struct err *expand_args(struct scope *s, struct instruction *in)
{
    for (size_t i = 0; i < in->n_assignments; i++)
        TRY(expand_arg(s, &in->assignments[i]));
    return NULL;
}

/* ENV and LABEL: all by what was set before. */
static struct err *expand_pairs(struct scope *s, struct instruction *in)
{
    for (size_t i = 0; i < in->n_assignments; i++) {
        TRY(expand_text(s, 0, &in->assignments[i].key));
        TRY(expand_text(s, 0, &in->assignments[i].value));
        if (!*in->assignments[i].key)
            return err_new(ERR_INVALID, "%s names can not be blank", instruction_name(in->type));
    }
    for (size_t i = 0; in->type == INS_ENV && i < in->n_assignments; i++)
        names_set(&s->env, in->assignments[i].key, in->assignments[i].value);
    return NULL;
}

/* The bodies of heredocs that are expanded, as heredocs of their own. */
static struct err *expand_contents(struct scope *s, struct copy_args *c)
{
    struct heredoc **v = arena_array(arena_of(s), c->n_contents + 1, sizeof(*v));

    for (size_t i = 0; i < c->n_contents; i++) {
        v[i] = arena_memdup(arena_of(s), c->contents[i], sizeof(**v));
        if (v[i]->expands)
            TRY(expand_text(s, EXPAND_NO_QUOTES, &v[i]->body));
    }
    c->contents = v;
    return NULL;
}

static struct err *expand_copy(struct scope *s, struct instruction *in)
{
    struct copy_args *c = &in->copy;

    if (c->from && strchr(c->from, '$'))
        return err_new(ERR_INVALID, "variable expansion is not supported for --from, define a new "
                                    "stage with FROM using ARG from global scope as a workaround");
    TRY(expand_text(s, 0, &c->chown));
    TRY(expand_text(s, 0, &c->chmod));
    TRY(expand_text(s, 0, &c->checksum));
    TRY(expand_list(s, &c->excludes));
    TRY(expand_list(s, &c->sources));
    TRY(expand_text(s, 0, &c->dest));
    return expand_contents(s, c);
}

static struct err *expand_ports(struct scope *s, struct instruction *in)
{
    struct strs ports = {0}, words = {0};

    for (size_t i = 0; i < in->args.n; i++) {
        struct expansion x = expansion_of(s, 0);

        TRY(expand_words(&x, in->args.v[i], &words));
        note(s, &x);
    }
    for (size_t i = 0; i < words.n; i++)
        TRY(expose_parse(arena_of(s), words.v[i], &ports));
    in->args = ports;
    return NULL;
}

/* Only values are expanded: a variable cannot bring a key of its own, nor hide one. */
static struct err *expand_mount(struct scope *s, char **mount)
{
    struct arena *a = arena_of(s);
    struct strs fields = text_split(a, *mount, ',');
    autobuf struct buf out = {0};

    if (!strchr(*mount, '$'))
        return NULL;
    for (size_t i = 0; i < fields.n; i++) {
        char *value = strchr(fields.v[i], '=');

        buf_puts(&out, i ? "," : "");
        if (!value) {
            buf_puts(&out, fields.v[i]);
            continue;
        }
        *value++ = '\0';
        TRY(expand_text(s, 0, &value));
        if (strpbrk(value, ",\""))
            return err_new(ERR_INVALID, "the value of %s= in --mount has a comma or a quote: %s",
                           fields.v[i], value);
        buf_printf(&out, "%s=%s", fields.v[i], value);
    }
    *mount = arena_strdup(a, out.data);
    return NULL;
}

static struct err *expand_run(struct scope *s, struct instruction *in)
{
    struct strs mounts = {0};

    for (size_t i = 0; i < in->run.mounts.n; i++) {
        char *mount = in->run.mounts.v[i];
        struct run_mount judged;

        TRY(expand_mount(s, &mount));
        TRY(run_mount_parse(arena_of(s), mount, &judged));
        strs_add(arena_of(s), &mounts, mount);
    }
    in->run.mounts = mounts;
    return NULL;
}

static struct err *expand_all_args(struct scope *s, struct instruction *in)
{
    TRY(expand_list(s, &in->args));
    for (size_t i = 0; in->type == INS_VOLUME && i < in->args.n; i++)
        if (!*in->args.v[i])
            return err_new(ERR_INVALID, "VOLUME specified can not be an empty string");
    return NULL;
}

struct err *scope_expand(struct scope *s, const struct instruction *in, struct instruction *out)
{
    static struct err *(*const by_type[INS_TYPES])(struct scope *, struct instruction *) = {
        [INS_ADD] = expand_copy,         [INS_ARG] = expand_args,
        [INS_COPY] = expand_copy,        [INS_ENV] = expand_pairs,
        [INS_EXPOSE] = expand_ports,     [INS_LABEL] = expand_pairs,
        [INS_RUN] = expand_run,          [INS_STOPSIGNAL] = expand_all_args,
        [INS_USER] = expand_all_args,    [INS_VOLUME] = expand_all_args,
        [INS_WORKDIR] = expand_all_args,
    };
    struct instruction copy = *in;

    s->missing = s->used = (struct strs){0};
    if (copy.n_assignments)
        copy.assignments = arena_memdup(arena_of(s), in->assignments,
                                        in->n_assignments * sizeof(*in->assignments));
    if (by_type[in->type])
        TRY(by_type[in->type](s, &copy));
    *out = copy;
    return NULL;
}

const struct strs *scope_missing(const struct scope *s)
{
    return &s->missing;
}

const struct strs *scope_used(const struct scope *s)
{
    return &s->used;
}

/* ---- what a scope holds ---- */

static void add_pair(struct arena *a, struct strs *out, const char *key, const char *value)
{
    strs_add(a, out, arena_printf(a, "%s=%s", key, value));
}

static void add_names(struct arena *a, struct strs *out, const struct names *m)
{
    for (; m; m = m->below)
        for (size_t i = 0; i < m->n && out->n < SCOPE_NAMES_MAX; i++)
            strs_add(a, out, m->v[i].key);
}

struct strs scope_names(const struct scope *s, struct arena *a)
{
    struct strs out = {0};

    add_names(a, &out, &s->env);
    add_names(a, &out, &s->args);
    return out;
}

struct strs scope_env(const struct scope *s, struct arena *a)
{
    struct names env = names_flatten(a, &s->env);
    struct strs out = {0};

    for (size_t i = 0; i < env.n; i++)
        add_pair(a, &out, env.v[i].key, env.v[i].value);
    return out;
}

/* ARGs that no ENV hides. */
static void add_args(const struct scope *s, struct arena *a, struct strs *out)
{
    struct names args = names_flatten(a, &s->args);

    for (size_t i = 0; i < args.n; i++)
        if (!names_get(&s->env, args.v[i].key))
            add_pair(a, out, args.v[i].key, args.v[i].value);
}

struct strs scope_run_env(const struct scope *s, struct arena *a)
{
    struct strs out = scope_env(s, a);
    const struct names *given = &s->shared->given;

    add_args(s, a, &out);
    for (size_t i = 0; i < given->n; i++)
        if (is_proxy(given->v[i].key) && !names_get(&s->env, given->v[i].key) &&
            !names_get(&s->args, given->v[i].key))
            add_pair(a, &out, given->v[i].key, given->v[i].value);
    return out;
}

struct strs scope_run_args(const struct scope *s, struct arena *a)
{
    struct strs out = {0};

    add_args(s, a, &out);
    sort_texts(&out);
    return out;
}

struct strs scope_unconsumed(const struct scope *global, struct arena *a)
{
    const struct names *given = &global->shared->given;
    struct strs out = {0};

    for (size_t i = 0; i < given->n; i++)
        if (!names_get(&global->shared->wanted, given->v[i].key) && !is_proxy(given->v[i].key))
            strs_add(a, &out, given->v[i].key);
    sort_texts(&out);
    return out;
}
