/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker pull: the operation. Loop thread; unpacking is the layers' own business.
 * Read the step table at the end first. Nothing is said to the client before the
 * manifest is known, so that what is wrong until then becomes an HTTP status.
 */
#include "pull.h"
#include "adopt.h"
#include "blob_book.h"
#include "job.h"
#include "layers.h"
#include "registry.h"

#include <string.h>

struct pull {
    struct image_job job; /* must be first */
    const char *reference, *platform_text;
    struct registry_auth auth;
    struct ref ref;
    struct platform platform;
    struct registry *registry;
    struct fetch *fetch;
    const char *wanted_digest;      /* of the manifest that is being fetched; NULL: by tag */
    char served_digest[DIGEST_MAX]; /* of what the tag names: a manifest or an index */
    char manifest_digest[DIGEST_MAX];
    int64_t manifest_bytes;
    const char *manifest_text; /* NULL: it is no text */
    struct manifest manifest;
    struct manifest_search search;
    char *config; /* the blob's text; NULL: we have the image already */
    struct image_blob blob;
    struct layers *layers;
    struct adoption adopted;
};

static const char *familiar(struct pull *p)
{
    return ref_familiar(p->job.op.arena, &p->ref);
}

/* ---- connect ---- */

static void on_connected(void *ctx, struct err *err)
{
    struct pull *p = ctx;

    ASSERT(p->job.ticket);
    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static struct err *connect_registry(struct op *op)
{
    struct pull *p = (struct pull *)op;
    struct image_table *t = p->job.table;

    ASSERT(!p->registry);
    TRY(ref_parse(op->arena, p->reference, &p->ref));
    TRY(platform_parse(op->arena, p->platform_text, &p->platform));
    ASSERT(p->ref.tag || p->ref.digest);
    p->registry = registry_open(t->loop, t->pools, t->settings, &p->ref, &p->auth);
    p->job.ticket = op_wait(op);
    registry_connect(p->registry, on_connected, p);
    return NULL;
}

/* Every way out: ends all that is under way at the registry. */
static void disconnect(struct op *op)
{
    struct pull *p = (struct pull *)op;

    layers_end(steal_ptr(&p->layers));
    registry_close(steal_ptr(&p->registry));
    op_recall_ticket(op);
}

/* ---- the manifest ---- */

static void fetch_manifest(struct pull *p, const char *digest);

/* From the beginning, at the registry that is asked now: what another one said of the tag does not
 * count, because the tag may have moved between the two. */
static void resolve_here(struct pull *p)
{
    p->served_digest[0] = '\0';
    p->manifest = (struct manifest){0};
    p->search = (struct manifest_search){.want = p->platform};
    fetch_manifest(p, p->ref.digest);
}

/* *out_more: it was an index, and the manifest that it names has been asked for. */
static struct err *take_manifest(struct pull *p, const struct fetch_result *r, bool *out_more)
{
    struct arena *a = p->job.op.arena;
    const struct descriptor *chosen;

    ASSERT(!p->fetch);
    *out_more = false;
    digest_of(r->body, r->len, p->manifest_digest);
    if (p->wanted_digest && strcmp(p->wanted_digest, p->manifest_digest) != 0)
        return err_new(ERR_INVALID, "manifest verification failed for digest %s", p->wanted_digest);
    if (!*p->served_digest)
        memcpy(p->served_digest, p->manifest_digest, sizeof(p->served_digest));
    p->manifest_bytes = (int64_t)r->len;
    p->manifest_text = manifest_keep(a, r->body, r->len);
    TRY(manifest_parse(a, r->body, r->len, r->content_type, &p->manifest));
    if (!p->manifest.is_index)
        return NULL;
    TRY(manifest_search_add(a, &p->search, &p->manifest));
    chosen = manifest_search_next(&p->search);
    if (!chosen)
        return err_new(ERR_NOT_FOUND, "no matching manifest for %s in the manifest list entries",
                       platform_text(a, &p->platform));
    *out_more = true;
    fetch_manifest(p, chosen->digest);
    return NULL;
}

static void on_manifest(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct pull *p = ctx;
    bool has_more = false;

    p->fetch = NULL;
    if (err)
        err = pull_refusal(p->job.op.arena, &p->ref, r, err);
    else
        err = take_manifest(p, r, &has_more);
    if (err && registry_skip(p->registry)) { /* a mirror need not have everything */
        err_drop(err);
        resolve_here(p);
        return;
    }
    if (!has_more)
        ticket_answer(steal_ptr(&p->job.ticket), err);
}

static void fetch_manifest(struct pull *p, const char *digest)
{
    autofree char *path = mem_printf("manifests/%s", digest ? digest : p->ref.tag);
    struct fetch_plan plan = {
        .path = path,
        .accept = ACCEPT_MANIFESTS,
        .max_bytes = MANIFEST_MAX,
        .size_bytes = -1,
        .done = on_manifest,
    };

    ASSERT(!p->fetch && p->job.ticket);
    p->wanted_digest = digest;
    p->fetch = registry_get(p->registry, &plan, p);
}

static struct err *resolve_manifest(struct op *op)
{
    struct pull *p = (struct pull *)op;

    p->job.ticket = op_wait(op);
    resolve_here(p);
    return NULL;
}

/* Undo: the fetch is told to forget the ticket, which is then recalled. */
static void drop_fetch(struct op *op)
{
    struct pull *p = (struct pull *)op;

    fetch_cancel(steal_ptr(&p->fetch));
    op_recall_ticket(op);
}

/* ---- the config ---- */

static struct err *check_platform(struct pull *p)
{
    struct arena *a = p->job.op.arena;
    struct platform is = {p->blob.os, p->blob.architecture, p->blob.variant};

    if (text_is_empty(p->platform_text))
        return NULL;
    return platform_check(a, familiar(p), &p->platform, &is);
}

/* The manifest's digest is known to be right, so what it names is what the user wants, whoever
 * sends it. */
static struct err *verify_config(struct pull *p, const char *text, size_t len)
{
    char digest[DIGEST_MAX];

    digest_of(text, len, digest);
    if (strcmp(digest, p->manifest.config.digest) == 0)
        return NULL;
    return err_new(ERR_INVALID, "image config verification failed for digest %s",
                   p->manifest.config.digest);
}

/* As many layers as the manifest has: each blob belongs to one of the diff ids. */
static struct err *take_config(struct pull *p, const char *text, size_t len)
{
    TRY(image_blob_parse(p->job.op.arena, text, len, &p->blob));
    TRY(image_blob_check_sizes(&p->blob));
    if (p->blob.diff_ids.n != p->manifest.layers.n)
        return err_new(ERR_INVALID,
                       "layers from manifest don't match image configuration: %zu and %zu",
                       p->manifest.layers.n, p->blob.diff_ids.n);
    p->config = arena_strndup(p->job.op.arena, text, len);
    return check_platform(p);
}

static void get_config(struct pull *p);

/* What a blob's digest is of is the same everywhere. */
static void on_config(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct pull *p = ctx;

    p->fetch = NULL;
    if (!err)
        err = verify_config(p, r->body, r->len);
    if (err && registry_skip(p->registry)) {
        err_drop(err);
        get_config(p);
        return;
    }
    ticket_answer(steal_ptr(&p->job.ticket), err ? err : take_config(p, r->body, r->len));
}

static void get_config(struct pull *p)
{
    autofree char *path = mem_printf("blobs/%s", p->manifest.config.digest);
    struct fetch_plan plan = {
        .path = path,
        .max_bytes = MANIFEST_MAX,
        .size_bytes = -1,
        .done = on_config,
    };

    ASSERT(!p->fetch && p->job.ticket);
    p->fetch = registry_get(p->registry, &plan, p);
}

/* The id of an image is the digest of its configuration: with that the image may be here
 * already. */
static struct err *fetch_config(struct op *op)
{
    struct pull *p = (struct pull *)op;
    const struct image *have = image_by_id(p->job.table, p->manifest.config.digest);

    if (have)
        return take_config(p, have->text, strlen(have->text));
    p->job.ticket = op_wait(op);
    get_config(p);
    return NULL;
}

/* ---- layers ---- */

static void start_layers(struct pull *p);

/* Those that have come already are kept, because the next group holds them before this one lets
 * go. An error of the system's is not the registry's. */
static void on_layers(void *ctx, struct err *err)
{
    struct pull *p = ctx;
    struct layers *these = p->layers;

    if (err && !err_errno(err) && registry_skip(p->registry)) {
        err_drop(err);
        start_layers(p);
        layers_end(these);
        return;
    }
    ticket_answer(steal_ptr(&p->job.ticket), err);
}

static void start_layers(struct pull *p)
{
    struct arena *a = p->job.op.arena;
    const struct descriptor *from = p->manifest.layers.v;
    size_t n = p->manifest.layers.n;
    struct layer_plan *plans = arena_array(a, n + 1, sizeof(*plans));
    bool is_known = image_by_id(p->job.table, p->manifest.config.digest) != NULL;
    struct progress quiet = {0};

    ASSERT(p->job.ticket && p->blob.diff_ids.n == p->manifest.layers.n);
    for (size_t i = 0; i < n; i++)
        plans[i] = (struct layer_plan){
            .diff_id = p->blob.diff_ids.v[i],
            .blob_digest = from[i].digest,
            .blob_bytes = from[i].size,
            .wants_record = is_known,
            .label = arena_strndup(a, digest_hex(from[i].digest), ID_SHORT),
        };
    p->layers = layers_start(p->job.table, p->registry, plans, n,
                             is_known ? &quiet : &p->job.progress, on_layers, p);
}

static struct err *make_layers(struct op *op)
{
    struct pull *p = (struct pull *)op;

    progress_say(&p->job.progress, p->ref.digest ? p->ref.digest : p->ref.tag,
                 arena_printf(op->arena, "Pulling from %s", p->ref.path));
    p->job.ticket = op_wait(op);
    start_layers(p);
    return NULL;
}

static void end_layers(struct op *op)
{
    struct pull *p = (struct pull *)op;

    layers_end(steal_ptr(&p->layers));
    op_recall_ticket(op);
}

/* ---- the image ---- */

/* By tag the image gets the tag and the digest that the registry serves, by digest the digest
 * alone, as with Docker. */
static struct err *adopt(struct op *op)
{
    struct pull *p = (struct pull *)op;
    struct arena *a = op->arena;
    struct ref tag = p->ref, digest = p->ref;
    struct strs names = {0};
    struct image_facts facts = {
        .text = p->config,
        .manifest_type = p->manifest.media_type,
        .manifest_digest = p->manifest_digest,
        .manifest_size = p->manifest_bytes,
        .manifest_text = p->manifest_text,
    };

    ASSERT(p->config && *p->served_digest);
    tag.digest = NULL;
    digest.tag = NULL;
    digest.digest = p->served_digest;
    if (tag.tag && !p->ref.digest)
        strs_add(a, &names, ref_full(a, &tag));
    strs_add(a, &names, ref_full(a, &digest));
    TRY(adopt_image(p->job.table, a, &facts, &names, &p->adopted));
    p->job.image = p->adopted.image;
    return NULL;
}

static void unadopt(struct op *op)
{
    struct pull *p = (struct pull *)op;

    adopt_undo(p->job.table, &p->adopted);
}

static struct err *save(struct op *op)
{
    struct pull *p = (struct pull *)op;

    adopt_save(p->job.table, op, &p->adopted, 1);
    return NULL;
}

/* So that a push there, or to another repository there, need not send them. */
static void note_blobs(struct pull *p)
{
    const struct descriptor *from = p->manifest.layers.v;
    struct blob_fact f = {.repository =
                              arena_printf(p->job.op.arena, "%s/%s", p->ref.domain, p->ref.path)};

    for (size_t n = 0; n < p->manifest.layers.n; n++) {
        f.digest = from[n].digest;
        f.media_type = from[n].media_type;
        f.size_bytes = from[n].size;
        blob_book_note(p->job.table->book, p->blob.diff_ids.v[n], &f);
    }
}

static struct err *tell(struct op *op)
{
    struct pull *p = (struct pull *)op;
    const char *what = p->adopted.was_named ? "Image is up to date" : "Downloaded newer image";
    struct arena *a = op->arena;

    note_blobs(p);
    progress_say(&p->job.progress, NULL, arena_printf(a, "Digest: %s", p->served_digest));
    progress_say(&p->job.progress, NULL, arena_printf(a, "Status: %s for %s", what, familiar(p)));
    image_event(p->job.image, "pull", familiar(p), ref_familiar_name(a, &p->ref));
    return NULL;
}

static void finish(struct op *op)
{
    image_job_finish((struct image_job *)op);
    disconnect(op);
}

static const struct op_step pull_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"connect", ON_EVENT, connect_registry, disconnect, -1},
    {"resolve-manifest", ON_EVENT, resolve_manifest, drop_fetch, -1},
    {"fetch-config", ON_EVENT, fetch_config, drop_fetch, -1},
    {"make-layers", ON_EVENT, make_layers, end_layers, -1},
    {"adopt", ON_LOOP, adopt, unadopt, 0},
    {"save", ON_EVENT, save, NULL, -1},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type pull_type = {
    .name = "image/pull",
    .class = OP_INTERNAL, /* it waits for the network, and a slot is not for waiting */
    .size = sizeof(struct pull),
    .steps = pull_steps,
    .finish = finish,
};
OP_LISTED(pull_type);

struct image_job *pull_one(struct image_table *t, const char *reference, const char *platform,
                           const struct registry_auth *auth, image_progress_fn progress,
                           image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &pull_type, progress, done, ctx);
    struct pull *p = (struct pull *)j;
    struct arena *a = j->op.arena;

    p->reference = arena_strdup(a, reference);
    p->platform_text = arena_strdup(a, platform);
    p->auth = registry_auth_copy(a, auth);
    j->op.subject = p->reference;
    image_job_start(j);
    return j;
}
