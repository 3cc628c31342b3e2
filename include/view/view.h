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
struct parts;
struct risk_findings;
struct risk_sources;

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
typedef void (*risks_done_fn)(void *ctx, struct err *err, const struct risk_findings *found,
                              const struct risk_sources *sources);
/* What weakens its isolation, as its configuration, its execs and the host are now. What done
 * gets lives during the call; err: it is NULL. */
void container_risks(struct container *c, risks_done_fn done, void *ctx);
/* The same of folders of the host alone: copies. */
void sources_risks(struct parts *p, const struct risk_sources *sources, risks_done_fn done,
                   void *ctx);
void container_sizes(struct container *c,
                     void (*done)(void *ctx, struct err *err, int64_t rw, int64_t root), void *ctx);
/* [{"Path":…,"Kind":…}], sorted; null when nothing has changed. */
void container_changes(struct container *c,
                       void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
void containers_prune(struct container_table *t, const struct container_filter *f,
                      void (*done)(void *ctx, struct err *err, const char *json), void *ctx);
