/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of containers: look-up as Docker does it (full id, name, id prefix),
 * names, references, loading. Loop thread.
 */
#include "container/object.h"
#include "place/links.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "net/dns.h"

#include <string.h>

struct container *container_alloc(struct container_table *t, struct arena *a)
{
    struct container *c = mem_new(struct container);

    c->table = t;
    c->parts = t->parts;
    c->arena = a;
    c->refs = 1;
    c->pidfd = -1;
    lane_init(&c->lane);
    list_init(&c->settling);
    list_init(&c->settle);
    list_init(&c->draining);
    list_init(&c->waiters);
    list_init(&c->execs);
    return c;
}

void container_destroy(struct container *c)
{
    if (!c)
        return;
    ASSERT(list_is_empty(&c->waiters));
    timer_clear(c->parts->loop, &c->restart_timer);
    sockets_stop_holding(c);
    health_free(c);
    orphan_forget(c->orphan);
    hub_destroy(c->hub);
    if (c->log)
        log_destroy(c->log, NULL, NULL);
    if (c->pidfd >= 0)
        close(c->pidfd);
    free(c->doc.state.error);
    free(c->name);
    endpoints_drop(c);
    arena_destroy(c->run_arena);
    arena_destroy(c->networks_arena);
    arena_destroy(c->arena);
    free(c);
}

struct container *container_ref(struct container *c)
{
    c->refs++;
    return c;
}

void container_unref(struct container *c)
{
    if (c && --c->refs == 0)
        container_destroy(c);
}

void table_insert(struct container *c)
{
    map_put(c->table->by_id, c->doc.id, c);
    map_put(c->table->by_name, c->name, c);
    links_insert(c);
}

void table_remove(struct container *c)
{
    map_take(c->table->by_id, c->doc.id);
    map_take(c->table->by_name, c->name);
    links_remove(c);
    c->is_gone = true;
    container_unref(c);
}

/* ---- look-up ---- */

static struct err *find_by_prefix(struct container_table *t, const char *ref,
                                  struct container **out)
{
    size_t cursor = 0, len = strlen(ref);
    struct container *found = NULL;
    void *value;

    if (len > 64 || !text_is_hex(ref, len))
        return NULL;
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;

        if (strncmp(c->doc.id, ref, len) != 0)
            continue;
        if (found)
            return err_new(ERR_INVALID, "multiple IDs found with provided prefix: %s", ref);
        found = c;
    }
    *out = found;
    return NULL;
}

struct err *container_find(struct container_table *t, const char *ref, struct container **out)
{
    struct container *c = NULL;

    if (*ref == '/')
        ref++;
    if (*ref) {
        c = map_get(t->by_id, ref);
        if (!c)
            c = map_get(t->by_name, ref);
        if (!c)
            TRY(find_by_prefix(t, ref, &c));
    }
    if (!c)
        return err_new(ERR_NOT_FOUND, "No such container: %s", ref);
    *out = c;
    return NULL;
}

/* Newest first: the cursor counts from the end of the insertion order. */
struct container *container_next(struct container_table *t, size_t *cursor)
{
    return map_next_newest(t->by_id, cursor);
}

void containers_hold(struct container_table *t, struct container_list *out)
{
    struct container *c;
    size_t cursor = 0;

    out->v = mem_alloc((map_count(t->by_id) + 1) * sizeof(struct container *));
    out->n = 0;
    while ((c = container_next(t, &cursor)))
        out->v[out->n++] = container_ref(c);
}

struct container *container_list_at(const struct container_list *l, size_t at)
{
    return l->v[at]->is_gone ? NULL : l->v[at];
}

void containers_release(struct container_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        container_unref(l->v[i]);
    free(l->v);
    *l = (struct container_list){0};
}

struct container_counts container_counts(const struct container_table *t)
{
    struct container_counts n = {0};
    size_t cursor = 0;
    void *value;

    while (map_next(t->by_id, &cursor, NULL, &value)) {
        const struct container *c = value;

        n.total++;
        if (c->doc.state.status == STATUS_PAUSED)
            n.paused++;
        else if (c->doc.state.status == STATUS_RUNNING || c->doc.state.status == STATUS_RESTARTING)
            n.running++;
        else
            n.stopped++;
    }
    return n;
}

/* ---- names ---- */

static bool name_has_valid_form(const char *name)
{
    size_t n = strlen(name);

    if (n < 2 || n > 128)
        return false;
    for (size_t i = 0; i < n; i++) {
        char ch = name[i];
        bool is_alnum =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');

        if (!is_alnum && (i == 0 || !strchr("_.-", ch)))
            return false;
    }
    return true;
}

/* A name that is another container's full or short id (or anything from 12 digits up) would
 * shadow it: the guide's precaution, made impossible. Shorter hex words stay legal. */
static struct err *check_name_is_no_id(struct container_table *t, const char *name)
{
    size_t cursor = 0, len = strlen(name);
    void *value;

    if (len < ID_SHORT || len > 64 || !text_is_hex(name, len))
        return NULL;
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        const struct container *c = value;

        if (strncmp(c->doc.id, name, len) == 0)
            return err_new(ERR_CONFLICT,
                           "Conflict. The container name \"/%s\" is the ID of container %s (%s): "
                           "choose a name that is not a container ID",
                           name, c->doc.id, c->name);
    }
    return NULL;
}

struct err *table_check_name(struct container_table *t, const char *name)
{
    const struct container *other = map_get(t->by_name, name);

    if (!name_has_valid_form(name))
        return err_new(ERR_INVALID,
                       "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       name);
    if (other)
        return err_new(
            ERR_CONFLICT,
            "Conflict. The container name \"/%s\" is already in use by container \"%s\". "
            "You have to remove (or rename) that container to be able to reuse that "
            "name.",
            name, other->doc.id);
    if (map_get(t->reserved, name))
        return err_new(ERR_CONFLICT,
                       "Conflict. The container name \"/%s\" is already in use by a container "
                       "that is being created. You have to remove (or rename) that container to "
                       "be able to reuse that name.",
                       name);
    return check_name_is_no_id(t, name);
}

/* ---- loading ---- */

static struct err *load_one(void *ctx, const char *id, const char *json)
{
    struct container_table *t = ctx;
    struct container *c = container_alloc(t, arena_create());
    struct err *err = doc_decode(c, json);

    if (err) {
        log_error("a saved container cannot be read and is left alone", KV("id", id),
                  KV("error", err_text(err)));
        err_drop(err);
        container_destroy(c);
        return NULL;
    }
    err = image_find(t->parts->images, c->doc.image_id, &c->image);
    if (err) { /* removed by force: the container can be looked at and removed */
        err_drop(err);
        c->image = NULL;
    } else {
        image_ref(c->image, c->doc.id, state_is_running(c));
    }
    mounts_ref(c);
    table_insert(c);
    return NULL;
}

static void dump_containers(void *ctx, struct jw *w)
{
    struct container_table *t = ctx;
    size_t cursor = 0;
    struct container *c;

    jw_arr(w, "containers");
    while ((c = container_next(t, &cursor))) {
        jw_obj(w, NULL);
        jw_str(w, "id", c->doc.id);
        jw_str(w, "name", c->name);
        jw_str(w, "status", status_name(c));
        jw_int(w, "pid", c->doc.state.pid);
        jw_int(w, "refs", (int64_t)c->refs);
        jw_bool(w, "exiting", c->is_exiting);
        jw_bool(w, "starting", c->is_starting);
        jw_bool(w, "lane_busy", lane_is_busy(&c->lane));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

struct err *container_table_open(struct parts *p, struct container_table **out)
{
    struct container_table *t = mem_new(struct container_table);

    t->parts = p;
    t->by_id = map_create();
    t->by_name = map_create();
    t->execs = map_create();
    t->reserved = map_create();
    orphans_open(t);
    list_init(&t->turns_waiting);
    list_init(&t->linkers);
    t->sweeper = sweeper_create(p);
    *out = t;
    TRY(db_each(p->db, "container", load_one, t));
    TRY(execs_load(t));
    debug_register(p->debug, "containers", dump_containers, t);
    return NULL;
}

/* ---- the end of the engine ---- */

static void stop_part_ended(void *ctx)
{
    struct container_table *t = ctx;

    if (--t->n_stopping == 0)
        t->stopped(t->stopped_ctx);
}

void container_table_stop(struct container_table *t, void (*done)(void *ctx), void *ctx)
{
    size_t cursor = 0;
    void *value;

    t->stopped = done;
    t->stopped_ctx = ctx;
    t->n_stopping = 1;
    orphans_close(t);
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;
        struct log *log = steal_ptr(&c->log);

        timer_clear(t->parts->loop, &c->restart_timer);
        health_suspend(c);
        execs_close(c);
        hub_destroy(steal_ptr(&c->hub));
        sockets_stop_holding(c);
        ports_release(steal_ptr(&c->ports));
        dns_host_close(steal_ptr(&c->dns));
        endpoints_drop(c); /* in this engine's memory only: the document keeps it */
        if (c->is_streaming)
            container_unref(c);
        c->is_streaming = false;
        if (log) {
            t->n_stopping++;
            log_destroy(log, stop_part_ended, t);
        }
    }
    stop_part_ended(t);
}

void container_table_close(struct container_table *t)
{
    size_t cursor = 0;
    void *value;

    if (!t)
        return;
    orphans_close(t);
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;

        waiters_notify(c, false);
        health_suspend(c);
        execs_close(c);
        hub_destroy(steal_ptr(&c->hub)); /* of a run that began after container_table_stop */
        if (c->is_streaming)
            container_unref(c);
        map_take(t->by_id, c->doc.id);
        container_unref(c);
    }
    map_destroy(t->by_id);
    map_destroy(t->by_name);
    map_destroy(t->execs);
    map_destroy(t->reserved);
    sweeper_destroy(t->sweeper);
    free(t);
}

/* ---- small accessors ---- */

bool container_has_tty(const struct container *c)
{
    return c->doc.config.tty;
}

bool container_is_running(const struct container *c)
{
    return state_is_running(c);
}

const char *container_id(const struct container *c)
{
    return c->doc.id;
}

const char *container_name(const struct container *c)
{
    return c->name;
}
