/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers linked by --link may say to each other on a bridge whose containers may not
 * talk otherwise: sets of rules by owner, copied into every transaction. Loop thread.
 */
#include <string.h>

#include "inner.h"

struct legacy_link_set {
    struct list link;
    const void *owner;
    size_t n;
    struct legacy_link_rule v[];
};

static struct legacy_link_set *find_set(struct net *n, const void *owner)
{
    list_each (s, &n->legacy_link_sets, struct legacy_link_set, link)
        if (s->owner == owner)
            return s;
    return NULL;
}

static bool is_same(const struct legacy_link_set *s, const struct legacy_link_rule *v, size_t count)
{
    size_t n = s ? s->n : 0;

    return n == count && (!n || memcmp(s->v, v, n * sizeof(*v)) == 0);
}

bool net_set_legacy_links(struct net *n, const void *owner, const struct legacy_link_rule *v,
                          size_t count)
{
    struct legacy_link_set *s = find_set(n, owner);

    ASSERT_LOOP();
    if (is_same(s, v, count))
        return false;
    if (s)
        list_remove(&s->link);
    free(s);
    if (count) {
        s = mem_alloc(sizeof(*s) + count * sizeof(*v));
        *s = (struct legacy_link_set){.owner = owner, .n = count};
        memcpy(s->v, v, count * sizeof(*v));
        list_append(&n->legacy_link_sets, &s->link);
    }
    n->links_version++;
    pthread_mutex_lock(&n->lock);
    n->bridges_version++; /* the whole table is replaced */
    pthread_mutex_unlock(&n->lock);
    return true;
}

void legacy_link_rules_copy(struct net *n, struct legacy_link_rule **out, size_t *out_n)
{
    size_t count = 0;

    list_each (s, &n->legacy_link_sets, struct legacy_link_set, link)
        count += s->n;
    *out = mem_array(count + 1, sizeof(**out));
    *out_n = 0;
    list_each (s, &n->legacy_link_sets, struct legacy_link_set, link) {
        memcpy(*out + *out_n, s->v, s->n * sizeof(*s->v));
        *out_n += s->n;
    }
}

void legacy_link_rules_free(struct net *n)
{
    list_each (s, &n->legacy_link_sets, struct legacy_link_set, link) {
        list_remove(&s->link);
        free(s);
    }
}
