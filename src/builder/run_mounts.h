/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What RUN --mount shows a command, and no layer has: parts of the context or of an image, folders
 * that are kept, secrets. Each becomes a mount of the step's container.
 */
#pragma once

#include "base/digest.h"
#include "base/json.h"
#include "container/doc.h"

#include "cache_folders.h"
#include "sources.h"

struct layer_store;

#define RUN_MOUNTS_MAX 100

struct step_mount {
    struct run_mount asked;
    char *target;              /* absolute, clean */
    const char *path;          /* of a bind and of a cache's content: absolute, in its root */
    struct origin *origin;     /* of from=; NULL: the context, or nothing */
    struct folder_use *folder; /* of a cache */
    const struct build_secret *secret; /* NULL: it was not given */
    const char *digest;                /* of what is bound of the context; NULL: nothing is */
};
struct step_mounts { /* embedded in the operation of a step; in its arena */
    struct step_mount *v;
    size_t n;
    struct folder_use *folders;
    size_t n_folders;
    /* out of open */
    struct jlist points; /* struct mount_point, for create */
    char *secrets_dir;   /* in EXEC_ROOT; NULL: there is none */
    int secrets_fd;      /* of a tmpfs that is nowhere; -1: none */
};

/* Worker, under the lock of the build's scopes no more. Texts are expanded. */
struct err *run_mounts_read(struct step_mounts *m, struct arena *a, const struct strs *texts,
                            const char *working_dir, const struct build_options *options)
    must_check;
/* Loop: what they take from goes to `out`. */
void run_mounts_plan(struct step_mounts *m, struct build_stage *s, struct sources *out);
/* Loop, when the sources are there: what caches are called. */
void run_mounts_name_folders(struct step_mounts *m, struct arena *a);

struct run_mounts_places {
    struct layer_store *store;
    int context; /* of the build */
    int caches;  /* cache_folders_dir */
    const char *exec_root;
    const _Atomic bool *is_cancelled;
};
/* Worker. What of the context a command sees is what its step depends on. */
struct err *run_mounts_digest(struct step_mounts *m, struct arena *a,
                              const struct run_mounts_places *p) must_check;
/* What a step depends on: its mounts as they are written, and what they show; of secrets and caches
 * the names alone. */
void run_mounts_hash(const struct step_mounts *m, struct sha256 *hash);
/* Worker, while the folders are held. Leaves nothing when it fails. */
struct err *run_mounts_open(struct step_mounts *m, struct arena *a,
                            const struct run_mounts_places *p) must_check;
/* Worker: secrets go. Safe when nothing is open. */
void run_mounts_close(struct step_mounts *m);
/* Start-up: secrets that an engine before has left in its tmpfs. */
struct err *run_mounts_sweep(const char *exec_root) must_check;
/* Worker, when the command has ended: what was made in `upper` to mount on goes, unless the image
 * (chain) has it or something is in it; and caches are measured. */
struct err *run_mounts_clean(struct step_mounts *m, const struct run_mounts_places *p, int upper,
                             const struct strs *chain) must_check;
