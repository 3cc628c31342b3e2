/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map that keeps insertion order: a dense array of entries and, beside it, an open
 * addressing table of their numbers. Not locked: one thread at a time.
 * Trap: taking leaves a hole in the array (so that iteration survives it); holes go away only
 * when a put needs room. Keys are foreign, so the hash (SipHash-1-3) is seeded per map.
 */
#include "base/map.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

enum { ROOM_FIRST = 8 };
static const uint32_t slot_free = UINT32_MAX, slot_taken = UINT32_MAX - 1;

struct map_entry {
    char *key; /* NULL: a hole */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    uint32_t *slots; /* 2 * room of them */
    size_t room, used, count;
    uint64_t seed[2];
};

/* Entries lie in [0, used) with holes; the table of slots is twice as large as the room, so a
 * search always ends at a free one. */
static void map_check(const struct map *m)
{
    ASSERT(m->count <= m->used && m->used <= m->room);
    ASSERT(!m->room || (m->entries && m->slots));
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): names come from clients and images, who must not be able to
 * choose keys that collide. */
static uint64_t hash_key(const struct map *m, const char *key)
{
    size_t n = strlen(key), i = 0;
    uint64_t word, v[4] = {
                       m->seed[0] ^ 0x736f6d6570736575,
                       m->seed[1] ^ 0x646f72616e646f6d,
                       m->seed[0] ^ 0x6c7967656e657261,
                       m->seed[1] ^ 0x7465646279746573,
                   };

    for (; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, key + i, sizeof(word));
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, key + i, n - i);
    word |= (uint64_t)n << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int round = 0; round < 3; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_create(void)
{
    struct map *m = mem_new(struct map);

    ASSERT(getrandom(m->seed, sizeof(m->seed), 0) == sizeof(m->seed));
    return m;
}

void map_destroy(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->used; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    free(m);
}

size_t map_count(const struct map *m)
{
    return m->count;
}

/* The slot that names `key`, or NULL. */
static uint32_t *find_slot(const struct map *m, const char *key, uint64_t hash)
{
    size_t mask = 2 * m->room - 1;

    if (!m->room)
        return NULL;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        const struct map_entry *e;

        if (m->slots[i] == slot_free)
            return NULL;
        if (m->slots[i] == slot_taken)
            continue;
        ASSERT(m->slots[i] < m->used);
        e = &m->entries[m->slots[i]];
        if (e->hash == hash && !strcmp(e->key, key))
            return &m->slots[i];
    }
}

static void link_entry(struct map *m, size_t number)
{
    size_t mask = 2 * m->room - 1, i = m->entries[number].hash & mask;

    ASSERT(number < m->room && m->entries[number].key);
    while (m->slots[i] != slot_free)
        i = (i + 1) & mask;
    m->slots[i] = (uint32_t)number;
}

/* Closes the holes; makes at least room / 4 free entries. */
static void rebuild(struct map *m)
{
    size_t room = m->room ? m->room : ROOM_FIRST, n = 0;
    struct map_entry *entries;

    if (m->count * 4 >= room * 3)
        room *= 2;
    ASSERT(room < UINT32_MAX / 2);
    entries = mem_array(room, sizeof(*entries));
    for (size_t i = 0; i < m->used; i++)
        if (m->entries[i].key)
            entries[n++] = m->entries[i];
    free(m->entries);
    free(m->slots);
    m->entries = entries;
    m->slots = mem_array(2 * room, sizeof(*m->slots));
    memset(m->slots, 0xff, 2 * room * sizeof(*m->slots));
    ASSERT(n == m->count && n < room);
    m->room = room;
    m->used = n;
    for (size_t i = 0; i < n; i++)
        link_entry(m, i);
}

void *map_get(const struct map *m, const char *key)
{
    const uint32_t *slot = find_slot(m, key, hash_key(m, key));

    ASSERT(key);
    return slot ? m->entries[*slot].value : NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
    uint64_t hash = hash_key(m, key);
    const uint32_t *slot = find_slot(m, key, hash);

    map_check(m);
    if (slot) {
        void *old = m->entries[*slot].value;

        m->entries[*slot].value = value;
        return old;
    }
    if (m->used == m->room)
        rebuild(m);
    m->entries[m->used] = (struct map_entry){mem_strdup(key), value, hash};
    link_entry(m, m->used++);
    m->count++;
    return NULL;
}

void *map_take(struct map *m, const char *key)
{
    uint32_t *slot = find_slot(m, key, hash_key(m, key));
    struct map_entry *e;
    void *value;

    map_check(m);
    if (!slot)
        return NULL;
    e = &m->entries[*slot];
    value = e->value;
    free(e->key);
    *e = (struct map_entry){0};
    *slot = slot_taken;
    ASSERT(m->count);
    m->count--;
    return value;
}

/* Safe against taking the present entry, which only leaves a hole; a put may move everything. */
bool map_next(const struct map *m, size_t *cursor, const char **key, void **value)
{
    while (*cursor < m->used && !m->entries[*cursor].key)
        ++*cursor;
    if (*cursor >= m->used)
        return false;
    if (key)
        *key = m->entries[*cursor].key;
    *value = m->entries[*cursor].value;
    ++*cursor;
    return true;
}

void *map_next_newest(const struct map *m, size_t *cursor)
{
    while (*cursor < m->used) {
        const struct map_entry *e = &m->entries[m->used - ++*cursor];

        if (e->key)
            return e->value;
    }
    return NULL;
}
