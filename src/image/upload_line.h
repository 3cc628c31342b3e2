/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most so many blobs are pushed at a time by the whole engine, whoever pushes: each costs two
 * pieces of memory and a worker. The others stand in line. Loop thread.
 */
#pragma once

#include "base/list.h"

#include <stdbool.h>

struct upload_line;
struct upload_permit { /* embedded */
    struct list link;
    bool has_permit;
    void (*fn)(struct upload_permit *p); /* from within the release of another one */
};

struct upload_line *upload_line_create(int max);
void upload_line_destroy(struct upload_line *l);                        /* accepts NULL */
bool upload_line_take(struct upload_line *l, struct upload_permit *p);  /* false: fn comes later */
void upload_line_leave(struct upload_line *l, struct upload_permit *p); /* safe in any state */
