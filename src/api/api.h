/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers share: the engine's parts and the host's facts. `front->app` is a struct api. */
#pragma once

#include "container/container.h"
#include "container/parts.h"
#include "view/filters.h"

#include "conn.h"
#include "facts.h"
#include "reply.h"
#include "request.h"

struct api {
    struct parts *parts;
    struct server *server;
    struct facts facts;
};

extern const struct route api_routes[], metrics_routes[]; /* end with {0} */

static inline struct api *api_of(const struct request *r)
{
    return r->front->app;
}
static inline struct parts *parts_of(const struct request *r)
{
    return api_of(r)->parts;
}
/* The container named by the first brace; NULL: the request has been answered. */
struct container *container_of_request(struct request *r);
/* "h" and "w" of the query. */
struct err *tty_size_of_request(struct request *r, int *out_rows, int *out_cols) must_check;

/* One row of api_routes each. */
void handle_ping(struct request *r);
void handle_options(struct request *r);
void handle_version(struct request *r);
void handle_info(struct request *r);
void handle_events(struct request *r);
void handle_disk_usage(struct request *r);
void handle_build(struct request *r);
void handle_build_cancel(struct request *r);
void handle_build_prune(struct request *r);
void handle_auth(struct request *r);
void handle_distribution(struct request *r);
void handle_distribution_manifest(struct request *r);
void handle_debug_objects(struct request *r);
void handle_debug_ops(struct request *r);
void handle_debug_queue(struct request *r);
void handle_debug_turns(struct request *r);
void handle_policy_check(struct request *r);
void handle_not_yet(struct request *r);
void handle_no_swarm(struct request *r);
void handle_metrics(struct request *r);
void handle_plugins(struct request *r);

void handle_container_list(struct request *r);
/* "all", "serious" or "off": the risks that a client wants to hear of. */
#define RISK_HEADER "x-berth-risk-warnings"
void handle_container_create(struct request *r);
void handle_container_inspect(struct request *r);
void handle_checkpoints(struct request *r);
void handle_container_start(struct request *r);
void handle_container_stop(struct request *r);
void handle_container_restart(struct request *r);
void handle_container_kill(struct request *r);
void handle_container_wait(struct request *r);
void handle_container_remove(struct request *r);
void handle_container_unlink(struct request *r);
void handle_container_rename(struct request *r);
void handle_container_pause(struct request *r);
void handle_container_unpause(struct request *r);
void handle_container_update(struct request *r);
void handle_container_resize(struct request *r);
void handle_container_top(struct request *r);
void handle_container_risks(struct request *r);
void handle_container_changes(struct request *r);
void handle_commit(struct request *r);
void handle_container_stats(struct request *r);
void handle_container_prune(struct request *r);
void handle_container_attach(struct request *r);
void handle_container_attach_ws(struct request *r);
void handle_container_logs(struct request *r);

void handle_archive_stat(struct request *r);
void handle_archive_get(struct request *r);
void handle_archive_put(struct request *r);
void handle_export(struct request *r);

void handle_exec_create(struct request *r);
void handle_exec_start(struct request *r);
void handle_exec_resize(struct request *r);
void handle_exec_inspect(struct request *r);

void handle_image_list(struct request *r);
void handle_image_create(struct request *r);
void handle_image_load(struct request *r);
void handle_image_push(struct request *r);
void handle_image_inspect(struct request *r);
void handle_image_history(struct request *r);
void handle_image_tag(struct request *r);
void handle_image_remove(struct request *r);
void handle_images_get(struct request *r);
void handle_image_get(struct request *r);
void handle_image_prune(struct request *r);
void handle_image_search(struct request *r);

void handle_network_list(struct request *r);
void handle_network_inspect(struct request *r);
void handle_network_create(struct request *r);
void handle_network_remove(struct request *r);
void handle_network_connect(struct request *r);
void handle_network_disconnect(struct request *r);
void handle_network_prune(struct request *r);

void handle_volume_list(struct request *r);
void handle_volume_inspect(struct request *r);
void handle_volume_create(struct request *r);
void handle_volume_remove(struct request *r);
void handle_volume_prune(struct request *r);
