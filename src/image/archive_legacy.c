/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What docker save wrote before 1.10 (image-spec v1): "repositories" names the tags, and
 * each layer is an image of its own, ID/json with its parent and ID/layer.tar. The config
 * of an image of today is made from the chain of its parents. Worker.
 */
#include "archive_plan.h"

#include "base/digest.h"
#include "base/map.h"
#include "base/ref.h"

#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK = 64 * 1024,
    JSON_MAX = 256 * 1024,        /* of one layer: they were of some KiB */
    JSONS_MAX = 32 * 1024 * 1024, /* of all */
};

/* One of the archive's v1 images, read once for all that build on it. */
struct legacy_layer {
    const struct json *doc;
    const char *parent; /* NULL: none */
    const char *path;   /* of its layer.tar */
    char *diff_id;
};

struct legacy {
    struct arena *a;
    const struct staging *s;
    struct archive_plan *plan;
    struct map *layers; /* by v1 id: struct legacy_layer */
    struct map *images; /* by v1 id: struct archived_image */
    size_t json_bytes;
};

static struct err *digest_of_file(struct arena *a, const char *path, char **out)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct sha256 *sum;
    autofree char *chunk = mem_alloc(CHUNK);
    char digest[DIGEST_MAX];
    ssize_t n;

    if (fd < 0)
        return err_sys("open %s", path);
    sum = sha256_create();
    while ((n = read(fd, chunk, CHUNK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_add(sum, chunk, (size_t)n);
    sha256_end(sum, digest);
    if (n < 0)
        return err_sys("read %s", path);
    *out = arena_strdup(a, digest);
    return NULL;
}

static struct err *read_layer(struct legacy *l, const char *id, struct legacy_layer **out)
{
    struct legacy_layer *layer = map_get(l->layers, id);
    char *text, *file = arena_printf(l->a, "%s/layer.tar", id);
    size_t len;

    *out = layer;
    if (layer)
        return NULL;
    layer = arena_new(l->a, struct legacy_layer);
    TRY(staging_read(l->a, l->s, arena_printf(l->a, "%s/json", id), JSON_MAX, &text, &len));
    l->json_bytes += len;
    if (l->json_bytes > JSONS_MAX)
        return err_new(ERR_INVALID, "the archive describes its layers in more than %d bytes",
                       JSONS_MAX);
    if (!text_is_utf8(text, len) || memchr(text, '\0', len))
        return err_new(ERR_INVALID, "invalid %s/json: it is not UTF-8 text", id);
    TRY(json_parse(l->a, text, len, &layer->doc));
    layer->parent = json_str(json_get(layer->doc, "parent"));
    if (text_is_empty(layer->parent))
        layer->parent = NULL;
    layer->path = staging_path(l->s, file);
    if (!layer->path)
        return err_new(ERR_INVALID, "the archive has no file %s", file);
    TRY(digest_of_file(l->a, layer->path, &layer->diff_id));
    map_put(l->layers, id, layer);
    *out = layer;
    return NULL;
}

/* From the image down to its base. */
static struct err *read_chain(struct legacy *l, const char *id, struct legacy_layer **chain,
                              size_t *out_n)
{
    size_t n = 0;

    for (; id; id = chain[n++]->parent) {
        if (n == LAYERS_MAX)
            return err_new(ERR_INVALID, "max depth exceeded: at most %d layers work", LAYERS_MAX);
        TRY(read_layer(l, id, &chain[n]));
    }
    *out_n = n;
    return NULL;
}

static void write_history(struct legacy *l, struct jw *w, const struct json *doc)
{
    struct strs command = json_strs(l->a, json_get(json_get(doc, "container_config"), "Cmd"));
    const char *facts[][2] = {{"created", json_str(json_get(doc, "created"))},
                              {"author", json_str(json_get(doc, "author"))},
                              {"created_by", strs_join(l->a, &command, " ")},
                              {"comment", json_str(json_get(doc, "comment"))}};

    jw_obj(w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        if (!text_is_empty(facts[i][1]))
            jw_str(w, facts[i][0], facts[i][1]);
    jw_obj_end(w);
}

/* The image's own facts stay as they are; what belonged to the format goes. */
static char *write_config(struct legacy *l, struct legacy_layer *const *chain, size_t n)
{
    static const char *const of_the_format[] = {"id",       "parent",    "parent_id",
                                                "layer_id", "throwaway", "rootfs",
                                                "history",  "Size",      "checksum"};
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    for (const struct json *m = json_first(chain[0]->doc); m; m = json_next(m)) {
        bool is_dropped = false;

        for (size_t i = 0; i < ARRAY_LEN(of_the_format); i++)
            is_dropped |= strcasecmp(json_key(m), of_the_format[i]) == 0;
        if (!is_dropped)
            jw_raw(&w, json_key(m), json_text(l->a, m));
    }
    jw_obj(&w, "rootfs");
    jw_str(&w, "type", "layers");
    jw_arr(&w, "diff_ids");
    for (size_t i = n; i-- > 0;)
        jw_str(&w, NULL, chain[i]->diff_id);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_arr(&w, "history");
    for (size_t i = n; i-- > 0;)
        write_history(l, &w, chain[i]->doc);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return arena_strndup(l->a, b.data, b.len);
}

static struct err *read_image(struct legacy *l, const char *id, struct archived_image **out)
{
    struct legacy_layer *chain[LAYERS_MAX];
    struct archived_image *i = map_get(l->images, id);
    size_t n;

    *out = i;
    if (i)
        return NULL;
    TRY(read_chain(l, id, chain, &n));
    TRY(archive_plan_add(l->plan, &i));
    TRY(archived_image_set_config(l->a, l->s, i, write_config(l, chain, n), n));
    for (size_t at = 0; at < n; at++)
        i->layers[at].path = chain[n - 1 - at]->path;
    map_put(l->images, id, i);
    *out = i;
    return NULL;
}

static struct err *read_repository(struct legacy *l, const struct json *tags)
{
    for (const struct json *tag = json_first(tags); tag; tag = json_next(tag)) {
        const char *id = json_str(tag);
        struct archived_image *i;

        if (!id || !text_is_hex(id, 64))
            return err_new(ERR_INVALID, "invalid repositories: %s:%s names no image",
                           json_key(tags), json_key(tag));
        TRY(read_image(l, id, &i));
        TRY(archived_image_name(l->a, i,
                                arena_printf(l->a, "%s:%s", json_key(tags), json_key(tag))));
    }
    return NULL;
}

struct err *archive_legacy_read(struct arena *a, const struct staging *s, struct archive_plan *plan)
{
    struct legacy l = {.a = a, .s = s, .plan = plan};
    const struct json *doc;
    struct err *e = NULL;
    char *text;
    size_t len;

    TRY(staging_read(a, s, "repositories", MANIFEST_MAX, &text, &len));
    TRY(json_parse(a, text, len, &doc));
    l.layers = map_create();
    l.images = map_create();
    for (const struct json *it = json_first(doc); it && !e; it = json_next(it))
        e = read_repository(&l, it);
    map_destroy(l.layers);
    map_destroy(l.images);
    return e ? err_as(e, ERR_INVALID) : NULL;
}
