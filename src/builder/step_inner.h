/* SPDX-License-Identifier: Apache-2.0 */
/* An instruction at work, for step.c and for the steps of a RUN. */
#pragma once

#include "base/digest.h"

#include "copy.h"
#include "effect.h"
#include "remote_files.h"
#include "run_mounts.h"
#include "voice.h"

#define SCRIPT_NAME ".berth-heredoc" /* of a RUN whose heredoc begins with #!, in its root */

struct build_step {
    struct op op;
    struct build *build;
    struct build_stage *stage;
    const struct instruction *in; /* as written */
    size_t number;                /* 0: a trigger */
    struct strs chain;            /* of the stage's image */
    const char *parent;           /* its id, or what stands for none */

    /* out of expand */
    struct instruction x; /* expanded */
    struct config config; /* of the image afterwards */
    const char *config_text;
    struct effect effect;
    struct strs argv, env; /* of RUN */
    const char *script;    /* what it runs is a file with this content; NULL: it is not */
    char key[DIGEST_MAX];

    struct sources sources; /* of --from, and of mounts */
    struct step_mounts mounts;
    struct remote_files remote; /* of ADD */
    struct folder_wait folder_wait;
    struct copy_task copy;
    struct cache_wait wait;
    struct ticket *ticket; /* of look-up, of hold-folders */
    bool holds_key;
    bool has_waited; /* for another build: what that has made is fresh */
    bool is_cached;
    struct image *image; /* kept: the result */

    struct container *c;      /* of RUN, with a reference */
    const char *container_id; /* for workers */
    bool keeps_container;
    struct voice voices[2]; /* what it says: stdout, stderr */
    int exit_code;
    char files[ID_MAX]; /* of rootfs_create; "": none */
    struct image_job *job;
};

/* What waits for a container or an image outlives the operation that does. */
struct step_carrier {
    struct ticket *ticket;
    struct parts *parts;
    struct container *c; /* NULL, or with a reference */
};
struct step_carrier *step_carrier_create(struct build_step *o); /* in run: it takes the ticket */
/* Its ticket is the last that is heard of the operation. */
void step_carrier_end(struct step_carrier *k, struct err *err);

/* ---- step_run.c: the container of a RUN; each is a step, or undoes one ---- */
struct err *step_run_hold_folders(struct op *op);
void step_run_let_folders_go(struct op *op);
struct err *step_run_open_mounts(struct op *op);
void step_run_close_mounts(struct op *op);
struct err *step_run_clean_mounts(struct op *op);
struct run_mounts_places step_run_places(const struct build_step *o);
struct err *step_run_create(struct op *op);
void step_run_remove(struct op *op);
struct err *step_run_put_script(struct op *op);
struct err *step_run_attach(struct op *op);
void step_run_detach(struct op *op);
struct err *step_run_start(struct op *op);
struct err *step_run_await_exit(struct op *op);
struct err *step_run_judge_exit(struct op *op);
struct err *step_run_take_script(struct op *op);
struct err *step_run_let_go(struct op *op);
