/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of strings and ordered pairs in an arena. Pure.
 * Trap: neither struct stores its capacity; it follows from n (see room_for), so only lists
 * made by the functions of base/ may grow, never one that points at an array of your own.
 */
#include "strs.h"

#include "base/map.h"
#include "base/text.h"

#include <string.h>

enum { ROOM_FIRST = 4, FEW_COMPARISONS = 2048 };

/* Slots behind a list of n items: a power of two above n. */
static size_t room_for(size_t n)
{
    size_t room = ROOM_FIRST;

    while (room <= n)
        room *= 2;
    return room;
}

char **strs_slots(struct arena *a, size_t n)
{
    return arena_array(a, room_for(n), sizeof(char *));
}

struct pair *pairs_slots(struct arena *a, size_t n)
{
    return arena_array(a, room_for(n), sizeof(struct pair));
}

/* The room is a power of two above n: it is full when n + 1 would need the next one. */
void strs_add(struct arena *a, struct strs *s, const char *item)
{
    ASSERT(item && (s->v || !s->n));
    if (!s->v || room_for(s->n + 1) != room_for(s->n)) {
        char **v = strs_slots(a, s->n + 1);

        if (s->n)
            memcpy(v, s->v, s->n * sizeof(*v));
        s->v = v;
    }
    s->v[s->n++] = arena_strdup(a, item);
    s->v[s->n] = NULL;
}

bool strs_has(const struct strs *s, const char *item)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->v[i], item))
            return true;
    return false;
}

void strs_merge(struct arena *a, struct strs *s, const struct strs *from)
{
    struct map *found;

    if (!from->n)
        return;
    found = map_create();
    for (size_t i = 0; i < s->n; i++)
        map_put(found, s->v[i], s);
    for (size_t i = 0; i < from->n; i++)
        if (!map_put(found, from->v[i], s))
            strs_add(a, s, from->v[i]);
    map_destroy(found);
}

struct strs strs_copy(struct arena *a, const struct strs *s)
{
    struct strs copy = {.n = s->n};

    if (!s->v)
        return copy;
    copy.v = strs_slots(a, s->n);
    for (size_t i = 0; i < s->n; i++)
        copy.v[i] = arena_strdup(a, s->v[i]);
    return copy;
}

/* "a,,b" has an empty item in the middle, "" has none: as Go's strings.Split but for the latter. */
struct strs text_split(struct arena *a, const char *s, char sep)
{
    struct strs parts = {.v = strs_slots(a, 0)};

    while (*s) {
        const char *end = strchrnul(s, sep);

        strs_add(a, &parts, arena_strndup(a, s, (size_t)(end - s)));
        if (*end && !end[1])
            strs_add(a, &parts, ""); /* "a," is "a" and "" */
        s = *end ? end + 1 : end;
    }
    return parts;
}

char *strs_join(struct arena *a, const struct strs *s, const char *sep)
{
    autobuf struct buf b = {0};

    ASSERT(s->v || !s->n);
    for (size_t i = 0; i < s->n; i++) {
        if (i)
            buf_puts(&b, sep);
        buf_puts(&b, s->v[i]);
    }
    return arena_strndup(a, b.data ? b.data : "", b.len);
}

static struct pair *find_pair(const struct pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->v[i].key, key))
            return &p->v[i];
    return NULL;
}

void pairs_add(struct arena *a, struct pairs *p, const char *key, const char *value)
{
    ASSERT(key && (p->v || !p->n));
    if (!p->v || room_for(p->n + 1) != room_for(p->n)) {
        struct pair *v = pairs_slots(a, p->n + 1);

        if (p->n)
            memcpy(v, p->v, p->n * sizeof(*v));
        p->v = v;
    }
    p->v[p->n++] = (struct pair){arena_strdup(a, key), arena_strdup(a, value)};
}

void pairs_set(struct arena *a, struct pairs *p, const char *key, const char *value)
{
    struct pair *old = find_pair(p, key);

    if (old)
        old->value = arena_strdup(a, value);
    else
        pairs_add(a, p, key, value);
}

/* Key → place + 1; of equal keys the first. */
static struct map *places_of(const struct pairs *p)
{
    struct map *places = map_create();

    for (size_t i = p->n; i > 0; i--)
        map_put(places, p->v[i - 1].key, (void *)i);
    return places;
}

void pairs_merge(struct arena *a, struct pairs *p, const struct pairs *from)
{
    struct map *places;

    if (!from->n)
        return;
    places = places_of(p);
    for (size_t i = 0; i < from->n; i++) {
        size_t place = (size_t)map_get(places, from->v[i].key);

        if (place) {
            p->v[place - 1].value = arena_strdup(a, from->v[i].value);
            continue;
        }
        pairs_add(a, p, from->v[i].key, from->v[i].value);
        map_put(places, from->v[i].key, (void *)p->n);
    }
    map_destroy(places);
}

void pairs_set_text(struct arena *a, struct pairs *p, const char *text)
{
    size_t n = strcspn(text, "=");

    pairs_set(a, p, arena_strndup(a, text, n), text[n] ? text + n + 1 : "");
}

const char *pairs_get(const struct pairs *p, const char *key)
{
    const struct pair *found = find_pair(p, key);

    return found ? found->value : NULL;
}

static bool has_value(const struct pair *p, const char *wanted, size_t key_len)
{
    return !wanted[key_len] || !strcmp(p->value, wanted + key_len + 1);
}

/* The filter label=KEY or label=KEY=VALUE of the API. */
bool pairs_match(const struct pairs *p, const char *wanted)
{
    size_t n = strcspn(wanted, "=");

    for (size_t i = 0; i < p->n; i++)
        if (!strncmp(p->v[i].key, wanted, n) && !p->v[i].key[n])
            return has_value(&p->v[i], wanted, n);
    return false;
}

/* How many of `wanted` match, up to the first that is not as `is_match` says. Both sides are
 * strangers': where their product is large, keys are looked up. */
static size_t count_matches(const struct pairs *p, const struct strs *wanted, bool is_match)
{
    autoarena struct arena *a = NULL;
    struct map *places;
    size_t n = 0;

    if (p->n * wanted->n <= FEW_COMPARISONS) {
        while (n < wanted->n && pairs_match(p, wanted->v[n]) == is_match)
            n++;
        return n;
    }
    a = arena_create();
    places = places_of(p);
    for (; n < wanted->n; n++) {
        size_t len = strcspn(wanted->v[n], "=");
        size_t place = (size_t)map_get(places, arena_strndup(a, wanted->v[n], len));

        if ((place && has_value(&p->v[place - 1], wanted->v[n], len)) != is_match)
            break;
    }
    map_destroy(places);
    return n;
}

bool pairs_match_all(const struct pairs *p, const struct strs *wanted)
{
    return count_matches(p, wanted, true) == wanted->n;
}

bool pairs_match_any(const struct pairs *p, const struct strs *wanted)
{
    return count_matches(p, wanted, false) < wanted->n;
}

struct pairs pairs_copy(struct arena *a, const struct pairs *p)
{
    struct pairs copy = {.n = p->n};

    if (!p->v)
        return copy;
    copy.v = pairs_slots(a, p->n);
    for (size_t i = 0; i < p->n; i++) {
        copy.v[i].key = arena_strdup(a, p->v[i].key);
        copy.v[i].value = arena_strdup(a, p->v[i].value);
    }
    return copy;
}
