/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer store: unpacked layers by chain id, written beside and renamed into
 * place after syncfs, so that a name means a whole layer. Workers only.
 *
 *   DATA_ROOT/layers/<chain hex>/{diff/, layer.json}   DATA_ROOT/layers/tmp/   (0700 above diff)
 */
#pragma once

#include "base/digest.h"
#include "base/text.h"
#include "core/db.h"

struct layer_store;
/* Start-up: makes the folders, removes what a crash left in tmp/. */
struct err *layer_store_open(const char *data_root, struct layer_store **out) must_check;
/* Start-up: all layers get the SELinux context, wherever they have another, and new ones inherit
 * it. Blocks for as long as there are many files without it. */
struct err *layers_label(struct layer_store *s, const char *context) must_check;
void layer_store_close(struct layer_store *s);

/* sha256("<parent chain> <diff id>"), or the diff id itself without a parent. */
void layer_chain_id(const char *parent, const char *diff_id, char out[DIGEST_MAX]);
bool layer_exists(struct layer_store *s, const char *chain_id);
/* Of one that exists: whether there is a record, by which layer_tar.h gives its tar back. */
bool layer_has_record(struct layer_store *s, const char *chain_id);
int64_t layer_size(struct layer_store *s, const char *chain_id); /* bytes of its files; -1 absent */
struct err *layer_remove(struct layer_store *s, const char *chain_id) must_check; /* via tmp/ */
/* Start-up: it has an image; whether one without is a crash's left-over, by what the database knows
 * of its images; what is not goes to quarantine. See STORE_NEW_MODE in store.h. */
void layer_note_known(struct layer_store *s, const char *chain_id);
bool layer_is_left_behind(struct layer_store *s, const char *chain_id, enum db_evidence evidence);
void layer_quarantine(struct layer_store *s, const char *chain_id, struct quarantine *q);
struct err *layer_list(struct layer_store *s, struct arena *a, struct strs *out) must_check;

/* Bounds against bombs and lies. */
struct unpack_limits {
    int64_t max_bytes, max_entries, max_ratio; /* 0: the defaults of bounds.c */
    int64_t packed_bytes; /* of the archive that the layer came in; 0: it came by itself */
};
struct unpack_result {
    char blob_digest[DIGEST_MAX]; /* of the bytes as they came */
    char diff_id[DIGEST_MAX];     /* of the tar */
    int64_t blob_bytes, tar_bytes, file_bytes, entries;
    bool is_empty; /* of layer_pack: the container has changed nothing */
};
/* Progress of an unpack, called on the worker now and then. May be NULL. Returning
 * false stops it (ERR_CANCELLED). */
typedef bool (*unpack_progress_fn)(void *ctx, int64_t blob_bytes);

/* Reads a (gzip, zstd, bzip2, xz or plain) tar from in_fd (blocking; any fd: a pipe, a file; not
 * closed) to its end into a temporary layer. OCI/Docker whiteouts become overlay ones. Hostile
 * input is an ERR_INVALID with a sentence and leaves nothing. *out must be ended by commit or
 * abort. */
struct layer_draft;
struct err *layer_unpack(struct layer_store *s, int in_fd, const struct unpack_limits *limits,
                         unpack_progress_fn progress, void *ctx, struct unpack_result *result,
                         struct layer_draft **out) must_check;
/* The same of what a container has written, as it lies in its upper folder: without the files that
 * it has from its image and from volumes. It may go on writing: *torn (heap, NULL: none) names the
 * last file that became shorter meanwhile, and whose end is zeros. */
struct err *layer_pack(struct layer_store *s, const char *container_id, unpack_progress_fn progress,
                       void *ctx, struct unpack_result *result, char **torn,
                       struct layer_draft **out) must_check;
/* syncfs, then the name. When chain_id exists already the draft is dropped, but for its record if
 * that layer has none: success. Takes d. */
struct err *layer_commit(struct layer_draft *d, const char *parent, const char *chain_id,
                         const struct unpack_result *r) must_check;
void layer_abort(struct layer_draft *d); /* accepts NULL */
/* At the end of the engine: its files stay in tmp/, where the next start removes them. Does not
 * block; accepts NULL. */
void layer_leave(struct layer_draft *d);

/* Unpacks a plain tar stream of a document archive (docker save, OCI layout) member by
 * member: fn is called with each regular file; it may read the content by `read`. *packed_bytes:
 * how many came in. */
struct member {
    const char *path; /* cleaned: relative, no "..", else the archive is refused */
    int64_t size;
    const char *link; /* symlink or hard link target inside the archive, NULL for files */
    ssize_t (*read)(struct member *m, void *p, size_t n); /* 0 at the end, -1 on error */
};
struct err *archive_each(int in_fd, struct err *(*fn)(void *ctx, struct member *m), void *ctx,
                         int64_t *packed_bytes) must_check;
