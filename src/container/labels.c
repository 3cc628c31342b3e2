/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels: which SELinux labels a container has. The document holds both, from create on, so that
 * restarts, execs and the next engine have the same; the pool counts the level as long as the
 * object is there. Loop thread.
 */
#include "container/labels.h"

#include "base/text.h"
#include "container/mcs_pool.h"
#include "container/object.h"
#include "runtime/label.h"
#include "runtime/lsm.h"

void labels_put(struct container *c, const struct labels *l)
{
    c->doc.process_label = arena_strdup(c->arena, l->process);
    c->doc.mount_label = arena_strdup(c->arena, l->mount);
    c->has_level = c->parts->mcs != NULL;
}

/* Of the process: files of containers without a label have nobody's. */
static void count(struct container *c, void (*fn)(struct mcs_pool *p, const char *level))
{
    autoarena struct arena *a = arena_create();
    struct context label;
    struct err *e;

    if (text_is_empty(c->doc.process_label))
        return;
    e = context_parse(a, c->doc.process_label, &label);
    if (!e && label.level)
        fn(c->parts->mcs, label.level);
    err_drop(e);
}

void labels_load(struct container *c)
{
    if (!c->parts->mcs || text_is_empty(c->doc.mount_label))
        return;
    c->has_level = true;
    count(c, mcs_pool_take);
}

void labels_give_back(struct container *c)
{
    if (c->has_level)
        count(c, mcs_pool_give_back);
    c->has_level = false;
    c->doc.process_label = c->doc.mount_label = NULL;
}

static const char *known(const struct container *c, const char *label)
{
    return c->parts->lsm->is_selinux_on && !text_is_empty(label) ? label : NULL;
}

const char *labels_mount(const struct container *c)
{
    return known(c, c->doc.mount_label);
}

const char *labels_process(const struct container *c)
{
    return known(c, c->doc.process_label);
}
