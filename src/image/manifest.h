/* SPDX-License-Identifier: Apache-2.0 */
/* Registry documents: image manifests and indexes of both families. Pure. */
#pragma once

#include "platform.h"

#include "base/json.h"

#define MANIFEST_MAX (4u << 20) /* bytes of a manifest, an index or a config */
#define LAYERS_MAX 500          /* the kernel's overlay takes no more */

#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
/* What we ask for: also what we refuse (schema 1), with a sentence of its own. */
#define ACCEPT_MANIFESTS                                                                           \
    MEDIA_DOCKER_MANIFEST "," MEDIA_DOCKER_LIST "," MEDIA_OCI_MANIFEST "," MEDIA_OCI_INDEX         \
                          ",application/vnd.docker.distribution.manifest.v1+prettyjws"

struct descriptor {
    char *media_type, *digest;
    int64_t size;
    struct platform platform;
    char *platform_os_version;
    struct pairs annotations;
};

struct manifest {
    char *media_type;
    bool is_index;
    struct descriptor config;
    struct jlist layers;    /* struct descriptor; base first */
    struct jlist manifests; /* struct descriptor; of an index */
};

/* A copy that a document can hold byte by byte; NULL: it is not UTF-8, or has a NUL. */
const char *manifest_keep(struct arena *a, const char *text, size_t len);

/* content_type: what the carrier says, may be NULL; the document's own mediaType wins. Every
 * digest and size of the result is valid. */
struct err *manifest_parse(struct arena *a, const char *text, size_t len, const char *content_type,
                           struct manifest *out) must_check;

enum { SEARCH_MAX = 64 };

/* The way to the manifest that serves a platform, through indexes and indexes inside them. */
struct manifest_search {
    struct platform want;
    const struct descriptor *left[SEARCH_MAX]; /* what may serve; the next one is the last */
    size_t n;
    int n_indexes; /* read so far */
};
/* Adds the entries of an index that may serve: the best next, behind those for the platform the
 * indexes that do not say for what they are. m's entries must outlive the search. */
struct err *manifest_search_add(struct arena *a, struct manifest_search *s,
                                const struct manifest *m) must_check;
const struct descriptor *manifest_search_next(struct manifest_search *s); /* NULL: nothing does */
