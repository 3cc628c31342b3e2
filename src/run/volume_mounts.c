/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes with file systems of their own, asked for one after the other, since each is an operation
 * with an answer. How far that has come is the container's n_volume_mounts. Loop thread.
 */
#include "run/volume_mounts.h"

#include "container/object.h"
#include "core/loop.h"
#include "storage/volume.h"

struct mounting {
    struct ticket *ticket;
    struct container *c; /* while the ticket is valid */
};

static struct volume *volume_at(const struct container *c, size_t i)
{
    const struct mount_point *m = c->doc.mounts.v;
    struct volume *v = text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

    return v && volume_has_file_system(volume_options(v)) ? v : NULL;
}

bool volume_mounts_are_wanted(const struct container *c)
{
    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (volume_at(c, i))
            return true;
    return false;
}

static void mount_next(struct mounting *m);

static void on_mounted(void *ctx, struct err *err, struct volume *v)
{
    struct mounting *m = ctx;

    if (err || !ticket_op(m->ticket)) {
        if (!err)
            volume_unmount(v); /* nobody waits for it any more */
        else if (ticket_op(m->ticket))
            volume_mounts_end(m->c);
        ticket_answer(m->ticket, err);
        free(m);
        return;
    }
    m->c->n_volume_mounts++;
    mount_next(m);
}

static void mount_next(struct mounting *m)
{
    struct container *c = m->c;

    while (c->n_volume_mounts < c->doc.mounts.n && !volume_at(c, c->n_volume_mounts))
        c->n_volume_mounts++;
    if (c->n_volume_mounts < c->doc.mounts.n) {
        volume_mount(volume_at(c, c->n_volume_mounts), on_mounted, m);
        return;
    }
    ticket_answer(m->ticket, NULL);
    free(m);
}

struct err *volume_mounts_begin(struct container *c, struct op *op)
{
    struct mounting *m = mem_new(struct mounting);

    ASSERT_LOOP();
    ASSERT(c->n_volume_mounts == 0);
    *m = (struct mounting){op_wait(op), c};
    mount_next(m);
    return NULL;
}

void volume_mounts_end(struct container *c)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < c->n_volume_mounts; i++) {
        struct volume *v = volume_at(c, i);

        if (v)
            volume_unmount(v);
    }
    c->n_volume_mounts = 0;
}

void volume_mounts_adopt(struct container *c)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct volume *v = volume_at(c, i);

        if (v)
            volume_note_mounted(v);
    }
    c->n_volume_mounts = c->doc.mounts.n;
}
