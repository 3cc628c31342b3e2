/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes. The first row that matches wins: fixed paths stand before greedy ones.
 * Adding an endpoint = one row here, one handler, one test.
 */
#include "api.h"

#define M ROUTE_MUTATES
#define Q ROUTE_QUEUES
#define S ROUTE_STREAMS

/* Everything of a swarm: answered so that clients take it for "not supported here". */
#define SWARM(path)                                                                                \
    {"GET", path, handle_no_swarm, 0}, {"POST", path, handle_no_swarm, 0},                         \
    {                                                                                              \
        "DELETE", path, handle_no_swarm, 0                                                         \
    }

/* clang-format off */
const struct route metrics_routes[] = {
    {"GET", "/metrics", handle_metrics, 0},
    {0},
};

const struct route api_routes[] = {
    {"HEAD", "/_ping", handle_ping, 0},
    {"GET", "/_ping", handle_ping, 0},
    {"GET", "/version", handle_version, 0},
    {"GET", "/info", handle_info, 0},
    {"GET", "/events", handle_events, 0},
    {"GET", "/system/df", handle_disk_usage, 0},
    {"POST", "/auth", handle_auth, M},
    {"POST", "/policy/check", handle_policy_check, 0},
    {"GET", "/debug/objects", handle_debug_objects, 0},
    {"GET", "/debug/ops", handle_debug_ops, 0},
    {"GET", "/debug/queue", handle_debug_queue, 0},
    {"GET", "/debug/turns", handle_debug_turns, 0},
    {"GET", "/metrics", handle_metrics, 0},
    {"GET", "/plugins", handle_plugins, 0},

    {"GET", "/containers/json", handle_container_list, 0},
    {"POST", "/containers/create", handle_container_create, M | Q},
    {"POST", "/containers/prune", handle_container_prune, M | Q},
    {"GET", "/containers/{*}/json", handle_container_inspect, 0},
    {"POST", "/containers/{*}/start", handle_container_start, M | Q},
    {"POST", "/containers/{*}/stop", handle_container_stop, M},
    {"POST", "/containers/{*}/restart", handle_container_restart, M | Q},
    {"POST", "/containers/{*}/kill", handle_container_kill, M},
    {"POST", "/containers/{*}/wait", handle_container_wait, 0},
    {"POST", "/containers/{*}/rename", handle_container_rename, M | Q},
    {"POST", "/containers/{*}/pause", handle_container_pause, M},
    {"POST", "/containers/{*}/unpause", handle_container_unpause, M},
    {"POST", "/containers/{*}/update", handle_container_update, M | Q},
    {"POST", "/containers/{*}/resize", handle_container_resize, 0},
    {"GET", "/containers/{*}/top", handle_container_top, 0},
    {"GET", "/containers/{*}/risks", handle_container_risks, 0},
    {"POST", "/containers/{*}/attach", handle_container_attach, M},
    {"GET", "/containers/{*}/logs", handle_container_logs, 0},
    {"POST", "/containers/{*}/exec", handle_exec_create, M | Q},
    {"GET", "/containers/{*}/stats", handle_container_stats, 0},
    {"HEAD", "/containers/{*}/archive", handle_archive_stat, Q},
    {"GET", "/containers/{*}/archive", handle_archive_get, Q},
    {"PUT", "/containers/{*}/archive", handle_archive_put, M | Q | S},
    {"GET", "/containers/{*}/changes", handle_container_changes, 0},
    {"GET", "/containers/{*}/export", handle_export, Q},
    {"GET", "/containers/{*}/attach/ws", handle_container_attach_ws, M},
    {"GET", "/containers/{}/checkpoints", handle_checkpoints, 0},
    {"POST", "/containers/{}/checkpoints", handle_checkpoints, M},
    {"DELETE", "/containers/{}/checkpoints/{}", handle_checkpoints, M},
    {"DELETE", "/containers/{}", handle_container_remove, M},
    {"DELETE", "/containers/{}/{}", handle_container_unlink, M},
    {"POST", "/commit", handle_commit, M | Q},
    {"POST", "/exec/{}/start", handle_exec_start, M | Q},
    {"POST", "/exec/{}/resize", handle_exec_resize, 0},
    {"GET", "/exec/{}/json", handle_exec_inspect, 0},

    {"GET", "/images/json", handle_image_list, 0},
    {"GET", "/images/search", handle_image_search, 0},
    {"GET", "/images/get", handle_images_get, 0},
    {"POST", "/images/create", handle_image_create, M | Q | S},
    {"POST", "/images/load", handle_image_load, M | Q | S},
    {"POST", "/images/prune", handle_image_prune, M | Q},
    {"GET", "/images/{*}/json", handle_image_inspect, 0},
    {"GET", "/images/{*}/history", handle_image_history, 0},
    {"GET", "/images/{*}/get", handle_image_get, 0},
    {"POST", "/images/{*}/push", handle_image_push, M | Q},
    {"POST", "/images/{*}/tag", handle_image_tag, M | Q},
    {"DELETE", "/images/{*}", handle_image_remove, M | Q},
    {"GET", "/distribution/{*}/json", handle_distribution, 0},
    {"GET", "/distribution/{*}/manifest", handle_distribution_manifest, 0},
    {"POST", "/build", handle_build, M | Q | S},
    {"POST", "/build/prune", handle_build_prune, M},
    {"POST", "/build/cancel", handle_build_cancel, M},
    {"POST", "/session", handle_not_yet, 0},
    {"POST", "/grpc", handle_not_yet, 0},

    {"GET", "/networks", handle_network_list, 0},
    {"GET", "/networks/", handle_network_list, 0},
    {"POST", "/networks/create", handle_network_create, M | Q},
    {"POST", "/networks/prune", handle_network_prune, M | Q},
    {"POST", "/networks/{}/connect", handle_network_connect, M | Q},
    {"POST", "/networks/{}/disconnect", handle_network_disconnect, M | Q},
    {"GET", "/networks/{}", handle_network_inspect, 0},
    {"DELETE", "/networks/{}", handle_network_remove, M | Q},

    {"GET", "/volumes", handle_volume_list, 0},
    {"POST", "/volumes/create", handle_volume_create, M | Q},
    {"POST", "/volumes/prune", handle_volume_prune, M | Q},
    {"GET", "/volumes/{}", handle_volume_inspect, 0},
    {"PUT", "/volumes/{}", handle_no_swarm, 0},
    {"DELETE", "/volumes/{}", handle_volume_remove, M | Q},

    SWARM("/swarm"), SWARM("/swarm/{*}"), SWARM("/nodes"), SWARM("/nodes/{*}"),
    SWARM("/services"), SWARM("/services/{*}"), SWARM("/tasks"), SWARM("/tasks/{*}"),
    SWARM("/secrets"), SWARM("/secrets/{*}"), SWARM("/configs"), SWARM("/configs/{*}"),

    {"OPTIONS", "/", handle_options, 0},
    {"OPTIONS", "/{*}", handle_options, 0},
    {0},
};
/* clang-format on */
