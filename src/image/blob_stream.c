/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layer → tar → gzip → bytes. Worker. The same layer gives the same bytes, so whoever lost some of
 * them begins a new stream and passes over what is there already.
 */
#include "blob_stream.h"

#include "core/loop.h"
#include "storage/layer_tar.h"

#include <string.h>
#include <zlib.h>

enum { INPUT_BYTES = 256 << 10, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 };

struct blob_stream {
    struct blob_source source;
    struct layer_tar *tar;
    int64_t source_size, source_at;
    z_stream z;
    bool has_z, has_all_input, is_over;
    struct sha256 *hash;
    char digest[DIGEST_MAX];
    char input[INPUT_BYTES];
};

static struct err *open_tar(struct blob_stream *b)
{
    const struct blob_source *s = &b->source;

    TRY(layer_tar_open(s->store, s->chain_id, &b->tar));
    if (strcmp(layer_tar_diff_id(b->tar), s->diff_id) != 0)
        return err_new(ERR_CONFLICT, "layer %.19s… says that it is %s, and it should be %s",
                       s->chain_id, layer_tar_diff_id(b->tar), s->diff_id);
    b->source_size = layer_tar_size(b->tar);
    if (s->is_plain)
        return NULL;
    /* zlib's own header of gzip: no name, no time. */
    if (deflateInit2(&b->z, LAYER_GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return err_new(ERR_INTERNAL, "zlib does not begin");
    b->has_z = true;
    return NULL;
}

struct err *blob_stream_open(const struct blob_source *s, struct blob_stream **out)
{
    struct blob_stream *b = mem_new(struct blob_stream);
    struct err *e = NULL;

    ASSERT_WORKER();
    b->source = *s;
    b->hash = sha256_create();
    if (s->text)
        b->source_size = (int64_t)strlen(s->text);
    else
        e = open_tar(b);
    if (e) {
        blob_stream_close(b);
        return e;
    }
    *out = b;
    return NULL;
}

/* The next bytes of the tar or text; *n 0: none. */
static struct err *read_source(struct blob_stream *b, void *p, size_t room, size_t *n)
{
    int64_t left = b->source_size - b->source_at;

    if (b->tar) {
        TRY(layer_tar_read(b->tar, p, room, n));
    } else {
        *n = (int64_t)room < left ? room : (size_t)left;
        memcpy(p, b->source.text + b->source_at, *n);
    }
    b->source_at += (int64_t)*n;
    return NULL;
}

static struct err *read_plain(struct blob_stream *b, char *p, size_t room, size_t *n)
{
    size_t some;

    for (*n = 0; *n < room && !b->is_over; *n += some) {
        TRY(read_source(b, p + *n, room - *n, &some));
        b->is_over = !some;
    }
    return NULL;
}

static struct err *refill(struct blob_stream *b)
{
    size_t n;

    if (b->z.avail_in || b->has_all_input)
        return NULL;
    TRY(read_source(b, b->input, sizeof(b->input), &n));
    b->has_all_input = !n;
    b->z.next_in = (Bytef *)b->input;
    b->z.avail_in = (uInt)n;
    return NULL;
}

static struct err *read_packed(struct blob_stream *b, char *p, size_t room, size_t *n)
{
    int r;

    b->z.next_out = (Bytef *)p;
    b->z.avail_out = (uInt)room;
    while (b->z.avail_out && !b->is_over) {
        TRY(refill(b));
        r = deflate(&b->z, b->has_all_input ? Z_FINISH : Z_NO_FLUSH);
        if (r == Z_STREAM_ERROR)
            return err_new(ERR_INTERNAL, "zlib failed: %s", b->z.msg ? b->z.msg : "stream error");
        b->is_over = r == Z_STREAM_END;
    }
    *n = room - b->z.avail_out;
    return NULL;
}

struct err *blob_stream_read(struct blob_stream *b, void *p, size_t room, size_t *n)
{
    bool was_over = b->is_over;

    ASSERT_WORKER();
    ASSERT(room > 0 && room <= 1u << 30);
    TRY(b->has_z ? read_packed(b, p, room, n) : read_plain(b, p, room, n));
    if (was_over)
        return NULL;
    sha256_add(b->hash, p, *n);
    if (b->is_over)
        sha256_end(steal_ptr(&b->hash), b->digest);
    return NULL;
}

int64_t blob_stream_source_size(const struct blob_stream *b)
{
    return b->source_size;
}

int64_t blob_stream_source_at(const struct blob_stream *b)
{
    return b->source_at;
}

bool blob_stream_digest(const struct blob_stream *b, char out[DIGEST_MAX])
{
    if (!b->is_over)
        return false;
    memcpy(out, b->digest, DIGEST_MAX);
    return true;
}

void blob_stream_close(struct blob_stream *b)
{
    if (!b)
        return;
    layer_tar_close(b->tar);
    if (b->has_z)
        deflateEnd(&b->z);
    sha256_destroy(b->hash);
    free(b);
}
