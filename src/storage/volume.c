/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of volumes. Loop thread; volume_table_open at start-up.
 * Trap: users' data is never thrown away by reconciliation. A directory that the database does
 * not know (its crash came between two steps, or the database is lost) becomes a volume again
 * unless a crashed operation has left it, empty; a document without its directory gets a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "core/db.h"
#include "core/events.h"
#include "core/quarantine.h"

#include "storage/tree.h"
#include "store.h"
#include "trash.h"
#include "volume_table.h"

static const struct jfield record_fields[] = {
    J(J_STR, struct volume_record, name, "name"),
    J(J_I64, struct volume_record, created_ns, "createdNs"),
    J(J_PAIRS, struct volume_record, labels, "labels", .flags = J_OMIT),
    J(J_PAIRS, struct volume_record, options, "options", .flags = J_OMIT),
    J(J_BOOL, struct volume_record, is_anonymous, "anonymous", .flags = J_OMIT),
    J(J_BOOL, struct volume_record, is_doomed, "doomed", .flags = J_OMIT),
    J_END,
};
static const struct jtable record_json = {sizeof(struct volume_record), record_fields};

static const struct jfield request_fields[] = {
    J(J_STR, struct volume_request, name, "Name"),
    J(J_STR, struct volume_request, driver, "Driver"),
    J(J_PAIRS, struct volume_request, options, "DriverOpts"),
    J(J_PAIRS, struct volume_request, labels, "Labels"),
    J(J_RAW, struct volume_request, cluster, "ClusterVolumeSpec"),
    J_END,
};
const struct jtable volume_request_json = {sizeof(struct volume_request), request_fields};

char *volume_record_text(struct arena *a, const struct volume_record *r)
{
    return json_encode(a, &record_json, r);
}

/* ---- objects ---- */

static struct volume *volume_new(struct volume_table *t, const char *name)
{
    struct volume *v = mem_new(struct volume);

    v->magic = VOLUME_MAGIC;
    v->table = t;
    v->name = mem_strdup(name);
    v->path = mem_printf("%s/%s/_data", t->root, name);
    v->users = map_create();
    v->arena = arena_create();
    lane_init(&v->lane);
    ASSERT(!map_put(t->volumes, name, v)); /* one object a name: its lane is the lock */
    return v;
}

/* Nobody has it any more; that it is in no map is the caller's business. */
static void volume_free(struct volume *v)
{
    ASSERT(v->magic == VOLUME_MAGIC && !v->pins);
    v->magic = 0;
    map_destroy(v->users);
    arena_destroy(v->arena);
    free(v->path);
    free(v->name);
    free(v);
}

/* Only a volume that is there has users, so one that is being removed can get none. One that is not
 * there lives by the operations on its name alone. */
void volume_state_check(const struct volume *v)
{
    ASSERT_DEBUG(v->magic == VOLUME_MAGIC && v->pins >= 0);
    ASSERT_DEBUG(map_get(v->table->volumes, v->name) == v);
    ASSERT_DEBUG(v->state == VOLUME_READY || !map_count(v->users));
    ASSERT_DEBUG(v->state == VOLUME_READY || v->pins);
    ASSERT_DEBUG(v->state == VOLUME_ABSENT || v->r.name == v->name);
}

struct volume *volume_pin(struct volume_table *t, const char *name)
{
    struct volume *v = map_get(t->volumes, name);

    if (!v)
        v = volume_new(t, name);
    v->pins++;
    volume_state_check(v);
    return v;
}

void volume_unpin(struct volume *v)
{
    volume_state_check(v);
    ASSERT(v->pins > 0);
    if (--v->pins || v->state != VOLUME_ABSENT)
        return;
    map_take(v->table->volumes, v->name);
    volume_free(v);
}

/* Strings of the record live in an arena of its own; the new one is filled before the old one goes,
 * since r may be the old one. */
void volume_set_record(struct volume *v, const struct volume_record *r)
{
    struct arena *a = arena_create();

    ASSERT(v->state != VOLUME_REMOVING);
    v->r = (struct volume_record){
        .name = v->name,
        .created_ns = r->created_ns,
        .labels = pairs_copy(a, &r->labels),
        .options = pairs_copy(a, &r->options),
        .is_anonymous = r->is_anonymous,
        .is_doomed = r->is_doomed,
    };
    arena_destroy(v->arena);
    v->arena = a;
}

void volume_publish_event(const struct volume *v, const char *action)
{
    struct pair driver = {"driver", "local"};

    ASSERT_LOOP();
    events_publish(v->table->events, &(struct event){
                                         .type = "volume",
                                         .action = action,
                                         .id = v->name,
                                         .attrs = {&driver, 1},
                                     });
}

/* ---- start-up ---- */

/* Docker's form: users and backup tools look below volumes/NAME/_data. The mode of _data is set
 * apart from mkdirat, which the umask would cut. */
struct err *volume_make_dirs(int dir, const char *name, bool *is_new)
{
    autoclose int top = -1;

    *is_new = mkdirat(dir, name, STORE_NEW_MODE) == 0;
    if (!*is_new && errno != EEXIST)
        return err_sys("make the directory of volume %s", name);
    top = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return err_sys("open the directory of volume %s", name);
    if (mkdirat(top, "_data", 0755) < 0)
        return errno == EEXIST ? NULL : err_sys("make the directory of volume %s", name);
    return fchmodat(top, "_data", 0755, 0) < 0 ? err_sys("set the mode of volume %s", name) : NULL;
}

/* One document of the database. A directory that is missing is made again: the volume is empty, but
 * its containers start. */
static struct err *load_one(void *ctx, const char *id, const char *json)
{
    struct volume_table *t = ctx;
    autoarena struct arena *a = arena_create();
    struct volume_record r = {0};
    struct volume *v;
    bool is_new;
    autoerr struct err *e = json_decode(a, json, strlen(json), &record_json, &r);

    if (!e)
        e = volume_check_name(id);
    if (e) { /* its directory becomes a volume again */
        db_set_aside(t->db, VOLUME_KIND, id, json, err_text(e));
        return NULL;
    }
    TRY(volume_make_dirs(t->dir, id, &is_new));
    store_note_known(t->dir, id);
    v = volume_new(t, id);
    volume_set_record(v, &r);
    v->state = VOLUME_READY;
    return NULL;
}

struct lost_record { /* the record that the database has lost, if there is one */
    struct arena *arena;
    const char *name;
    struct volume_record r;
};

static struct err *look_at_lost(void *ctx, const char *id, const char *json)
{
    struct lost_record *l = ctx;
    struct volume_record r = {0};
    autoerr struct err *e = NULL;

    if (strcmp(id, l->name) != 0)
        return NULL;
    e = json_decode(l->arena, json, strlen(json), &record_json, &r);
    if (!e)
        l->r = r;
    return NULL;
}

/* The users' data is worth more than the order of the database: what lies in a directory of this
 * form is a volume. */
static struct err *adopt(struct volume_table *t, const char *name)
{
    autoarena struct arena *a = arena_create();
    struct lost_record lost = {a, name, {.created_ns = clock_wall_ns()}};
    struct volume *v;

    lost.r.is_anonymous = id_is_valid(name);
    TRY(db_each_evidence(t->db, VOLUME_KIND, DB_HAS_LOST, look_at_lost, &lost));
    lost.r.name = (char *)name;
    lost.r.is_doomed = false;
    v = volume_new(t, name);
    volume_set_record(v, &lost.r);
    v->state = VOLUME_READY;
    store_note_known(t->dir, name);
    db_put(t->db, VOLUME_KIND, name, volume_record_text(a, &lost.r), NULL, NULL);
    /* a mechanism logs at debug only, but whoever lost a database should see this */
    log_warn("a volume's directory was not in the database: taken over", KV("name", name));
    return NULL;
}

/* No document knows it. */
static struct err *settle(struct volume_table *t, const char *name)
{
    autoarena struct arena *a = arena_create();
    bool is_left = store_is_left_behind(t->dir, name, db_evidence(t->db, VOLUME_KIND, name));
    autoclose int data =
        openat(t->dir, path_join(a, name, "_data"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (is_left && (data < 0 || tree_is_empty(data)))
        return trash_put(t->dir, name, t->trash);
    if (data >= 0)
        return adopt(t, name);
    quarantine_put(db_quarantine(t->db), t->dir, name, VOLUME_KIND, name);
    return NULL;
}

static struct err *reconcile(struct volume_table *t)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    TRY(dir_names(a, t->dir, &names));
    for (size_t i = 0; i < names.n; i++) {
        autoerr struct err *bad_name = volume_check_name(names.v[i]);

        if (!bad_name && !map_get(t->volumes, names.v[i]))
            TRY(settle(t, names.v[i]));
    }
    return NULL;
}

static struct err *open_table(struct volume_table *t, const char *data_root)
{
    autoclose int root = -1;

    TRY(dir_make_all(data_root, 0710));
    root = open(data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys("open the data root %s", data_root);
    TRY(store_open_dir(root, "volumes", &t->dir));
    TRY(store_open_dir(root, "trash", &t->trash));
    TRY(db_each(t->db, VOLUME_KIND, load_one, t));
    return reconcile(t);
}

struct err *volume_table_open(const char *data_root, struct ops *ops, struct db *db,
                              struct events *ev, struct volume_table **out)
{
    struct volume_table *t = mem_new(struct volume_table);
    struct err *e;

    t->ops = ops;
    t->db = db;
    t->events = ev;
    t->volumes = map_create();
    t->root = mem_printf("%s/volumes", data_root);
    t->dir = t->trash = -1;
    e = open_table(t, data_root);
    if (e) {
        volume_table_close(t);
        return err_wrap(e, "open the volumes");
    }
    *out = t;
    return NULL;
}

void volume_table_close(struct volume_table *t)
{
    size_t cursor = 0;
    const char *name;
    void *v;

    if (!t)
        return;
    while (map_next(t->volumes, &cursor, &name, &v))
        volume_free(v);
    map_destroy(t->volumes);
    if (t->dir >= 0)
        close(t->dir);
    if (t->trash >= 0)
        close(t->trash);
    free(t->root);
    free(t);
}

/* ---- what others see ---- */

struct volume *volume_find(struct volume_table *t, const char *name)
{
    struct volume *v = map_get(t->volumes, name);

    return v && v->state == VOLUME_READY ? v : NULL;
}

struct volume *volume_next(struct volume_table *t, size_t *cursor)
{
    const char *name;
    void *v;

    while (map_next(t->volumes, cursor, &name, &v))
        if (((struct volume *)v)->state == VOLUME_READY)
            return v;
    return NULL;
}

const char *volume_name(const struct volume *v)
{
    return v->name;
}

const char *volume_path(const struct volume *v)
{
    return v->path;
}

bool volume_is_anonymous(const struct volume *v)
{
    return v->r.is_anonymous;
}

const struct pairs *volume_labels(const struct volume *v)
{
    return &v->r.labels;
}

const struct pairs *volume_options(const struct volume *v)
{
    return &v->r.options;
}

static void write_pairs_or_null(struct jw *w, const char *key, const struct pairs *p)
{
    if (p->v)
        jw_pairs(w, key, p);
    else
        jw_null(w, key);
}

void volume_write_json(const struct volume *v, struct jw *w, int64_t bytes)
{
    ASSERT(v->magic == VOLUME_MAGIC && v->state == VOLUME_READY);
    jw_obj(w, NULL);
    jw_time(w, "CreatedAt", v->r.created_ns);
    jw_str(w, "Driver", "local");
    write_pairs_or_null(w, "Labels", &v->r.labels);
    jw_str(w, "Mountpoint", v->path);
    jw_str(w, "Name", v->name);
    write_pairs_or_null(w, "Options", &v->r.options);
    jw_str(w, "Scope", "local");
    if (bytes != VOLUME_UNMEASURED) {
        jw_obj(w, "UsageData");
        jw_int(w, "RefCount", (int64_t)map_count(v->users));
        jw_int(w, "Size", bytes);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

void volume_ref(struct volume *v, const char *container_id)
{
    ASSERT_LOOP();
    ASSERT(v->magic == VOLUME_MAGIC && v->state == VOLUME_READY);
    map_put(v->users, container_id, v);
}

void volume_unref(struct volume *v, const char *container_id)
{
    ASSERT_LOOP();
    ASSERT(v->magic == VOLUME_MAGIC);
    map_take(v->users, container_id);
}

size_t volume_users(const struct volume *v)
{
    return map_count(v->users);
}
