/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker import: a tar becomes the one layer of a new image; docker commit, and the steps of a
 * build: what a container has written becomes one more layer above its image's. The layer's id is
 * known only when it has been unpacked, so the draft comes first and the shelf is asked afterwards.
 * Read the step tables at the end first.
 */
#include "adopt.h"
#include "change.h"
#include "job.h"
#include "url_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <string.h>

struct import {
    struct image_job job; /* must be first */
    int in_fd;
    struct url_source *source; /* NULL: in_fd is the client's */
    char *url;
    struct err *source_err; /* it could not begin */
    const char *repo, *tag, *message, *platform_text;
    struct strs changes;
    struct ref name; /* path NULL: none wanted */
    struct image_blob blob;
    struct unpack_result result;
    struct layer_draft *draft;
    const char *chain_id; /* NULL: not held */
    struct shelf_wait wait;
    bool is_claimed;
    struct adoption adopted;

    /* of a commit */
    bool is_commit, is_unlisted;
    bool is_kept;             /* by us: until whoever asked for it has taken it */
    const char *container_id; /* NULL: there is no layer of it */
    const char *parent_text, *config_text, *author, *created_by;
    struct strs below; /* the parent's layers: held until the end */
    bool (*is_there)(void *ctx);
    char *torn; /* heap */
};

/* ---- what the user wants: checked before the first byte ---- */

static struct err *read_name(struct op *op)
{
    struct import *m = (struct import *)op;

    if (text_is_empty(m->repo))
        return NULL;
    TRY(ref_parse(op->arena, m->repo, &m->name));
    if (m->name.digest)
        return err_new(ERR_INVALID, "cannot %s digest reference",
                       m->is_commit ? "commit to" : "import");
    if (!text_is_empty(m->tag))
        TRY(ref_set_tag(op->arena, &m->name, m->tag));
    if (!m->name.tag)
        m->name.tag = arena_strdup(op->arena, "latest");
    return NULL;
}

static struct err *apply_changes(struct op *op)
{
    struct import *m = (struct import *)op;

    for (size_t n = 0; n < m->changes.n; n++)
        TRY(change_apply(op->arena, m->changes.v[n], &m->blob.run));
    return image_blob_check_sizes(&m->blob);
}

/* Of an image that has nothing below it. */
static struct err *begin_blob(struct import *m)
{
    struct platform p;

    TRY(platform_parse(m->job.op.arena, m->platform_text, &p));
    if (strcmp(p.os, "linux") != 0)
        return err_new(ERR_INVALID, "operating system is not supported");
    m->blob.os = p.os;
    m->blob.architecture = p.arch;
    m->blob.variant = p.variant;
    return NULL;
}

static struct err *check_import(struct op *op)
{
    struct import *m = (struct import *)op;

    if (m->source_err)
        return steal_ptr(&m->source_err);
    TRY(read_name(op));
    TRY(begin_blob(m));
    return apply_changes(op);
}

/* Everything of the parent's stays but its configuration. */
static struct err *check_commit(struct op *op)
{
    struct import *m = (struct import *)op;

    TRY(read_name(op));
    if (m->parent_text)
        TRY(image_blob_parse(op->arena, m->parent_text, strlen(m->parent_text), &m->blob));
    else
        TRY(begin_blob(m));
    if (m->container_id && m->blob.diff_ids.n >= LAYERS_MAX)
        return err_new(ERR_INVALID,
                       "max depth exceeded: the image has %zu layers already, and at most %d work: "
                       "use export and import, which make one of them",
                       m->blob.diff_ids.n, LAYERS_MAX);
    m->blob.run = (struct run_defaults){0};
    TRY(json_decode(op->arena, m->config_text, strlen(m->config_text), &run_defaults_json,
                    &m->blob.run));
    return apply_changes(op);
}

/* ---- the layer ---- */

static bool on_progress(void *ctx, int64_t blob_bytes)
{
    const struct import *m = ctx;

    (void)blob_bytes;
    return !m->job.is_cancelled;
}

static struct err *unpack(struct op *op)
{
    struct import *m = (struct import *)op;
    struct err *e, *why;

    ASSERT_WORKER();
    e = layer_unpack(m->job.table->store, m->in_fd, NULL, on_progress, m, &m->result, &m->draft);
    why = m->source ? url_source_failure(m->source) : NULL;
    if (!why)
        return e;
    err_drop(e); /* of what did not come */
    layer_abort(steal_ptr(&m->draft));
    return why;
}

static struct err *pack(struct op *op)
{
    struct import *m = (struct import *)op;

    ASSERT_WORKER();
    TRY(layer_pack(m->job.table->store, m->container_id, on_progress, m, &m->result, &m->torn,
                   &m->draft));
    if (m->is_unlisted && m->result.is_empty) /* a step that changed nothing is none */
        layer_abort(steal_ptr(&m->draft));
    return NULL;
}

static void drop_draft(struct op *op)
{
    struct import *m = (struct import *)op;

    layer_abort(steal_ptr(&m->draft));
}

static void ask_shelf(struct shelf_wait *w)
{
    struct import *m = container_of(w, struct import, wait);

    ASSERT(m->job.ticket && m->chain_id);
    switch (shelf_want(m->job.table->shelf, m->chain_id, w)) {
    case SHELF_WAIT:
        return;
    case SHELF_YOURS:
        m->is_claimed = true;
        break;
    case SHELF_PRESENT:
        break;
    }
    ticket_answer(steal_ptr(&m->job.ticket), NULL);
}

static const char *parent_layer(const struct import *m)
{
    return m->below.n ? m->below.v[m->below.n - 1] : NULL;
}

static struct err *claim(struct op *op)
{
    struct import *m = (struct import *)op;
    char chain_id[DIGEST_MAX];

    if (m->job.is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    if (m->is_there && !m->is_there(m->job.ctx))
        return err_new(ERR_CONFLICT, "container %s was removed while it was committed",
                       m->container_id);
    if (m->torn)
        log_warn("a file became shorter while its container was committed: its end is zeros",
                 KV("id", m->container_id), KV("path", m->torn));
    m->wait.fn = ask_shelf;
    layer_chain_id(parent_layer(m), m->result.diff_id, chain_id);
    m->chain_id = arena_strdup(op->arena, chain_id);
    shelf_ref(m->job.table->shelf, m->chain_id);
    m->job.ticket = op_wait(op);
    ask_shelf(&m->wait);
    return NULL;
}

static void unclaim(struct op *op)
{
    struct import *m = (struct import *)op;

    shelf_leave(&m->wait);
    op_recall_ticket(op);
    if (m->is_claimed)
        shelf_made(m->job.table->shelf, m->chain_id, -1);
    m->is_claimed = false;
    if (m->chain_id)
        shelf_unref(m->job.table->shelf, m->chain_id);
    m->chain_id = NULL;
}

static struct err *commit(struct op *op)
{
    struct import *m = (struct import *)op;

    ASSERT_WORKER();
    if (m->is_claimed)
        return layer_commit(steal_ptr(&m->draft), parent_layer(m), m->chain_id, &m->result);
    drop_draft(op); /* the same layer is there already */
    return NULL;
}

static struct err *shelve(struct op *op)
{
    struct import *m = (struct import *)op;

    ASSERT(m->chain_id);
    if (m->is_claimed)
        shelf_made(m->job.table->shelf, m->chain_id, m->result.file_bytes);
    m->is_claimed = false;
    return NULL;
}

/* ---- the image ---- */

static bool has_files(const struct op *op)
{
    return ((const struct import *)op)->container_id != NULL;
}

static bool has_layer(const struct op *op)
{
    const struct import *m = (const struct import *)op;

    return !m->is_commit || (m->container_id && !(m->is_unlisted && m->result.is_empty));
}

static void add_history(struct import *m)
{
    struct jlist *before = &m->blob.history;
    struct history_entry *h =
        arena_array(m->job.op.arena, before->n + 1, sizeof(struct history_entry));

    if (before->n)
        memcpy(h, before->v, before->n * sizeof(*h));
    h[before->n] = (struct history_entry){
        .created = m->blob.created,
        .created_by = (char *)m->created_by,
        .author = (char *)m->author,
        .comment = m->blob.comment,
        .empty_layer = !has_layer(&m->job.op),
    };
    m->blob.history = (struct jlist){h, before->n + 1};
}

/* A configuration of our own: the platform, the changes, and one layer more. */
static const char *write_blob(struct op *op)
{
    struct import *m = (struct import *)op;
    const char *comment =
        m->is_commit ? "" : arena_printf(op->arena, "Imported from %s", m->url ? m->url : "-");
    char now[RFC3339_MAX];

    clock_rfc3339(clock_wall_ns(), now);
    m->blob.created = arena_strdup(op->arena, now);
    m->blob.comment = arena_strdup(op->arena, text_is_empty(m->message) ? comment : m->message);
    m->blob.author = (char *)m->author;
    if (has_layer(op))
        strs_add(op->arena, &m->blob.diff_ids, m->result.diff_id);
    add_history(m);
    return image_blob_write(op->arena, &m->blob);
}

static struct err *adopt(struct op *op)
{
    struct import *m = (struct import *)op;
    struct image_facts facts = {0};
    struct strs names = {0};

    if (m->job.is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    facts.text = write_blob(op);
    if (m->name.path)
        strs_add(op->arena, &names, ref_full(op->arena, &m->name));
    TRY(adopt_image(m->job.table, op->arena, &facts, &names, &m->adopted));
    m->job.image = m->adopted.image;
    if (!m->is_unlisted)
        return NULL;
    image_keep(m->job.image);
    m->is_kept = true;
    if (m->adopted.is_new || m->adopted.was_removed)
        m->job.image->is_removed = true;
    return NULL;
}

static void stop_keeping(struct import *m)
{
    if (m->is_kept)
        image_let_go(m->job.image);
    m->is_kept = false;
}

static void unadopt(struct op *op)
{
    struct import *m = (struct import *)op;

    stop_keeping(m);
    adopt_undo(m->job.table, &m->adopted);
}

static struct err *save(struct op *op)
{
    struct import *m = (struct import *)op;

    adopt_save(m->job.table, op, &m->adopted, 1);
    return NULL;
}

static struct err *tell(struct op *op)
{
    struct import *m = (struct import *)op;
    const char *name = m->name.path ? ref_familiar(op->arena, &m->name) : NULL;

    progress_say(&m->job.progress, NULL, m->job.image->id);
    image_event(m->job.image, "import", NULL, name);
    return NULL;
}

static void finish(struct op *op)
{
    struct import *m = (struct import *)op;

    image_job_finish(&m->job);
    stop_keeping(m);
    unclaim(op);
    for (size_t n = m->below.n; n > 0; n--)
        shelf_unref(m->job.table->shelf, m->below.v[n - 1]);
    free(m->torn);
    url_source_destroy(m->source);
    err_drop(m->source_err);
    if (m->in_fd >= 0)
        close(steal_fd(&m->in_fd));
}

static const struct op_step import_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"check-request", ON_DISK, check_import, NULL, 0},
    {"unpack", ON_DISK, unpack, drop_draft, -1},
    {"claim", ON_EVENT, claim, unclaim, -1},
    {"commit", ON_DISK, commit, NULL, -1},
    {"shelve", ON_LOOP, shelve, NULL, 0},
    {"adopt", ON_LOOP, adopt, unadopt, 0},
    {"save", ON_EVENT, save, NULL, -1},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};

static const struct op_type import_type = {
    .name = "image/import",
    .class = OP_INTERNAL, /* it reads at the client's speed */
    .size = sizeof(struct import),
    .steps = import_steps,
    .finish = finish,
};
OP_LISTED(import_type);

/* ---- from the web ---- */

static void on_source_begun(void *ctx)
{
    struct import *m = ctx;

    progress_say(&m->job.progress, NULL,
                 arena_printf(m->job.op.arena, "Downloading from %s", m->url));
}

static void stop_source(struct image_job *j)
{
    url_source_stop(((struct import *)j)->source);
}

static void begin_source(struct import *m, const char *url)
{
    struct image_table *t = m->job.table;

    m->job.stop = stop_source;
    m->source_err = url_source_address(m->job.op.arena, url, &m->url);
    if (!m->source_err)
        m->source_err =
            url_source_open(t->loop, t->pools, m->url, on_source_begun, m, &m->in_fd, &m->source);
}

struct image_job *image_import(struct image_table *t, int in_fd, const struct image_import *r,
                               image_progress_fn progress, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &import_type, progress, done, ctx);
    struct import *m = (struct import *)j;
    struct arena *a = j->op.arena;

    m->in_fd = in_fd;
    m->repo = arena_strdup(a, r->repo);
    m->tag = arena_strdup(a, r->tag);
    m->message = arena_strdup(a, r->message);
    m->platform_text = arena_strdup(a, r->platform);
    m->changes = strs_copy(a, &r->changes);
    if (r->url)
        begin_source(m, r->url);
    image_job_start(j);
    return j;
}

/* ---- of a container ---- */

static const struct op_step commit_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"check-request", ON_DISK, check_commit, NULL, 0},
    {"pack", ON_DISK, pack, drop_draft, -1, has_files},
    {"claim", ON_EVENT, claim, unclaim, -1, has_layer},
    {"commit", ON_DISK, commit, NULL, -1, has_layer},
    {"shelve", ON_LOOP, shelve, NULL, 0, has_layer},
    {"adopt", ON_LOOP, adopt, unadopt, 0},
    {"save", ON_EVENT, save, NULL, -1},
    {0},
};

static const struct op_type commit_type = {
    .name = "image/commit",
    .class = OP_INTERNAL, /* the commit of the container that waits for it was admitted */
    .size = sizeof(struct import),
    .steps = commit_steps,
    .finish = finish,
};
OP_LISTED(commit_type);

struct image_job *image_commit(struct image_table *t, struct image *parent,
                               const struct image_commit *r, image_done_fn done, void *ctx)
{
    struct image_job *j = image_job_create(t, &commit_type, NULL, done, ctx);
    struct import *m = (struct import *)j;
    struct arena *a = j->op.arena;

    m->in_fd = -1;
    m->is_commit = true;
    m->is_unlisted = r->is_unlisted;
    m->container_id = arena_strdup(a, r->container_id);
    m->platform_text = arena_strdup(a, r->platform);
    if (parent) {
        m->parent_text = arena_strdup(a, parent->text);
        m->below = strs_copy(a, &parent->chain);
    }
    for (size_t n = 0; n < m->below.n; n++)
        shelf_ref(t->shelf, m->below.v[n]);
    m->config_text = arena_strdup(a, r->config);
    m->created_by = arena_strdup(a, r->created_by);
    m->repo = arena_strdup(a, r->repo);
    m->tag = arena_strdup(a, r->tag);
    m->message = arena_strdup(a, r->comment);
    m->author = arena_strdup(a, r->author);
    m->changes = strs_copy(a, &r->changes);
    m->is_there = r->is_there;
    j->forget = r->forget;
    j->op.subject = m->container_id ? m->container_id : m->created_by;
    image_job_start(j);
    return j;
}
