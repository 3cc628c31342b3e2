/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See effect.h. The texts of the history are those of Docker's classic builder, where a program may
 * read them: "/bin/sh -c #(nop)  ENV a=b".
 */
#include "effect.h"

#include <string.h>

#include "base/fd.h"
#include "container/process.h"

struct effect_ctx {
    struct arena *a;
    const struct instruction *in, *as_written;
    const struct effect_input *input;
    struct effect *out;
};
typedef struct err *(*effect_fn)(struct effect_ctx *x, struct config *c, const char **comment);

struct strs effect_shell(struct arena *a, const struct config *c)
{
    struct strs shell = {0};

    if (c->shell.n)
        return strs_copy(a, &c->shell);
    strs_add(a, &shell, "/bin/sh");
    strs_add(a, &shell, "-c");
    return shell;
}

char *effect_nop(struct arena *a, const struct config *c, const char *rest)
{
    struct strs shell = effect_shell(a, c);

    return arena_printf(a, "%s #(nop) %s", strs_join(a, &shell, " "), rest);
}

/* ["a" "b"], as Go's %q has it. */
static const char *quoted(struct arena *a, const struct strs *list)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < list->n; i++) {
        buf_puts(&b, i ? " " : "");
        json_quote(&b, list->v[i], strlen(list->v[i]));
    }
    return arena_printf(a, "[%s]", b.data ? b.data : "");
}

static const char *first(const struct instruction *in)
{
    return in->args.n ? in->args.v[0] : "";
}

static struct strs command(struct effect_ctx *x, const struct config *c)
{
    struct strs list = {0};

    if (x->in->is_json)
        return strs_copy(x->a, &x->in->args);
    if (x->in->args.n) {
        list = effect_shell(x->a, c);
        strs_add(x->a, &list, first(x->in));
    }
    return list;
}

static struct err *do_cmd(struct effect_ctx *x, struct config *c, const char **comment)
{
    c->cmd = command(x, c);
    x->out->sets_cmd = true;
    *comment = arena_printf(x->a, "CMD %s", quoted(x->a, &c->cmd));
    return NULL;
}

/* A CMD of the base is for the base's entrypoint. */
static struct err *do_entrypoint(struct effect_ctx *x, struct config *c, const char **comment)
{
    c->entrypoint = command(x, c);
    if (!x->input->has_cmd)
        c->cmd = (struct strs){0};
    *comment = arena_printf(x->a, "ENTRYPOINT %s", quoted(x->a, &c->entrypoint));
    return NULL;
}

static const char *assignments(struct effect_ctx *x)
{
    autobuf struct buf b = {0};

    buf_puts(&b, instruction_name(x->in->type));
    for (size_t i = 0; i < x->in->n_assignments; i++) {
        const struct assignment *s = &x->in->assignments[i];

        buf_printf(&b, " %s", s->key);
        if (s->value)
            buf_printf(&b, "=%s", s->value);
    }
    return arena_strdup(x->a, b.data);
}

static bool is_given(const struct effect_ctx *x, const char *key)
{
    return pairs_get(x->input->build_args, key) != NULL;
}

/* The default, not what --build-arg says: a RUN tells of that if it sees it. */
static struct err *do_arg(struct effect_ctx *x, struct config *c, const char **comment)
{
    autobuf struct buf b = {0};

    (void)c;
    buf_puts(&b, "ARG");
    for (size_t i = 0; i < x->in->n_assignments; i++) {
        const struct assignment *is = &x->in->assignments[i], *was = &x->as_written->assignments[i];

        buf_printf(&b, " %s", is->key);
        if (was->value)
            buf_printf(&b, "=%s", is_given(x, is->key) || !is->value ? was->value : is->value);
    }
    *comment = arena_strdup(x->a, b.data);
    return NULL;
}

static struct err *do_env(struct effect_ctx *x, struct config *c, const char **comment)
{
    c->env = strs_copy(x->a, x->input->env);
    *comment = assignments(x);
    return NULL;
}

static struct err *do_label(struct effect_ctx *x, struct config *c, const char **comment)
{
    struct pairs labels = {0};

    for (size_t i = 0; i < x->in->n_assignments; i++)
        pairs_add(x->a, &labels, x->in->assignments[i].key, x->in->assignments[i].value);
    pairs_merge(x->a, &c->labels, &labels);
    *comment = assignments(x);
    return NULL;
}

static struct err *do_expose(struct effect_ctx *x, struct config *c, const char **comment)
{
    const struct strs *told =
        strchr(x->as_written->text, '$') ? &x->in->args : &x->as_written->args;

    strs_merge(x->a, &c->exposed_ports, &x->in->args);
    *comment = arena_printf(x->a, "EXPOSE %s", strs_join(x->a, told, " "));
    return NULL;
}

static struct err *do_volume(struct effect_ctx *x, struct config *c, const char **comment)
{
    for (size_t i = 0; i < x->in->args.n; i++)
        if (!*x->in->args.v[i])
            return err_new(ERR_INVALID, "VOLUME specified can not be an empty string");
    strs_merge(x->a, &c->volumes, &x->in->args);
    *comment = arena_printf(x->a, "VOLUME [%s]", strs_join(x->a, &x->in->args, " "));
    return NULL;
}

static struct err *do_user(struct effect_ctx *x, struct config *c, const char **comment)
{
    c->user = arena_strdup(x->a, first(x->in));
    *comment = arena_printf(x->a, "USER %s", c->user);
    return NULL;
}

static struct err *do_workdir(struct effect_ctx *x, struct config *c, const char **comment)
{
    const char *dir = first(x->in);

    if (*dir != '/')
        dir = path_join(x->a, text_is_empty(c->working_dir) ? "/" : c->working_dir, dir);
    c->working_dir = path_clean(x->a, dir);
    *comment = arena_printf(x->a, "WORKDIR %s", c->working_dir);
    return NULL;
}

static struct err *do_stopsignal(struct effect_ctx *x, struct config *c, const char **comment)
{
    int ignored;

    TRY(signal_parse(first(x->in), &ignored));
    c->stop_signal = arena_strdup(x->a, first(x->in));
    *comment = arena_printf(x->a, "STOPSIGNAL %s", c->stop_signal);
    return NULL;
}

static struct err *do_shell(struct effect_ctx *x, struct config *c, const char **comment)
{
    if (!x->in->is_json || !x->in->args.n)
        return err_new(ERR_INVALID, "SHELL requires the arguments to be in JSON form");
    c->shell = strs_copy(x->a, &x->in->args);
    *comment = arena_printf(x->a, "SHELL [%s]", strs_join(x->a, &c->shell, " "));
    return NULL;
}

static struct err *do_healthcheck(struct effect_ctx *x, struct config *c, const char **comment)
{
    const struct health_args *h = &x->in->health;

    c->healthcheck = arena_new(x->a, struct health_config);
    *c->healthcheck = (struct health_config){
        .test = strs_copy(x->a, &h->test),
        .interval_ns = h->interval_ns,
        .timeout_ns = h->timeout_ns,
        .start_period_ns = h->start_period_ns,
        .start_interval_ns = h->start_interval_ns,
        .retries = h->retries,
    };
    *comment = x->as_written->text;
    return NULL;
}

static struct err *do_onbuild(struct effect_ctx *x, struct config *c, const char **comment)
{
    strs_add(x->a, &c->on_build, x->in->trigger);
    *comment = arena_printf(x->a, "ONBUILD %s", x->in->trigger);
    return NULL;
}

static struct err *do_maintainer(struct effect_ctx *x, struct config *c, const char **comment)
{
    (void)c;
    x->out->author = arena_strdup(x->a, first(x->in));
    *comment = arena_printf(x->a, "MAINTAINER %s", x->out->author);
    return NULL;
}

static const effect_fn effects[INS_TYPES] = {
    [INS_ARG] = do_arg,
    [INS_CMD] = do_cmd,
    [INS_ENTRYPOINT] = do_entrypoint,
    [INS_ENV] = do_env,
    [INS_EXPOSE] = do_expose,
    [INS_HEALTHCHECK] = do_healthcheck,
    [INS_LABEL] = do_label,
    [INS_MAINTAINER] = do_maintainer,
    [INS_ONBUILD] = do_onbuild,
    [INS_SHELL] = do_shell,
    [INS_STOPSIGNAL] = do_stopsignal,
    [INS_USER] = do_user,
    [INS_VOLUME] = do_volume,
    [INS_WORKDIR] = do_workdir,
};

struct err *effect_apply(struct arena *a, const struct effect_input *input, struct config *c,
                         struct effect *out)
{
    struct effect_ctx x = {a, input->in, input->as_written, input, out};
    const struct config before = *c; /* SHELL counts from the next instruction on */
    enum instruction_type type = input->in->type;
    const char *comment;

    ASSERT(effects[type]);
    TRY(effects[type](&x, c, &comment));
    /* Docker has two blanks in front of all but WORKDIR. */
    out->created_by = effect_nop(a, type == INS_SHELL ? c : &before,
                                 type == INS_WORKDIR ? comment : arena_printf(a, " %s", comment));
    return NULL;
}
