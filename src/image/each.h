/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job for each of a list, one after the other, as a step of another job: `pull -a` and `push -a`.
 * Loop thread. The first that fails ends it; what was done before stays.
 */
#pragma once

#include "job.h"

struct each {              /* embedded; {0} but for what is said to be the caller's */
    struct image_job *job; /* the caller's; its ticket is answered at the end */
    size_t n;              /* the caller's: how many there are */
    /* The caller's: begins the one at `at`, with these for its progress, end and context. */
    struct image_job *(*begin)(struct each *e, image_progress_fn progress, image_done_fn done);
    size_t at;
    struct image_job *running; /* NULL: none */
};

/* In run of an ON_EVENT step; n > 0. */
void each_start(struct each *e);
/* In undo of that step. */
void each_cancel(struct each *e);
