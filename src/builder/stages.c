/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: which stages the target needs, and their run. They begin in the order of the file, at
 * most STAGES_AT_ONCE side by side; since a stage needs only earlier ones, what one waits for is
 * done or at work. One that a trigger of a base image names is found late, and begun then.
 */
#include <string.h>

#include "build_inner.h"

enum { STAGES_AT_ONCE = 8 };

/* ---- what is needed ---- */

/* def NULL: it is an image. */
static void want(struct build *b, const struct stage *def)
{
    if (def)
        b->stages[def - b->file.stages].is_wanted = true;
}

static void want_source(struct build_stage *s, const char *from)
{
    if (!text_is_empty(from))
        want(s->build, dockerfile_find_stage(&s->build->file, from, s->index));
}

/* One that is not understood fails in its step. */
static void want_mounts(struct build_stage *s, const struct strs *texts)
{
    autoarena struct arena *a = arena_create();

    for (size_t i = 0; i < texts->n; i++) {
        struct run_mount m = {0};
        autoerr struct err *e = run_mount_parse(a, texts->v[i], &m);

        if (!e)
            want_source(s, m.from);
    }
}

static void want_sources(struct build_stage *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct instruction *in = &s->instructions[i];

        if (in->type == INS_COPY)
            want_source(s, in->copy.from);
        else if (in->type == INS_RUN)
            want_mounts(s, &in->run.mounts);
    }
}

/* The base may be a variable. */
static struct err *want_base(struct build_stage *s)
{
    char *base, *platform;

    TRY(scope_expand_from(s->build->global, s->def, &base, &platform));
    want(s->build, dockerfile_find_base(&s->build->file, base, s->index));
    return NULL;
}

/* --label: as if the target ended with LABEL, one for each. */
static void add_labels(struct build *b)
{
    struct build_stage *s = b->target;
    const struct pairs *labels = &b->options.labels;
    struct instruction *all =
        arena_array(b->arena, s->n + labels->n + 1, sizeof(struct instruction));

    if (s->n)
        memcpy(all, s->instructions, s->n * sizeof(*all));
    for (size_t i = 0; i < labels->n; i++) {
        struct assignment *a = arena_new(b->arena, struct assignment);

        a->key = labels->v[i].key;
        a->value = labels->v[i].value;
        all[s->n++] = (struct instruction){
            .type = INS_LABEL,
            .word = arena_strdup(b->arena, "LABEL"),
            .text = arena_printf(b->arena, "LABEL %s=%s", a->key, a->value),
            .assignments = a,
            .n_assignments = 1,
            .is_json = true, /* its words are values, not to be expanded */
        };
    }
    s->instructions = all;
}

static void number_steps(struct build *b)
{
    b->n_steps = b->file.n_global_args;
    for (size_t i = 0; i < b->n_stages; i++) {
        struct build_stage *s = &b->stages[i];

        if (!s->is_wanted)
            continue;
        s->first_number = b->n_steps + 1;
        b->n_steps += 1 + s->n;
    }
}

struct err *stages_plan(struct build *b)
{
    const struct stage *target;

    TRY(dockerfile_find_target(&b->file, b->options.target, &target));
    b->n_stages = b->file.n_stages;
    b->stages = arena_array(b->arena, b->n_stages, sizeof(struct build_stage));
    for (size_t i = 0; i < b->n_stages; i++) {
        struct build_stage *s = &b->stages[i];

        s->build = b;
        s->def = &b->file.stages[i];
        s->index = i;
        s->instructions = s->def->instructions;
        s->n = s->def->n;
        s->platform = b->options.platform;
        list_init(&s->waiting);
    }
    b->target = &b->stages[target - b->file.stages];
    b->target->is_wanted = true;
    for (size_t i = b->target->index + 1; i-- > 0;) {
        if (!b->stages[i].is_wanted)
            continue;
        TRY(want_base(&b->stages[i]));
        want_sources(&b->stages[i]);
    }
    add_labels(b);
    number_steps(b);
    return NULL;
}

/* ---- their run ---- */

static void begin(struct build_stage *s)
{
    ASSERT(s->state == STAGE_IDLE);
    s->state = STAGE_RUNNING;
    s->build->n_running++;
    s->step = from_create(s);
    from_start(s->step);
}

static void begin_more(struct build *b)
{
    for (size_t i = 0; i < b->n_stages && !b->err && b->n_running < STAGES_AT_ONCE; i++)
        if (b->stages[i].is_wanted && b->stages[i].state == STAGE_IDLE)
            begin(&b->stages[i]);
}

/* Begins nothing within the caller's step: a stage that fails at once would end it. */
void stages_begin(struct build *b)
{
    begin_more(b);
}

void stage_want(struct build_stage *s, struct op *op)
{
    if (s->state == STAGE_DONE)
        return;
    ticket_queue(op_wait(op), &s->waiting, NULL);
    if (s->state == STAGE_RUNNING)
        return;
    s->is_wanted = true;
    begin(s);
}

void stage_set_image(struct build_stage *s, struct image *i)
{
    struct image *before = s->image;

    if (i)
        image_keep(i);
    s->image = i;
    if (before)
        image_let_go(before);
}

/* Steps that wait end at once; those that are at work look at is_cancelled. */
void stages_cancel(struct build *b)
{
    b->is_cancelled = true;
    for (size_t i = 0; i < b->n_stages; i++)
        if (b->stages[i].step)
            op_cancel(b->stages[i].step);
}

static void stage_end(struct build_stage *s, struct err *err, int exit_code)
{
    struct build *b = s->build;

    ASSERT(s->state == STAGE_RUNNING && b->n_running);
    s->state = STAGE_DONE;
    b->n_running--;
    if (err && !b->err) {
        b->err = err;
        b->exit_code = exit_code;
        stages_cancel(b);
    } else {
        err_drop(err);
    }
    if (!b->err) {
        build_hear(b);
        tickets_answer(&s->waiting);
        begin_more(b);
    }
    if (b->n_running == 0 && b->ticket)
        ticket_answer(steal_ptr(&b->ticket), steal_ptr(&b->err));
}

static void go_on(struct build_stage *s)
{
    const struct instruction *in;
    size_t number = 0;

    if (s->at == s->n_triggers + s->n) {
        if (s->image)
            stage_say_id(s);
        stage_end(s, NULL, 0);
        return;
    }
    if (s->at < s->n_triggers) {
        in = &s->triggers[s->at];
    } else {
        in = &s->instructions[s->at - s->n_triggers];
        number = s->first_number + 1 + s->at - s->n_triggers;
    }
    s->at++;
    s->step = step_create(s, in, number);
    step_start(s->step);
}

void stage_step_ended(struct build_stage *s, struct err *err, int exit_code)
{
    struct err *cancelled = build_check_cancelled(s->build);

    s->step = NULL;
    if (cancelled) {
        err_drop(err);
        err = cancelled;
    }
    if (err)
        stage_end(s, err, exit_code);
    else
        go_on(s);
}

void stages_finish(struct build *b)
{
    for (size_t i = 0; i < b->n_stages; i++) {
        stage_set_image(&b->stages[i], NULL);
        buf_finish(&b->stages[i].held);
        free(steal_ptr(&b->stages[i].config_text));
    }
}
