/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of the engine before, out of the database: nothing runs yet as far as the table
 * knows. Also where the rooms are put together (container/hooks.h). Loop thread, start-up.
 */
#include "base/log.h"
#include "container/container_table.h"
#include "container/hooks.h"
#include "container/ids.h"
#include "container/labels.h"
#include "container/orphan.h"
#include "core/db.h"
#include "exec/health.h"
#include "image/image.h"
#include "place/endpoints.h"
#include "place/legacy_links.h"
#include "place/sockets.h"
#include "recover/recover.h"
#include "run/exited.h"
#include "run/file_binds.h"
#include "run/mounts.h"
#include "run/oom.h"
#include "run/volume_mounts.h"

#include "exec_recover.h"

/* A document that cannot be read is left where it is: it may be of a newer version, and its
 * container's data is somebody's. */
static struct err *load_one(void *ctx, const char *id, const char *json)
{
    struct container_table *t = ctx;
    struct container *c = container_alloc(t, arena_create());
    struct err *err = doc_decode(c, json);

    if (err) {
        db_set_aside(t->parts->db, "container", id, json, err_text(err));
        err_drop(err);
        container_destroy(c);
        return NULL;
    }
    err = image_find(t->parts->images, c->doc.image_id, &c->image);
    if (err) { /* removed by force: the container can be looked at and removed */
        err_drop(err);
        c->image = NULL;
    }
    ids_load(c);
    labels_load(c);
    health_load(c);
    mounts_ref(c);
    images_ref(c, state_is_running(c));
    if (state_is_running(c))
        volume_mounts_adopt(c);
    container_table_insert(c);
    legacy_links_insert(c);
    return NULL;
}

/* What others have hung onto the object. */
static void on_destroying(struct container *c)
{
    ASSERT(c->magic == CONTAINER_MAGIC);
    sockets_stop_holding(c);
    health_free(c);
    oom_watch_drop(c);
    file_binds_end(c);
    orphan_forget(c->orphan);
    endpoints_drop(c);
}

static const struct container_hooks hooks = {container_work_off_exit, on_destroying};

/* Containers first: execs belong to one. */
struct err *container_table_open(struct parts *p, struct container_table **out)
{
    struct container_table *t;

    p->container_hooks = &hooks;
    t = table_create(p);
    orphans_open(t);
    *out = t;
    TRY(db_each(p->db, "container", load_one, t));
    return execs_load(t);
}
