/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: list, inspect, create, remove, prune. Loop thread. */
#include <string.h>

#include "base/fd.h"
#include "storage/volume.h"

#include "judge.h"
#include "listing.h"
#include "prune.h"

static const char *const list_filters[] = {"dangling", "driver", "label", "name", NULL};

static bool volume_matches(const struct volume *v, const struct filters *f, bool has_dangling,
                           bool dangling)
{
    const struct strs *names = filters_get(f, "name");
    bool has_name = !names;

    for (size_t i = 0; names && i < names->n; i++)
        has_name |= strstr(volume_name(v), names->v[i]) != NULL;
    return has_name && filters_has(f, "driver", "local") &&
           !(has_dangling && dangling != (volume_users(v) == 0)) &&
           filters_match_labels(f, volume_labels(v));
}

struct volume_listing {
    struct listing listing; /* must be first */
    struct filters filters;
    bool has_dangling, dangling;
    struct strs names;
};

static bool write_item(struct listing *listing, size_t at)
{
    struct volume_listing *l = (struct volume_listing *)listing;
    struct volume *v = volume_find(parts_of(listing->request)->volumes, l->names.v[at]);

    if (v && volume_matches(v, &l->filters, l->has_dangling, l->dangling))
        volume_write_json(v, &listing->w, VOLUME_UNMEASURED);
    return true;
}

static void write_warnings(struct listing *listing)
{
    jw_null(&listing->w, "Warnings");
}

static const struct listing_type volume_listing_type = {"Volumes", write_item, write_warnings,
                                                        NULL};

void handle_volume_list(struct request *r)
{
    struct volume_listing *l = arena_new(r->arena, struct volume_listing);
    struct volume *v;
    size_t cursor = 0;

    if (reply_failed(
            r, filters_parse(r->arena, request_param(r, "filters"), list_filters, &l->filters)) ||
        reply_failed(r, filters_bool(&l->filters, "dangling", &l->dangling)))
        return;
    l->has_dangling = filters_get(&l->filters, "dangling") != NULL;
    while ((v = volume_next(parts_of(r)->volumes, &cursor)))
        strs_add(r->arena, &l->names, volume_name(v));
    listing_begin(&l->listing, r, &volume_listing_type, l->names.n);
}

static void reply_volume(struct request *r, int status, const struct volume *v)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    volume_write_json(v, &w, VOLUME_UNMEASURED);
    reply_json(r, status, &b);
}

void handle_volume_inspect(struct request *r)
{
    struct volume *v = volume_find(parts_of(r)->volumes, request_arg(r, 0));

    if (v)
        reply_volume(r, 200, v);
    else
        reply_err(r, err_new(ERR_NOT_FOUND, "get %s: no such volume", request_arg(r, 0)));
}

static void on_created(void *ctx, struct err *err, struct volume *v)
{
    if (!reply_failed(ctx, err))
        reply_volume(ctx, 201, v);
}

static void create(struct request *r)
{
    struct volume_request request = {0};

    if (!reply_failed(r, request_read(r, &volume_request_json, &request)))
        volume_create(parts_of(r)->volumes, &request, text_is_empty(request.name), on_created, r);
}

/* With options it may lead to the host's folders and disks. */
void handle_volume_create(struct request *r)
{
    struct volume_request *request = arena_new(r->arena, struct volume_request);
    struct risk_sources sources = {0};

    if (reply_failed(r, request_read(r, &volume_request_json, request)))
        return;
    if (!request->options.n) {
        create(r);
        return;
    }
    risk_sources_add_volume(r->arena, &sources, request->name ? request->name : "",
                            path_join(r->arena, parts_of(r)->risk_host->data_root, "volumes"),
                            &request->options, true);
    judge_sources(r, &sources, create);
}

void handle_volume_remove(struct request *r)
{
    volume_remove(parts_of(r)->volumes, request_arg(r, 0), query_is_true(&r->query, "force"),
                  reply_done, r);
}

/* ---- prune ---- */

static const char *const prune_filters[] = {"all", "label", "label!", NULL};

struct volume_prune {
    struct prune prune; /* must be first */
    int64_t bytes;      /* of the volume that is being removed */
    int64_t freed_bytes;
};

static void on_pruned(void *ctx, struct err *err)
{
    struct volume_prune *p = ctx;

    if (!err)
        p->freed_bytes += p->bytes;
    prune_removed(&p->prune, err);
}

static void on_measured(void *ctx, struct err *err, int64_t bytes)
{
    struct volume_prune *p = ctx;

    p->bytes = err ? 0 : bytes;
    err_drop(err); /* of the removal as well, if it matters */
    volume_remove(parts_of(p->prune.request)->volumes, p->prune.names.v[p->prune.at], false,
                  on_pruned, p);
}

static void remove_volume(struct prune *p, const char *name)
{
    volume_measure(parts_of(p->request)->volumes, name, on_measured, p);
}

static void write_pruned(const struct prune *p, struct jw *w)
{
    jw_strs(w, "VolumesDeleted", &p->deleted);
    jw_int(w, "SpaceReclaimed", ((const struct volume_prune *)p)->freed_bytes);
}

/* Named volumes are kept unless all=true was asked for: since 1.42. */
void handle_volume_prune(struct request *r)
{
    struct volume_prune *p = arena_new(r->arena, struct volume_prune);
    bool all = r->api_version < 142;
    struct filters f;
    struct volume *v;
    size_t cursor = 0;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), prune_filters, &f)) ||
        reply_failed(r, filters_bool(&f, "all", &all)))
        return;
    p->prune = (struct prune){.request = r, .remove = remove_volume, .write = write_pruned};
    while ((v = volume_next(parts_of(r)->volumes, &cursor)))
        if (volume_users(v) == 0 && (all || volume_is_anonymous(v)) &&
            filters_match_labels(&f, volume_labels(v)))
            strs_add(r->arena, &p->prune.names, volume_name(v));
    prune_run(&p->prune);
}
