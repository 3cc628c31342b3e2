/* SPDX-License-Identifier: Apache-2.0 */
/* Prune: every stopped container that matches, one after another. Loop thread. */
#include "container/object.h"
#include "run/commands.h"
#include "view/view.h"

struct container_prune {
    struct container_table *table;
    struct arena *arena;
    struct strs ids, deleted;
    size_t at;
    int64_t rw_bytes; /* of the one at `at` */
    int64_t freed_bytes;
    void (*done)(void *ctx, struct err *err, const char *json);
    void *ctx;
};

static void prune_next(struct container_prune *p);

static void on_removed(void *ctx, struct err *err)
{
    struct container_prune *p = ctx;

    ASSERT(p->at < p->ids.n);
    if (!err) {
        strs_add(p->arena, &p->deleted, p->ids.v[p->at]);
        p->freed_bytes += p->rw_bytes;
    }
    err_drop(err); /* it was started meanwhile: not ours any more */
    p->at++;
    prune_next(p);
}

static void on_sized(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct container_prune *p = ctx;
    struct container *c;

    ASSERT(p->at < p->ids.n);
    (void)root;
    p->rw_bytes = err ? 0 : rw;
    err_drop(err);
    err = container_find(p->table, p->ids.v[p->at], &c);
    if (err)
        on_removed(p, err);
    else
        container_remove(c, false, false, false, on_removed, p);
}

static void prune_end(struct container_prune *p)
{
    autobuf struct buf out = {0};
    struct jw w = {.out = &out};

    ASSERT(p->at == p->ids.n);
    jw_obj(&w, NULL);
    jw_strs_or_null(&w, "ContainersDeleted", &p->deleted);
    jw_int(&w, "SpaceReclaimed", p->freed_bytes);
    jw_obj_end(&w);
    p->done(p->ctx, NULL, out.data);
    arena_destroy(p->arena);
    free(p);
}

static void prune_next(struct container_prune *p)
{
    struct container *c = NULL;
    struct err *err;

    for (; p->at < p->ids.n; p->at++) {
        err = container_find(p->table, p->ids.v[p->at], &c);
        if (!err) {
            container_sizes(c, on_sized, p);
            return;
        }
        err_drop(err);
    }
    prune_end(p);
}

/* Ids are kept, no objects: each is looked up when its turn comes, and may be gone by then. */
void containers_prune(struct container_table *t, const struct container_filter *f,
                      void (*done)(void *ctx, struct err *err, const char *json), void *ctx)
{
    struct container_prune *p = mem_new(struct container_prune);
    struct container *c;
    size_t cursor = 0;

    ASSERT_LOOP();
    ASSERT(done);
    p->table = t;
    p->arena = arena_create();
    p->done = done;
    p->ctx = ctx;
    while ((c = container_next(t, &cursor)))
        if (!container_is_up(c) && !c->is_starting && container_matches(c, f))
            strs_add(p->arena, &p->ids, c->doc.id);
    prune_next(p);
}
