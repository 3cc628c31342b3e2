/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper took while no engine was there, for a log whose lines the loop sends away: a
 * disk worker reads a window of the spool at a time, the loop takes the chunks out of it.
 * Trap: the length of the last chunk is not known when the keeper died in it.
 */
#include "log_forward_spool.h"

#include <string.h>
#include <unistd.h>

#include "logdisk.h"
#include "readdisk.h"

#define WINDOW (4 * LAND_WINDOW)

struct log_forward_spool {
    struct pools *pools;
    struct job job;
    void (*done)(void *ctx);
    void *ctx;
    char *path;
    struct spool file; /* the worker's, as what follows, while the job runs */
    uint64_t gen;
    uint64_t want_gen, off; /* of the window */
    char *window;
    size_t n;
};

static void run_read(struct job *job)
{
    struct log_forward_spool *s = container_of(job, struct log_forward_spool, job);

    ASSERT_WORKER();
    if (s->file.fd < 0 && !spool_open(s->path, &s->file, &s->gen))
        s->gen = 0;
    if (!s->gen)
        return;
    if (s->gen != s->want_gen)
        s->off = sizeof(struct spool_head);
    s->n = readdisk_pread(s->file.fd, s->window, WINDOW, (int64_t)s->off);
}

static void run_remove(struct job *job)
{
    ASSERT_WORKER();
    unlink(container_of(job, struct log_forward_spool, job)->path);
}

static void on_done(struct job *job)
{
    struct log_forward_spool *s = container_of(job, struct log_forward_spool, job);

    s->done(s->ctx);
}

void log_forward_spool_read(struct log_forward_spool *s, const struct land_state *state)
{
    ASSERT_LOOP();
    ASSERT(state->spool_off <= INT64_MAX);
    s->want_gen = state->spool_gen;
    s->off = state->spool_off;
    s->job = (struct job){.run = run_read, .done = on_done};
    pool_submit(s->pools, POOL_DISK, &s->job);
}

void log_forward_spool_remove(struct log_forward_spool *s)
{
    s->job = (struct job){.run = run_remove, .done = on_done};
    pool_submit(s->pools, POOL_DISK, &s->job);
}

uint64_t log_forward_spool_gen(const struct log_forward_spool *s)
{
    return s->gen;
}

enum spool_part log_forward_spool_chunk(const struct log_forward_spool *s, uint64_t off,
                                        struct spool_chunk *out, const char **out_bytes)
{
    uint64_t size = (uint64_t)s->file.size, bytes = off + sizeof(*out);

    if (bytes >= size)
        return SPOOL_END;
    if (off < s->off || bytes > s->off + s->n)
        return s->off == off ? SPOOL_END : SPOOL_MORE; /* it cannot be read */
    memcpy(out, s->window + (off - s->off), sizeof(*out));
    if (out->n == SPOOL_OPEN)
        out->n = (uint32_t)(size - bytes);
    if (out->magic != SPOOL_MAGIC || out->n > LAND_WINDOW || bytes + out->n > size)
        return SPOOL_END;
    if (bytes + out->n > s->off + s->n)
        return s->off == off ? SPOOL_END : SPOOL_MORE;
    ASSERT(bytes - s->off + out->n <= WINDOW);
    *out_bytes = s->window + (bytes - s->off);
    return SPOOL_CHUNK;
}

struct log_forward_spool *log_forward_spool_create(struct pools *p, const char *path,
                                                   void (*done)(void *ctx), void *ctx)
{
    struct log_forward_spool *s = mem_new(struct log_forward_spool);

    s->pools = p;
    s->path = mem_strdup(path);
    s->done = done;
    s->ctx = ctx;
    s->file.fd = -1;
    s->window = mem_alloc(WINDOW);
    return s;
}

void log_forward_spool_destroy(struct log_forward_spool *s)
{
    if (!s)
        return;
    if (s->file.fd >= 0)
        close(s->file.fd);
    free(s->window);
    free(s->path);
    free(s);
}
