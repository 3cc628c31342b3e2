/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked ring. A zeroed link is "not on a list" for list_is_linked. */
#pragma once

#include "base/mem.h"

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}
static inline bool list_is_linked(const struct list *l)
{
    return l->next && l->next != l;
}
/* An item that is on a list already would take that list apart. */
static inline void list_insert_before(struct list *pos, struct list *item)
{
    ASSERT_DEBUG(pos->next && pos->prev && !list_is_linked(item));
    item->prev = pos->prev;
    item->next = pos;
    pos->prev->next = item;
    pos->prev = item;
}
static inline void list_append(struct list *l, struct list *item)
{
    list_insert_before(l, item);
}
static inline void list_prepend(struct list *l, struct list *item)
{
    list_insert_before(l->next, item);
}
/* Safe on a link that is on no list. */
static inline void list_remove(struct list *item)
{
    if (!item->next)
        return;
    ASSERT_DEBUG(item->prev->next == item && item->next->prev == item);
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->next = item->prev = NULL;
}
#define list_entry(link, type, member) container_of(link, type, member)
#define list_first(l, type, member) (list_is_empty(l) ? NULL : list_entry((l)->next, type, member))
/* Safe against removal of `it` inside the body. */
#define list_each(it, l, type, member)                                                             \
    for (type *it = list_entry((l)->next, type, member),                                           \
              *it##_next_ = list_entry(it->member.next, type, member);                             \
         &it->member != (l);                                                                       \
         it = it##_next_, it##_next_ = list_entry(it##_next_->member.next, type, member))
