/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker push -a: all tags of a repository that are here, one after the other, each an operation of
 * its own. Loop thread. The first that fails ends it; what was pushed before stays.
 */
#include "push.h"

#include "each.h"

#include <string.h>

struct push_all {
    struct image_job job; /* must be first */
    struct ref repository;
    const char *platform;
    struct registry_auth auth;
    struct strs tags;
    struct each each; /* of them */
};

/* In one walk. */
void push_find_tags(struct image_table *t, struct arena *a, const struct ref *repository,
                    struct strs *out)
{
    const char *prefix = arena_printf(a, "%s/%s:", repository->domain, repository->path), *name;
    size_t cursor = 0;
    void *i;

    while (map_next(t->names, &cursor, &name, &i))
        if (text_starts(name, prefix) && !strchr(name, '@'))
            strs_add(a, out, name + strlen(prefix));
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static struct err *choose(struct op *op)
{
    struct push_all *p = (struct push_all *)op;

    push_say_where(&p->job, &p->repository);
    push_find_tags(p->job.table, op->arena, &p->repository, &p->tags);
    if (!p->tags.n)
        return err_new(ERR_NOT_FOUND, "An image does not exist locally with the tag: %s",
                       ref_familiar_name(op->arena, &p->repository));
    /* The same order each time. */
    qsort(p->tags.v, p->tags.n, sizeof(char *), by_text);
    return NULL;
}

static struct image_job *push_tag(struct each *e, image_progress_fn progress, image_done_fn done)
{
    struct push_all *p = container_of(e, struct push_all, each);
    struct ref ref = p->repository;

    ref.tag = p->tags.v[e->at];
    return push_one(p->job.table, &ref, p->platform, &p->auth, true, progress, done, e);
}

static struct err *push_each(struct op *op)
{
    struct push_all *p = (struct push_all *)op;

    p->each = (struct each){.job = &p->job, .n = p->tags.n, .begin = push_tag};
    each_start(&p->each);
    return NULL;
}

static void cancel_push(struct op *op)
{
    each_cancel(&((struct push_all *)op)->each);
}

static void finish(struct op *op)
{
    image_job_finish((struct image_job *)op);
}

static const struct op_step push_all_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"choose", ON_LOOP, choose, NULL, 0},
    {"push-each", ON_EVENT, push_each, cancel_push, -1},
    {0},
};

static const struct op_type push_all_type = {
    .name = "image/push-all",
    .class = OP_INTERNAL, /* it waits for the network, and a slot is not for waiting */
    .size = sizeof(struct push_all),
    .steps = push_all_steps,
    .finish = finish,
};
OP_LISTED(push_all_type);

static struct image_job *push_all(struct image_table *t, const struct ref *repository,
                                  const char *platform, const struct registry_auth *auth,
                                  image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &push_all_type, progress, done, ctx);
    struct push_all *p = (struct push_all *)j;
    struct arena *a = j->op.arena;

    p->repository.domain = arena_strdup(a, repository->domain);
    p->repository.path = arena_strdup(a, repository->path);
    p->platform = arena_strdup(a, platform);
    p->auth = registry_auth_copy(a, auth);
    j->op.subject = ref_full(a, &p->repository);
    image_job_start(j);
    return j;
}

/* A name alone is all of its tags, as with Docker, whose clients add ":latest" themselves. */
struct err *image_push(struct image_table *t, const char *name, const char *tag,
                       const char *platform, const struct registry_auth *auth,
                       image_progress_fn progress, image_done_fn done, void *ctx,
                       struct image_job **out)
{
    autoarena struct arena *a = arena_create();
    struct ref ref = {0};

    TRY(ref_parse(a, name, &ref));
    if (ref.digest || (!text_is_empty(tag) && strchr(tag, ':')))
        return err_new(ERR_INVALID, "cannot push a digest reference");
    if (!text_is_empty(tag))
        TRY(ref_set_tag(a, &ref, tag));
    *out = ref.tag ? push_one(t, &ref, platform, auth, false, progress, done, ctx)
                   : push_all(t, &ref, platform, auth, progress, done, ctx);
    return NULL;
}
