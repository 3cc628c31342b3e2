/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that outlive the engine: the keeper holds duplicates of a container's published
 * ports ("ports/<id>/<n>") and of its resolver ("dns/<id>/<n>"), eight to a key. What it had
 * when this engine came is stashed until the containers are reconciled, then taken by
 * its owner or let go. A socket pins its namespace: unhold when the run ends. Loop thread.
 */
#include "place/sockets.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "container/container_table.h"
#include "runtime/keeper_conn.h"

#define WINDOW 32 /* keys on their way to the keeper */

struct stash { /* one key's */
    int fds[KEEPER_HOLDS_MAX];
    size_t n;
};

static const char *const kinds[] = {[SOCKETS_PORTS] = "ports", [SOCKETS_DNS] = "dns"};

static void write_key(const struct container *c, enum socket_kind kind, size_t i,
                      char out[KEEPER_ID_MAX])
{
    ASSERT(kind >= 0 && kind < SOCKETS_KINDS);
    snprintf(out, KEEPER_ID_MAX, "%s/%s/%zu", kinds[kind], c->doc.id, i);
}

/* ---- holding: a window at a time, because each key costs duplicates until it is sent ---- */

struct holding {
    struct container *c; /* NULL: the sockets are closed, or others are to be held */
    enum socket_kind kind;
    size_t n, n_sent;
    int fds[];
};

static void send_window(struct holding *h);

/* The keeper has the window, so its duplicates on the way are closed: the next one may go. */
static void on_window_held(void *ctx)
{
    struct holding *h = ctx;

    if (h->c && h->n_sent < h->n) {
        send_window(h);
        return;
    }
    if (h->c)
        h->c->holding[h->kind] = NULL;
    free(h);
}

static void send_window(struct holding *h)
{
    struct container *c = h->c;
    size_t end = h->n_sent + WINDOW * KEEPER_HOLDS_MAX;

    ASSERT(c && c->holding[h->kind] == h && h->n_sent <= h->n);
    if (end > h->n)
        end = h->n;
    while (h->n_sent < end) {
        size_t i = h->n_sent / KEEPER_HOLDS_MAX, n = end - h->n_sent;
        const int *fds = h->fds + h->n_sent;
        char key[KEEPER_ID_MAX];

        if (n > KEEPER_HOLDS_MAX)
            n = KEEPER_HOLDS_MAX;
        h->n_sent += n;
        write_key(c, h->kind, i, key);
        if (c->n_held[h->kind] <= i)
            c->n_held[h->kind] = i + 1;
        keeper_hold(c->parts->keeper, key, fds, n, h->n_sent == end ? on_window_held : NULL, h);
    }
}

/* A window that is on its way finds nobody and frees itself. */
static void cancel_holding(struct container *c, enum socket_kind kind)
{
    struct holding *h = c->holding[kind];

    if (h)
        h->c = NULL;
    c->holding[kind] = NULL;
}

void sockets_stop_holding(struct container *c)
{
    for (int kind = 0; kind < SOCKETS_KINDS; kind++)
        cancel_holding(c, (enum socket_kind)kind);
}

void sockets_hold(struct container *c, enum socket_kind kind, const int *fds, size_t n)
{
    struct holding *h;

    ASSERT_LOOP();
    ASSERT(fds || !n);
    cancel_holding(c, kind);
    if (!c->parts->keeper || !n)
        return;
    h = mem_alloc(sizeof(*h) + n * sizeof(*fds));
    *h = (struct holding){.c = c, .kind = kind, .n = n};
    memcpy(h->fds, fds, n * sizeof(*fds));
    c->holding[kind] = h;
    send_window(h);
}

/* A socket that the keeper holds keeps its port bound and its network namespace alive: both must be
 * free for the next run. */
void sockets_unhold(struct container *c, enum socket_kind kind)
{
    ASSERT_LOOP();
    cancel_holding(c, kind);
    for (size_t i = 0; i < c->n_held[kind] && c->parts->keeper; i++) {
        char key[KEEPER_ID_MAX];

        write_key(c, kind, i, key);
        keeper_unhold(c->parts->keeper, key);
        c->table->n_unheld++;
    }
    c->n_held[kind] = 0;
}

/* ---- settling: what was let go of is closed in the keeper, too ---- */

struct settling {
    struct container_table *table;
    size_t n_unheld;
    struct ticket *ticket;
};

static void on_closed_there(void *ctx)
{
    struct settling *s = ctx;

    /* else the table may be gone as well */
    if (ticket_op(s->ticket) && s->table->n_settled < s->n_unheld)
        s->table->n_settled = s->n_unheld;
    ticket_answer(s->ticket, NULL);
    free(s);
}

void sockets_settle(struct container_table *t, struct op *op)
{
    struct settling *s;

    ASSERT(t->n_settled <= t->n_unheld);
    if (t->n_settled == t->n_unheld || !t->parts->keeper)
        return;
    s = mem_new(struct settling);
    s->table = t;
    s->n_unheld = t->n_unheld;
    s->ticket = op_wait(op);
    /* The keeper answers in order, also that there is nothing of this name to close. */
    keeper_close_hold(t->parts->keeper, "settle", 0, ROLE_SOCKET, on_closed_there, s);
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
    size_t n = 0, n_keys = c->table->stashed ? (room + KEEPER_HOLDS_MAX - 1) / KEEPER_HOLDS_MAX : 0;

    for (size_t i = 0; i < n_keys; i++) {
        char key[KEEPER_ID_MAX];
        struct stash *s;

        write_key(c, kind, i, key);
        s = map_take(c->table->stashed, key);
        if (!s) /* the keeper had no room for these */
            continue;
        for (size_t k = 0; k < s->n; k++) {
            if (n < room)
                out[n++] = s->fds[k];
            else
                close(s->fds[k]);
        }
        free(s);
        ASSERT(n <= room);
        c->n_held[kind] = i + 1;
    }
    return n;
}

/* What no container took: those of containers that are gone. */
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
