/* SPDX-License-Identifier: Apache-2.0 */
/* The image table from within: the object, its names, its record. Loop thread. */
#pragma once

#include "image/image.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/map.h"
#include "core/db.h"
#include "core/events.h"
#include "core/op.h"
#include "core/settings.h"
#include "storage/layer.h"

#include "blob.h"
#include "manifest.h"
#include "shelf.h"

#define IMAGE_KIND "image" /* of its documents in the database */

struct blob_book;
struct permits;
struct image_table {
    struct layer_store *store;
    struct loop *loop;
    struct pools *pools;
    struct ops *ops;
    struct db *db;
    struct events *events;
    const struct settings *settings;
    char *data_root;
    struct list jobs;    /* pulls, loads, imports: struct image_job */
    struct list closing; /* registries that are told something still */
    int n_busy;          /* jobs of layers in workers */
    bool is_closed;      /* freed when the last of them is back */
    struct shelf *shelf; /* the layers on disk */
    struct blob_book *book;
    struct permits *downloads, *uploads;
    struct map *images; /* by id: "sha256:…" */
    struct map *names;  /* by full name, with tag or with digest → image */
};

#define IMAGE_MAGIC 0x696d6721u
struct image {
    unsigned magic;
    struct image_table *table;
    struct arena *arena; /* everything below that never changes */
    char id[DIGEST_MAX];
    char *text; /* the config blob */
    struct image_blob blob;
    struct strs chain;
    int64_t *layer_sizes; /* beside chain */
    int64_t size_bytes, created_ns;
    char *manifest_type, *manifest_digest; /* NULL: not from a registry */
    int64_t manifest_size;
    char *manifest_text; /* as it came; NULL: an older engine has not kept it */

    struct arena *names_arena; /* replaced whenever a name comes or goes */
    struct strs full_tags, full_digests;
    struct strs tags, digests; /* familiar */
    int64_t last_tag_ns;
    bool is_removed;   /* unlisted, unnamed: kept for stopped containers only (rmi -f), or for the
                          cache of builds */
    struct map *users; /* container id → the struct user of image_table.c */
    size_t n_keeps;    /* who keeps it and is no container */
};

/* What makes an image: everything is copied. */
struct image_facts {
    const char *text; /* the config blob */
    const char *manifest_type, *manifest_digest;
    int64_t manifest_size;
    const char *manifest_text;         /* NULL: there is none, or it is no text */
    const struct strs *tags, *digests; /* full names; may be NULL */
    const int64_t *layer_sizes;        /* NULL: as the shelf knows them */
    int64_t last_tag_ns;
    bool is_removed;
};
/* Parses and makes the object, not in the table yet. */
struct err *image_create(struct image_table *t, const struct image_facts *f, struct image **out)
    must_check;
void image_destroy(struct image *i); /* accepts NULL */
/* One that has no manifest, or not its bytes, gets those that it came with now. */
void image_learn_manifest(struct image *i, const struct image_facts *f);

/* Puts it in; holds its layers. The id must be new. */
/* What is always true of an image; looked at where its state changes, in debug builds. */
void image_check(const struct image *i);
void image_publish(struct image *i);
/* Takes it out of the table with all its names, frees it, lets its layers go. Its document is
 * the caller's. */
void image_withdraw(struct image *i);

/* full: "docker.io/library/busybox:latest" or "…@sha256:…". Moves the name from whoever has it
 * (returned, else NULL). */
struct image *image_add_name(struct image *i, const char *full);
/* The same for any number; *moved gets those that are new: name → the id of who had it, or "". */
void image_add_names(struct image *i, struct arena *a, const struct strs *names,
                     struct pairs *moved);
void image_drop_name(struct image *i, const char *full);
/* Also its own lists, which are other ones afterwards. */
void image_drop_names(struct image *i, const struct strs *names);
/* Start-up: the table gets its names, but for those that somebody was given later. */
void image_claim_names(struct image *i);
struct image *image_by_name(struct image_table *t, const char *full); /* NULL when absent */
struct image *image_by_id(struct image_table *t, const char *id); /* full id; also removed ones */
const char *image_name_familiar(struct arena *a, const char *full);

/* The database's copy. */
char *image_document(struct arena *a, const struct image *i);
void image_save(struct image *i, db_done_fn done, void *ctx);
/* id: the actor; name: its attribute; NULL for the image's id. */
void image_event(const struct image *i, const char *action, const char *id, const char *name);

/* Whether anybody needs it: a container, or who keeps it. */
bool image_is_held(const struct image *i);
/* A user of the image, running or not; NULL when there is none. */
const char *image_user(const struct image *i, bool is_running);
