/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots and records: who has them. The shared memory itself says what is in use, so an
 * engine that adopts it only has to look. Slots are handed out last in, first out: few of
 * them are ever touched. Loop thread. Trap: a slot whose bytes an engine before us did
 * not land is not free until the log it belongs to has taken them.
 */
#include "stream/landing.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "core/loop.h"

struct landing {
    struct land land;
    char *spool_dir;
    int free_slots[LAND_SLOTS], n_free;
    struct list waiting;
    uint16_t *free_records, *left_parked;
    unsigned n_left_parked, n_parked;
    unsigned n_free_records, n_touched;
    struct map *left;   /* id → record + 1, of an engine before this one */
    struct map *spools; /* id → itself */
};

_Static_assert(LAND_RECORDS <= UINT16_MAX, "a record's number fits");

#define KEPT_FREE (LAND_SLOTS / 2) /* slots that who waits for a server leaves to the others */
#define PARKED_MAX (LAND_RECORDS / 4)

static struct landing *landing_new(const char *spool_dir)
{
    struct landing *l = mem_new(struct landing);

    l->spool_dir = mem_strdup(spool_dir);
    l->free_records = mem_alloc(LAND_RECORDS * sizeof(*l->free_records));
    l->left_parked = mem_alloc(LAND_RECORDS * sizeof(*l->left_parked));
    l->left = map_create();
    l->spools = map_create();
    list_init(&l->waiting);
    return l;
}

/* Whether an engine before this one filled the slot and did not land it: the record that it names
 * is in use and has not seen the slot's number, and its descriptor stands behind its window. */
static bool is_left_full(const struct landing *l, unsigned slot)
{
    const struct land_slot *s = land_slot(&l->land, slot);
    const struct land_record *r;

    if (!s->record || s->record > land_records_touched(&l->land))
        return false;
    r = land_record(&l->land, (unsigned)s->record - 1);
    return r->is_used && r->mode != LAND_PARKED && s->seq > land_state(r)->seq &&
           land_filled(&l->land, slot);
}

/* The engine died between the copy and the giving back. */
static bool is_parked_too(const struct landing *l, unsigned slot)
{
    const struct land_slot *s = land_slot(&l->land, slot);

    for (unsigned i = 0; i < l->n_left_parked; i++) {
        const struct land_slot *p = land_slot(&l->land, LAND_SLOTS + l->left_parked[i]);

        if (p->record == s->record && p->seq == s->seq)
            return true;
    }
    return false;
}

/* From the last to the first, so that the first is handed out first: memory of a slot is used when
 * it is touched, and never given back. */
static void look_at_slots(struct landing *l)
{
    for (int i = LAND_SLOTS - 1; i >= 0; i--) {
        if (is_left_full(l, (unsigned)i) && !is_parked_too(l, (unsigned)i))
            continue;
        land_release(&l->land, (unsigned)i);
        ASSERT(l->n_free < LAND_SLOTS);
        l->free_slots[l->n_free++] = i;
    }
}

static void look_at_records(struct landing *l)
{
    l->n_touched = land_records_touched(&l->land);
    for (unsigned i = l->n_touched; i-- > 0;) {
        struct land_record *r = land_record(&l->land, i);

        r->id[sizeof(r->id) - 1] = '\0';
        if (r->is_used && r->mode == LAND_PARKED && is_left_full(l, LAND_SLOTS + i))
            l->left_parked[l->n_left_parked++] = (uint16_t)i;
        else if (r->is_used && r->mode == LAND_PARKED)
            landing_give_record(l, i);
        else if (r->is_used)
            map_put(l->left, r->id, (void *)(uintptr_t)(i + 1));
        else
            l->free_records[l->n_free_records++] = (uint16_t)i;
    }
    l->n_parked = l->n_left_parked;
}

static void look_at_spools(struct landing *l)
{
    DIR *dir = opendir(l->spool_dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            map_put(l->spools, entry->d_name, l);
    if (dir)
        closedir(dir);
}

struct err *landing_create(const char *spool_dir, struct landing **out)
{
    struct landing *l = landing_new(spool_dir);
    int error = land_create(&l->land);

    if (error) {
        memset(l->land.fds, -1, sizeof(l->land.fds));
        landing_destroy(l);
        return err_sysno(error, "make the memory that logs land in");
    }
    look_at_slots(l);
    look_at_spools(l);
    *out = l;
    return NULL;
}

struct err *landing_adopt(const char *spool_dir, const int *fds, struct landing **out)
{
    struct landing *l = landing_new(spool_dir);
    int error = land_open(&l->land, fds);

    if (error) {
        memcpy(l->land.fds, fds, sizeof(l->land.fds));
        landing_destroy(l);
        return err_sysno(error, "take over the memory that logs land in");
    }
    look_at_records(l);
    look_at_slots(l);
    look_at_spools(l);
    *out = l;
    return NULL;
}

void landing_destroy(struct landing *l)
{
    if (!l)
        return;
    land_close(&l->land);
    map_destroy(l->left);
    map_destroy(l->spools);
    free(l->free_records);
    free(l->left_parked);
    free(l->spool_dir);
    free(l);
}

const int *landing_fds(const struct landing *l)
{
    return l->land.fds;
}

const struct land *landing_memory(const struct landing *l)
{
    return &l->land;
}

int landing_take_slot(struct landing *l)
{
    ASSERT(l->n_free >= 0 && l->n_free <= LAND_SLOTS);
    return l->n_free ? l->free_slots[--l->n_free] : -1;
}

/* A slot that is free is offered to the one that has waited longest. It may take it within the
 * call. */
void landing_give_slot(struct landing *l, unsigned slot)
{
    struct landing_wait *w = list_first(&l->waiting, struct landing_wait, link);

    ASSERT(slot < LAND_SLOTS + LAND_RECORDS);
    if (slot >= LAND_SLOTS) {
        ASSERT(l->n_parked > 0);
        l->n_parked--;
        landing_give_record(l, slot - LAND_SLOTS);
        return;
    }
    land_release(&l->land, slot);
    ASSERT(l->n_free < LAND_SLOTS);
    l->free_slots[l->n_free++] = (int)slot;
    if (!w)
        return;
    list_remove(&w->link);
    w->fn(w);
}

void landing_await(struct landing *l, struct landing_wait *w)
{
    ASSERT_LOOP();
    ASSERT(w->fn);
    if (!list_is_linked(&w->link))
        list_append(&l->waiting, &w->link);
}

void landing_forget(struct landing_wait *w)
{
    list_remove(&w->link);
}

/* Used ones first: a record that was never touched costs memory when it is. */
static int find_record(struct landing *l)
{
    if (l->n_free_records)
        return l->free_records[--l->n_free_records];
    return l->n_touched < LAND_RECORDS ? (int)l->n_touched++ : -1;
}

int landing_take_record(struct landing *l, const char *id, enum land_mode mode)
{
    int record = find_record(l);

    ASSERT(id && *id && strlen(id) < KEEPER_ID_MAX);
    if (record >= 0)
        land_record_use(&l->land, (unsigned)record, id, mode);
    return record;
}

unsigned landing_park(struct landing *l, unsigned slot)
{
    int record;

    ASSERT(slot < LAND_SLOTS + LAND_RECORDS);
    if (slot >= LAND_SLOTS || l->n_free >= KEPT_FREE || l->n_parked >= PARKED_MAX)
        return slot;
    record = find_record(l);
    if (record < 0)
        return slot;
    land_park(&l->land, slot, (unsigned)record);
    l->n_parked++;
    landing_give_slot(l, slot);
    return LAND_SLOTS + (unsigned)record;
}

/* The left slot of the record with the lowest number above `seq`, -1: none. */
static int next_left_slot(const struct landing *l, unsigned record, uint64_t seq)
{
    int found = -1;

    ASSERT(record < LAND_RECORDS);
    for (unsigned k = 0; k < LAND_SLOTS + l->n_left_parked; k++) {
        unsigned i = k < LAND_SLOTS ? k : (unsigned)LAND_SLOTS + l->left_parked[k - LAND_SLOTS];
        const struct land_slot *s = land_slot(&l->land, i);

        if (s->record != (uint64_t)record + 1 || s->seq <= seq)
            continue;
        if (found < 0 || s->seq < land_slot(&l->land, (unsigned)found)->seq)
            found = (int)i;
    }
    return found;
}

int landing_adopt_record(struct landing *l, const char *id,
                         void (*slot)(void *ctx, unsigned slot, size_t n), void *ctx)
{
    uintptr_t found = (uintptr_t)map_take(l->left, id);
    uint64_t seq;
    int i;

    if (!found)
        return -1;
    seq = land_state(land_record(&l->land, (unsigned)found - 1))->seq;
    while ((i = next_left_slot(l, (unsigned)found - 1, seq)) >= 0) {
        seq = land_slot(&l->land, (unsigned)i)->seq;
        slot(ctx, (unsigned)i, land_filled(&l->land, (unsigned)i));
    }
    return (int)found - 1;
}

void landing_give_record(struct landing *l, unsigned record)
{
    ASSERT(record < LAND_RECORDS && l->n_free_records < LAND_RECORDS);
    land_record_free(&l->land, record);
    l->free_records[l->n_free_records++] = (uint16_t)record;
}

char *landing_take_spool(struct landing *l, const char *id)
{
    return map_take(l->spools, id) ? mem_printf("%s/%s", l->spool_dir, id) : NULL;
}

static void drop_slot(void *ctx, unsigned slot, size_t n)
{
    (void)n;
    landing_give_slot(ctx, slot);
}

static void drop(struct landing *l, const char *id)
{
    int record = landing_adopt_record(l, id, drop_slot, l);
    char *spool = landing_take_spool(l, id);

    log_debug("output of an unknown container is dropped", KV("id", id));
    if (record >= 0)
        landing_give_record(l, (unsigned)record);
    if (spool)
        unlink(spool);
    free(spool);
}

static void sweep(struct landing *l, struct map *m, bool (*claim)(void *ctx, const char *id),
                  void *ctx)
{
    const char *key;
    void *value;
    size_t cursor = 0;

    while (map_next(m, &cursor, &key, &value)) {
        autofree char *id = mem_strdup(key);

        if (!claim(ctx, id))
            drop(l, id);
        cursor = 0;
        if (map_get(m, id)) /* a claim that did not take it must not come again */
            map_take(m, id);
    }
}

void landing_sweep(struct landing *l, bool (*claim)(void *ctx, const char *id), void *ctx)
{
    ASSERT_LOOP();
    sweep(l, l->left, claim, ctx);
    sweep(l, l->spools, claim, ctx);
}
