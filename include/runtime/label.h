/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELinux contexts as text: what the policy gives to containers (lxc_contexts), what a container
 * asks for, and what it gets. Pure.
 */
#pragma once

#include "base/text.h"

#define CONTEXT_MAX 255          /* bytes; what fsconfig(2) takes as a value */
#define MCS_CATEGORIES 1024      /* c0 to c1023, as every policy with MCS has them */
#define MCS_PRIVATE 1022u, 1023u /* the pair of files of containers without a label: nobody's */

struct context {
    const char *user, *role, *type, *level; /* level NULL: the policy has none */
};
/* "user:role:type[:level]"; the level may have colons. ERR_INVALID. */
struct err *context_parse(struct arena *a, const char *text, struct context *out) must_check;
char *context_text(struct arena *a, const struct context *c);

struct label_base { /* contexts without categories */
    const char *process, *file;
    const char *layer; /* of files that all containers may read */
};
/* Of the lines `process = "…"`, `file = "…"` and `ro_file = "…"`. ERR_INVALID where one of the
 * first two is missing. */
struct err *label_base_parse(struct arena *a, const char *text, struct label_base *out) must_check;

/* --security-opt label=…, of all of them; what is not asked for is NULL. */
struct label_options {
    bool is_given, is_disabled;
    const char *user, *role, *type, *level, *filetype;
};
/* One more, without "label=". ERR_INVALID in Docker's words. */
struct err *label_options_add(struct label_options *o, const char *value) must_check;
/* What a container of another one's process label asks for; "" asks for nothing. */
struct err *label_options_of(struct arena *a, const char *process, struct label_options *out)
    must_check;

struct labels { /* process "": none is set */
    const char *process, *mount;
};
/* level: the container's own, where its options name none. ERR_INVALID: longer than CONTEXT_MAX. */
struct err *labels_plan(struct arena *a, const struct label_base *base,
                        const struct label_options *o, const char *level, struct labels *out)
    must_check;
/* For files that every container may use: without categories. */
char *label_shared(struct arena *a, const char *mount);

/* "s0:c1,c2", the smaller first. */
char *mcs_text(struct arena *a, unsigned low, unsigned high);
/* False: a level of another shape. */
bool mcs_parse(const char *level, unsigned *low, unsigned *high);
