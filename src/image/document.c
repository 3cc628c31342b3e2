/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image as a document of the database. Loop thread. The config blob is kept as
 * a string inside it, byte for byte: its digest is the image's id.
 */
#include "document.h"

#include <string.h>

struct size_item {
    int64_t bytes;
};
static const struct jfield size_fields[] = {
    J(J_I64, struct size_item, bytes, "bytes"),
    J_END,
};
static const struct jtable size_json = {sizeof(struct size_item), size_fields};

struct image_file {
    char *text, *manifest_type, *manifest_digest, *manifest_text;
    int64_t manifest_size, last_tag_ns;
    struct strs tags, digests;
    struct jlist layers;
    bool is_removed;
};
static const struct jfield image_fields[] = {
    J(J_STR, struct image_file, text, "config"),
    J(J_STRS, struct image_file, tags, "tags"),
    J(J_STRS, struct image_file, digests, "digests"),
    J(J_LIST, struct image_file, layers, "layers", .sub = &size_json),
    J(J_STR, struct image_file, manifest_type, "manifestType", .flags = J_OMIT),
    J(J_STR, struct image_file, manifest_digest, "manifestDigest", .flags = J_OMIT),
    J(J_I64, struct image_file, manifest_size, "manifestSize", .flags = J_OMIT),
    J(J_STR, struct image_file, manifest_text, "manifest", .flags = J_OMIT),
    J(J_I64, struct image_file, last_tag_ns, "lastTagNs"),
    J(J_BOOL, struct image_file, is_removed, "removed", .flags = J_OMIT),
    J_END,
};
static const struct jtable image_json = {sizeof(struct image_file), image_fields};

char *image_document(struct arena *a, const struct image *i)
{
    struct image_file f = {
        .text = i->text,
        .manifest_type = i->manifest_type,
        .manifest_digest = i->manifest_digest,
        .manifest_size = i->manifest_size,
        .manifest_text = i->manifest_text,
        .last_tag_ns = i->last_tag_ns,
        .tags = i->full_tags,
        .digests = i->full_digests,
        .layers = {i->layer_sizes, i->chain.n},
        .is_removed = i->is_removed,
    };

    return json_encode(a, &image_json, &f);
}

struct err *image_document_layers(struct arena *a, const char *json, char out_id[DIGEST_MAX],
                                  struct strs *chain)
{
    struct image_file f = {0};
    struct image_blob blob = {0};
    char id[DIGEST_MAX];

    TRY(json_decode(a, json, strlen(json), &image_json, &f));
    if (text_is_empty(f.text))
        return err_new(ERR_INTERNAL, "the document has no config");
    TRY(image_blob_parse(a, f.text, strlen(f.text), &blob));
    for (size_t n = 0; n < blob.diff_ids.n; n++) {
        layer_chain_id(n ? chain->v[n - 1] : NULL, blob.diff_ids.v[n], id);
        strs_add(a, chain, id);
    }
    digest_of(f.text, strlen(f.text), out_id);
    return NULL;
}

/* Sizes come from the document: to look them up would be a file to read for each layer at every
 * start. */
struct err *image_from_document(struct image_table *t, const char *json, struct image **out)
{
    autoarena struct arena *a = arena_create();
    struct image_file f = {0};
    struct image_facts facts;
    int64_t *sizes;

    TRY(json_decode(a, json, strlen(json), &image_json, &f));
    if (text_is_empty(f.text))
        return err_new(ERR_INTERNAL, "the document has no config");
    sizes = arena_array(a, LAYERS_MAX, sizeof(*sizes));
    for (size_t n = 0; n < f.layers.n && n < LAYERS_MAX; n++)
        sizes[n] = ((struct size_item *)f.layers.v)[n].bytes;
    facts = (struct image_facts){
        .text = f.text,
        .manifest_type = f.manifest_type,
        .manifest_digest = f.manifest_digest,
        .manifest_size = f.manifest_size,
        .manifest_text = f.manifest_text,
        .tags = &f.tags,
        .digests = &f.digests,
        .layer_sizes = sizes,
        .last_tag_ns = f.last_tag_ns,
        .is_removed = f.is_removed,
    };
    return image_create(t, &facts, out);
}
