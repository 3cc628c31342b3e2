/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long list as an answer, in slices of less than a millisecond: what is listed is fixed at once
 * (by name or by reference), its items are filtered and written later, as fast as the client reads.
 * So each comes at most once, and none is missing that was there throughout; who vanishes
 * meanwhile is left out by `item`. Loop thread.
 */
#pragma once

#include "api.h"

struct listing;
struct listing_type {
    const char *key; /* of the array in the answer's object; NULL: the answer is the array */
    /* Writes item number `at` to l->w, if it is to be listed. False: it does so later, and ends
     * with listing_resume, even when the client has gone. May lower l->n. */
    bool (*item)(struct listing *l, size_t at);
    void (*more)(struct listing *l);   /* further members behind the array; may be NULL */
    void (*finish)(struct listing *l); /* gives back what the list holds; may be NULL */
};

struct listing { /* embedded first by the kinds of lists; in the request's arena */
    struct request *request;
    const struct listing_type *type;
    size_t n, at;
    struct jw w;
    /* private */
    struct buf json;
    struct timer timer;
    bool is_pending, is_waiting, is_gone;
};
void listing_begin(struct listing *l, struct request *r, const struct listing_type *type, size_t n);
void listing_resume(struct listing *l);
