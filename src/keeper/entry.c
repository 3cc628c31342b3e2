/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of entries. The slots are reserved once and touched as they are needed; children
 * do not inherit them (MADV_DONTFORK), so a clone's cost does not grow with the table and no
 * child can read what the others are.
 */
#include "entry.h"

#include <string.h>
#include <sys/mman.h>

enum { GENERATION_MASK = 0xfffffff };

/* Address space alone: a page costs memory when its slot is used first (mmap(2), MAP_NORESERVE). */
static void *reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, MADV_DONTFORK);
    return p;
}

bool table_init(struct entry_table *t)
{
    t->slots = reserve(ENTRIES_MAX * sizeof(*t->slots));
    t->buckets = reserve(ENTRY_BUCKETS * sizeof(*t->buckets));
    t->pids = reserve(ENTRY_BUCKETS * sizeof(*t->pids));
    return t->slots && t->buckets && t->pids;
}

static uint32_t *bucket_of(const struct entry_table *t, const char *id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return &t->buckets[(hash ^ hash >> 16) % ENTRY_BUCKETS];
}

/* The generation tells an event for the entry that was here before from one for this one: epoll may
 * still deliver it. */
struct entry *entry_create(struct entry_table *t, const char *id)
{
    struct entry *e;
    uint32_t *bucket, generation;

    ASSERT(t->n_used <= t->n_touched && t->n_touched <= ENTRIES_MAX);
    if (t->free) {
        ASSERT(t->free <= t->n_touched);
        e = &t->slots[t->free - 1];
        t->free = e->next;
    } else if (t->n_touched < ENTRIES_MAX) {
        e = &t->slots[t->n_touched];
        e->slot = t->n_touched++;
    } else {
        return NULL;
    }
    generation = (e->generation + 1) & GENERATION_MASK;
    *e = (struct entry){.slot = e->slot, .generation = generation, .is_used = true};
    e->pidfd = e->helper_fd = e->status_fd = -1;
    strncpy(e->id, id, sizeof(e->id) - 1);
    bucket = bucket_of(t, e->id);
    e->next = *bucket;
    *bucket = e->slot + 1;
    t->n_used++;
    return e;
}

static void unhash(struct entry_table *t, struct entry *e)
{
    uint32_t *at = bucket_of(t, e->id);

    while (*at != e->slot + 1) {
        ASSERT(*at && *at <= t->n_touched); /* else it would walk into slot -1 */
        at = &t->slots[*at - 1].next;
    }
    *at = e->next;
}

static void unhash_pid(struct entry_table *t, struct entry *e)
{
    uint32_t *at = &t->pids[(uint32_t)e->pid % ENTRY_BUCKETS];

    if (!e->pid)
        return;
    while (*at != e->slot + 1)
        at = &t->slots[*at - 1].next_of_pid;
    *at = e->next_of_pid;
}

void entry_set_pid(struct entry_table *t, struct entry *e, int pid)
{
    uint32_t *bucket = &t->pids[(uint32_t)pid % ENTRY_BUCKETS];

    unhash_pid(t, e);
    e->pid = pid;
    if (!pid)
        return;
    e->next_of_pid = *bucket;
    *bucket = e->slot + 1;
}

struct entry *entry_of_child(const struct entry_table *t, int pid)
{
    for (uint32_t at = t->pids[(uint32_t)pid % ENTRY_BUCKETS]; at;) {
        struct entry *e = &t->slots[at - 1];

        if (e->pid == pid && (e->state == KEEPER_STARTING || e->state == KEEPER_RUNNING))
            return e;
        at = e->next_of_pid;
    }
    return NULL;
}

void entry_destroy(struct entry_table *t, struct entry *e)
{
    ASSERT(e->is_used && e->slot < t->n_touched && e->n_holds <= KEEPER_HOLDS_MAX);
    list_remove(&e->listed);
    list_remove(&e->owed);
    list_remove(&e->helping);
    unhash(t, e);
    unhash_pid(t, e);
    for (uint32_t i = 0; i < e->n_holds; i++)
        close(e->holds[i]);
    e->n_holds = 0;
    if (e->pidfd >= 0)
        close(e->pidfd);
    if (e->status_fd >= 0)
        close(e->status_fd);
    if (e->helper_fd >= 0)
        close(e->helper_fd);
    e->pidfd = e->helper_fd = e->status_fd = -1;
    e->is_used = false;
    e->next = t->free;
    t->free = e->slot + 1;
    t->n_used--;
}

struct entry *entry_find(const struct entry_table *t, const char *id, int pid)
{
    for (uint32_t at = *bucket_of(t, id); at; at = t->slots[at - 1].next) {
        struct entry *e = &t->slots[at - 1];

        if (e->pid == pid && !strcmp(e->id, id))
            return e;
    }
    return NULL;
}

struct entry *entry_next(const struct entry_table *t, const char *id, const struct entry *e)
{
    for (uint32_t at = e ? e->next : *bucket_of(t, id); at; at = t->slots[at - 1].next)
        if (!strcmp(t->slots[at - 1].id, id))
            return &t->slots[at - 1];
    return NULL;
}

struct entry *entry_at(const struct entry_table *t, uint32_t slot, uint32_t generation)
{
    struct entry *e;

    if (slot >= t->n_touched)
        return NULL;
    e = &t->slots[slot];
    return e->is_used && e->generation == generation ? e : NULL;
}

/* The roles stay in step with the descriptors; the next engine gets both. */
bool entry_close_role(struct entry *e, uint32_t role)
{
    ASSERT(e->n_holds <= KEEPER_HOLDS_MAX);
    for (uint32_t i = 0; i < e->n_holds; i++) {
        if (e->roles[i] != role)
            continue;
        close(e->holds[i]);
        e->n_holds--;
        memmove(&e->holds[i], &e->holds[i + 1], (e->n_holds - i) * sizeof(e->holds[0]));
        memmove(&e->roles[i], &e->roles[i + 1], e->n_holds - i);
        return true;
    }
    return false;
}
