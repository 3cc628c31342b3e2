/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes as users see them: the table (loop) and their directories (workers).
 *   DATA_ROOT/volumes/<name>/_data
 */
#pragma once

#include "base/json.h"

struct db;
struct events;
struct mount_as;
struct ops;

struct volume_table;
struct volume;

struct err *volume_table_open(const char *data_root, struct ops *ops, struct db *db,
                              struct events *ev, struct volume_table **out)
    must_check; /* start-up */
void volume_table_close(struct volume_table *t);
struct volume *volume_find(struct volume_table *t, const char *name); /* NULL when absent */
struct volume *volume_next(struct volume_table *t, size_t *cursor);
const char *volume_name(const struct volume *v);
const char *volume_path(const struct volume *v); /* host path of _data */
bool volume_is_anonymous(const struct volume *v);
const struct pairs *volume_labels(const struct volume *v);
const struct pairs *volume_options(const struct volume *v);
/* One whole object {"CreatedAt":…,"Name":…} without a key; with UsageData unless bytes is
 * VOLUME_UNMEASURED. */
#define VOLUME_UNMEASURED (-1)
void volume_write_json(const struct volume *v, struct jw *w, int64_t bytes);
/* Containers that use it: it cannot be removed meanwhile. */
void volume_ref(struct volume *v, const char *container_id);
void volume_unref(struct volume *v, const char *container_id);
size_t volume_users(const struct volume *v);
/* A doomed volume goes when nobody uses it at the start of an engine: it was made for a container
 * that is not on disk yet, or is about to go with one. Written before whatever is written next. */
void volume_doom(struct volume *v, bool is_doomed);
bool volume_is_doomed(const struct volume *v);
void volume_table_reap(struct volume_table *t); /* start-up, when all users are known */

struct volume_request { /* POST /volumes/create */
    char *name, *driver;
    struct pairs options, labels;
    char *cluster;  /* J_RAW: refused */
    bool is_doomed; /* from birth: until volume_doom says otherwise */
};
extern const struct jtable volume_request_json;
/* name "" makes an anonymous one (64 hex). Idempotent for the same driver. ERR_INVALID in Docker's
 * words for bad names ("%s" includes invalid characters for a local volume name…). */
void volume_create(struct volume_table *t, const struct volume_request *r, bool is_anonymous,
                   void (*done)(void *ctx, struct err *err, struct volume *v), void *ctx);
void volume_remove(struct volume_table *t, const char *name, bool force,
                   void (*done)(void *ctx, struct err *err), void *ctx);
/* Bytes of its files, each hard-linked one once; a container may change them meanwhile.
 * ERR_NOT_FOUND. */
void volume_measure(struct volume_table *t, const char *name,
                    void (*done)(void *ctx, struct err *err, int64_t bytes), void *ctx);
/* A file system of its own (type=tmpfs, nfs, ext4, …: device and o= go to the kernel): it is
 * mounted as long as somebody has asked for it and not given it back. */
bool volume_has_file_system(const struct pairs *options);
void volume_mount(struct volume *v, void (*done)(void *ctx, struct err *err, struct volume *v),
                  void *ctx);
void volume_unmount(struct volume *v);
void volume_note_mounted(struct volume *v); /* start-up: somebody has it */
/* Worker. While a volume is empty (or the place in it that a subpath names), a new container fills
 * it: the image's content at `target` (below the detached root mount `root`) is copied with owner,
 * mode, xattrs. A place that is no directory, or read-only, stays as it is. Copies of the volume's
 * values. */
struct err *volume_copy_up(const char *path, const struct pairs *options, const char *subpath,
                           int root, const char *target) must_check;
/* Worker. The volume as a detached mount: its directory (volume_path), what its options name
 * (type=none, o=bind), or the file system of its own, which is mounted. subpath: NULL, or a path
 * inside it that must exist; *is_file: of a file. must_be: where a bind has to lead, as struct
 * bind_options_plan's. Copies of the volume's values. */
struct err *volume_open_mount(const char *path, const struct pairs *options, bool ro,
                              const char *subpath, const char *must_be, const struct mount_as *as,
                              int *out, bool *is_file) must_check;
