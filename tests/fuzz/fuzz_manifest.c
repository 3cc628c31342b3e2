/* SPDX-License-Identifier: Apache-2.0 */
/* links: image */
/* A registry's documents: any bytes as a manifest, an index and a config blob. */
#include "blob.h"
#include "manifest.h"

#include "base/digest.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(struct arena *a, const char *text, size_t size)
{
    struct manifest_search search = {0};
    struct manifest m;
    const struct descriptor *v;
    autoerr struct err *e = platform_parse(a, "linux/arm64", &search.want);
    autoerr struct err *bad = manifest_parse(a, text, size, NULL, &m);

    if (e || bad)
        return;
    v = m.layers.v;
    for (size_t i = 0; i < m.layers.n; i++)
        ASSERT(digest_is_valid(v[i].digest) && v[i].size >= 0);
    if (!m.is_index)
        return;
    err_drop(manifest_search_add(a, &search, &m));
    while ((v = manifest_search_next(&search)))
        ASSERT(digest_is_valid(v->digest));
}

static void check_blob(struct arena *a, const char *text, size_t size)
{
    struct image_blob b, again;
    autoerr struct err *e = image_blob_parse(a, text, size, &b);
    char *written;

    if (e)
        return;
    for (size_t i = 0; i < b.diff_ids.n; i++)
        ASSERT(digest_is_valid(b.diff_ids.v[i]));
    written = image_blob_write(a, &b);
    e = image_blob_parse(a, written, strlen(written), &again);
    ASSERT(!e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    const char *text = arena_memdup(a, data, size);

    check_manifest(a, text, size);
    check_blob(a, text, size);
    return 0;
}
