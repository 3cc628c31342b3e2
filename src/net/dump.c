/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, bridges and published ports for GET /debug/objects. Loop thread. */
#include "inner.h"
#include "network_inner.h"
#include "ports_inner.h"
#include "proxy.h"

void network_table_dump(void *table, struct jw *w)
{
    struct network_table *t = table;

    jw_arr(w, "networks");
    for (size_t i = 0; i < t->n; i++) {
        struct network *n = t->v[i];

        jw_obj(w, NULL);
        jw_str(w, "id", n->record.id);
        jw_str(w, "name", n->record.request.name);
        jw_str(w, "link", n->bridge.ifname);
        jw_int(w, "endpoints", (int64_t)n->n_endpoints);
        jw_int(w, "free_addresses", n->ipam ? ipam_count_free(n->ipam) : 0);
        jw_bool(w, "removing", n->is_removing);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void dump_ports(const struct net *n, struct jw *w)
{
    size_t published = 0, sockets = 0;

    list_each (p, &n->all_ports, struct ports, link) {
        published += p->n;
        for (size_t i = 0; i < p->n; i++)
            sockets += p->e[i].fd >= 0;
    }
    jw_int(w, "published", (int64_t)published);
    jw_int(w, "published_sockets", (int64_t)sockets);
    jw_int(w, "expected_sockets", (int64_t)n->n_expected);
    jw_int(w, "proxy_fds", n->proxy->n_fds);
}

void net_dump(void *net, struct jw *w)
{
    struct net *n = net;

    jw_obj(w, "net");
    pthread_mutex_lock(&n->lock);
    jw_arr(w, "bridges");
    list_each (b, &n->bridges, struct bridge, link) {
        jw_obj(w, NULL);
        jw_str(w, "link", b->spec.ifname);
        jw_int(w, "prepared", netns_pool_count(b->pool));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    pthread_mutex_unlock(&n->lock);
    dump_ports(n, w);
    jw_obj_end(w);
}
