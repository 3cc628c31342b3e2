/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with three lifetimes: the function (auto*), the operation (arena), the
 * object (plain allocation owned by its table). Allocation never returns NULL:
 * the process aborts, which is a designed and tested path. All memory is zeroed.
 * An arena belongs to one thread at a time.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *mem_alloc(size_t size);                                /* zeroed */
void *mem_array(size_t n, size_t size);                      /* zeroed; aborts on overflow */
void *mem_resize(void *p, size_t old_size, size_t new_size); /* growth is zeroed */
char *mem_strdup(const char *s);                             /* NULL gives NULL */
char *mem_printf(const char *fmt, ...) like_printf(1, 2);
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

struct arena;
struct arena *arena_create(void);
void arena_destroy(struct arena *a); /* accepts NULL */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t n, size_t size);
/* A growing array with room for one more item: `v` of n, moved when n has reached *room. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *room, size_t size);
void *arena_memdup(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) like_printf(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);
size_t arena_size(const struct arena *a); /* bytes held, for bounds and debug */
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

static inline void auto_free_(void *p)
{
    free(*(void **)p);
}
static inline void auto_close_(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
static inline void auto_arena_(struct arena **a)
{
    arena_destroy(*a);
}
static inline void auto_err_(struct err **e)
{
    err_drop(*e);
}
static inline void *steal_ptr_(void *p)
{
    void *v = *(void **)p;
    *(void **)p = NULL;
    return v;
}
static inline int steal_fd(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}
#define autofree __attribute__((cleanup(auto_free_)))
#define autoclose __attribute__((cleanup(auto_close_)))
#define autoarena __attribute__((cleanup(auto_arena_)))
#define autoerr __attribute__((cleanup(auto_err_)))
#define steal_ptr(p) ((__typeof__(*(p)))steal_ptr_(p))

/* A large buffer that the kernel is about to fill: not made zero first (1.5 us for 64 KiB) as all
 * other locals are (-ftrivial-auto-var-init). */
#if __has_attribute(uninitialized)
#define unwritten __attribute__((uninitialized))
#else
#define unwritten
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
