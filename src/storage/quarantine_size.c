/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what lies in quarantine: as a rule there is no such folder. */
#include "storage/quarantine_size.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/text.h"
#include "core/op.h"
#include "core/quarantine.h"

#include "storage/tree.h"
#include "trash.h"

struct measure {
    struct op op;
    const char *path;
    int n;
    int64_t bytes;
    void (*done)(void *ctx, struct err *err, int n, int64_t bytes);
    void *ctx;
};

static struct err *walk(struct op *op)
{
    struct measure *m = (struct measure *)op;
    autoclose int dir = open(m->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct strs names = {0};

    if (dir < 0)
        return errno == ENOENT ? NULL : err_sys("open %s", m->path);
    TRY(dir_names(op->arena, dir, &names));
    m->n = (int)names.n;
    return names.n ? tree_size(dir, ".", &m->bytes) : NULL;
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct measure *m = (struct measure *)op;

    (void)ctx;
    m->done(m->ctx, err, err ? 0 : m->n, err ? 0 : m->bytes);
}

static const struct op_step measure_steps[] = {
    {"walk", ON_DISK, walk, NULL},
    {0},
};
static const struct op_type measure_type = {
    "quarantine/measure", OP_MUTATING, sizeof(struct measure), measure_steps, NULL,
};
OP_LISTED(measure_type);

void quarantine_measure(struct ops *ops, const char *data_root,
                        void (*done)(void *ctx, struct err *err, int n, int64_t bytes), void *ctx)
{
    struct measure *m = (struct measure *)op_create(ops, &measure_type);

    m->path = path_join(m->op.arena, data_root, QUARANTINE_NAME);
    m->op.subject = QUARANTINE_NAME;
    m->done = done;
    m->ctx = ctx;
    op_start(&m->op, on_done, NULL);
}
