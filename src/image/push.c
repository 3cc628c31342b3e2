/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker push: the operation. Loop thread; layers are read by workers (blob_reader.c). Read the
 * step table at the end first. The manifest goes last, so that a tag at the registry never names
 * what is not whole. The image is kept meanwhile, whoever removes it.
 */
#include "push.h"

#include "adopt.h"
#include "push_blobs.h"
#include "upload.h"

#include <string.h>

struct push {
    struct image_job job; /* must be first */
    struct ref ref;
    const char *platform;
    struct registry_auth auth;
    bool is_one_of_many;
    struct image *kept; /* NULL: none yet */
    struct registry *registry;
    struct fetch *fetch;
    struct push_blobs *pushing;
    struct pushed_blob *blobs; /* the layers, then the config */
    size_t n_layers;
    struct push_manifest manifest;
    struct pairs moved; /* names that it got */
};

static const char *familiar(struct push *p)
{
    return ref_familiar(p->job.op.arena, &p->ref);
}

void push_say_where(struct image_job *j, const struct ref *ref)
{
    struct arena *a = j->op.arena;

    progress_say(&j->progress, NULL,
                 arena_printf(a, "The push refers to repository [%s/%s]", ref->domain, ref->path));
}

/* ---- the image ---- */

/* Its blobs as they came from a registry. What is no manifest of these layers says nothing. */
static void note_first(struct push *p, const struct image *i)
{
    struct arena *a = p->job.op.arena;
    struct manifest m = {0};
    const struct descriptor *from;
    autoerr struct err *e = NULL;

    if (!i->manifest_text)
        return;
    e = manifest_parse(a, i->manifest_text, strlen(i->manifest_text), i->manifest_type, &m);
    if (e || m.is_index || m.layers.n != p->n_layers)
        return;
    from = m.layers.v;
    for (size_t n = 0; n < p->n_layers; n++) {
        p->blobs[n].first_digest = from[n].digest;
        p->blobs[n].first_type = from[n].media_type;
        p->blobs[n].first_size = from[n].size;
    }
}

static void plan_blobs(struct push *p, const struct image *i)
{
    struct arena *a = p->job.op.arena;
    struct pushed_blob *config;

    p->n_layers = i->chain.n;
    p->blobs = arena_array(a, p->n_layers + 1, sizeof(*p->blobs));
    for (size_t n = 0; n < p->n_layers; n++) {
        p->blobs[n].chain_id = arena_strdup(a, i->chain.v[n]);
        p->blobs[n].diff_id = arena_strdup(a, i->blob.diff_ids.v[n]);
    }
    config = &p->blobs[p->n_layers];
    config->text = arena_strdup(a, i->text);
    config->first_digest = arena_strdup(a, i->id);
    config->first_size = (int64_t)strlen(i->text);
    config->first_type = i->manifest_text && !strcmp(i->manifest_type, MEDIA_OCI_MANIFEST)
                             ? "application/vnd.oci.image.config.v1+json"
                             : "application/vnd.docker.container.image.v1+json";
    note_first(p, i);
}

/* In Docker's words. */
static struct err *is_missing(struct push *p)
{
    struct strs tags = {0};

    push_find_tags(p->job.table, p->job.op.arena, &p->ref, &tags);
    if (tags.n)
        return err_new(ERR_NOT_FOUND, "tag does not exist: %s", familiar(p));
    return err_new(ERR_NOT_FOUND, "An image does not exist locally with the tag: %s",
                   ref_familiar_name(p->job.op.arena, &p->ref));
}

static struct err *choose(struct op *op)
{
    struct push *p = (struct push *)op;
    struct image_table *t = p->job.table;
    struct image *i;

    if (!p->is_one_of_many)
        push_say_where(&p->job, &p->ref);
    i = image_by_name(t, ref_full(op->arena, &p->ref));
    if (!i)
        return is_missing(p);
    TRY(image_check_platform(i, familiar(p), p->platform));
    plan_blobs(p, i);
    image_keep(i);
    p->kept = i;
    return NULL;
}

static void let_go(struct op *op)
{
    struct push *p = (struct push *)op;

    if (p->kept)
        image_let_go(steal_ptr(&p->kept));
}

/* ---- connect ---- */

static void on_connected(void *ctx, struct err *err)
{
    struct push *p = ctx;

    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static struct err *connect_registry(struct op *op)
{
    struct push *p = (struct push *)op;
    struct image_table *t = p->job.table;

    p->registry = registry_open_push(t->loop, t->pools, t->settings, &p->ref, &p->auth);
    p->job.ticket = op_wait(op);
    registry_connect(p->registry, on_connected, p);
    return NULL;
}

/* Every way out: ends all that is under way at the registry. */
static void disconnect(struct op *op)
{
    struct push *p = (struct push *)op;

    push_blobs_end(steal_ptr(&p->pushing));
    registry_close_gently(steal_ptr(&p->registry), &p->job.table->closing);
    op_recall_ticket(op);
}

/* ---- the blobs ---- */

static void on_pushed(void *ctx, struct err *err)
{
    struct push *p = ctx;

    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static struct err *send_blobs(struct op *op)
{
    struct push *p = (struct push *)op;
    const struct push_blobs_plan plan = {
        .table = p->job.table,
        .registry = p->registry,
        .domain = p->ref.domain,
        .path = p->ref.path,
        .is_oci = p->kept->manifest_text && !strcmp(p->kept->manifest_type, MEDIA_OCI_MANIFEST),
        .v = p->blobs,
        .n = p->n_layers + 1,
        .progress = &p->job.progress,
        .done = on_pushed,
    };

    p->job.ticket = op_wait(op);
    p->pushing = push_blobs_start(&plan, p);
    return NULL;
}

static void end_blobs(struct op *op)
{
    struct push *p = (struct push *)op;

    push_blobs_end(steal_ptr(&p->pushing));
    op_recall_ticket(op);
}

/* ---- the manifest ---- */

static void on_manifest(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct push *p = ctx;

    p->fetch = NULL;
    if (!err)
        err = upload_check_taken(r, "manifest", p->manifest.digest);
    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static struct err *send_manifest(struct op *op)
{
    struct push *p = (struct push *)op;
    struct push_manifest *m = &p->manifest;
    autofree char *path = mem_printf("manifests/%s", p->ref.tag);
    struct fetch_plan plan = {
        .path = path,
        .method = "PUT",
        .max_bytes = MANIFEST_MAX,
        .size_bytes = -1,
        .content_from = -1,
        .done = on_manifest,
    };

    push_manifest_make(op->arena, p->kept, &p->blobs[p->n_layers], p->blobs, p->n_layers, m);
    plan.content = m->text;
    plan.content_bytes = (int64_t)strlen(m->text);
    plan.content_type = m->media_type;
    p->job.ticket = op_wait(op);
    p->fetch = registry_get(p->registry, &plan, p);
    return NULL;
}

static void drop_fetch(struct op *op)
{
    struct push *p = (struct push *)op;

    fetch_cancel(steal_ptr(&p->fetch));
    op_recall_ticket(op);
}

/* ---- its name ---- */

/* What was pushed is known by its digest from now on, as with Docker. */
static struct err *name(struct op *op)
{
    struct push *p = (struct push *)op;
    struct strs names = {0};
    struct ref digest = p->ref;

    if (p->kept->is_removed)
        return NULL;
    digest.tag = NULL;
    digest.digest = p->manifest.digest;
    strs_add(op->arena, &names, ref_full(op->arena, &digest));
    image_add_names(p->kept, op->arena, &names, &p->moved);
    return NULL;
}

static void unname(struct op *op)
{
    struct push *p = (struct push *)op;
    struct strs names = {0};

    for (size_t n = 0; n < p->moved.n; n++)
        strs_add(op->arena, &names, p->moved.v[n].key);
    image_drop_names(p->kept, &names);
    if (names.n && !p->kept->is_removed)
        image_save(p->kept, NULL, NULL);
}

static struct err *save(struct op *op)
{
    struct push *p = (struct push *)op;
    struct image_table *t = p->job.table;
    const struct image *loser;

    if (!p->moved.n || p->kept->is_removed)
        return NULL;
    loser = image_by_id(t, p->moved.v[0].value);
    if (loser) /* the digest of another image: its manifest named this one's configuration */
        image_save((struct image *)loser, NULL, NULL);
    db_put_for(t->db, op, IMAGE_KIND, p->kept->id, image_document(op->arena, p->kept));
    return NULL;
}

static void tell_aux(struct push *p)
{
    autobuf struct buf line = {0};
    struct jw w = {.out = &line};

    jw_obj(&w, NULL);
    jw_obj(&w, "progressDetail");
    jw_obj_end(&w);
    jw_obj(&w, "aux");
    jw_str(&w, "Tag", p->ref.tag);
    jw_str(&w, "Digest", p->manifest.digest);
    jw_int(&w, "Size", (int64_t)strlen(p->manifest.text));
    jw_obj_end(&w);
    jw_obj_end(&w);
    progress_raw(&p->job.progress, &line);
}

static struct err *tell(struct op *op)
{
    struct push *p = (struct push *)op;
    struct arena *a = op->arena;

    progress_say(&p->job.progress, NULL,
                 arena_printf(a, "%s: digest: %s size: %zu", p->ref.tag, p->manifest.digest,
                              strlen(p->manifest.text)));
    tell_aux(p);
    image_event(p->kept, "push", familiar(p), ref_familiar_name(a, &p->ref));
    return NULL;
}

static void finish(struct op *op)
{
    image_job_finish((struct image_job *)op);
    disconnect(op);
    let_go(op);
}

static const struct op_step push_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"choose", ON_LOOP, choose, let_go, 0},
    {"connect", ON_EVENT, connect_registry, disconnect, -1},
    {"send-blobs", ON_EVENT, send_blobs, end_blobs, -1},
    {"send-manifest", ON_EVENT, send_manifest, drop_fetch, -1},
    {"name", ON_LOOP, name, unname, 0},
    {"save", ON_EVENT, save, NULL, -1},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type push_type = {
    .name = "image/push",
    .class = OP_INTERNAL, /* it waits for the network, and a slot is not for waiting */
    .size = sizeof(struct push),
    .steps = push_steps,
    .finish = finish,
};
OP_LISTED(push_type);

struct image_job *push_one(struct image_table *t, const struct ref *ref, const char *platform,
                           const struct registry_auth *auth, bool is_one_of_many,
                           image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &push_type, progress, done, ctx);
    struct push *p = (struct push *)j;
    struct arena *a = j->op.arena;

    p->ref = (struct ref){.domain = arena_strdup(a, ref->domain),
                          .path = arena_strdup(a, ref->path),
                          .tag = arena_strdup(a, ref->tag)};
    p->platform = arena_strdup(a, platform);
    p->auth = registry_auth_copy(a, auth);
    p->is_one_of_many = is_one_of_many;
    j->op.subject = ref_full(a, &p->ref);
    image_job_start(j);
    return j;
}
