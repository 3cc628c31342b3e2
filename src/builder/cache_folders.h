/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of RUN --mount=type=cache: what a command keeps there, the next one finds. One folder
 * of DATA_ROOT/build-caches for each, and beside it a file that says what it is. Bounded, the least
 * recently used goes first. Loop thread, but for what is a worker's.
 */
#pragma once

#include "base/list.h"
#include "build/dockerfile.h"
#include "builder/builder.h"

#define CACHE_FOLDERS_BYTES_MAX ((int64_t)20 << 30)
#define CACHE_FOLDERS_MAX 1000

struct cache_folders;
struct cache_folder;

/* Start-up. */
struct err *cache_folders_open(struct parts *p, struct cache_folders **out) must_check;
void cache_folders_stop(struct cache_folders *f);  /* before the containers' table goes */
void cache_folders_close(struct cache_folders *f); /* accepts NULL; no job is on its way any more */

struct folder_use { /* in the arena of whoever uses it */
    const char *id; /* equal ones mean one folder */
    enum cache_sharing sharing;
    /* out of hold */
    struct cache_folder *folder;
    const char *name; /* in cache_folders_dir; as long as it is held */
    /* for let_go */
    int64_t bytes; /* of its files; -1: nobody has looked */
};
struct folder_wait { /* embedded */
    struct list link;
    void (*fn)(struct folder_wait *w); /* ask again */
};
/* All of them or none: false, and w is called once when some folder was let go. */
bool cache_folders_hold(struct cache_folders *f, struct folder_use *v, size_t n,
                        struct folder_wait *w) must_check;
void cache_folders_leave(struct folder_wait *w); /* safe when not waiting */
void cache_folders_let_go(struct cache_folders *f, struct folder_use *v, size_t n);
int cache_folders_dir(const struct cache_folders *f); /* borrowed; any thread */

/* Worker. Makes the folder of one that is held if it is not there; `content`: of a directory that
 * it begins with, -1: empty. */
struct folder_owner {
    mode_t mode;
    uid_t uid;
    gid_t gid;
};
struct err *cache_folder_make(int dir, const char *name, const struct folder_owner *owner,
                              int content) must_check;

/* What no build uses, by the rules of a prune; bytes: of those that go. */
void cache_folders_prune(struct cache_folders *f, struct arena *a, const struct build_prune *p,
                         struct strs *deleted, int64_t *bytes);
void cache_folders_write(const struct cache_folders *f, struct jw *w, int api_version);
