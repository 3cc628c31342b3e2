/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker schema 2 and OCI manifests and their indexes. Pure, any thread. The
 * bytes are a stranger's: what leaves manifest_parse has valid digests and sizes,
 * so nobody behind it checks again. Schema 1 is refused by name.
 */
#include "manifest.h"

#include "base/digest.h"

#include <string.h>

enum { INDEX_MAX = 4096, INDEXES_MAX = 8, RANK_UNSAID = 1000 };

static const struct jfield platform_fields[] = {
    J(J_STR, struct platform, os, "os"),
    J(J_STR, struct platform, arch, "architecture"),
    J(J_STR, struct platform, variant, "variant"),
    J_END,
};
static const struct jtable platform_json = {sizeof(struct platform), platform_fields};

static const struct jfield descriptor_fields[] = {
    J(J_STR, struct descriptor, media_type, "mediaType"),
    J(J_STR, struct descriptor, digest, "digest"),
    J(J_I64, struct descriptor, size, "size"),
    J(J_OBJ, struct descriptor, platform, "platform", .sub = &platform_json),
    J(J_PAIRS, struct descriptor, annotations, "annotations"),
    J_END,
};
static const struct jtable descriptor_json = {sizeof(struct descriptor), descriptor_fields};

struct manifest_file {
    int64_t version;
    char *media_type;
    struct descriptor *config;
    struct jlist layers, manifests;
};
static const struct jfield manifest_fields[] = {
    J(J_I64, struct manifest_file, version, "schemaVersion"),
    J(J_STR, struct manifest_file, media_type, "mediaType"),
    J(J_PTR, struct manifest_file, config, "config", .sub = &descriptor_json),
    J(J_LIST, struct manifest_file, layers, "layers", .sub = &descriptor_json),
    J(J_LIST, struct manifest_file, manifests, "manifests", .sub = &descriptor_json),
    J_END,
};
static const struct jtable manifest_json = {sizeof(struct manifest_file), manifest_fields};

/* Behind this nobody looks at a digest again: it becomes a path of the registry and a name on
 * disk. */
static struct err *check_descriptor(const struct descriptor *d, const char *what)
{
    if (text_is_empty(d->digest) || !digest_is_valid(d->digest))
        return err_new(ERR_INVALID, "invalid manifest: the %s has no valid sha256 digest", what);
    if (d->size < 0)
        return err_new(ERR_INVALID, "invalid manifest: the %s has a negative size", what);
    return NULL;
}

static struct err *check_list(const struct jlist *list, size_t max, const char *what)
{
    const struct descriptor *v = list->v;

    if (list->n > max)
        return err_new(ERR_INVALID, "invalid manifest: %zu entries of type %s, at most %zu work",
                       list->n, what, max);
    for (size_t i = 0; i < list->n; i++)
        TRY(check_descriptor(&v[i], what));
    return NULL;
}

static bool is_known(const char *media_type)
{
    return !strcmp(media_type, MEDIA_DOCKER_MANIFEST) || !strcmp(media_type, MEDIA_DOCKER_LIST) ||
           !strcmp(media_type, MEDIA_OCI_MANIFEST) || !strcmp(media_type, MEDIA_OCI_INDEX);
}

static bool is_index_type(const char *media_type)
{
    return !strcmp(media_type, MEDIA_DOCKER_LIST) || !strcmp(media_type, MEDIA_OCI_INDEX);
}

/* OCI documents need not name their type: then the carrier's word, else the content decides. */
static struct err *find_type(struct arena *a, const struct manifest_file *f,
                             const char *content_type, char **out)
{
    char *type = f->media_type;

    if (text_is_empty(type) && content_type)
        type = arena_strndup(a, content_type, strcspn(content_type, "; "));
    if (text_is_empty(type) || !strcmp(type, "application/json") || !strcmp(type, "text/plain") ||
        !strcmp(type, "application/octet-stream"))
        type = arena_strdup(a, f->manifests.v ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
    if (f->version == 1 || text_starts(type, "application/vnd.docker.distribution.manifest.v1"))
        return err_new(ERR_INVALID,
                       "Docker Image Format v1 and Docker Image manifest version 2, schema 1 are "
                       "not supported: build or push the image again with a current tool");
    if (!is_known(type))
        return err_new(ERR_INVALID, "unsupported manifest media type: %s", type);
    if (is_index_type(type) != (f->manifests.v && !f->config))
        return err_new(ERR_INVALID, "invalid manifest: its content is not of type %s", type);
    *out = type;
    return NULL;
}

const char *manifest_keep(struct arena *a, const char *text, size_t len)
{
    return text_is_utf8(text, len) && !memchr(text, '\0', len) ? arena_strndup(a, text, len) : NULL;
}

struct err *manifest_parse(struct arena *a, const char *text, size_t len, const char *content_type,
                           struct manifest *out)
{
    struct manifest_file f = {0};
    struct manifest m = {0};
    struct err *e;

    if (len > MANIFEST_MAX)
        return err_new(ERR_INVALID, "invalid manifest: larger than %u bytes", MANIFEST_MAX);
    e = json_decode(a, text, len, &manifest_json, &f);
    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "invalid manifest");
    TRY(find_type(a, &f, content_type, &m.media_type));
    m.is_index = is_index_type(m.media_type);
    TRY(check_list(&f.layers, LAYERS_MAX, "layer"));
    TRY(check_list(&f.manifests, INDEX_MAX, "manifest"));
    if (!m.is_index && !f.config)
        return err_new(ERR_INVALID, "invalid manifest: it names no config");
    if (f.config) {
        TRY(check_descriptor(f.config, "config"));
        m.config = *f.config;
    }
    if (m.config.size > MANIFEST_MAX)
        return err_new(ERR_INVALID, "invalid manifest: the config is larger than %u bytes",
                       MANIFEST_MAX);
    m.layers = f.layers;
    m.manifests = f.manifests;
    *out = m;
    return NULL;
}

/* -1: it does not serve; else the lower the better. */
static int rank_entry(struct arena *a, const struct descriptor *d, const struct platform *want,
                      bool is_alone)
{
    struct platform offer = d->platform;
    bool is_of_unknown_type = !text_is_empty(d->media_type) && !is_known(d->media_type);

    if (is_of_unknown_type)
        return -1;
    if (text_is_empty(offer.arch)) {
        if (is_alone) /* an index of one image need not say for what */
            return 0;
        return !text_is_empty(d->media_type) && is_index_type(d->media_type) ? RANK_UNSAID : -1;
    }
    platform_normalise(a, &offer);
    return platform_rank(want, &offer);
}

struct err *manifest_search_add(struct arena *a, struct manifest_search *s,
                                const struct manifest *m)
{
    const struct descriptor *v = m->manifests.v;
    size_t first = s->n;
    int ranks[SEARCH_MAX];

    ASSERT(m->is_index);
    if (++s->n_indexes > INDEXES_MAX)
        return err_new(ERR_INVALID, "invalid manifest: more than %d indexes inside each other",
                       INDEXES_MAX);
    for (size_t i = 0; i < m->manifests.n; i++) {
        int rank = rank_entry(a, &v[i], &s->want, m->manifests.n == 1);
        size_t at = s->n;

        if (rank < 0)
            continue;
        if (s->n == SEARCH_MAX)
            return err_new(ERR_INVALID, "invalid manifest: more than %d entries may be for %s",
                           SEARCH_MAX, platform_text(a, &s->want));
        for (; at > first && ranks[at - 1] <= rank; at--) {
            ranks[at] = ranks[at - 1];
            s->left[at] = s->left[at - 1];
        }
        ranks[at] = rank;
        s->left[at] = &v[i];
        s->n++;
    }
    return NULL;
}

const struct descriptor *manifest_search_next(struct manifest_search *s)
{
    return s->n > 0 ? s->left[--s->n] : NULL;
}
