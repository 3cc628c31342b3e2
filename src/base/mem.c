/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that never fails (it aborts) and never hands out dirty memory, and arenas:
 * a chain of blocks freed together. One thread at a time per arena, no locks.
 * Trap: in AddressSanitizer builds every arena allocation is a block of its own, so that
 * overruns are seen; never rely on two allocations being neighbours.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_IS_CHECKED 1
#endif
#endif

#ifdef ARENA_IS_CHECKED
static const size_t block_first = 0, block_max = 0;
#else
static const size_t block_first = 2048, block_max = 128 * 1024;
#endif
enum { ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t room, used;
    _Alignas(ARENA_ALIGN) char data[];
};

struct arena {
    struct arena_block *head; /* the block small allocations come from */
    size_t next_room, held;
};

/* By write(2): stdio might allocate. */
static _Noreturn void out_of_memory(size_t size)
{
    dprintf(STDERR_FILENO, "out of memory: %zu bytes\n", size);
    abort();
}

static size_t array_size(size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        out_of_memory(SIZE_MAX);
    return total;
}

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        out_of_memory(size);
    return p;
}

void *mem_array(size_t n, size_t size)
{
    return mem_alloc(array_size(n, size));
}

/* realloc(3) leaves what it adds dirty; all memory of ours is zero. */
void *mem_resize(void *p, size_t old_size, size_t new_size)
{
    char *grown = realloc(p, new_size ? new_size : 1);

    ASSERT(p || !old_size);
    if (!grown)
        out_of_memory(new_size);
    if (new_size > old_size)
        memset(grown + old_size, 0, new_size - old_size);
    return grown;
}

char *mem_strdup(const char *s)
{
    size_t n;

    if (!s)
        return NULL;
    n = strlen(s);
    return memcpy(mem_alloc(n + 1), s, n);
}

char *mem_printf(const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        out_of_memory(0);
    return text;
}

struct arena *arena_create(void)
{
    struct arena *a = mem_new(struct arena);

    a->next_room = block_first;
    return a;
}

void arena_destroy(struct arena *a)
{
    struct arena_block *b = a ? a->head : NULL;

    while (b) {
        struct arena_block *next = b->next;

        free(b);
        b = next;
    }
    free(a);
}

/* A size that no machine has is our own overflow: abort before the sum below wraps. */
static struct arena_block *new_block(struct arena *a, size_t room)
{
    struct arena_block *b;

    if (room > SIZE_MAX / 2)
        out_of_memory(room);
    b = mem_alloc(sizeof(*b) + room);
    b->room = room;
    a->held += sizeof(*b) + room;
    return b;
}

/* An allocation as large as a block gets one of its own, behind the head, which keeps its room. */
static void *alloc_own_block(struct arena *a, size_t size)
{
    struct arena_block *b = new_block(a, size);

    b->used = size;
    if (a->head) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        a->head = b;
    }
    return b->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->head;
    size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    void *p;

    if (need < size)
        out_of_memory(size);
    if (!need)
        need = ARENA_ALIGN;
    if (need >= a->next_room)
        return alloc_own_block(a, size ? size : 1);
    if (!b || b->room - b->used < need) {
        b = new_block(a, a->next_room);
        b->next = a->head;
        a->head = b;
        if (a->next_room < block_max)
            a->next_room *= 2;
    }
    ASSERT(b->used <= b->room && need <= b->room - b->used);
    p = b->data + b->used;
    b->used += need;
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    return arena_alloc(a, array_size(n, size));
}

/* Doubles, and leaves the old array where it is: an arena frees nothing, so pointers into it stay
 * good. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *room, size_t size)
{
    void *grown;

    ASSERT(n <= *room && size);
    if (n < *room)
        return v;
    *room = *room ? *room * 2 : 8;
    grown = arena_array(a, *room, size);
    return n ? memcpy(grown, v, n * size) : grown;
}

void *arena_memdup(struct arena *a, const void *p, size_t size)
{
    void *copy = arena_alloc(a, size);

    ASSERT(p || !size);
    return size ? memcpy(copy, p, size) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);

    return memcpy(arena_alloc(a, len + 1), s, len);
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char small[256], *text;
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0)
        out_of_memory(0);
    text = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof(small))
        memcpy(text, small, (size_t)n);
    else
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return text;
}

size_t arena_size(const struct arena *a)
{
    return a->held;
}
