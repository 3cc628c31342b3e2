/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's book of layers. Loop thread; only removal goes to a disk worker.
 * A slot lives while its layer is on disk, held, or being made or removed; every
 * change of that wakes the waiters, who ask again: no state is handed over.
 */
#include "shelf.h"

#include "base/log.h"
#include "base/map.h"

#include <string.h>

struct shelf_slot {
    char chain_id[DIGEST_MAX];
    int64_t size_bytes; /* -1: not on disk */
    size_t refs;
    bool is_busy;      /* being made or removed */
    bool lacks_record; /* an older engine has made it */
    struct list waiting;
};

struct shelf {
    struct layer_store *store;
    struct pools *pools;
    struct map *slots;
    int n_removals;
    bool is_closed; /* freed when the last removal is back */
};

struct layer_removal {
    struct job job;
    struct shelf *shelf;
    char chain_id[DIGEST_MAX];
    struct err *err;
};

/* A layer that is being made is not on disk yet, one that is being removed no more. */
static void slot_check(const struct shelf *s, const struct shelf_slot *slot)
{
    ASSERT_DEBUG(map_get(s->slots, slot->chain_id) == slot);
    ASSERT_DEBUG(!slot->is_busy || slot->size_bytes < 0);
    ASSERT_DEBUG(slot->is_busy || list_is_empty(&slot->waiting));
    ASSERT_DEBUG(s->n_removals >= 0);
}

static struct shelf_slot *slot_of(struct shelf *s, const char *chain_id)
{
    struct shelf_slot *slot = map_get(s->slots, chain_id);

    if (slot)
        return slot;
    ASSERT(digest_is_valid(chain_id));
    slot = mem_new(struct shelf_slot);
    snprintf(slot->chain_id, sizeof(slot->chain_id), "%s", chain_id);
    slot->size_bytes = -1;
    list_init(&slot->waiting);
    map_put(s->slots, chain_id, slot);
    return slot;
}

static void start_removal(struct shelf *s, struct shelf_slot *slot);

/* Removes what nobody needs, forgets what is nowhere. */
static void settle(struct shelf *s, struct shelf_slot *slot)
{
    slot_check(s, slot);
    if (slot->refs || slot->is_busy || !list_is_empty(&slot->waiting))
        return;
    if (slot->size_bytes >= 0) {
        start_removal(s, slot);
        return;
    }
    map_take(s->slots, slot->chain_id);
    free(slot);
}

/* All who wait are woken and ask again: the first of them finds the layer there, or may make it. */
static void end_busy(struct shelf *s, const char *chain_id, int64_t size_bytes)
{
    struct shelf_slot *slot = slot_of(s, chain_id);
    struct list woken;

    ASSERT(slot->is_busy);
    slot->is_busy = false;
    slot->lacks_record = false;
    slot->size_bytes = size_bytes;
    list_init(&woken);
    while (!list_is_empty(&slot->waiting)) {
        struct list *first = slot->waiting.next;

        list_remove(first);
        list_append(&woken, first);
    }
    while (!list_is_empty(&woken)) {
        struct shelf_wait *w = list_first(&woken, struct shelf_wait, link);

        list_remove(&w->link);
        w->fn(w);
    }
    slot = map_get(s->slots, chain_id);
    if (slot)
        settle(s, slot);
}

static void run_removal(struct job *job)
{
    struct layer_removal *r = container_of(job, struct layer_removal, job);

    ASSERT_WORKER();
    r->err = layer_remove(r->shelf->store, r->chain_id);
}

static void on_removed(struct job *job)
{
    struct layer_removal *r = container_of(job, struct layer_removal, job);

    ASSERT(r->shelf->n_removals > 0);
    if (r->err)
        log_warn("cannot remove a layer", KV("chain", r->chain_id), KV("error", err_text(r->err)));
    err_drop(r->err);
    r->shelf->n_removals--;
    if (!r->shelf->is_closed)
        end_busy(r->shelf, r->chain_id, -1);
    else if (!r->shelf->n_removals)
        free(r->shelf);
    free(r);
}

static void start_removal(struct shelf *s, struct shelf_slot *slot)
{
    struct layer_removal *r = mem_new(struct layer_removal);

    ASSERT(!slot->refs && !slot->is_busy && slot->size_bytes >= 0);
    slot->is_busy = true;
    slot->size_bytes = -1;
    r->job.run = run_removal;
    r->job.done = on_removed;
    r->shelf = s;
    snprintf(r->chain_id, sizeof(r->chain_id), "%s", slot->chain_id);
    s->n_removals++;
    pool_submit(s->pools, POOL_DISK, &r->job);
}

struct err *shelf_open(struct layer_store *store, struct pools *p, struct shelf **out)
{
    autoarena struct arena *a = arena_create();
    struct strs found = {0};
    struct shelf *s;

    TRY(layer_list(store, a, &found));
    s = mem_new(struct shelf);
    s->store = store;
    s->pools = p;
    s->slots = map_create();
    for (size_t i = 0; i < found.n; i++) {
        int64_t size = layer_size(store, found.v[i]);

        if (!digest_is_valid(found.v[i]))
            continue;
        slot_of(s, found.v[i])->size_bytes = size < 0 ? 0 : size;
        slot_of(s, found.v[i])->lacks_record = !layer_has_record(store, found.v[i]);
    }
    *out = s;
    return NULL;
}

void shelf_close(struct shelf *s)
{
    size_t cursor = 0;
    const char *id;
    void *slot;

    if (!s)
        return;
    while (map_next(s->slots, &cursor, &id, &slot))
        free(slot);
    map_destroy(s->slots);
    s->is_closed = true;
    if (!s->n_removals)
        free(s);
}

void shelf_ref(struct shelf *s, const char *chain_id)
{
    ASSERT(!s->is_closed);
    slot_of(s, chain_id)->refs++;
}

void shelf_unref(struct shelf *s, const char *chain_id)
{
    struct shelf_slot *slot = slot_of(s, chain_id);

    ASSERT(slot->refs > 0);
    slot->refs--;
    settle(s, slot);
}

/* At start-up, when all images are known: layers that none of them has. */
void shelf_sweep(struct shelf *s, shelf_left_fn is_left_behind, void *ctx, struct quarantine *q)
{
    size_t cursor = 0;
    const char *id;
    void *value;

    while (map_next(s->slots, &cursor, &id, &value)) {
        struct shelf_slot *slot = value;

        if (slot->refs) {
            layer_note_known(s->store, id);
            continue;
        }
        if (slot->size_bytes >= 0 && !is_left_behind(ctx, s->store, id)) {
            layer_quarantine(s->store, id, q);
            slot->size_bytes = -1;
        }
        settle(s, slot); /* takes at most the current entry */
    }
}

bool shelf_lacks_record(struct shelf *s, const char *chain_id)
{
    const struct shelf_slot *slot = map_get(s->slots, chain_id);

    return slot && slot->size_bytes >= 0 && slot->lacks_record;
}

void shelf_note_record(struct shelf *s, const char *chain_id)
{
    slot_of(s, chain_id)->lacks_record = false;
}

bool shelf_has(struct shelf *s, const char *chain_id)
{
    return shelf_size(s, chain_id) >= 0;
}

int64_t shelf_size(struct shelf *s, const char *chain_id)
{
    const struct shelf_slot *slot = map_get(s->slots, chain_id);

    return slot ? slot->size_bytes : -1;
}

/* The caller holds the layer (shelf_ref), so what is found present stays. */
enum shelf_state shelf_want(struct shelf *s, const char *chain_id, struct shelf_wait *w)
{
    struct shelf_slot *slot = slot_of(s, chain_id);

    ASSERT(slot->refs > 0);
    if (slot->size_bytes >= 0)
        return SHELF_PRESENT;
    if (slot->is_busy) {
        list_append(&slot->waiting, &w->link);
        return SHELF_WAIT;
    }
    slot->is_busy = true;
    return SHELF_YOURS;
}

void shelf_leave(struct shelf_wait *w)
{
    list_remove(&w->link);
}

void shelf_made(struct shelf *s, const char *chain_id, int64_t size_bytes)
{
    ASSERT_LOOP();
    end_busy(s, chain_id, size_bytes);
}
