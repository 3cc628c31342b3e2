/* SPDX-License-Identifier: Apache-2.0 */
/* See prune.h. Loop thread. */
#include "prune.h"

void prune_removed(void *prune, struct err *err)
{
    struct prune *p = prune;

    if (!err)
        strs_add(p->request->arena, &p->deleted, p->names.v[p->at]);
    err_drop(err); /* in use by now, or gone: no reason to stop */
    p->at++;
    prune_run(p);
}

void prune_run(struct prune *p)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (p->at < p->names.n) {
        p->remove(p, p->names.v[p->at]);
        return;
    }
    jw_obj(&w, NULL);
    p->write(p, &w);
    jw_obj_end(&w);
    reply_json(p->request, 200, &b);
}
