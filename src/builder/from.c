/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FROM: a stage begins with an image, with what an earlier stage has made, or with nothing. Loop,
 * but for the worker steps.
 */
#include <string.h>

#include "base/json.h"

#include "origin.h"

/* Docker's, for an image that says none. */
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct from {
    struct op op;
    struct build *build;
    struct build_stage *stage;
    struct origin origin; /* name NULL: scratch */
    char *base, *platform;
    const char *config_text; /* of the base */
    struct instruction *triggers;
    size_t n_triggers;
    char *new_text; /* of the stage */
};

static struct err *say(struct op *op)
{
    struct from *f = (struct from *)op;

    TRY(build_check_cancelled(f->build));
    stage_say(f->stage, "Step %zu/%zu : %s\n", f->stage->first_number, f->build->n_steps,
              f->stage->def->from.text);
    return NULL;
}

static struct err *expand(struct op *op)
{
    struct from *f = (struct from *)op;
    struct build *b = f->build;
    char *base, *platform;
    struct err *e;

    ASSERT_WORKER();
    pthread_mutex_lock(&b->scopes);
    e = scope_expand_from(b->global, f->stage->def, &base, &platform);
    if (!e) {
        f->base = arena_strdup(op->arena, base);
        f->platform = arena_strdup(op->arena, platform);
    }
    pthread_mutex_unlock(&b->scopes);
    if (!e && !text_is_empty(f->platform))
        e = image_platform_text(op->arena, f->platform, &f->platform);
    return e;
}

static struct err *find_base(struct op *op)
{
    struct from *f = (struct from *)op;

    if (!text_is_empty(f->platform))
        f->stage->platform = arena_strdup(f->build->arena, f->platform);
    f->origin.stage = f->stage;
    f->origin.platform = f->stage->platform;
    if (!strcmp(f->base, "scratch")) {
        strs_add(f->build->arena, &f->stage->names, "scratch");
        return NULL;
    }
    f->origin.name = f->base;
    origin_set_stage(&f->origin, dockerfile_find_base(&f->build->file, f->base, f->stage->index));
    return NULL;
}

static bool has_base(const struct op *op)
{
    return ((const struct from *)op)->origin.name != NULL;
}

static struct err *await_base(struct op *op)
{
    return origin_await(&((struct from *)op)->origin, op);
}

static void stop(struct op *op)
{
    origin_stop(&((struct from *)op)->origin);
}

static struct err *take_base(struct op *op)
{
    struct from *f = (struct from *)op;

    TRY(origin_take(&f->origin, op->arena));
    f->stage->names = strs_copy(f->build->arena, &f->origin.names);
    if (f->origin.of)
        f->config_text = arena_strdup(op->arena, f->origin.of->config_text);
    else
        f->config_text = arena_strdup(op->arena, image_run_config_text(f->origin.image));
    return NULL;
}

/* ---- enter ---- */

static struct err *read_triggers(struct from *f, struct strs *triggers)
{
    struct build *b = f->build;

    f->n_triggers = triggers->n;
    f->triggers = arena_array(b->scope_arena, triggers->n + 1, sizeof(*f->triggers));
    for (size_t i = 0; i < triggers->n; i++)
        TRY(dockerfile_parse_trigger(b->scope_arena, triggers->v[i], &f->triggers[i]));
    *triggers = (struct strs){0};
    return NULL;
}

static bool has_path(const struct strs *env)
{
    for (size_t i = 0; i < env->n; i++)
        if (text_starts(env->v[i], "PATH="))
            return true;
    return false;
}

static struct err *enter_scope(struct from *f, struct config *c)
{
    struct build *b = f->build;
    const struct strs env = strs_copy(b->scope_arena, &c->env);

    TRY(read_triggers(f, &c->on_build));
    f->stage->scope = scope_enter_stage(b->global, f->origin.of ? f->origin.of->scope : NULL,
                                        f->origin.of ? NULL : &env);
    return NULL;
}

static struct err *enter(struct op *op)
{
    struct from *f = (struct from *)op;
    const char *text = f->config_text ? f->config_text : "{}";
    struct config c = {0};
    struct err *e;

    ASSERT_WORKER();
    TRY(json_decode(op->arena, text, strlen(text), &config_json, &c));
    if (!has_path(&c.env))
        strs_add(op->arena, &c.env, DEFAULT_PATH);
    pthread_mutex_lock(&f->build->scopes);
    e = enter_scope(f, &c);
    pthread_mutex_unlock(&f->build->scopes);
    if (!e)
        f->new_text = json_encode(op->arena, &config_json, &c);
    return e;
}

static struct err *begin_stage(struct op *op)
{
    struct from *f = (struct from *)op;
    struct build_stage *s = f->stage;

    stage_set_image(s, f->origin.image);
    s->config_text = mem_strdup(f->new_text);
    s->triggers = f->triggers;
    s->n_triggers = f->n_triggers;
    stage_say_image(s);
    if (s->n_triggers)
        stage_say(s, "# Executing %zu build trigger%s\n", s->n_triggers,
                  s->n_triggers == 1 ? "" : "s");
    return NULL;
}

static void finish(struct op *op)
{
    struct from *f = (struct from *)op;

    origin_finish(&f->origin);
    build_unref(f->build);
}

/* What a worker changes belongs to the whole build, so no deadline may leave it alone there. */
static const struct op_step from_steps[] = {
    {"say", ON_LOOP, say, NULL, 0},
    {"expand", ON_WORKER, expand, NULL, -1},
    {"find-base", ON_LOOP, find_base, NULL, 0},
    {"await-base", ON_EVENT, await_base, stop, -1, has_base},
    {"take-base", ON_LOOP, take_base, NULL, 0, has_base},
    {"enter", ON_WORKER, enter, NULL, -1},
    {"begin-stage", ON_LOOP, begin_stage, NULL, 0},
    {0},
};
static const struct op_type from_type = {"build/from", OP_MUTATING, sizeof(struct from), from_steps,
                                         finish};
OP_LISTED(from_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    (void)op;
    stage_step_ended(ctx, err, 0);
}

struct op *from_create(struct build_stage *s)
{
    struct from *f = (struct from *)op_create(s->build->builder->parts->ops, &from_type);

    f->build = build_ref(s->build);
    f->stage = s;
    f->op.subject = arena_strdup(f->op.arena, s->def->base);
    return &f->op;
}

void from_start(struct op *op)
{
    op_start(op, on_done, ((struct from *)op)->stage);
}
