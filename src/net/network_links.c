/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bridges this engine has made, as a record of its own that is written before the link
 * exists and deleted after it is gone: an engine that is killed between the two leaves a
 * record that no network claims, and the next one removes the link. A bridge that was there
 * before, under a name that a user chose, has no record and is never removed by that.
 */
#include <net/if.h>
#include <string.h>

#include "base/log.h"

#include "network_inner.h"

#define LINK_KIND "network-link"

void network_link_intend(struct network_table *t, struct op *op, const char *link)
{
    if (if_nametoindex(link))
        op_resume(op, NULL);
    else
        db_put_for(t->db, op, LINK_KIND, link, "{}");
}

void network_link_forget(struct network_table *t, const char *link)
{
    db_delete(t->db, LINK_KIND, link, NULL, NULL);
}

struct sweep {
    struct network_table *table;
    struct arena *arena;
    struct strs ownerless;
};

static struct err *look(void *ctx, const char *link, const char *json)
{
    struct sweep *s = ctx;

    (void)json;
    for (size_t i = 0; i < s->table->n; i++)
        if (!strcmp(s->table->v[i]->bridge.link, link))
            return NULL;
    strs_add(s->arena, &s->ownerless, link);
    return NULL;
}

struct err *network_links_sweep(struct network_table *t)
{
    autoarena struct arena *a = arena_create();
    struct sweep s = {.table = t, .arena = a};

    TRY(db_each(t->db, LINK_KIND, look, &s));
    for (size_t i = 0; i < s.ownerless.n; i++) {
        const char *link = s.ownerless.v[i];

        if (if_nametoindex(link)) {
            log_info("a bridge of no network is removed", KV("link", link));
            net_bridge_remove(t->net, link);
        }
        network_link_forget(t, link);
    }
    return NULL;
}
