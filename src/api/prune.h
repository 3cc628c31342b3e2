/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a list of names one after the other; what cannot be removed is left out. Loop. */
#pragma once

#include "api.h"

struct prune { /* in the request's arena */
    struct request *request;
    struct strs names; /* filled by the caller */
    struct strs deleted;
    size_t at;
    void (*remove)(struct request *r, const char *name, void (*done)(void *ctx, struct err *err),
                   void *ctx);
    void (*write)(struct jw *w, const struct strs *deleted); /* the members of the answer */
};
void prune_run(struct prune *p); /* answers the request */
