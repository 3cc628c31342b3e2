/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a list of names one after the other; what cannot be removed is left out. Loop. */
#pragma once

#include "api.h"

struct prune { /* in the request's arena */
    struct request *request;
    struct strs names; /* filled by the caller */
    struct strs deleted;
    size_t at;
    void (*remove)(struct prune *p, const char *name);  /* ends with prune_removed */
    void (*write)(const struct prune *p, struct jw *w); /* the members of the answer */
};
void prune_run(struct prune *p);                  /* answers the request */
void prune_removed(void *prune, struct err *err); /* takes err */
