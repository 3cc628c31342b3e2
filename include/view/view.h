/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of containers. Loop thread. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct container;
struct container_table;
struct jw;
struct risk_findings;

/* GET /containers/{id}/json. rw/root sizes -1: left out. */
void container_write_inspect(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root);
void container_write_summary(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root);
/* Parsed `filters` of GET /containers/json; ERR_INVALID "invalid filter 'x'". */
struct container_filter;
struct err *container_filter_parse(struct container_table *t, struct arena *a, const char *json,
                                   struct container_filter **out) must_check;
bool container_filter_wants_all(const struct container_filter *f); /* status/exited imply all */
bool container_matches(struct container *c, const struct container_filter *f);
/* ps -ef inside: {"Titles":…,"Processes":…}; reads /proc on a worker. */
void container_top(struct container *c, const char *ps_args,
                   void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
/* What weakens its isolation, as its configuration, its execs and the host are now. The findings
 * live during the call. */
void container_risks(struct container *c,
                     void (*done)(void *ctx, struct err *err, const struct risk_findings *found),
                     void *ctx);
void container_sizes(struct container *c,
                     void (*done)(void *ctx, struct err *err, int64_t rw, int64_t root), void *ctx);
/* [{"Path":…,"Kind":…}], sorted; null when nothing has changed. */
void container_changes(struct container *c,
                       void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
void containers_prune(struct container_table *t, const struct container_filter *f,
                      void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
