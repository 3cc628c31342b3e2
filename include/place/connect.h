/* SPDX-License-Identifier: Apache-2.0 */
/* A container and its networks while it exists: connect, disconnect, and the links of old. Loop. */
#pragma once

#include "container/container.h"

struct endpoint_config;

/* Running or not; e as asked for, copied. ERR_FORBIDDEN when it is there already. */
void container_connect(struct container *c, const char *network, const struct endpoint_config *e,
                       container_done_fn done, void *ctx);
void container_disconnect(struct container *c, const char *network, container_done_fn done,
                          void *ctx);
/* "rm --link LINKER/ALIAS". */
void container_unlink(struct container_table *t, const char *linker, const char *alias,
                      container_done_fn done, void *ctx);
