/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a container's spool, what the keeper took while no engine was there, into the
 * log. On the log's disk worker. The record says which chunk is next, so it can be cut
 * off anywhere and gone on with by the next engine, also when the keeper has added to
 * the file meanwhile. Trap: the file goes before the record forgets it; a new one has
 * another generation, so the offset of the old is never taken for its own.
 */
#include "logdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "readdisk.h"

bool spool_open(const char *path, struct spool *s, uint64_t *out_gen)
{
    struct spool_head head;
    struct stat st;

    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s->fd < 0)
        return false;
    if (fstat(s->fd, &st) < 0 || pread(s->fd, &head, sizeof(head), 0) != sizeof(head) ||
        head.magic != SPOOL_MAGIC || head.version != LAND_VERSION)
        return false;
    s->size = st.st_size;
    *out_gen = head.gen;
    return true;
}

/* The chunk at `off`. Its length is not known when the keeper died in it: the rest is its. */
static bool next_chunk(struct spool *s, int64_t off)
{
    s->at = off + (int64_t)sizeof(s->chunk);
    if (s->at >= s->size ||
        readdisk_pread(s->fd, (char *)&s->chunk, sizeof(s->chunk), off) != sizeof(s->chunk))
        return false;
    if (s->chunk.n == SPOOL_OPEN)
        s->chunk.n = (uint32_t)(s->size - s->at);
    return s->chunk.magic == SPOOL_MAGIC && s->chunk.n <= LAND_WINDOW &&
           s->at + s->chunk.n <= s->size;
}

static bool merge_chunk(struct logdisk *d, const struct spool *s, char *space)
{
    struct log_feed f = {.stream = s->chunk.stream,
                         .wall_ns = s->chunk.wall_ns,
                         .bytes = space,
                         .n = s->chunk.n,
                         .counts = true};

    ASSERT(d->next && f.n <= LAND_WINDOW);
    if (readdisk_pread(s->fd, space, f.n, s->at) != f.n)
        return false;
    logdisk_feed(d, &f, d->next->base);
    d->next->spool_off = (uint64_t)s->at + f.n;
    d->next->base = 0;
    return true;
}

/* False: stuck. */
static bool merge_chunks(struct logdisk *d, struct spool *s, uint64_t gen)
{
    autofree char *space = mem_alloc(LAND_WINDOW);

    logdisk_begin(d);
    if (d->next->spool_gen != gen) {
        d->next->spool_gen = gen;
        d->next->spool_off = sizeof(struct spool_head);
        d->next->base = 0;
    }
    while (next_chunk(s, (int64_t)d->next->spool_off)) {
        if (!merge_chunk(d, s, space))
            break;
        if (d->is_stuck || (d->out_n >= OUT_HIGH && !logdisk_commit(d)))
            return false;
        logdisk_begin(d);
    }
    if (d->next->spool_off < (uint64_t)s->size)
        log_debug("the rest of a spool cannot be read", KV("log", d->files->path));
    return logdisk_commit(d);
}

static bool tell_lost(struct logdisk *d)
{
    uint64_t lost = d->record->lost;

    logdisk_begin(d);
    if (lost > d->next->told)
        logdisk_add_lost(d, lost - d->next->told);
    d->next->told = lost;
    return logdisk_commit(d);
}

bool logdisk_merge_spool(struct logdisk *d, const char *path)
{
    struct spool s = {.fd = -1};
    uint64_t gen;
    bool is_done = !land_state(d->record)->ino || logdisk_settle(d);

    ASSERT(d->record);
    if (is_done && path[0] && spool_open(path, &s, &gen))
        is_done = merge_chunks(d, &s, gen);
    if (s.fd >= 0)
        close(s.fd);
    if (!is_done) {
        d->is_stuck = true;
        d->error = errno;
        return false;
    }
    if (path[0])
        unlink(path);
    return tell_lost(d);
}
