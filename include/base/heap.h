/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): the item of the least key
 * first, items of one key in the order in which they came. Insertion is O(1), taking out O(log n)
 * amortised. A zeroed node is in no heap.
 */
#pragma once

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct heap_node {
    struct heap_node *child, *next; /* its first child; the sibling behind it */
    struct heap_node *prev;         /* the sibling before it, or the parent of a first child */
    struct heap *heap;              /* NULL: in none */
    uint64_t key, arrival;
};

struct heap { /* {0}: empty */
    struct heap_node *root;
    uint64_t arrivals;
};

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key);
/* Takes it out; safe on a node that is in no heap. */
void heap_remove(struct heap_node *n);

static inline bool heap_is_empty(const struct heap *h)
{
    return !h->root;
}
static inline bool heap_is_linked(const struct heap_node *n)
{
    return n->heap != NULL;
}
#define heap_first(h, type, member) ((h)->root ? container_of((h)->root, type, member) : NULL)
