/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See context.h. The tar of a client is put in its place by tar/place.c, with the bounds of what is
 * pulled. Owners are not kept, since a copy gives new ones.
 */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"
#include "container/parts.h"
#include "core/settings.h"
#include "storage/bounds.h"
#include "storage/space.h"
#include "tar/place.h"

#define NAME_MAX_BYTES 32
#define PLACE "tmp"

struct build_context {
    int refs;
    int above, dir; /* DATA_ROOT/tmp, and the folder in it */
    char name[NAME_MAX_BYTES];
    struct job removal;
};

struct err *build_context_create(const char *data_root, struct build_context **out)
{
    autoarena struct arena *a = arena_create();
    autofree struct build_context *c = mem_new(struct build_context);
    uint64_t n = 0;

    ASSERT_WORKER();
    (void)!getrandom(&n, sizeof(n), 0);
    snprintf(c->name, sizeof(c->name), "build-%016llx", (unsigned long long)n);
    c->refs = 1;
    c->dir = -1;
    c->above = open(path_join(a, data_root, PLACE), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->above < 0)
        return err_sys("open the folder of what is not finished");
    if (mkdirat(c->above, c->name, 0700) == 0)
        c->dir = openat(c->above, c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->dir < 0) {
        struct err *e = err_sys("make a folder for the context");

        close(c->above);
        return e;
    }
    *out = steal_ptr(&c);
    return NULL;
}

struct build_context *build_context_ref(struct build_context *c)
{
    ASSERT_LOOP();
    c->refs++;
    return c;
}

static void run_removal(struct job *job)
{
    struct build_context *c = container_of(job, struct build_context, removal);

    close(c->dir);
    err_drop(dir_remove_tree(c->above, c->name)); /* what stays, the next start removes */
    close(c->above);
}

static void on_removed(struct job *job)
{
    free(container_of(job, struct build_context, removal));
}

void build_context_unref(struct build_context *c, struct parts *p)
{
    ASSERT_LOOP();
    if (!c || --c->refs)
        return;
    c->removal.run = run_removal;
    c->removal.done = on_removed;
    pool_submit(p->pools, POOL_DISK, &c->removal);
}

int build_context_dir(const struct build_context *c)
{
    return c->dir;
}

/* ---- the client's tar ---- */

struct context_intake {
    struct job job;
    struct ticket *ticket;
    struct context_intake **owner; /* only while the ticket is valid */
    struct build_context *context;
    struct parts *parts;
    int in_fd;
    struct unpack_limits limits;
    struct space_meter space;
    int64_t plain;
    _Atomic bool is_stopped;
    struct err *err;
};

static struct err *look(void *ctx, int64_t packed, int64_t plain)
{
    struct context_intake *i = ctx;

    if (i->is_stopped)
        return err_new(ERR_CANCELLED, "the build was cancelled");
    TRY(bounds_check(&i->limits, "the build context", packed, plain));
    TRY(space_take(&i->space, i->context->dir, plain - i->plain, 1, "the build context needs"));
    i->plain = plain;
    return NULL;
}

static void run_intake(struct job *job)
{
    struct context_intake *i = container_of(job, struct context_intake, job);
    struct tar_place_plan plan = {
        .dir = i->context->dir,
        .root = i->context->dir,
        .dir_path = "/",
        .leaves_owner = true,
        .may_lack_end = true,
        .max_bytes = i->limits.max_bytes,
        .max_entries = i->limits.max_entries,
        .look = look,
        .ctx = i,
    };

    ASSERT_WORKER();
    i->err = tar_place(i->in_fd, &plan);
}

static void on_taken(struct job *job)
{
    struct context_intake *i = container_of(job, struct context_intake, job);
    struct ticket *t = i->ticket;
    struct err *err = steal_ptr(&i->err);

    if (ticket_op(t))
        *i->owner = NULL;
    close(i->in_fd);
    build_context_unref(i->context, i->parts);
    free(i);
    ticket_answer(t, err ? err_wrap(err, "Error processing tar file") : NULL);
}

void build_context_fill(struct build_context *c, struct parts *p, struct op *op, int in_fd,
                        struct context_intake **out)
{
    struct context_intake *i = mem_new(struct context_intake);

    i->ticket = op_wait(op);
    i->owner = out;
    i->context = build_context_ref(c);
    i->parts = p;
    i->in_fd = in_fd;
    i->limits = bounds_fill(NULL);
    i->job.run = run_intake;
    i->job.done = on_taken;
    *out = i;
    pool_submit(p->pools, POOL_CLIENT, &i->job);
}

void context_intake_stop(struct context_intake *i)
{
    i->is_stopped = true;
}
