/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_pool: ranges of equal size, sorted, counted by how many containers touch each (one, unless
 * the lines they came from have changed since). Loop thread.
 * The next free one is taken, not the first: what the kernel still counts for a user that is gone
 * (keys, queues) is not a newcomer's.
 */
#include "container/id_pool.h"

struct id_slot {
    uint32_t uid, gid; /* the first of each */
    unsigned users;
};

struct id_pool {
    struct id_slot *v;
    size_t n, next;
};

static struct id_map map_of(const struct id_slot *s)
{
    struct id_map m = {.uids.n = 1, .gids.n = 1};

    m.uids.v[0] = (struct id_extent){0, s->uid, ID_POOL_COUNT};
    m.gids.v[0] = (struct id_extent){0, s->gid, ID_POOL_COUNT};
    return m;
}

static bool touches(const struct id_slot *s, const struct id_map *m)
{
    struct id_map own = map_of(s);

    return id_ranges_overlap(&own.uids, &m->uids) || id_ranges_overlap(&own.gids, &m->gids);
}

static size_t count_slots(const struct id_ranges *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += r->v[i].count / ID_POOL_COUNT;
    return n;
}

static uint32_t slot_at(const struct id_ranges *r, size_t at)
{
    size_t i = 0;

    for (; at >= r->v[i].count / ID_POOL_COUNT; i++)
        at -= r->v[i].count / ID_POOL_COUNT;
    return r->v[i].outside + (uint32_t)at * ID_POOL_COUNT;
}

static int by_uid(const void *x, const void *y)
{
    const struct id_slot *a = x, *b = y;

    return a->uid < b->uid ? -1 : a->uid > b->uid;
}

struct id_pool *id_pool_create(const struct id_map *from, const struct id_map *except)
{
    struct id_pool *p = mem_new(struct id_pool);
    size_t n_uids = count_slots(&from->uids), n_gids = count_slots(&from->gids);
    size_t n = n_uids < n_gids ? n_uids : n_gids;

    p->v = mem_array(n + 1, sizeof(*p->v));
    for (size_t i = 0; i < n; i++) {
        struct id_slot s = {slot_at(&from->uids, i), slot_at(&from->gids, i), 0};

        if (!except || !touches(&s, except))
            p->v[p->n++] = s;
    }
    if (p->n)
        qsort(p->v, p->n, sizeof(*p->v), by_uid);
    return p;
}

void id_pool_destroy(struct id_pool *p)
{
    if (!p)
        return;
    free(p->v);
    free(p);
}

struct err *id_pool_claim(struct id_pool *p, struct id_map *out)
{
    if (p->n == 0)
        return err_new(ERR_INVALID,
                       "--userns auto has no ids to give: add a line such as "
                       "\"berth:1000000000:67108864\" to /etc/subuid and to /etc/subgid (%d ids a "
                       "container) and restart berthd",
                       ID_POOL_COUNT);
    for (size_t i = 0; i < p->n; i++) {
        struct id_slot *s = &p->v[(p->next + i) % p->n];

        if (s->users)
            continue;
        s->users = 1;
        p->next = (p->next + i + 1) % p->n;
        *out = map_of(s);
        return NULL;
    }
    return err_new(ERR_CONFLICT,
                   "all %zu ranges of ids for --userns auto are in use: remove containers, or give "
                   "\"berth\" more ids in /etc/subuid and /etc/subgid",
                   p->n);
}

static void add_users(struct id_slot *s, int more)
{
    ASSERT(more > 0 || s->users > 0);
    s->users += (unsigned)more;
}

/* One of ours touches no other: then there is nothing to look for. */
static struct id_slot *find_own(struct id_pool *p, const struct id_map *m)
{
    const struct id_slot key = {.uid = m->uids.v[0].outside};
    struct id_slot *s = p->n ? bsearch(&key, p->v, p->n, sizeof(*p->v), by_uid) : NULL;
    bool is_own = s && m->uids.n == 1 && m->uids.v[0].count == ID_POOL_COUNT && m->gids.n == 1 &&
                  m->gids.v[0].count == ID_POOL_COUNT && m->gids.v[0].outside == s->gid;

    return is_own ? s : NULL;
}

static void count(struct id_pool *p, const struct id_map *m, int more)
{
    struct id_slot *own = find_own(p, m);

    if (own) {
        add_users(own, more);
        return;
    }
    for (size_t i = 0; i < p->n; i++)
        if (touches(&p->v[i], m))
            add_users(&p->v[i], more);
}

void id_pool_take(struct id_pool *p, const struct id_map *m)
{
    count(p, m, 1);
}

void id_pool_give_back(struct id_pool *p, const struct id_map *m)
{
    count(p, m, -1);
}
