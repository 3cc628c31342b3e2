/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker pull -a: lists the repository's tags, page by page, and pulls one after the
 * other, each an operation of its own. Loop thread. The first that fails ends it;
 * what was pulled before stays.
 */
#include "pull.h"

#include "each.h"

#include "base/json.h"

#include <string.h>

enum { TAGS_MAX = 10000, PAGE_MAX = 1 << 20, PAGES_MAX = 1000 };

struct pull_all {
    struct image_job job; /* must be first */
    struct ref repository;
    const char *platform;
    struct registry_auth auth;
    struct registry *registry;
    struct fetch *fetch;
    struct strs tags;
    int n_pages;
    struct each each; /* of them */
};

/* ---- connect ---- */

static void on_connected(void *ctx, struct err *err)
{
    struct pull_all *p = ctx;

    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static struct err *connect_registry(struct op *op)
{
    struct pull_all *p = (struct pull_all *)op;
    struct image_table *t = p->job.table;

    p->registry = registry_open(t->loop, t->pools, t->settings, &p->repository, &p->auth);
    p->job.ticket = op_wait(op);
    registry_connect(p->registry, on_connected, p);
    return NULL;
}

static void disconnect(struct op *op)
{
    struct pull_all *p = (struct pull_all *)op;

    registry_close(steal_ptr(&p->registry));
    op_recall_ticket(op);
}

/* ---- the tags ---- */

struct tag_list {
    struct strs tags;
};
static const struct jfield tag_list_fields[] = {
    J(J_STRS, struct tag_list, tags, "tags"),
    J_END,
};
static const struct jtable tag_list_json = {sizeof(struct tag_list), tag_list_fields};

/* The path of the next page below /v2/NAME/, from </v2/NAME/tags/list?last=x&n=2>; rel="next" (RFC
 * 8288). NULL: this was the last. Only the query is taken from it. */
static char *next_page(struct arena *a, const char *link)
{
    const char *query;

    if (!link || *link != '<' || !strstr(link, "rel=\"next\""))
        return NULL;
    link = arena_strndup(a, link + 1, strcspn(link + 1, ">"));
    query = strchr(link, '?');
    return query ? arena_printf(a, "tags/list%s", query) : NULL;
}

static struct err *take_page(struct pull_all *p, const struct fetch_result *r, char **out_next)
{
    struct arena *a = p->job.op.arena;
    struct tag_list page = {0};
    struct err *e = json_decode(a, r->body, r->len, &tag_list_json, &page);

    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "invalid list of tags");
    for (size_t i = 0; i < page.tags.n; i++) {
        struct ref tagged;
        char *text = arena_printf(a, "%s:%s", ref_full(a, &p->repository), page.tags.v[i]);

        e = ref_parse(a, text, &tagged);
        if (e)
            return err_wrap(e, "invalid list of tags");
        strs_add(a, &p->tags, text);
    }
    if (p->tags.n > TAGS_MAX || ++p->n_pages > PAGES_MAX)
        return err_new(ERR_INVALID, "more than %d tags: pull them one by one", TAGS_MAX);
    *out_next = next_page(a, r->link);
    return NULL;
}

static void fetch_page(struct pull_all *p, const char *path);

static void on_page(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct pull_all *p = ctx;
    char *next = NULL;

    p->fetch = NULL;
    if (err)
        err = pull_refusal(p->job.op.arena, &p->repository, r, err);
    else
        err = take_page(p, r, &next);
    if (err && registry_skip(p->registry)) { /* a mirror need not have everything */
        err_drop(err);
        p->tags.n = 0;
        p->n_pages = 0;
        fetch_page(p, "tags/list");
        return;
    }
    if (!err && next)
        fetch_page(p, next);
    else if (!err && p->tags.n == 0)
        ticket_answer(steal_ptr(&p->job.ticket),
                      err_new(ERR_NOT_FOUND, "repository %s has no tags",
                              ref_familiar_name(p->job.op.arena, &p->repository)));
    else
        ticket_answer(steal_ptr(&p->job.ticket), err);
}

static void fetch_page(struct pull_all *p, const char *path)
{
    struct fetch_plan plan = {
        .path = path,
        .max_bytes = PAGE_MAX,
        .size_bytes = -1,
        .done = on_page,
    };

    ASSERT(!p->fetch && p->job.ticket);
    p->fetch = registry_get(p->registry, &plan, p);
}

static struct err *list_tags(struct op *op)
{
    struct pull_all *p = (struct pull_all *)op;

    p->job.ticket = op_wait(op);
    fetch_page(p, "tags/list");
    return NULL;
}

static void drop_fetch(struct op *op)
{
    struct pull_all *p = (struct pull_all *)op;

    fetch_cancel(steal_ptr(&p->fetch));
    op_recall_ticket(op);
}

/* ---- one after the other ---- */

static struct image_job *pull_tag(struct each *e, image_progress_fn progress, image_done_fn done)
{
    struct pull_all *p = container_of(e, struct pull_all, each);

    return pull_one(p->job.table, p->tags.v[e->at], p->platform, &p->auth, progress, done, e);
}

static struct err *pull_each(struct op *op)
{
    struct pull_all *p = (struct pull_all *)op;

    p->each = (struct each){.job = &p->job, .n = p->tags.n, .begin = pull_tag};
    each_start(&p->each);
    return NULL;
}

static void cancel_pull(struct op *op)
{
    each_cancel(&((struct pull_all *)op)->each);
}

static void finish(struct op *op)
{
    image_job_finish((struct image_job *)op);
    disconnect(op);
}

static const struct op_step pull_all_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"connect", ON_EVENT, connect_registry, disconnect, -1},
    {"list-tags", ON_EVENT, list_tags, drop_fetch, -1},
    {"pull-each", ON_EVENT, pull_each, cancel_pull, -1},
    {0},
};

static const struct op_type pull_all_type = {
    .name = "image/pull-all",
    .class = OP_INTERNAL, /* it waits for the network, and a slot is not for waiting */
    .size = sizeof(struct pull_all),
    .steps = pull_all_steps,
    .finish = finish,
};
OP_LISTED(pull_all_type);

static struct image_job *pull_all(struct image_table *t, const struct ref *repository,
                                  const char *platform, const struct registry_auth *auth,
                                  image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &pull_all_type, progress, done, ctx);
    struct pull_all *p = (struct pull_all *)j;
    struct arena *a = j->op.arena;

    ASSERT(!repository->tag && !repository->digest);
    p->repository.domain = arena_strdup(a, repository->domain);
    p->repository.path = arena_strdup(a, repository->path);
    p->platform = arena_strdup(a, platform);
    p->auth = registry_auth_copy(a, auth);
    j->op.subject = ref_full(a, &p->repository);
    image_job_start(j);
    return j;
}

/* A name alone is all of its tags, as with Docker, whose clients add ":latest" themselves. */
struct image_job *image_pull(struct image_table *t, const char *reference, const char *platform,
                             const struct registry_auth *auth, image_progress_fn progress,
                             image_done_fn done, void *ctx)
{
    autoarena struct arena *a = arena_create();
    autoerr struct err *bad = NULL;
    struct ref ref = {0};

    bad = ref_parse(a, reference, &ref);
    if (bad || ref.tag || ref.digest)
        return pull_one(t, reference, platform, auth, progress, done, ctx);
    return pull_all(t, &ref, platform, auth, progress, done, ctx);
}
