/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See origin.h. Trap: a pull ends when nobody waits for it any more; its carrier has the ticket
 * alone, and asks that before it says anything.
 */
#include "origin.h"

#include <string.h>

#include "base/ref.h"
#include "runtime/policy.h"

struct pull_carrier {
    struct ticket *ticket;
    struct origin *origin; /* while the ticket is valid */
};

void origin_set_stage(struct origin *o, const struct stage *def)
{
    struct build *b = o->stage->build;

    o->of = def ? &b->stages[def - b->file.stages] : NULL;
}

/* ---- pull ---- */

static void on_progress(void *ctx, const char *json)
{
    struct pull_carrier *k = ctx;

    if (ticket_op(k->ticket))
        stage_say_json(k->origin->stage, json);
}

static void on_pulled(void *ctx, struct err *err, struct image *image)
{
    struct pull_carrier *k = ctx;
    struct ticket *t = k->ticket;

    if (ticket_op(t)) {
        k->origin->job = NULL;
        if (!err) {
            image_keep(image);
            k->origin->image = image;
        }
    }
    free(k);
    ticket_answer(t, err);
}

/* A reference without tag and digest would mean all tags. */
static struct err *pull_reference(struct arena *a, const char *name, struct ref *ref,
                                  const char **out)
{
    TRY(ref_parse(a, name, ref));
    *out = ref->tag || ref->digest ? name : arena_printf(a, "%s:latest", name);
    return NULL;
}

static const struct registry_auth *auth_for(const struct build *b, const struct ref *ref)
{
    for (size_t i = 0; i < b->options.n_auths; i++) {
        const char *server = b->options.auths[i].server;

        if (!strcmp(server, ref->domain) ||
            (!strcmp(ref->domain, "docker.io") && strstr(server, "index.docker.io")))
            return &b->options.auths[i].auth;
    }
    return NULL;
}

static struct err *pull(struct origin *o, struct op *op)
{
    struct build *b = o->stage->build;
    struct pull_carrier *k;
    const char *reference;
    struct ref ref;

    TRY(pull_reference(op->arena, o->name, &ref, &reference));
    k = mem_new(struct pull_carrier);
    k->origin = o;
    k->ticket = op_wait(op);
    o->job = image_pull(b->builder->parts->images, reference,
                        text_is_empty(o->platform) ? NULL : o->platform, auth_for(b, &ref),
                        on_progress, on_pulled, k);
    return NULL;
}

/* ---- look ---- */

static bool is_id(const struct image *i, const char *name)
{
    const char *hex = text_starts(name, "sha256:") ? digest_hex(name) : name;

    return text_starts(digest_hex(image_id(i)), hex);
}

/* False: it has to be pulled. */
static bool find_here(struct origin *o)
{
    const struct build *b = o->stage->build;
    struct image *i = NULL;
    autoerr struct err *e = image_find(b->builder->parts->images, o->name, &i);

    if (!e && b->options.pulls && !is_id(i, o->name))
        return false;
    if (!e)
        e = image_check_platform(i, o->name, o->platform);
    if (e)
        return false;
    image_keep(i);
    o->image = i;
    return true;
}

struct err *origin_await(struct origin *o, struct op *op)
{
    TRY(build_check_cancelled(o->stage->build));
    if (o->of)
        stage_want(o->of, op);
    else if (!find_here(o))
        return pull(o, op);
    return NULL;
}

void origin_finish(struct origin *o)
{
    if (o->image)
        image_let_go(o->image);
    o->image = NULL;
}

void origin_stop(struct origin *o)
{
    if (o->job)
        image_job_cancel(steal_ptr(&o->job));
    origin_finish(o);
}

static struct err *judge(const struct origin *o, struct arena *a)
{
    const struct permit *p = &o->stage->build->options.permit;
    struct policy_case asked = {0};

    if (!p->policy)
        return NULL;
    asked.items[POLICY_IMAGES] = o->names;
    return policy_check(p->policy, &p->who, a, &asked);
}

struct err *origin_take(struct origin *o, struct arena *a)
{
    if (o->of) {
        o->image = o->of->image;
        if (o->image)
            image_keep(o->image);
        o->names = strs_copy(a, &o->of->names);
        return NULL;
    }
    o->names = strs_copy(a, image_tags(o->image));
    strs_add(a, &o->names, o->name);
    strs_add(a, &o->names, image_id(o->image));
    return judge(o, a);
}
