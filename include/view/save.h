/* SPDX-License-Identifier: Apache-2.0 */
/* docker save: images to a client, at its own speed. Loop thread. */
#pragma once

#include "base/err.h"

struct parts;
struct sink;
struct strs;

/* begin once, when all that can be refused was not; then the sink gets the archive; done once. */
struct images_save;
struct images_save *images_save(struct parts *p, const struct strs *names, const char *platform,
                                struct sink *sink, void (*begin)(void *ctx),
                                void (*done)(void *ctx, struct err *err), void *ctx);
void images_save_cancel(struct images_save *s); /* the client is gone; done comes later */
