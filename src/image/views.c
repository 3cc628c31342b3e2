/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as JSON: inspect, the items of the list, history. Loop thread. Which members an answer
 * has depends on the version of the API that the client speaks: 1.41 is 141.
 */
#include "image_table.h"

#include "base/clock.h"

#include <string.h>

#define MISSING "<missing>"

static void write_names(const struct strs *tags, const struct strs *digests, struct jw *w,
                        int api_version)
{
    const struct strs no_tag = {(char *[]){"<none>:<none>", NULL}, 1};
    const struct strs no_digest = {(char *[]){"<none>@<none>", NULL}, 1};
    bool is_none = api_version < 143 && !tags->n && !digests->n;

    jw_strs(w, "RepoTags", is_none ? &no_tag : tags);
    jw_strs(w, "RepoDigests", is_none ? &no_digest : digests);
}

/* The "config" member as a typed client of this version expects it. */
static void write_config(const struct image *i, struct jw *w, int api_version)
{
    jw_obj(w, "Config");
    if (api_version < 150) { /* members of containers that images had for long */
        jw_str(w, "Hostname", "");
        jw_str(w, "Domainname", "");
        jw_bool(w, "AttachStdin", false);
        jw_bool(w, "AttachStdout", false);
        jw_bool(w, "AttachStderr", false);
        jw_bool(w, "Tty", false);
        jw_bool(w, "OpenStdin", false);
        jw_bool(w, "StdinOnce", false);
        jw_str(w, "Image", "");
    }
    jw_fields(w, &run_defaults_json, &i->blob.run);
    jw_obj_end(w);
}

static void write_graph_driver(const struct image *i, struct jw *w)
{
    autobuf struct buf lower = {0}, upper = {0};
    const char *root = i->table->data_root;

    for (size_t n = i->chain.n; n > 0; n--) {
        struct buf *b = n == i->chain.n ? &upper : &lower;

        buf_printf(b, "%s%s/layers/%s/diff", b->len ? ":" : "", root,
                   digest_hex(i->chain.v[n - 1]));
    }
    jw_obj(w, "GraphDriver");
    jw_str(w, "Name", "overlay2");
    jw_obj(w, "Data");
    if (lower.len)
        jw_str(w, "LowerDir", lower.data);
    if (upper.len)
        jw_str(w, "UpperDir", upper.data);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_root(const struct image *i, struct jw *w)
{
    jw_obj(w, "RootFS");
    jw_str(w, "Type", "layers");
    if (i->blob.diff_ids.n)
        jw_strs(w, "Layers", &i->blob.diff_ids);
    jw_obj_end(w);
}

static void write_descriptor(const struct image *i, struct jw *w)
{
    if (!i->manifest_digest)
        return;
    jw_obj(w, "Descriptor");
    jw_str(w, "mediaType", i->manifest_type);
    jw_str(w, "digest", i->manifest_digest);
    jw_int(w, "size", i->manifest_size);
    jw_obj_end(w);
}

void image_write_inspect(const struct image *i, struct jw *w, int api_version)
{
    const struct image_blob *b = &i->blob;

    jw_obj(w, NULL);
    jw_str(w, "Id", i->id);
    write_names(&i->tags, &i->digests, w, 150); /* never <none> here */
    jw_str(w, "Parent", "");
    jw_str(w, "Comment", b->comment);
    jw_str(w, "Created", b->created ? b->created : "0001-01-01T00:00:00Z");
    if (api_version < 145)
        jw_str(w, "Container", "");
    jw_str(w, "DockerVersion", b->docker_version);
    jw_str(w, "Author", b->author);
    write_config(i, w, api_version);
    jw_str(w, "Architecture", b->architecture);
    if (!text_is_empty(b->variant))
        jw_str(w, "Variant", b->variant);
    jw_str(w, "Os", text_is_empty(b->os) ? "linux" : b->os);
    if (!text_is_empty(b->os_version))
        jw_str(w, "OsVersion", b->os_version);
    jw_int(w, "Size", i->size_bytes);
    if (api_version < 144)
        jw_int(w, "VirtualSize", i->size_bytes);
    write_graph_driver(i, w);
    write_root(i, w);
    jw_obj(w, "Metadata");
    jw_time(w, "LastTagTime", i->last_tag_ns);
    jw_obj_end(w);
    if (api_version >= 148)
        write_descriptor(i, w);
    jw_obj_end(w);
}

void image_write_summary(const struct image *i, const struct image_shown *s, struct jw *w)
{
    jw_obj(w, NULL);
    jw_int(w, "Containers", s->containers);
    jw_int(w, "Created", i->created_ns / NS_PER_S);
    jw_str(w, "Id", i->id);
    if (i->blob.run.labels.n)
        jw_pairs(w, "Labels", &i->blob.run.labels);
    else
        jw_null(w, "Labels");
    jw_str(w, "ParentId", "");
    write_names(s->tags, s->digests, w, s->api_version);
    jw_int(w, "SharedSize", s->shared_bytes);
    jw_int(w, "Size", i->size_bytes);
    if (s->api_version < 144)
        jw_int(w, "VirtualSize", i->size_bytes);
    if (s->api_version >= 148)
        write_descriptor(i, w);
    jw_obj_end(w);
}

static void write_step(const struct image *i, struct jw *w, const struct history_entry *h,
                       int64_t size_bytes, bool is_top)
{
    int64_t created_ns = 0;

    if (h->created)
        clock_from_rfc3339(h->created, &created_ns);
    jw_obj(w, NULL);
    jw_str(w, "Id", is_top ? i->id : MISSING);
    jw_int(w, "Created", created_ns / NS_PER_S);
    jw_str(w, "CreatedBy", h->created_by);
    if (is_top && i->tags.n)
        jw_strs(w, "Tags", &i->tags);
    else
        jw_null(w, "Tags");
    jw_int(w, "Size", size_bytes);
    jw_str(w, "Comment", h->comment);
    jw_obj_end(w);
}

/* Newest first. Layers are counted from the top; a history may be shorter or longer than them. */
void image_write_history(const struct image *i, struct jw *w)
{
    const struct history_entry *v = i->blob.history.v;
    size_t n_layers = 0, at;

    for (size_t n = 0; n < i->blob.history.n; n++)
        n_layers += !v[n].empty_layer;
    jw_arr(w, NULL);
    at = n_layers;
    for (size_t n = i->blob.history.n; n > 0; n--) {
        const struct history_entry *h = &v[n - 1];
        int64_t size = 0;

        if (!h->empty_layer) {
            at--;
            size = at < i->chain.n ? i->layer_sizes[at] : 0;
        }
        write_step(i, w, h, size, n == i->blob.history.n);
    }
    jw_arr_end(w);
}
