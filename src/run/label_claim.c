/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label_claim: a container's SELinux labels, chosen as Docker does: what its options say; none for
 * one that is privileged or shares the host's pids or ipc; the same for one that joins the pids or
 * the ipc of another; else a pair of categories of its own. Loop thread.
 */
#include "label_claim.h"

#include <string.h>

#include "base/text.h"
#include "container/labels.h"
#include "container/mcs_pool.h"
#include "container/object.h"
#include "place/networks.h"
#include "runtime/lsm.h"

static bool shares_host(const struct host_config *h)
{
    return h->privileged || text_same(h->ipc_mode, "host") || text_same(h->pid_mode, "host");
}

/* "": it joins nobody, or one that has none. */
static struct err *label_of_joined(struct container *c, const char *mode, const char **out)
{
    struct container *other = NULL;

    *out = "";
    TRY(mode_container(c->table, mode, &other));
    if (other && !text_is_empty(other->doc.process_label))
        *out = other->doc.process_label;
    return NULL;
}

static struct err *options_of_joined(struct container *c, struct arena *a,
                                     struct label_options *out)
{
    const char *ipc, *pid;

    TRY(label_of_joined(c, c->doc.host.ipc_mode, &ipc));
    TRY(label_of_joined(c, c->doc.host.pid_mode, &pid));
    if (*ipc && *pid && strcmp(ipc, pid) != 0)
        return err_new(ERR_INVALID, "--ipc and --pid containers SELinux labels aren't the same");
    return label_options_of(a, *ipc ? ipc : pid, out);
}

static struct err *options_of(struct container *c, struct arena *a, struct label_options *out)
{
    TRY(lsm_label_options(a, &c->doc.host, out));
    if (out->is_given)
        return NULL;
    if (shares_host(&c->doc.host)) {
        out->is_disabled = true;
        return NULL;
    }
    return options_of_joined(c, a, out);
}

/* A level by name is counted, too: nobody else gets it by chance. A policy may have no levels. */
static struct err *claim_level(struct container *c, struct arena *a, const struct label_options *o,
                               char **out)
{
    struct context base;

    *out = NULL;
    TRY(context_parse(a, c->parts->lsm->labels.process, &base));
    if (o->is_disabled || (!base.level && !o->level))
        return NULL;
    if (!o->level)
        return mcs_pool_claim(c->parts->mcs, a, out);
    *out = arena_strdup(a, o->level);
    mcs_pool_take(c->parts->mcs, *out);
    return NULL;
}

struct err *label_claim(struct container *c)
{
    autoarena struct arena *a = arena_create();
    struct label_options options = {0};
    struct labels labels;
    struct err *e;
    char *level;

    if (!c->parts->lsm->sets_labels)
        return NULL;
    TRY(options_of(c, a, &options));
    TRY(claim_level(c, a, &options, &level));
    e = labels_plan(a, &c->parts->lsm->labels, &options, level, &labels);
    if (e && level)
        mcs_pool_give_back(c->parts->mcs, level);
    if (!e)
        labels_put(c, &labels);
    return e;
}

struct err *label_settle(struct container *c)
{
    if (!c->parts->lsm->sets_labels)
        labels_give_back(c);
    else if (text_is_empty(c->doc.mount_label))
        return label_claim(c);
    return NULL;
}
