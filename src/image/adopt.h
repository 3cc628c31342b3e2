/* SPDX-License-Identifier: Apache-2.0 */
/* An image enters the table, or gets more names: the last steps of pull, load and import. */
#pragma once

#include "image_table.h"

#include "core/op.h"

struct adoption { /* of one image; in the operation's arena */
    struct image *image;
    char id[DIGEST_MAX];
    bool is_new;        /* it was not in the table */
    bool was_named;     /* all names were its own already */
    struct pairs moved; /* name → id of the image that had it, "" for none */
    bool was_removed;
};

/* names: full, may be empty. The image's layers must be on the shelf and held. On the loop. */
struct err *adopt_image(struct image_table *t, struct arena *a, const struct image_facts *f,
                        const struct strs *names, struct adoption *out) must_check;
void adopt_undo(struct image_table *t, struct adoption *ad);
/* Writes it and everybody who lost a name; the last write resumes op. */
void adopt_save(struct image_table *t, struct op *op, const struct adoption *v, size_t n);
