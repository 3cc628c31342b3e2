/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer: claims it on the shelf, waits for its turn, has its bytes unpacked by
 * a disk worker and checks both digests before anything gets a name. Loop thread,
 * except the functions named run_…, which see only what is the worker's.
 * A make that nobody wants any more still ends in order: the worker comes back,
 * its draft is thrown away, the shelf hears that nothing was made.
 */
#include "layer_make.h"

#include "layer_pipe.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Archives say less than pulls, as `docker load` does. */
static void say(const struct layer_make *m, const char *status)
{
    if (m->group && !m->plan.path)
        progress_state(layers_progress(m->group), m->plan.label, status);
}

static void on_permit(struct permit *t);
static void on_shelf(struct shelf_wait *w);

struct layer_make *make_create(struct layers *g, struct image_table *t, const struct layer_plan *p,
                               const char *parent)
{
    struct layer_make *m = mem_new(struct layer_make);

    m->arena = arena_create();
    m->group = g;
    m->table = t;
    m->plan = *p;
    m->plan.diff_id = arena_strdup(m->arena, p->diff_id);
    m->plan.blob_digest = arena_strdup(m->arena, p->blob_digest);
    m->plan.path = arena_strdup(m->arena, p->path);
    m->plan.label = arena_strdup(m->arena, p->label);
    m->parent = arena_strdup(m->arena, parent);
    layer_chain_id(m->parent, m->plan.diff_id, m->chain_id);
    m->read_fd = m->write_fd = -1;
    m->wait.fn = on_shelf;
    m->permit.fn = on_permit;
    shelf_ref(t->shelf, m->chain_id);
    return m;
}

/* ---- the end of a make nobody wants ---- */

static void make_free(struct layer_make *m)
{
    ASSERT(!m->has_job && !m->fetch);
    permit_release(m->table->downloads, &m->permit);
    if (m->is_claimed)
        shelf_made(m->table->shelf, m->chain_id, -1);
    shelf_unref(m->table->shelf, m->chain_id);
    pipe_close(m);
    err_drop(m->err);
    arena_destroy(m->arena);
    free(m);
}

/* A worker is back with it. False when the engine has ended meanwhile: then m is gone, and what
 * lies in the store's tmp/ goes at the next start. */
static bool take_back(struct layer_make *m)
{
    struct image_table *t = m->table;

    ASSERT_LOOP();
    ASSERT(m->has_job && t->n_busy > 0);
    m->has_job = false;
    t->n_busy--;
    if (!t->is_closed)
        return true;
    pipe_close(m);
    layer_leave(m->draft);
    err_drop(m->err);
    arena_destroy(m->arena);
    free(m);
    if (!t->n_busy)
        free(t);
    return false;
}

static void run_discard(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);

    ASSERT_WORKER();
    layer_abort(steal_ptr(&m->draft));
}

static void on_discarded(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);

    if (take_back(m))
        make_free(m);
}

static void submit(struct layer_make *m, void (*run)(struct job *), void (*done)(struct job *))
{
    ASSERT(!m->has_job);
    m->has_job = true;
    m->table->n_busy++;
    m->job.run = run;
    m->job.done = done;
    pool_submit(m->table->pools, POOL_DISK, &m->job);
}

static void discard(struct layer_make *m)
{
    if (m->draft)
        submit(m, run_discard, on_discarded);
    else
        make_free(m);
}

/* Whatever is under way comes back by itself: the worker reads the end of the file, and its draft
 * is thrown away. */
void make_abandon(struct layer_make *m)
{
    m->group = NULL;
    shelf_leave(&m->wait);
    permit_release(m->table->downloads, &m->permit);
    fetch_cancel(steal_ptr(&m->fetch));
    m->stop = true;
    pipe_end(m); /* the worker reads EOF */
    if (!m->has_job)
        discard(m);
}

static void fail(struct layer_make *m, struct err *err)
{
    if (m->group)
        layers_fail(m->group, err); /* abandons us, too */
    else
        err_drop(err);
}

/* ---- commit ---- */

static void run_commit(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);

    ASSERT_WORKER();
    m->err = layer_commit(steal_ptr(&m->draft), m->parent, m->chain_id, &m->result);
}

static void on_committed(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);
    bool is_made = !m->err;

    if (!take_back(m))
        return;
    if (is_made && m->makes_record)
        shelf_note_record(m->table->shelf, m->chain_id);
    if (is_made && m->is_claimed) {
        m->is_claimed = false;
        shelf_made(m->table->shelf, m->chain_id, m->result.file_bytes);
    }
    if (!m->group) {
        make_free(m);
    } else if (!is_made) {
        fail(m, steal_ptr(&m->err));
    } else {
        m->state = MAKE_IN_PLACE;
        say(m, "Pull complete");
        layers_advance(m->group);
    }
}

void make_commit(struct layer_make *m)
{
    ASSERT(m->state == MAKE_UNPACKED && m->draft && (m->is_claimed || m->makes_record));
    m->state = MAKE_COMMITTING;
    submit(m, run_commit, on_committed);
}

/* ---- unpack ---- */

static bool run_progress(void *ctx, int64_t blob_bytes)
{
    struct layer_make *m = ctx;

    m->consumed = blob_bytes;
    return !m->stop;
}

/* Both digests: the blob's is what the manifest promised, the tar's what the configuration did. */
static struct err *run_check(struct layer_make *m)
{
    const struct layer_plan *p = &m->plan;

    m->is_explained = true;
    if (p->blob_digest && strcmp(p->blob_digest, m->result.blob_digest) != 0)
        return err_new(ERR_INVALID, "filesystem layer verification failed for digest %s",
                       p->blob_digest);
    if (strcmp(p->diff_id, m->result.diff_id) != 0)
        return err_new(ERR_INVALID,
                       "layers from manifest don't match image configuration: layer %s unpacks to "
                       "%s, not %s",
                       p->label, m->result.diff_id, p->diff_id);
    return NULL;
}

static void run_unpack(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);
    const struct unpack_limits limits = {.packed_bytes = m->plan.packed_bytes};
    autoclose int file = -1;
    int fd = m->read_fd;

    ASSERT_WORKER();
    if (m->plan.path) {
        fd = file = open(m->plan.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            m->err = err_sys("open %s", m->plan.path);
            return;
        }
    }
    m->err = layer_unpack(m->table->store, fd, &limits, run_progress, m, &m->result, &m->draft);
    if (!m->err)
        m->err = run_check(m);
    if (m->err && m->draft)
        layer_abort(steal_ptr(&m->draft));
}

/* Whether a bad archive came so or was damaged on the way is not known before its last byte, so
 * both begin with the same words. */
static struct err *explain(struct layer_make *m)
{
    struct err *e = steal_ptr(&m->err);
    const char *name = m->plan.blob_digest ? m->plan.blob_digest : m->plan.diff_id;

    if (err_kind(e) != ERR_INVALID || m->is_explained)
        return e;
    return err_wrap(e, "filesystem layer verification failed for digest %s", name);
}

static void on_unpacked(struct job *job)
{
    struct layer_make *m = container_of(job, struct layer_make, job);

    if (!take_back(m))
        return;
    pipe_close(m);
    permit_release(m->table->downloads, &m->permit);
    if (!m->group) {
        discard(m);
        return;
    }
    if (!m->err && m->fetch)
        m->err = err_new(ERR_INTERNAL, "layer %s ended before its last byte", m->plan.label);
    if (m->err) {
        fail(m, explain(m));
        return;
    }
    if (m->plan.path)
        progress_bytes(layers_progress(m->group), m->plan.label, "Loading layer",
                       m->result.blob_bytes, m->result.blob_bytes);
    m->state = MAKE_UNPACKED;
    layers_advance(m->group);
}

/* ---- fetch ---- */

static void on_fetched(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct layer_make *m = ctx;

    (void)r;
    m->fetch = NULL;
    if (err && !m->has_job && m->err) { /* it was we who stopped it */
        err_drop(err);
        err = steal_ptr(&m->err);
    }
    if (err) {
        fail(m, err);
        return;
    }
    m->has_all_bytes = true;
    permit_release(m->table->downloads, &m->permit);
    if (!m->has_job) { /* an empty body */
        struct err *e = pipe_open(m);

        if (e) {
            fail(m, e);
            return;
        }
        submit(m, run_unpack, on_unpacked);
    }
    pipe_end_when_empty(m);
    say(m, "Verifying Checksum");
    say(m, "Download complete");
    progress_bytes(layers_progress(m->group), m->plan.label, "Extracting", m->consumed,
                   m->plan.blob_bytes);
}

/* The worker and its pipe are made at the first byte: many layers wait for their turn, and each
 * pipe costs two descriptors. */
static enum web_verdict on_bytes(void *ctx, const void *p, size_t n)
{
    struct layer_make *m = ctx;

    if (!m->has_job) {
        if (m->err || (m->err = pipe_open(m)))
            return WEB_STOP;
        submit(m, run_unpack, on_unpacked);
    }
    return pipe_put(m, p, n);
}

static void on_fetch_retry(void *ctx, int wait_s)
{
    struct layer_make *m = ctx;
    char status[64];

    snprintf(status, sizeof(status), "Retrying in %d second%s", wait_s, wait_s == 1 ? "" : "s");
    say(m, status);
}

static void start_fetch(struct layer_make *m)
{
    autofree char *path = mem_printf("blobs/%s", m->plan.blob_digest ? m->plan.blob_digest : "");
    struct fetch_plan plan = {
        .path = path,
        .size_bytes = m->plan.blob_bytes,
        .body = on_bytes,
        .retry = on_fetch_retry,
        .done = on_fetched,
    };

    ASSERT((m->is_claimed || m->makes_record) && m->group && !m->fetch && !m->has_job);
    m->state = MAKE_FETCHING;
    if (m->plan.path)
        submit(m, run_unpack, on_unpacked);
    else
        m->fetch = registry_get(layers_registry(m->group), &plan, m);
}

/* ---- claim and permit ---- */

static void on_permit(struct permit *t)
{
    start_fetch(container_of(t, struct layer_make, permit));
}

/* Another pull has made the layer, or has failed to: asked again. */
static void on_shelf(struct shelf_wait *w)
{
    struct layer_make *m = container_of(w, struct layer_make, wait);
    struct layers *g = m->group;

    make_begin(m);
    if (m->state == MAKE_IN_PLACE)
        layers_advance(g);
}

static void make_ours(struct layer_make *m, bool is_new)
{
    if (is_new)
        say(m, "Pulling fs layer");
    m->state = MAKE_WAITING;
    if (permit_take(m->table->downloads, &m->permit))
        start_fetch(m);
    else
        say(m, "Waiting");
}

void make_begin(struct layer_make *m)
{
    bool is_new = m->state == MAKE_NEW;

    switch (shelf_want(m->table->shelf, m->chain_id, &m->wait)) {
    case SHELF_PRESENT:
        if (m->plan.wants_record && shelf_lacks_record(m->table->shelf, m->chain_id)) {
            m->makes_record = true;
            make_ours(m, is_new);
            return;
        }
        m->state = MAKE_IN_PLACE;
        say(m, "Already exists");
        return;
    case SHELF_WAIT:
        break;
    case SHELF_YOURS:
        m->is_claimed = true;
        make_ours(m, is_new);
        return;
    }
    m->state = MAKE_WAITING;
    if (is_new) {
        say(m, "Pulling fs layer");
        say(m, "Waiting");
    }
}

void make_tick(struct layer_make *m)
{
    const char *status = m->plan.path       ? "Loading layer"
                         : m->has_all_bytes ? "Extracting"
                                            : "Downloading";
    int64_t now = m->plan.path || m->has_all_bytes ? (int64_t)m->consumed : m->received;

    if (m->state != MAKE_FETCHING || now == m->said || now == 0)
        return;
    m->said = now;
    progress_bytes(layers_progress(m->group), m->plan.label, status, now, m->plan.blob_bytes);
}
