/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of strings and ordered pairs in an arena. Pure.
 * Trap: neither struct stores its capacity; it follows from n (see room_for), so only lists
 * made by the functions of base/ may grow, never one that points at an array of your own.
 */
#include "strs.h"

#include "base/text.h"

#include <string.h>

enum { ROOM_FIRST = 4 };

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

/* The filter label=KEY or label=KEY=VALUE of the API. */
bool pairs_match(const struct pairs *p, const char *wanted)
{
    size_t n = strcspn(wanted, "=");

    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->v[i].key) == n && !memcmp(p->v[i].key, wanted, n))
            return !wanted[n] || !strcmp(p->v[i].value, wanted + n + 1);
    return false;
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
