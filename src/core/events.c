/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events' history: a ring of copies, each one allocation, bounded in number
 * and in bytes; and the subscribers. Loop thread. Subscribers may come and go
 * from within a callback: a publisher walks the list behind a bookmark of its own.
 */
#include <string.h>

#include "base/clock.h"
#include "core/loop.h"

#include "events_inner.h"

struct kept {
    struct event event;
    size_t size;
    struct pair attrs[];
};

struct events {
    struct kept *ring[EVENTS_HISTORY];
    size_t first, n; /* ring[(first + i) % EVENTS_HISTORY] */
    size_t bytes;
    uint64_t last_seq;
    struct list subs;
    bool is_replaying;
    struct events_file *file; /* NULL: the history is in memory alone */
};

static size_t text_room(const char *s)
{
    return s ? strlen(s) + 1 : 1;
}

/* Copies s to *at and moves *at behind it. */
static char *put_text(char **at, const char *s)
{
    size_t n = text_room(s);
    char *copy = *at;

    memcpy(copy, s ? s : "", n);
    *at += n;
    return copy;
}

static size_t pair_room(const struct pair *p)
{
    return sizeof(*p) + text_room(p->key) + text_room(p->value);
}

struct pairs event_labels(struct arena *a, const struct pairs *labels)
{
    struct pairs out = {0};
    size_t room = 0;

    for (size_t i = 0; i < labels->n && room + sizeof(struct pair) < EVENT_LABELS_BYTES_MAX; i++) {
        size_t more = pair_room(&labels->v[i]);

        if (room + more > EVENT_LABELS_BYTES_MAX)
            continue;
        room += more;
        pairs_add(a, &out, labels->v[i].key, labels->v[i].value);
    }
    return out;
}

/* How much all attributes that fit take; the same walk as copy_attrs. */
static size_t attrs_room(const struct pairs *attrs)
{
    size_t room = 0;

    for (size_t i = 0; i < attrs->n; i++) {
        size_t more = pair_room(&attrs->v[i]);

        if (room + more <= EVENT_ATTRS_BYTES_MAX)
            room += more;
    }
    return room;
}

static size_t count_fitting(const struct pairs *attrs)
{
    size_t room = 0, n = 0;

    for (size_t i = 0; i < attrs->n; i++) {
        size_t more = pair_room(&attrs->v[i]);

        if (room + more > EVENT_ATTRS_BYTES_MAX)
            continue;
        room += more;
        n++;
    }
    return n;
}

static void copy_attrs(struct kept *k, const struct pairs *attrs, char *at)
{
    size_t room = 0;

    k->event.attrs.v = k->attrs;
    for (size_t i = 0; i < attrs->n; i++) {
        size_t more = pair_room(&attrs->v[i]);
        struct pair *copy = &k->attrs[k->event.attrs.n];

        if (room + more > EVENT_ATTRS_BYTES_MAX)
            continue;
        room += more;
        copy->key = put_text(&at, attrs->v[i].key);
        copy->value = put_text(&at, attrs->v[i].value);
        k->event.attrs.n++;
    }
}

static struct kept *keep(const struct event *e)
{
    size_t size = sizeof(struct kept) + text_room(e->type) + text_room(e->action) +
                  text_room(e->id) + attrs_room(&e->attrs);
    struct kept *k = mem_alloc(size);
    char *at = (char *)&k->attrs[count_fitting(&e->attrs)];

    k->size = size;
    k->event.type = put_text(&at, e->type);
    k->event.action = put_text(&at, e->action);
    k->event.id = put_text(&at, e->id);
    copy_attrs(k, &e->attrs, at);
    return k;
}

static void drop_oldest(struct events *ev)
{
    struct kept *k = ev->ring[ev->first];

    ev->ring[ev->first] = NULL;
    ev->first = (ev->first + 1) % EVENTS_HISTORY;
    ev->n--;
    ev->bytes -= k->size;
    free(k);
}

static void add(struct events *ev, struct kept *k)
{
    while (ev->n == EVENTS_HISTORY || (ev->n && ev->bytes + k->size > EVENTS_BYTES_MAX))
        drop_oldest(ev);
    ev->ring[(ev->first + ev->n) % EVENTS_HISTORY] = k;
    ev->n++;
    ev->bytes += k->size;
}

struct events *events_create(void)
{
    struct events *ev = mem_new(struct events);

    list_init(&ev->subs);
    return ev;
}

void events_destroy(struct events *ev)
{
    if (!ev)
        return;
    events_file_close(steal_ptr(&ev->file), ev->last_seq);
    while (ev->n)
        drop_oldest(ev);
    list_each (sub, &ev->subs, struct events_sub, link)
        list_remove(&sub->link);
    free(ev);
}

static void tell(struct events *ev, const struct event *e)
{
    struct events_sub bookmark = {0};
    struct list *next = ev->subs.next;

    list_insert_before(next, &bookmark.link);
    while ((next = bookmark.link.next) != &ev->subs) {
        struct events_sub *sub = list_entry(next, struct events_sub, link);

        list_remove(&bookmark.link);
        list_insert_before(next->next, &bookmark.link);
        if (sub->fn) /* else another publisher's bookmark */
            sub->fn(sub->ctx, e);
    }
    list_remove(&bookmark.link);
}

void events_restore(struct events *ev, const struct event *e)
{
    struct kept *k = keep(e);

    ASSERT(e->seq > ev->last_seq);
    k->event.seq = ev->last_seq = e->seq;
    k->event.wall_ns = e->wall_ns;
    add(ev, k);
}

void events_begin_at(struct events *ev, uint64_t last_seq)
{
    ASSERT(last_seq >= ev->last_seq);
    ev->last_seq = last_seq;
}

void events_set_file(struct events *ev, struct events_file *f)
{
    ev->file = f;
}

bool events_are_busy(const struct events *ev)
{
    return ev->file && events_file_is_busy(ev->file);
}

uint64_t events_last(const struct events *ev)
{
    return ev->last_seq;
}

uint64_t events_publish(struct events *ev, const struct event *e)
{
    struct kept *k = keep(e);
    uint64_t seq = ev->last_seq + 1;

    ASSERT_LOOP();
    ASSERT(!ev->is_replaying);
    k->event.seq = ev->last_seq = seq;
    k->event.wall_ns = clock_wall_ns();
    add(ev, k);
    if (ev->file)
        events_file_add(ev->file, &k->event);
    tell(ev, &k->event);
    return seq;
}

void events_replay(struct events *ev, int64_t since_ns, uint64_t after_seq, event_fn fn, void *ctx)
{
    ASSERT_LOOP();
    ev->is_replaying = true;
    for (size_t i = 0; i < ev->n; i++) {
        const struct event *e = &ev->ring[(ev->first + i) % EVENTS_HISTORY]->event;

        if (e->wall_ns >= since_ns && e->seq > after_seq)
            fn(ctx, e);
    }
    ev->is_replaying = false;
}

void events_subscribe(struct events *ev, struct events_sub *sub)
{
    ASSERT_LOOP();
    ASSERT(sub->fn && !sub->link.next);
    list_append(&ev->subs, &sub->link);
}

void events_unsubscribe(struct events_sub *sub)
{
    ASSERT_LOOP();
    list_remove(&sub->link);
}
