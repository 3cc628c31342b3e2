/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of image archives: docker save's manifest.json, which names files, and
 * the OCI layout's index.json, which names digests (archive_legacy.c has the third).
 * Worker. An archive that has both (docker save since 25) is read by the first,
 * which knows the tags.
 */
#include "archive_plan.h"

#include "base/ref.h"

#include "manifest.h"

#include <string.h>

#define NAME_CONTAINERD "io.containerd.image.name"
#define NAME_OCI "org.opencontainers.image.ref.name"

enum { NAMES_MAX = 1000 /* of one image: each is an event */ };

struct err *archive_plan_add(struct archive_plan *plan, struct archived_image **out)
{
    if (plan->n == ARCHIVE_IMAGES_MAX)
        return err_new(ERR_INVALID, "the archive holds more than %d images", ARCHIVE_IMAGES_MAX);
    *out = &plan->v[plan->n++];
    return NULL;
}

struct err *archived_image_name(struct arena *a, struct archived_image *i, const char *name)
{
    struct ref r = {0};

    TRY(ref_parse(a, name, &r));
    if (!r.tag || r.digest)
        return err_new(ERR_INVALID, "invalid tag \"%s\"", name);
    if (i->names.n == NAMES_MAX)
        return err_new(ERR_INVALID, "an image of the archive has more than %d names", NAMES_MAX);
    strs_add(a, &i->names, ref_full(a, &r));
    return NULL;
}

/* A file that the archive itself names. */
static struct err *read_needed(struct arena *a, const struct staging *s, const char *file,
                               char **out, size_t *out_len)
{
    struct err *e = staging_read(a, s, file, MANIFEST_MAX, out, out_len);

    return e ? err_as(e, ERR_INVALID) : NULL;
}

struct err *archived_image_set_config(struct arena *a, const struct staging *s,
                                      struct archived_image *i, const char *text, size_t n_layers)
{
    struct image_blob blob;

    TRY(image_blob_parse(a, text, strlen(text), &blob));
    TRY(image_blob_check_sizes(&blob));
    if (!text_is_empty(blob.os) && strcmp(blob.os, "linux") != 0)
        return err_new(ERR_INVALID, "cannot load %s image on linux", blob.os);
    if (blob.diff_ids.n != n_layers)
        return err_new(ERR_INVALID,
                       "invalid manifest, layers length mismatch: expected %zu, got %zu",
                       blob.diff_ids.n, n_layers);
    i->text = text;
    i->n_layers = n_layers;
    i->layers = arena_array(a, n_layers + 1, sizeof(*i->layers));
    for (size_t n = 0; n < n_layers; n++) {
        const char *diff = blob.diff_ids.v[n];

        i->layers[n] = (struct layer_plan){
            .diff_id = diff,
            .blob_bytes = -1,
            .packed_bytes = staging_packed_bytes(s),
            .wants_record = true,
            .label = arena_strndup(a, digest_hex(diff), ID_SHORT),
        };
    }
    return NULL;
}

static struct err *read_config(struct arena *a, const struct staging *s, const char *file,
                               size_t n_layers, struct archived_image *i)
{
    char *text;
    size_t len;

    TRY(read_needed(a, s, file, &text, &len));
    if (strlen(text) != len)
        return err_new(ERR_INVALID, "invalid image config: it is not UTF-8 text");
    return archived_image_set_config(a, s, i, text, n_layers);
}

static struct err *place_layer(const struct staging *s, struct layer_plan *p, const char *file)
{
    p->path = staging_path(s, file);
    if (!p->path)
        return err_new(ERR_INVALID, "the archive has no file %s", file);
    return NULL;
}

/* ---- docker-archive ---- */

static struct err *read_docker_image(struct arena *a, const struct staging *s,
                                     const struct json *entry, struct archive_plan *plan)
{
    const char *config = json_str(json_get(entry, "Config"));
    struct strs layers = json_strs(a, json_get(entry, "Layers"));
    struct strs tags = json_strs(a, json_get(entry, "RepoTags"));
    struct archived_image *i;

    if (!config)
        return err_new(ERR_INVALID, "invalid manifest.json: an image without a Config");
    TRY(archive_plan_add(plan, &i));
    TRY(read_config(a, s, config, layers.n, i));
    for (size_t n = 0; n < layers.n; n++)
        TRY(place_layer(s, &i->layers[n], layers.v[n]));
    for (size_t n = 0; n < tags.n; n++)
        TRY(archived_image_name(a, i, tags.v[n]));
    return NULL;
}

static struct err *read_docker(struct arena *a, const struct staging *s, struct archive_plan *plan)
{
    const struct json *doc;
    char *text;
    size_t len;

    TRY(staging_read(a, s, "manifest.json", MANIFEST_MAX, &text, &len));
    TRY(json_parse(a, text, len, &doc));
    if (json_type(doc) != JSON_ARRAY)
        return err_new(ERR_INVALID, "invalid manifest.json: not a list of images");
    for (const struct json *it = json_first(doc); it; it = json_next(it))
        TRY(read_docker_image(a, s, it, plan));
    return NULL;
}

/* ---- OCI layout ---- */

static char *blob_file(struct arena *a, const char *digest)
{
    return arena_printf(a, "blobs/sha256/%s", digest_hex(digest));
}

static struct err *read_blob(struct arena *a, const struct staging *s, const char *digest,
                             char **out, size_t *out_len)
{
    char is[DIGEST_MAX];

    TRY(read_needed(a, s, blob_file(a, digest), out, out_len));
    digest_of(*out, *out_len, is);
    if (strcmp(is, digest) != 0)
        return err_new(ERR_INVALID, "blob verification failed for digest %s", digest);
    return NULL;
}

/* The manifest of a descriptor; through indexes, the host's. */
static struct err *read_manifest(struct arena *a, const struct staging *s,
                                 const struct descriptor *d, struct archived_image *i,
                                 struct manifest *out)
{
    struct manifest_search search = {0};

    TRY(platform_parse(a, NULL, &search.want));
    for (; d; d = manifest_search_next(&search)) {
        char *text;
        size_t len;

        TRY(read_blob(a, s, d->digest, &text, &len));
        TRY(manifest_parse(a, text, len, d->media_type, out));
        i->manifest_type = out->media_type;
        i->manifest_digest = d->digest;
        i->manifest_bytes = (int64_t)len;
        i->manifest_text = manifest_keep(a, text, len);
        if (!out->is_index)
            return NULL;
        TRY(manifest_search_add(a, &search, out));
    }
    return err_new(ERR_INVALID, "no matching manifest for %s in the archive",
                   platform_text(a, &search.want));
}

static struct err *read_oci_image(struct arena *a, const struct staging *s,
                                  const struct descriptor *d, struct archive_plan *plan)
{
    struct archived_image *i;
    const char *name = pairs_get(&d->annotations, NAME_CONTAINERD);
    struct manifest m;
    const struct descriptor *from;
    char *text;
    size_t len;

    TRY(archive_plan_add(plan, &i));
    TRY(read_manifest(a, s, d, i, &m));
    TRY(read_blob(a, s, m.config.digest, &text, &len));
    TRY(read_config(a, s, blob_file(a, m.config.digest), m.layers.n, i));
    from = m.layers.v;
    for (size_t n = 0; n < m.layers.n; n++) {
        i->layers[n].blob_digest = from[n].digest;
        i->layers[n].blob_bytes = from[n].size;
        TRY(place_layer(s, &i->layers[n], blob_file(a, from[n].digest)));
    }
    if (!name)
        name = pairs_get(&d->annotations, NAME_OCI);
    if (name) /* often a tag alone, or a sentence: no reason to refuse the image */
        err_drop(archived_image_name(a, i, name));
    return NULL;
}

static struct err *read_oci(struct arena *a, const struct staging *s, struct archive_plan *plan)
{
    struct manifest index;
    const struct descriptor *v;
    char *text;
    size_t len;

    TRY(staging_read(a, s, "index.json", MANIFEST_MAX, &text, &len));
    TRY(manifest_parse(a, text, len, MEDIA_OCI_INDEX, &index));
    if (!index.is_index)
        return err_new(ERR_INVALID, "invalid index.json: not a list of images");
    v = index.manifests.v;
    for (size_t n = 0; n < index.manifests.n; n++)
        TRY(read_oci_image(a, s, &v[n], plan));
    return NULL;
}

struct err *archive_plan_read(struct arena *a, const struct staging *s, struct archive_plan *out)
{
    struct archive_plan plan = {.v = arena_array(a, ARCHIVE_IMAGES_MAX, sizeof(*plan.v))};

    if (staging_path(s, "manifest.json"))
        TRY(read_docker(a, s, &plan));
    else if (staging_path(s, "index.json"))
        TRY(read_oci(a, s, &plan));
    else if (staging_path(s, "repositories"))
        TRY(archive_legacy_read(a, s, &plan));
    else
        return err_new(ERR_INVALID,
                       "the archive has neither manifest.json (docker save) nor index.json (OCI)");
    if (!plan.n)
        return err_new(ERR_INVALID, "the archive holds no image");
    *out = plan;
    return NULL;
}
