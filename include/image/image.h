/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: the table, references, pull, load, import, tag, remove. Loop thread;
 * the slow parts are operations.
 */
#pragma once

#include "base/digest.h"
#include "base/text.h"

struct db;
struct events;
struct jw;
struct layer_store;
struct loop;
struct ops;
struct pools;
struct settings;

/* ---- the table ---- */
struct image_table;
struct image;

/* The settings have changed: how many layers may be under way at a time. Loop. */
void image_table_reload(struct image_table *t);
/* Start-up: loads, and reconciles with the layer store (layers nobody names go). */
struct err *image_table_open(struct layer_store *layers, struct loop *l, struct pools *p,
                             struct ops *ops, struct db *db, struct events *ev,
                             const struct settings *s, const char *data_root,
                             struct image_table **out) must_check;
/* Shutdown, before pools_destroy: stops every pull, load and import without a callback, so that no
 * worker waits for bytes that will not come. The table is closed after the pools. */
void image_table_stop(struct image_table *t);
void image_table_close(struct image_table *t);
/* Start-up, after the containers have taken their references: forgets images that were removed by
 * force and that no container needs any more. */
void image_table_sweep(struct image_table *t);
/* name[:tag][@digest], then full or short id with or without "sha256:". ERR_NOT_FOUND "No such
 * image: x" ("…:latest" when no tag was given, as Docker). */
struct err *image_find(struct image_table *t, const char *s, struct image **out) must_check;
/* Of an image's document in the database: the digest of its config, which must be its id, and the
 * chain ids of its layers. Pure. */
struct err *image_document_layers(struct arena *a, const char *json, char id[DIGEST_MAX],
                                  struct strs *chain) must_check;
struct image *image_next(struct image_table *t, size_t *cursor);
struct image *image_present(struct image_table *t, const char *id); /* the whole id, or NULL */
size_t image_count(const struct image_table *t);

const char *image_id(const struct image *i); /* "sha256:…" of the config */
/* The "config" member of its config blob, decoded with runtime's table by whoever needs it
 * (container/ does). */
const char *image_run_config_text(const struct image *i); /* JSON object text, "{}" when absent */
const struct strs *image_chain(const struct image *i);    /* chain ids, base first */
const struct strs *image_tags(const struct image *i);     /* familiar "busybox:latest" */
const struct strs *image_digests(const struct image *i);  /* familiar "busybox@sha256:…" */
int64_t image_size(const struct image *i);
int64_t image_created_ns(const struct image *i);
const struct pairs *image_labels(const struct image *i);
/* Containers that use it, by container id. */
void image_ref(struct image *i, const char *container_id, bool is_running);
void image_unref(struct image *i, const char *container_id);
size_t image_users(const struct image *i);
/* By who is no container, as the cache of builds: it and its layers stay, whoever removes it, but
 * are not listed any more. */
void image_keep(struct image *i);
void image_let_go(struct image *i);          /* may free it */
bool image_is_hidden(const struct image *i); /* it is kept, and not listed */
/* platform "os/arch[/variant]", NULL or "": any. ERR_INVALID for what is none, ERR_NOT_FOUND in
 * Docker's words when the image, found by `reference`, is of another one. */
struct err *image_check_platform(const struct image *i, const char *reference, const char *platform)
    must_check;
/* The text from {"os":…,"architecture":…,"variant":…}, as queries have it; "" stays "". */
struct err *image_platform_of_json(struct arena *a, const char *json, const char **out) must_check;

/* "os/arch[/variant]" in its normal form; text NULL or "": the host's. */
struct err *image_platform_text(struct arena *a, const char *text, char **out) must_check;

void image_write_inspect(const struct image *i, struct jw *w, int api_version);
/* One list item, with these of its names. */
struct image_shown {
    const struct strs *tags, *digests;
    int64_t shared_bytes, containers; /* -1: not asked for */
    int api_version;
};
void image_write_summary(const struct image *i, const struct image_shown *s, struct jw *w);
/* What images have in common, as it is now. In the arena, but for what _finish frees. */
struct image_shares;
struct image_shares *image_shares_count(struct arena *a, const struct image_table *t);
void image_shares_finish(struct image_shares *s);
int64_t image_shares_total(const struct image_shares *s); /* of all layers, each once */
int64_t image_shared_bytes(const struct image *i, const struct image_shares *s);
void image_write_history(const struct image *i, struct jw *w);

/* ---- changes ---- */
/* One line of Docker's progress JSON, without the newline. Loop. */
typedef void (*image_progress_fn)(void *ctx, const char *json);
typedef void (*image_done_fn)(void *ctx, struct err *err, struct image *image);

struct registry_auth {
    char *username, *password, *server, *identity_token, *registry_token;
};
/* From X-Registry-Auth: any base64 alphabet, padded or not; a bad header is ignored as Docker does.
 */
void registry_auth_parse(struct arena *a, const char *header, struct registry_auth *out);

/* The same document by itself. */
struct err *registry_auth_decode(struct arena *a, const char *text, size_t len,
                                 struct registry_auth *out) must_check;

/* auth may be NULL: nobody. */
struct registry_auth registry_auth_copy(struct arena *a, const struct registry_auth *auth);

struct image_job; /* a running pull, load, import or commit */
/* A reference without tag and digest means all tags of the repository. platform NULL: the host's.
 * Errors before the first
 * progress line are final HTTP errors (404 "manifest for x not found: manifest unknown: …"). */
struct image_job *image_pull(struct image_table *t, const char *reference, const char *platform,
                             const struct registry_auth *auth, image_progress_fn progress,
                             image_done_fn done, void *ctx);
/* name may have a tag; `tag`, when it is not empty, takes its place. Without any: all tags.
 * ERR_INVALID for what is no reference or one with a digest; what is wrong later is for `done`, and
 * a line that says where it goes comes before it. platform NULL or "": any. */
struct err *image_push(struct image_table *t, const char *name, const char *tag,
                       const char *platform, const struct registry_auth *auth,
                       image_progress_fn progress, image_done_fn done, void *ctx,
                       struct image_job **out) must_check;
/* in_fd: blocking read end of a pipe or a file; taken. docker-archive and OCI layout,
 * each optionally compressed. platform NULL or "": any. */
struct image_job *image_load(struct image_table *t, int in_fd, bool quiet, const char *platform,
                             image_progress_fn progress, image_done_fn done, void *ctx);
struct image_import {
    const char *repo, *tag, *message; /* repo may be NULL */
    struct strs changes;              /* Dockerfile instructions: CMD, ENV, … */
    const char *platform;
};
struct image_job *image_import(struct image_table *t, int in_fd, const struct image_import *r,
                               image_progress_fn progress, image_done_fn done, void *ctx);
/* A container's files, without those that it has from its image, become a layer above the image's.
 */
struct image_commit {
    const char
        *container_id;      /* or of rootfs_create alone; NULL: no layer, the configuration only */
    const char *config;     /* JSON: what the image's shall be, before the changes */
    const char *created_by; /* of its line in the history */
    const char *repo, *tag, *comment, *author; /* may be NULL or "" */
    struct strs changes;
    const char *platform; /* without a parent; NULL or "": the host's */
    bool is_unlisted;     /* a step of a build: there for whoever keeps it, from `done` on */
    /* On the loop, when its files have been read: false, and they were perhaps not all there. */
    bool (*is_there)(void *ctx);
    void (*forget)(void *ctx); /* or NULL: in place of done when the engine ends */
};
/* parent NULL: it begins with nothing. */
struct image_job *image_commit(struct image_table *t, struct image *parent,
                               const struct image_commit *r, image_done_fn done, void *ctx);
/* The client is gone: stop, leave nothing half made; done is still called once. */
void image_job_cancel(struct image_job *j);

/* repo/tag as given by the client; tag NULL: latest. */
void image_tag(struct image_table *t, const char *source, const char *repo, const char *tag,
               image_done_fn done, void *ctx);
/* The end of a build: it is listed from now on, under the full names (none: as one without a name),
 * on disk when done is called. */
void image_list(struct image_table *t, const char *id, const struct strs *full_names,
                image_done_fn done, void *ctx);
/* Docker's rules (conflict texts, untag versus delete, short ids). `out` lines of
 * {"Untagged":…}/{"Deleted":…} as a JSON array text, valid in the callback. */
void image_remove(struct image_table *t, const char *ref, bool force, bool no_prune,
                  void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
