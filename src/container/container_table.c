/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of containers: look-up as Docker does it (full id, name, id prefix),
 * names, references. Loop thread.
 */
#include "container/container_table.h"

#include <string.h>

#include "base/digest.h"
#include "base/map.h"
#include "container/object.h"
#include "container/sweeper.h"
#include "core/debug.h"

void container_table_insert(struct container *c)
{
    map_put(c->table->by_id, c->doc.id, c);
    map_put(c->table->by_name, c->name, c);
}

void container_table_remove(struct container *c)
{
    map_take(c->table->by_id, c->doc.id);
    map_take(c->table->by_name, c->name);
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

/* "web/db": what the container web is linked to as db; its document has "ID:db". */
static struct container *find_by_link(struct container_table *t, const char *ref, const char *slash)
{
    autoarena struct arena *a = arena_create();
    const struct container *linker =
        map_get(t->by_name, arena_strndup(a, ref, (size_t)(slash - ref)));

    for (size_t i = 0; linker && i < linker->doc.host.links.n; i++) {
        const char *link = linker->doc.host.links.v[i], *colon = strchr(link, ':');

        if (colon && strcmp(colon + 1, slash + 1) == 0)
            return map_get(t->by_id, arena_strndup(a, link, (size_t)(colon - link)));
    }
    return NULL;
}

struct err *container_find(struct container_table *t, const char *ref, struct container **out)
{
    const char *slash;
    struct container *c = NULL;

    if (*ref == '/')
        ref++;
    slash = strchr(ref, '/');
    if (slash) {
        c = find_by_link(t, ref, slash);
    } else if (*ref) {
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

void container_list_ref(struct container_table *t, struct container_list *out)
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

void container_list_unref(struct container_list *l)
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

struct err *container_table_check_name(struct container_table *t, const char *name)
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

/* ---- the table ---- */

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

struct container_table *table_create(struct parts *p)
{
    struct container_table *t = mem_new(struct container_table);

    t->parts = p;
    t->by_id = map_create();
    t->by_name = map_create();
    t->execs = map_create();
    t->reserved = map_create();
    list_init(&t->orphans);
    list_init(&t->strangers);
    list_init(&t->linkers);
    t->sweeper = sweeper_create(p);
    debug_register(p->debug, "containers", dump_containers, t);
    return t;
}

void table_destroy(struct container_table *t)
{
    map_destroy(t->by_id);
    map_destroy(t->by_name);
    map_destroy(t->execs);
    map_destroy(t->reserved);
    sweeper_destroy(t->sweeper);
    free(t);
}
