/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of docker save's archive. Worker. Its layers are plain tars, whatever they came in:
 * a compressed blob cannot be made again as it was. So the manifests are made here, and the images'
 * ids, which are the digests of their configurations, stay.
 */
#include "image_archive.h"

#include "base/ref.h"

#include <string.h>

#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"

const char *saved_blob_path(struct arena *a, const char *digest)
{
    return arena_printf(a, "blobs/sha256/%s", digest_hex(digest));
}

static void put_descriptor(struct jw *w, const char *key, const char *type, const char *digest,
                           int64_t size)
{
    jw_obj(w, key);
    jw_str(w, "mediaType", type);
    jw_str(w, "digest", digest);
    jw_int(w, "size", size);
}

/* ---- OCI layout ---- */

static void write_manifest(const struct saved_image *i, struct buf *out)
{
    struct jw w = {.out = out};

    jw_obj(&w, NULL);
    jw_int(&w, "schemaVersion", 2);
    jw_str(&w, "mediaType", MEDIA_OCI_MANIFEST);
    put_descriptor(&w, "config", MEDIA_OCI_CONFIG, i->id, (int64_t)strlen(i->text));
    jw_obj_end(&w);
    jw_arr(&w, "layers");
    for (size_t n = 0; n < i->diff_ids.n; n++) {
        put_descriptor(&w, NULL, MEDIA_OCI_LAYER, i->diff_ids.v[n], i->sizes[n]);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
}

static void put_platform(struct jw *w, const struct platform *p)
{
    if (text_is_empty(p->os) || text_is_empty(p->arch))
        return;
    jw_obj(w, "platform");
    jw_str(w, "architecture", p->arch);
    jw_str(w, "os", p->os);
    if (!text_is_empty(p->variant))
        jw_str(w, "variant", p->variant);
    jw_obj_end(w);
}

/* The names as containerd, and as podman and skopeo look for them. */
static void put_entry(struct jw *w, const struct saved_image *i, const char *digest, int64_t size,
                      const char *tag)
{
    put_descriptor(w, NULL, MEDIA_OCI_MANIFEST, digest, size);
    put_platform(w, &i->platform);
    if (tag) {
        jw_obj(w, "annotations");
        jw_str(w, "io.containerd.image.name", tag);
        jw_str(w, "org.opencontainers.image.ref.name", strrchr(tag, ':') + 1);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* One for each name, or one without. */
static void put_entries(struct jw *w, const struct saved_image *i, const struct buf *manifest)
{
    char digest[DIGEST_MAX];

    digest_of(manifest->data, manifest->len, digest);
    for (size_t n = 0; n < i->tags.n; n++)
        put_entry(w, i, digest, (int64_t)manifest->len, i->tags.v[n]);
    if (!i->tags.n)
        put_entry(w, i, digest, (int64_t)manifest->len, NULL);
}

static void write_index(const struct image_archive *a, const struct buf *manifests, struct buf *out)
{
    struct jw w = {.out = out};

    jw_obj(&w, NULL);
    jw_int(&w, "schemaVersion", 2);
    jw_str(&w, "mediaType", MEDIA_OCI_INDEX);
    jw_arr(&w, "manifests");
    for (size_t n = 0; n < a->n; n++)
        put_entries(&w, a->v[n], &manifests[n]);
    jw_arr_end(&w);
    jw_obj_end(&w);
}

/* ---- docker-archive ---- */

static void put_docker_image(struct image_archive *a, struct jw *w, const struct saved_image *i)
{
    struct strs tags = {0}, layers = {0};

    for (size_t n = 0; n < i->tags.n; n++)
        strs_add(a->arena, &tags, image_name_familiar(a->arena, i->tags.v[n]));
    for (size_t n = 0; n < i->diff_ids.n; n++)
        strs_add(a->arena, &layers, saved_blob_path(a->arena, i->diff_ids.v[n]));
    jw_obj(w, NULL);
    jw_str(w, "Config", saved_blob_path(a->arena, i->id));
    jw_strs_or_null(w, "RepoTags", &tags);
    jw_strs(w, "Layers", &layers);
    jw_obj_end(w);
}

static void write_docker_manifest(struct image_archive *a, struct buf *out)
{
    struct jw w = {.out = out};

    jw_arr(&w, NULL);
    for (size_t n = 0; n < a->n; n++)
        put_docker_image(a, &w, a->v[n]);
    jw_arr_end(&w);
}

/* ---- repositories: name → tag → the top layer, for readers from before manifest.json ---- */

struct named_top {
    const char *repository, *tag, *top;
};

static int by_name(const void *left, const void *right)
{
    const struct named_top *l = left, *r = right;
    int d = strcmp(l->repository, r->repository);

    return d ? d : strcmp(l->tag, r->tag);
}

static size_t collect_tops(struct image_archive *a, struct named_top **out)
{
    struct named_top *v = NULL;
    size_t count = 0, room = 0;

    for (size_t n = 0; n < a->n; n++) {
        const struct saved_image *i = a->v[n];

        for (size_t k = 0; i->diff_ids.n && k < i->tags.n; k++) {
            char *name = arena_strdup(a->arena, image_name_familiar(a->arena, i->tags.v[k]));
            char *colon = strrchr(name, ':');

            ASSERT(colon);
            *colon = '\0';
            v = arena_grow(a->arena, v, count, &room, sizeof(*v));
            v[count++] =
                (struct named_top){name, colon + 1, digest_hex(i->diff_ids.v[i->diff_ids.n - 1])};
        }
    }
    *out = v;
    return count;
}

static void write_repositories(const struct named_top *v, size_t n, struct buf *out)
{
    struct jw w = {.out = out};

    jw_obj(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(v[i].repository, v[i - 1].repository) != 0)
            jw_obj(&w, v[i].repository);
        jw_str(&w, v[i].tag, v[i].top);
        if (i + 1 == n || strcmp(v[i].repository, v[i + 1].repository) != 0)
            jw_obj_end(&w);
    }
    jw_obj_end(&w);
}

/* ---- all ---- */

static void add_document(struct image_archive *a, const char *name, struct buf *text)
{
    archive_out_add_text(a->out, name, text->data, text->len);
    text->len = 0;
}

static void add_repositories(struct image_archive *a, struct buf *room)
{
    struct named_top *tops;
    size_t n = collect_tops(a, &tops);

    if (!n)
        return;
    qsort(tops, n, sizeof(*tops), by_name);
    write_repositories(tops, n, room);
    add_document(a, "repositories", room);
}

static void add_blobs(struct image_archive *a, struct buf *manifests)
{
    archive_out_add_dir(a->out, "blobs/");
    archive_out_add_dir(a->out, "blobs/sha256/");
    for (size_t n = 0; n < a->n; n++) {
        char digest[DIGEST_MAX];

        digest_of(manifests[n].data, manifests[n].len, digest);
        archive_out_add_text(a->out, saved_blob_path(a->arena, a->v[n]->id), a->v[n]->text,
                             strlen(a->v[n]->text));
        add_document(a, saved_blob_path(a->arena, digest), &manifests[n]);
    }
}

void saved_documents_add(struct image_archive *a)
{
    struct buf *manifests = arena_array(a->arena, a->n, sizeof(*manifests));
    autobuf struct buf room = {0};

    for (size_t n = 0; n < a->n; n++)
        write_manifest(a->v[n], &manifests[n]);
    buf_puts(&room, "{\"imageLayoutVersion\":\"1.0.0\"}");
    add_document(a, "oci-layout", &room);
    write_index(a, manifests, &room);
    add_document(a, "index.json", &room);
    write_docker_manifest(a, &room);
    add_document(a, "manifest.json", &room);
    add_repositories(a, &room);
    add_blobs(a, manifests);
    for (size_t n = 0; n < a->n; n++)
        buf_finish(&manifests[n]);
}
