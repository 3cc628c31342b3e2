/* SPDX-License-Identifier: Apache-2.0 */
/* A socket to a log server that is never waited for; see outlet.c. Loop thread. */
#pragma once

#include "core/loop.h"

enum outlet_kind { TARGET_UNIX, TARGET_UDP, TARGET_TCP };
struct outlet_target {
    enum outlet_kind kind;
    char *host, *port; /* UNIX: host is the path */
};

struct outlet;
enum outlet_result {
    OUTLET_TAKEN,
    OUTLET_LATER,    /* the same message again, when `ready` is called */
    OUTLET_TOO_LONG, /* never */
};

/* Takes target's memory. Nothing is opened before the first message. */
struct outlet *outlet_create(struct loop *l, struct pools *p, const struct outlet_target *target,
                             void (*ready)(void *ctx), void *ctx);
void outlet_destroy(struct outlet *o); /* NULL is accepted */
/* A message is taken when the socket has all of it; after a lost connection it begins anew. */
enum outlet_result outlet_send(struct outlet *o, const char *p, size_t n);
void outlet_close(struct outlet *o); /* nothing more for now: the socket goes */
