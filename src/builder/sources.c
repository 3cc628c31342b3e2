/* SPDX-License-Identifier: Apache-2.0 */
#include "sources.h"

struct take_source {
    struct op op;
    struct origin *origin; /* in the arena of the build */
    struct build *build;
};

static struct err *await_source(struct op *op)
{
    return origin_await(((struct take_source *)op)->origin, op);
}

static void stop_source(struct op *op)
{
    origin_stop(((struct take_source *)op)->origin);
}

static struct err *take_source(struct op *op)
{
    struct origin *o = ((struct take_source *)op)->origin;

    return origin_take(o, o->stage->build->arena);
}

static void finish(struct op *op)
{
    build_unref(((struct take_source *)op)->build);
}

static const struct op_step source_steps[] = {
    {"await-source", ON_EVENT, await_source, stop_source, -1},
    {"take-source", ON_LOOP, take_source, NULL, 0},
    {0},
};
static const struct op_type source_type = {"build/source", OP_MUTATING, sizeof(struct take_source),
                                           source_steps, finish};
OP_LISTED(source_type);

static struct op *make_take(void *ctx, size_t i)
{
    struct sources *s = ctx;
    struct origin *o = &s->v[i];
    struct take_source *t =
        (struct take_source *)op_create(o->stage->build->builder->parts->ops, &source_type);

    t->origin = o;
    t->build = build_ref(o->stage->build);
    t->op.subject = arena_strdup(t->op.arena, o->name);
    return &t->op;
}

struct err *sources_await(struct sources *s, struct op *op)
{
    s->turn = in_turn_create(s->v->stage->build->arena, s->n, make_take, s);
    return in_turn_await(s->turn, op);
}

void sources_stop(struct sources *s)
{
    in_turn_stop(s->turn);
    sources_finish(s);
}

void sources_finish(struct sources *s)
{
    for (size_t i = 0; i < s->n; i++)
        origin_finish(&s->v[i]);
}
