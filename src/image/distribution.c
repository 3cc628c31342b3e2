/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reference stands for at its registry: the manifest or index as it is there, and for which
 * platforms it is. Nothing is kept. Loop thread.
 */
#include "ask_inner.h"

#include "blob.h"
#include "manifest.h"

#include <string.h>

struct distribution {
    const char *reference;
    bool is_insecure;
    bool wants_bytes;         /* the manifest itself, and not what is said of it */
    struct settings settings; /* with the registry as an insecure one */
    struct ref ref;
    struct manifest manifest;
    char digest[DIGEST_MAX];
    size_t len;
};

static void fetch_manifest(struct ask *k);

static void write_platform(struct jw *w, const struct platform *p, const char *os_version)
{
    jw_obj(w, NULL);
    jw_str(w, "architecture", p->arch);
    jw_str(w, "os", p->os);
    if (!text_is_empty(os_version))
        jw_str(w, "os.version", os_version);
    if (!text_is_empty(p->variant))
        jw_str(w, "variant", p->variant);
    jw_obj_end(w);
}

/* config: of an image that is no index; NULL: it says nothing. */
static void write_answer(struct ask *k, const struct image_blob *config)
{
    const struct distribution *d = k->what;
    const struct descriptor *entries = d->manifest.manifests.v;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_obj(&w, "Descriptor");
    jw_str(&w, "mediaType", d->manifest.media_type);
    jw_str(&w, "digest", d->digest);
    jw_int(&w, "size", (int64_t)d->len);
    jw_obj_end(&w);
    jw_arr(&w, "Platforms");
    for (size_t i = 0; i < d->manifest.manifests.n; i++)
        if (!text_is_empty(entries[i].platform.arch) || !text_is_empty(entries[i].platform.os))
            write_platform(&w, &entries[i].platform, entries[i].platform_os_version);
    if (config)
        write_platform(&w, &(struct platform){config->os, config->architecture, config->variant},
                       NULL);
    jw_arr_end(&w);
    jw_obj_end(&w);
    ask_set_json(k, &b);
}

/* As Docker: a configuration that is not there, or is none, leaves the platform out. */
static void on_config(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct ask *k = ctx;
    const struct distribution *d = k->what;
    struct image_blob config = {0};
    char digest[DIGEST_MAX];
    bool is_known = false;

    k->fetch = NULL;
    if (!err) {
        digest_of(r->body, r->len, digest);
        err = image_blob_parse(k->job.op.arena, r->body, r->len, &config);
        is_known = !err && !strcmp(digest, d->manifest.config.digest);
    }
    err_drop(err);
    write_answer(k, is_known ? &config : NULL);
    ask_end(k, NULL);
}

static void fetch_config(struct ask *k)
{
    const struct distribution *d = k->what;
    autofree char *path = mem_printf("blobs/%s", d->manifest.config.digest);
    const struct fetch_plan plan = {
        .path = path,
        .max_bytes = MANIFEST_MAX,
        .size_bytes = -1,
        .done = on_config,
    };

    k->fetch = registry_get(k->registry, &plan, k);
}

static void set_bytes(struct ask *k, const struct fetch_result *r)
{
    const struct distribution *d = k->what;

    ask_set_answer(k, r->body, r->len, d->manifest.media_type);
    k->answer.digest = d->digest;
}

static struct err *take_manifest(struct ask *k, const struct fetch_result *r)
{
    struct distribution *d = k->what;
    struct arena *a = k->job.op.arena;

    digest_of(r->body, r->len, d->digest);
    if (d->ref.digest && strcmp(d->ref.digest, d->digest) != 0)
        return err_new(ERR_INVALID, "manifest verification failed for digest %s", d->ref.digest);
    d->len = r->len;
    d->manifest = (struct manifest){0};
    TRY(manifest_parse(a, r->body, r->len, r->content_type, &d->manifest));
    if (d->wants_bytes)
        set_bytes(k, r);
    return NULL;
}

static void on_manifest(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct ask *k = ctx;
    struct distribution *d = k->what;

    k->fetch = NULL;
    if (!err)
        err = take_manifest(k, r);
    if (err && registry_skip(k->registry)) { /* a mirror need not have everything */
        err_drop(err);
        fetch_manifest(k);
        return;
    }
    if (err || d->wants_bytes) {
        ask_end(k, err);
    } else if (d->manifest.is_index) {
        write_answer(k, NULL);
        ask_end(k, NULL);
    } else {
        fetch_config(k);
    }
}

static void fetch_manifest(struct ask *k)
{
    const struct distribution *d = k->what;
    autofree char *path = mem_printf("manifests/%s", d->ref.digest ? d->ref.digest : d->ref.tag);
    const struct fetch_plan plan = {
        .path = path,
        .accept = ACCEPT_MANIFESTS,
        .max_bytes = MANIFEST_MAX,
        .size_bytes = -1,
        .done = on_manifest,
    };

    k->fetch = registry_get(k->registry, &plan, k);
}

static struct err *open_registry(struct ask *k)
{
    struct image_table *t = k->job.table;
    struct arena *a = k->job.op.arena;
    struct distribution *d = k->what;

    TRY(ref_parse(a, d->reference, &d->ref));
    if (!d->ref.tag && !d->ref.digest)
        d->ref.tag = arena_strdup(a, "latest");
    d->settings = *t->settings;
    if (d->is_insecure) {
        d->settings.insecure_registries = strs_copy(a, &t->settings->insecure_registries);
        strs_add(a, &d->settings.insecure_registries, d->ref.domain);
    }
    k->registry = registry_open(t->loop, t->pools, &d->settings, &d->ref, &k->auth);
    return NULL;
}

static const struct ask_kind distribution_kind = {open_registry, fetch_manifest};

static struct image_job *start(struct image_table *t, const struct distribution *like,
                               const struct registry_auth *auth, ask_done_fn done, void *ctx)
{
    struct ask *k = ask_create(t, &distribution_kind, like->reference, auth);
    struct distribution *d = arena_new(k->job.op.arena, struct distribution);

    *d = *like;
    d->reference = arena_strdup(k->job.op.arena, like->reference);
    k->what = d;
    return ask_start(k, done, ctx);
}

struct image_job *ask_distribution(struct image_table *t, const char *reference, bool is_insecure,
                                   const struct registry_auth *auth, ask_done_fn done, void *ctx)
{
    const struct distribution d = {.reference = reference, .is_insecure = is_insecure};

    return start(t, &d, auth, done, ctx);
}

struct image_job *ask_manifest(struct image_table *t, const char *reference, bool is_insecure,
                               const struct registry_auth *auth, ask_done_fn done, void *ctx)
{
    const struct distribution d = {
        .reference = reference, .is_insecure = is_insecure, .wants_bytes = true};

    return start(t, &d, auth, done, ctx);
}
