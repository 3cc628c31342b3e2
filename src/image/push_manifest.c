/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of a push. Loop thread. An image that came from a registry goes with the bytes that
 * it came with, as long as its blobs are those that they name. Else one is made, of the same
 * family, with the annotations of the old one; the same blobs give the same bytes.
 */
#include "push.h"

#include "push_blobs.h"

#include <string.h>

static bool is_as_it_was(const struct image *i, const struct pushed_blob *layers, size_t n)
{
    if (!i->manifest_text)
        return false;
    for (size_t k = 0; k < n; k++)
        if (!layers[k].first_digest || strcmp(layers[k].first_digest, layers[k].digest) != 0)
            return false;
    return true;
}

static void put_raw_member(struct jw *w, struct arena *a, const struct json *from, const char *key)
{
    const struct json *member = json_get(from, key);

    if (json_type(member) == JSON_OBJECT && json_len(member))
        jw_raw(w, key, json_text(a, member));
}

static void put_descriptor(struct jw *w, const char *key, struct arena *a,
                           const struct pushed_blob *b, const struct json *old)
{
    jw_obj(w, key);
    jw_str(w, "mediaType", b->media_type);
    jw_int(w, "size", b->size_bytes);
    jw_str(w, "digest", b->digest);
    put_raw_member(w, a, old, "annotations");
    jw_obj_end(w);
}

static char *make(struct arena *a, const char *media_type, const struct json *old,
                  const struct pushed_blob *config, const struct pushed_blob *layers, size_t n)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *layer = json_first(json_get(old, "layers"));

    jw_obj(&w, NULL);
    jw_int(&w, "schemaVersion", 2);
    jw_str(&w, "mediaType", media_type);
    put_descriptor(&w, "config", a, config, json_get(old, "config"));
    jw_arr(&w, "layers");
    for (size_t k = 0; k < n; k++) {
        put_descriptor(&w, NULL, a, &layers[k], layer);
        layer = layer ? json_next(layer) : NULL;
    }
    jw_arr_end(&w);
    put_raw_member(&w, a, old, "annotations");
    jw_obj_end(&w);
    return arena_strndup(a, b.data, b.len);
}

void push_manifest_make(struct arena *a, const struct image *i, const struct pushed_blob *config,
                        const struct pushed_blob *layers, size_t n, struct push_manifest *out)
{
    const struct json *old = NULL;
    struct push_manifest m = {.media_type = MEDIA_DOCKER_MANIFEST, .text = i->manifest_text};

    if (i->manifest_text) {
        m.media_type = i->manifest_type;
        err_drop(json_parse(a, i->manifest_text, strlen(i->manifest_text), &old));
    }
    if (!is_as_it_was(i, layers, n))
        m.text = make(a, m.media_type, old, config, layers, n);
    digest_of(m.text, strlen(m.text), m.digest);
    *out = m;
}
