/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /system/df: what images, containers and volumes take. Volumes and containers are
 * measured one after the other, as a worker walks their files. Loop thread.
 */
#include <string.h>

#include "builder/builder.h"
#include "core/settings.h"
#include "image/image.h"
#include "storage/quarantine_size.h"
#include "storage/volume.h"
#include "view/filters.h"
#include "view/view.h"

#include "api.h"

struct disk_usage {
    struct request *request;
    bool wants_images, wants_containers, wants_volumes, wants_cache;
    struct strs volumes, ids; /* still to be measured; ids are containers' */
    size_t at;                /* in volumes, then in ids */
    struct buf json;
    struct jw w;
};

static void write_images(struct disk_usage *u)
{
    struct image_table *t = parts_of(u->request)->images;
    struct image_shares *shares = u->wants_images ? image_shares_count(u->request->arena, t) : NULL;
    struct image *i;
    size_t cursor = 0;

    jw_arr(&u->w, "Images");
    while (shares && (i = image_next(t, &cursor)))
        image_write_summary(i,
                            &(struct image_shown){.tags = image_tags(i),
                                                  .digests = image_digests(i),
                                                  .shared_bytes = image_shared_bytes(i, shares),
                                                  .containers = (int64_t)image_users(i),
                                                  .api_version = u->request->api_version},
                            &u->w);
    jw_arr_end(&u->w);
    jw_int(&u->w, "LayersSize", shares ? image_shares_total(shares) : 0);
    if (shares)
        image_shares_finish(shares);
}

static void measure_volume(struct disk_usage *u);

static void on_volume_size(void *ctx, struct err *err, int64_t bytes)
{
    struct disk_usage *u = ctx;
    struct volume *v = volume_find(parts_of(u->request)->volumes, u->volumes.v[u->at++]);

    if (v)
        volume_write_json(v, &u->w, err ? 0 : bytes);
    err_drop(err);
    measure_volume(u);
}

static void measure_container(struct disk_usage *u);

static void measure_volume(struct disk_usage *u)
{
    if (u->at < u->volumes.n) {
        volume_measure(parts_of(u->request)->volumes, u->volumes.v[u->at], on_volume_size, u);
        return;
    }
    jw_arr_end(&u->w);
    jw_arr(&u->w, "Containers");
    u->at = 0;
    measure_container(u);
}

static void on_size(void *ctx, struct err *err, int64_t rw, int64_t root)
{
    struct disk_usage *u = ctx;
    struct request *r = u->request;
    struct container *c;
    struct err *gone = container_find(parts_of(r)->containers, u->ids.v[u->at++], &c);

    if (!gone)
        container_write_summary(c, &u->w, r->api_version, err ? 0 : rw, err ? 0 : root);
    err_drop(gone);
    err_drop(err);
    measure_container(u);
}

/* Docker has no such thing, so its clients see nothing unless there is something to see. */
static void on_quarantine_size(void *ctx, struct err *err, int n, int64_t bytes)
{
    struct disk_usage *u = ctx;

    if (reply_failed(u->request, err)) {
        buf_finish(&u->json);
        return;
    }
    if (n > 0) {
        jw_obj(&u->w, "Quarantine");
        jw_int(&u->w, "Count", n);
        jw_int(&u->w, "Size", bytes);
        jw_obj_end(&u->w);
    }
    jw_obj_end(&u->w);
    reply_json(u->request, 200, &u->json);
}

static void measure_container(struct disk_usage *u)
{
    while (u->at < u->ids.n) {
        struct container *c;
        struct err *gone = container_find(parts_of(u->request)->containers, u->ids.v[u->at], &c);

        if (!gone) {
            container_sizes(c, on_size, u);
            return;
        }
        err_drop(gone);
        u->at++;
    }
    jw_arr_end(&u->w);
    jw_arr(&u->w, "BuildCache");
    if (u->wants_cache)
        builder_write_cache(parts_of(u->request)->builder, &u->w, u->request->api_version);
    jw_arr_end(&u->w);
    quarantine_measure(parts_of(u->request)->ops, parts_of(u->request)->settings->data_root,
                       on_quarantine_size, u);
}

static struct err *read_types(struct request *r, struct strs *out)
{
    static const char *const known[] = {"container", "image", "volume", "build-cache"};

    *out = query_all(r->arena, &r->query, "type");
    for (size_t i = 0; i < out->n; i++) {
        size_t k = 0;

        while (k < ARRAY_LEN(known) && strcmp(known[k], out->v[i]) != 0)
            k++;
        if (k == ARRAY_LEN(known))
            return err_new(ERR_INVALID, "unknown object type: %.100s", out->v[i]);
    }
    return NULL;
}

void handle_disk_usage(struct request *r)
{
    struct disk_usage *u = arena_new(r->arena, struct disk_usage);
    struct strs types = {0};
    bool all;
    struct container *c;
    struct volume *v;
    size_t cursor = 0;

    if (r->api_version >= 142 && reply_failed(r, read_types(r, &types)))
        return;
    all = types.n == 0;
    u->request = r;
    u->w.out = &u->json;
    u->wants_images = all || strs_has(&types, "image");
    u->wants_containers = all || strs_has(&types, "container");
    u->wants_cache = all || strs_has(&types, "build-cache");
    u->wants_volumes = all || strs_has(&types, "volume");
    while (u->wants_containers && (c = container_next(parts_of(r)->containers, &cursor)))
        strs_add(r->arena, &u->ids, container_id(c));
    cursor = 0;
    while (u->wants_volumes && (v = volume_next(parts_of(r)->volumes, &cursor)))
        strs_add(r->arena, &u->volumes, volume_name(v));
    jw_obj(&u->w, NULL);
    write_images(u);
    jw_arr(&u->w, "Volumes");
    measure_volume(u);
}
