/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's side of a blob that is made by workers. Loop thread, except run_read, which sees only
 * what is the worker's while has_job. A reader that nobody wants any more is freed when its worker
 * is back, also behind the end of the table.
 */
#include "blob_reader.h"

#include <string.h>

struct blob_reader {
    struct image_table *table;
    struct arena *arena;
    struct blob_source source;
    void (*fn)(void *ctx); /* NULL: nobody wants it any more */
    void *ctx;
    struct blob_piece current;
    char *buffers[2]; /* the current piece's, the worker's */
    int64_t end;      /* of all pieces that were taken */
    char digest[DIGEST_MAX];
    bool is_over; /* the last piece was taken, or there was an error */

    /* the worker's while has_job */
    struct job job;
    bool has_job, is_full;
    struct blob_stream *stream;
    struct blob_piece ahead;
    struct err *err;
};

static void free_memory(struct blob_reader *r)
{
    blob_stream_close(r->stream);
    err_drop(r->err);
    free(r->buffers[0]);
    free(r->buffers[1]);
    arena_destroy(r->arena);
    free(r);
}

static void give_back(struct blob_reader *r)
{
    if (r->source.chain_id)
        shelf_unref(r->table->shelf, r->source.chain_id);
    free_memory(r);
}

static void run_read(struct job *job)
{
    struct blob_reader *r = container_of(job, struct blob_reader, job);
    struct blob_piece p = {.data = r->buffers[1]};

    ASSERT_WORKER();
    if (!r->stream)
        r->err = blob_stream_open(&r->source, &r->stream);
    if (r->err)
        return;
    p.source_from = blob_stream_source_at(r->stream);
    r->err = blob_stream_read(r->stream, r->buffers[1], PIECE_BYTES, &p.len);
    p.source_to = blob_stream_source_at(r->stream);
    p.is_last = p.len < PIECE_BYTES;
    r->ahead = p;
}

static void on_read(struct job *job)
{
    struct blob_reader *r = container_of(job, struct blob_reader, job);
    struct image_table *t = r->table;

    ASSERT_LOOP();
    ASSERT(r->has_job && t->n_busy > 0);
    r->has_job = false;
    t->n_busy--;
    if (t->is_closed) { /* nobody counts layers any more */
        free_memory(r);
        if (!t->n_busy)
            free(t);
        return;
    }
    if (!r->fn) {
        give_back(r);
        return;
    }
    r->is_full = true;
    r->fn(r->ctx);
}

static void read_ahead(struct blob_reader *r)
{
    ASSERT(!r->has_job && !r->is_full);
    if (!r->buffers[1])
        r->buffers[1] = mem_alloc(PIECE_BYTES);
    r->has_job = true;
    r->table->n_busy++;
    r->job.run = run_read;
    r->job.done = on_read;
    pool_submit(r->table->pools, POOL_DISK, &r->job);
}

struct blob_reader *blob_reader_create(struct image_table *t, const struct blob_source *s,
                                       void (*fn)(void *ctx), void *ctx)
{
    struct blob_reader *r = mem_new(struct blob_reader);

    ASSERT_LOOP();
    r->table = t;
    r->arena = arena_create();
    r->source = *s;
    r->source.text = arena_strdup(r->arena, s->text);
    r->source.chain_id = arena_strdup(r->arena, s->chain_id);
    r->source.diff_id = arena_strdup(r->arena, s->diff_id);
    r->fn = fn;
    r->ctx = ctx;
    if (r->source.chain_id)
        shelf_ref(t->shelf, r->source.chain_id);
    read_ahead(r);
    return r;
}

void blob_reader_destroy(struct blob_reader *r)
{
    if (!r)
        return;
    ASSERT_LOOP();
    r->fn = NULL;
    if (!r->has_job)
        give_back(r);
}

bool blob_reader_next(struct blob_reader *r, struct blob_piece *out, struct err **out_err)
{
    char *used = r->buffers[0];

    ASSERT_LOOP();
    ASSERT(!r->is_over);
    *out_err = NULL;
    if (!r->is_full)
        return false;
    r->is_full = false;
    if (r->err) {
        r->is_over = true;
        *out_err = steal_ptr(&r->err);
        return false;
    }
    r->buffers[0] = r->buffers[1];
    r->buffers[1] = used;
    r->current = r->ahead;
    r->current.from = r->end;
    r->end += (int64_t)r->current.len;
    r->is_over = r->current.is_last;
    if (r->is_over) {
        bool is_known = blob_stream_digest(r->stream, r->digest);

        ASSERT(is_known);
    } else {
        read_ahead(r);
    }
    *out = r->current;
    return true;
}

int64_t blob_reader_source_size(const struct blob_reader *r)
{
    return r->end ? blob_stream_source_size(r->stream) : -1;
}

const char *blob_reader_digest(const struct blob_reader *r)
{
    ASSERT(r->is_over && *r->digest);
    return r->digest;
}
