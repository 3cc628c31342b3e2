/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker import: a tar becomes the one layer of a new image. The layer's id is
 * known only when it has been unpacked, so the draft comes first and the shelf is
 * asked afterwards. Read the step table at the end first.
 */
#include "adopt.h"
#include "change.h"
#include "job.h"

#include "base/clock.h"
#include "base/ref.h"

#include <string.h>

struct import {
    struct image_job job; /* must be first */
    int in_fd;
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
};

/* ---- what the user wants: checked before the first byte ---- */

static struct err *read_name(struct op *op)
{
    struct import *m = (struct import *)op;
    const char *full = m->repo;

    if (text_is_empty(m->repo))
        return NULL;
    if (!text_is_empty(m->tag))
        full = arena_printf(op->arena, "%s:%s", m->repo, m->tag);
    TRY(ref_parse(op->arena, full, &m->name));
    if (m->name.digest)
        return err_new(ERR_INVALID, "cannot import digest reference");
    if (!m->name.tag)
        m->name.tag = arena_strdup(op->arena, "latest");
    return NULL;
}

static struct err *check_request(struct op *op)
{
    struct import *m = (struct import *)op;
    struct platform p;

    TRY(read_name(op));
    TRY(platform_parse(op->arena, m->platform_text, &p));
    m->blob.os = p.os;
    m->blob.architecture = p.arch;
    m->blob.variant = p.variant;
    for (size_t n = 0; n < m->changes.n; n++)
        TRY(change_apply(op->arena, m->changes.v[n], &m->blob.run));
    return image_blob_check_sizes(&m->blob);
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

    ASSERT_WORKER();
    return layer_unpack(m->job.table->store, m->in_fd, NULL, on_progress, m, &m->result, &m->draft);
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

static struct err *claim(struct op *op)
{
    struct import *m = (struct import *)op;

    if (m->job.is_cancelled)
        return err_new(ERR_CANCELLED, "the client is gone");
    m->wait.fn = ask_shelf;
    m->chain_id = arena_strdup(op->arena, m->result.diff_id);
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
        return layer_commit(steal_ptr(&m->draft), NULL, m->chain_id, &m->result);
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

/* A configuration of our own: the platform that was asked for, the changes, and one layer. */
static const char *write_blob(struct op *op)
{
    struct import *m = (struct import *)op;
    struct history_entry *h = arena_new(op->arena, struct history_entry);
    char now[RFC3339_MAX];

    clock_rfc3339(clock_wall_ns(), now);
    m->blob.created = arena_strdup(op->arena, now);
    m->blob.comment =
        arena_strdup(op->arena, text_is_empty(m->message) ? "Imported from -" : m->message);
    strs_add(op->arena, &m->blob.diff_ids, m->result.diff_id);
    h->created = m->blob.created;
    h->comment = m->blob.comment;
    m->blob.history = (struct jlist){h, 1};
    return image_blob_write(op->arena, &m->blob);
}

static struct err *adopt(struct op *op)
{
    struct import *m = (struct import *)op;
    struct image_facts facts = {.text = write_blob(op)};
    struct strs names = {0};

    if (m->name.path)
        strs_add(op->arena, &names, ref_full(op->arena, &m->name));
    TRY(adopt_image(m->job.table, op->arena, &facts, &names, &m->adopted));
    m->job.image = m->adopted.image;
    return NULL;
}

static void unadopt(struct op *op)
{
    struct import *m = (struct import *)op;

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
    unclaim(op);
    if (m->in_fd >= 0)
        close(steal_fd(&m->in_fd));
}

static const struct op_step import_steps[] = {
    {"begin", ON_EVENT, image_job_begin, NULL, -1},
    {"check-request", ON_DISK, check_request, NULL, 0},
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
    image_job_start(j);
    return j;
}
