/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that outlive the engine: the keeper holds duplicates of a container's published
 * ports ("ports/<id>/<n>") and of its resolver ("dns/<id>/<n>"), eight to a key. What it had
 * when this engine came is stashed until the containers are reconciled, then taken by
 * its owner or let go. A socket pins its namespace: unhold when the run ends. Loop thread.
 */
#include "object.h"

#include "base/map.h"

#include <stdio.h>
#include <string.h>

struct stash { /* one key's */
    int fds[KEEPER_HOLDS_MAX];
    size_t n;
};

static const char *const kinds[] = {[SOCKETS_PORTS] = "ports", [SOCKETS_DNS] = "dns"};

static void write_key(const struct container *c, enum socket_kind kind, size_t i,
                      char out[KEEPER_ID_MAX])
{
    snprintf(out, KEEPER_ID_MAX, "%s/%s/%zu", kinds[kind], c->doc.id, i);
}

void sockets_hold(struct container *c, enum socket_kind kind, const int *fds, size_t n)
{
    size_t n_keys = (n + KEEPER_HOLDS_MAX - 1) / KEEPER_HOLDS_MAX;

    if (!c->parts->keeper)
        return;
    for (size_t i = 0; i < n_keys; i++) {
        size_t at = i * KEEPER_HOLDS_MAX;
        char key[KEEPER_ID_MAX];

        write_key(c, kind, i, key);
        keeper_hold(c->parts->keeper, key, fds + at,
                    n - at < KEEPER_HOLDS_MAX ? n - at : KEEPER_HOLDS_MAX);
    }
    if (c->n_held[kind] < n_keys)
        c->n_held[kind] = n_keys;
}

void sockets_unhold(struct container *c, enum socket_kind kind)
{
    for (size_t i = 0; i < c->n_held[kind] && c->parts->keeper; i++) {
        char key[KEEPER_ID_MAX];

        write_key(c, kind, i, key);
        keeper_unhold(c->parts->keeper, key);
    }
    c->n_held[kind] = 0;
}

bool sockets_stash(struct container_table *t, const struct keeper_entry *e, const int *fds)
{
    struct stash *s;

    if (e->state != KEEPER_HOLDING)
        return false;
    if (t->parts->keeper) { /* not start-up: the connection was lost, the sockets are here */
        for (uint32_t i = 0; i < e->n_holds && i < KEEPER_HOLDS_MAX; i++)
            if (fds[1 + i] >= 0)
                close(fds[1 + i]);
        return true;
    }
    s = mem_new(struct stash);
    for (uint32_t i = 0; i < e->n_holds && i < KEEPER_HOLDS_MAX; i++)
        if (fds[1 + i] >= 0)
            s->fds[s->n++] = fds[1 + i];
    if (!t->stashed)
        t->stashed = map_create();
    ASSERT(!map_put(t->stashed, e->id, s)); /* the keeper has a key once */
    return true;
}

size_t sockets_take(struct container *c, enum socket_kind kind, int *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; c->table->stashed; i++) {
        char key[KEEPER_ID_MAX];
        struct stash *s;

        write_key(c, kind, i, key);
        s = map_take(c->table->stashed, key);
        if (!s)
            break;
        for (size_t k = 0; k < s->n; k++) {
            if (n < room)
                out[n++] = s->fds[k];
            else
                close(s->fds[k]);
        }
        free(s);
        c->n_held[kind] = i + 1;
    }
    return n;
}

void sockets_drop_stash(struct container_table *t)
{
    struct map *stashed = steal_ptr(&t->stashed);
    size_t cursor = 0;
    const char *key;
    void *value;

    while (stashed && map_next(stashed, &cursor, &key, &value)) {
        struct stash *s = value;

        if (t->parts->keeper)
            keeper_unhold(t->parts->keeper, key);
        for (size_t i = 0; i < s->n; i++)
            close(s->fds[i]);
        free(s);
    }
    map_destroy(stashed);
}
