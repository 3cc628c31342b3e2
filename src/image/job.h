/* SPDX-License-Identifier: Apache-2.0 */
/* What pull, load and import have in common: the client's side of the operation. Loop thread. */
#pragma once

#include "image_table.h"
#include "progress.h"

#include "core/op.h"

#include <stdatomic.h>

struct image_job {
    struct op op;     /* must be first */
    struct list link; /* table->jobs */
    struct image_table *table;
    struct progress progress;
    image_done_fn done;
    void *ctx;
    void (*forget)(void *ctx);         /* or NULL: in place of done when the engine ends */
    void (*stop)(struct image_job *j); /* or NULL: ends what a worker may wait for */
    struct image *image;               /* the result */
    struct ticket *ticket; /* of the step that waits for something that its undo takes back: what
                              answers then may hold the job */
    struct timer cancel_timer;
    _Atomic bool is_cancelled; /* workers look here */
};

/* op_create and the fields above. */
struct image_job *image_job_create(struct image_table *t, const struct op_type *type,
                                   image_progress_fn progress, image_done_fn done, void *ctx);
void image_job_start(struct image_job *j);
void image_job_finish(struct image_job *j); /* first in a type's finish */
/* The first step of each: the rest begins when the caller is back in the loop, so that done is
 * never called before he has the job. */
struct err *image_job_begin(struct op *op) must_check; /* "begin", ON_EVENT, no deadline */
