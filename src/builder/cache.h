/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What steps have made, by a key that says all that they depend on. Kept on disk, bounded, the
 * least recently used goes first; shared by all builds, of which only one makes what several want.
 * Loop thread.
 */
#pragma once

#include "base/digest.h"
#include "base/list.h"
#include "builder/builder.h"

#define CACHE_BYTES_MAX ((int64_t)20 << 30) /* of layers that no listed image has */
#define CACHE_ENTRIES_MAX 5000

struct build_cache;

/* Start-up. */
struct err *build_cache_open(struct parts *p, struct build_cache **out) must_check;
void build_cache_close(struct build_cache *c);

struct cache_wait { /* embedded */
    struct list link;
    void (*fn)(struct cache_wait *w); /* ask again */
};
enum cache_answer {
    CACHE_HAS,   /* *out is its image */
    CACHE_YOURS, /* the caller makes it now, and ends that with build_cache_made */
    CACHE_WAIT,  /* another build is at it; w is called once */
};
/* is_fresh: whatever is there does not count. */
enum cache_answer build_cache_want(struct build_cache *c, const char *key, bool is_fresh,
                                   struct cache_wait *w, struct image **out);
void build_cache_leave(struct cache_wait *w); /* safe when not waiting */
/* Ends a CACHE_YOURS. image NULL: it was not made. bytes: of its own layer. */
void build_cache_made(struct build_cache *c, const char *key, struct image *image, const char *what,
                      int64_t bytes);

void build_cache_prune(struct build_cache *c, struct arena *a, const struct build_prune *p,
                       struct strs *deleted, int64_t *bytes);
/* What caches of builds have in common for users. */
struct cache_item {
    const char *key; /* 64 hex digits */
    const char *type, *what;
    bool is_in_use, is_shared;
    int64_t bytes, created_ns, used_ns, uses;
};
void cache_item_write(const struct cache_item *i, struct jw *w, int api_version);
/* Whether the filters of a prune mean it. */
bool cache_item_is_asked(const struct build_prune *p, const char *key, int64_t used_ns);

int64_t build_cache_bytes(const struct build_cache *c);
void build_cache_write(const struct build_cache *c, struct jw *w, int api_version);
