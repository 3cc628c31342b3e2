/* SPDX-License-Identifier: Apache-2.0 */
/* What FROM and --from name: an earlier stage, or an image, which is pulled if need be. Loop. */
#pragma once

#include "build_inner.h"

struct origin {                /* embedded in the operation of a step */
    struct build_stage *stage; /* for which it is looked for */
    const char *name, *platform;
    struct build_stage *of; /* the stage that it means; NULL: an image */
    struct image_job *job;  /* the pull that is awaited */
    struct image *image;    /* kept; NULL: a stage that is empty */
    struct strs names;      /* of the image, for the policy */
};
/* def NULL: it is an image. */
void origin_set_stage(struct origin *o, const struct stage *def);
struct err *origin_await(struct origin *o, struct op *op) must_check;  /* of an ON_EVENT step */
void origin_stop(struct origin *o);                                    /* its undo */
struct err *origin_take(struct origin *o, struct arena *a) must_check; /* then, ON_LOOP */
void origin_finish(struct origin *o);
