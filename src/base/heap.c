/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

static bool comes_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->arrival < b->arrival;
}

/* Of two roots: the later one becomes the first child of the other, which is returned. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    struct heap_node *first, *second;

    if (!a || !b)
        return a ? a : b;
    first = comes_before(a, b) ? a : b;
    second = first == a ? b : a;
    second->prev = first;
    second->next = first->child;
    if (first->child)
        first->child->prev = second;
    first->child = second;
    first->next = first->prev = NULL;
    return first;
}

/* Siblings in pairs from the left, then the pairs from the right: what makes it O(log n). */
static struct heap_node *meld_siblings(struct heap_node *n)
{
    struct heap_node *pairs = NULL, *root = NULL;

    while (n) {
        struct heap_node *a = n, *b = n->next;

        n = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct heap_node *next = pairs->next;

        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
    ASSERT(!n->heap);
    *n = (struct heap_node){.heap = h, .key = key, .arrival = ++h->arrivals};
    h->root = meld(h->root, n);
}

static void cut_off(struct heap_node *n)
{
    ASSERT_DEBUG(n->prev);
    if (n->prev->child == n)
        n->prev->child = n->next;
    else
        n->prev->next = n->next;
    if (n->next)
        n->next->prev = n->prev;
    n->next = n->prev = NULL;
}

void heap_remove(struct heap_node *n)
{
    struct heap *h = n->heap;
    struct heap_node *children;

    if (!h)
        return;
    children = meld_siblings(n->child);
    if (h->root == n) {
        h->root = children;
    } else {
        cut_off(n);
        h->root = meld(h->root, children);
    }
    *n = (struct heap_node){0};
}
