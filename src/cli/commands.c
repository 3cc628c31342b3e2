/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command: one row each; `container ls` and its like are rows of their own that name the
 * same function. Rows without a function are Docker's commands that berth does not have (yet).
 */
#include "commands.h"

#include "command_flags.h"
#include "run_options.h"
#include "state_options.h"

#define ANY (-1)
#define ROW_(n, fn, fl, opts, min, max, args_text, help_text, ...)                                 \
    {                                                                                              \
        .name = (n), .usage = n args_text, .help = (help_text), .run = (fn), .flags = (fl),        \
        .options_size = sizeof(opts), .min_args = (min), .max_args = (max), __VA_ARGS__            \
    }
/* One level more, so that RUN and its like are expanded into arguments first. */
#define ROW(...) ROW_(__VA_ARGS__)
#define REFUSED(n, why)                                                                            \
    {                                                                                              \
        .name = (n), .usage = n, .help = "", .max_args = ANY, .why_not = (why)                     \
    }

/* A command that exists at the top and in a group. */
#define CONTAINER(n, ...) ROW(n, __VA_ARGS__), ROW("container " n, __VA_ARGS__)

/* clang-format off */
#define RUN cmd_run, run_flags, struct run_options, 1, ANY,                                        \
    " [OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image",         \
    .options_first = true
#define CREATE cmd_create, create_flags, struct run_options, 1, ANY,                               \
    " [OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", .options_first = true
#define EXEC cmd_exec, exec_flags, struct attach_options, 2, ANY,                                  \
    " [OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container",           \
    .options_first = true
#define PS cmd_ps, ps_flags, struct list_options, 0, 0, " [OPTIONS]", "List containers"
#define IMAGES cmd_images, images_flags, struct list_options, 0, 1,                                \
    " [OPTIONS] [REPOSITORY[:TAG]]", "List images"
#define TAG cmd_tag, NULL, struct list_options, 2, 2, " SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",    \
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"
#define RMI cmd_rmi, rmi_flags, struct rmi_options, 1, ANY, " [OPTIONS] IMAGE [IMAGE...]",         \
    "Remove one or more images"
#define PULL cmd_pull, pull_flags, struct pull_options, 1, 1, " [OPTIONS] NAME[:TAG|@DIGEST]",     \
    "Download an image from a registry"
#define PUSH cmd_push, push_flags, struct push_options, 1, 1, " [OPTIONS] NAME[:TAG]",             \
    "Upload an image to a registry"
#define LOAD cmd_load, load_flags, struct import_options, 0, 0, " [OPTIONS]",                      \
    "Load an image from a tar archive or STDIN"
#define SAVE cmd_save, save_flags, struct export_options, 1, ANY, " [OPTIONS] IMAGE [IMAGE...]",   \
    "Save one or more images to a tar archive (streamed to STDOUT by default)"
#define IMPORT cmd_import, import_flags, struct import_options, 1, 2,                              \
    " [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",                                                    \
    "Import the contents from a tarball to create a filesystem image"
#define HISTORY cmd_history, history_flags, struct list_options, 1, 1, " [OPTIONS] IMAGE",         \
    "Show the history of an image"
#define INFO cmd_info, format_flags, struct format_options, 0, 0, " [OPTIONS]",                    \
    "Display system-wide information"
#define EVENTS cmd_events, events_flags, struct events_options, 0, 0, " [OPTIONS]",                \
    "Get real time events from the server"
#define BUILD cmd_build, build_flags, struct image_build_options, 1, 1, " [OPTIONS] PATH | -",     \
    "Build an image from a Dockerfile"
#define RM cmd_rm, rm_flags, struct rm_options, 1, ANY, " [OPTIONS] CONTAINER [CONTAINER...]",     \
    "Remove one or more containers"
#define CHECKPOINT_LS cmd_checkpoint_ls, checkpoint_flags, struct checkpoint_options, 1, 1,        \
    " [OPTIONS] CONTAINER", "List checkpoints for a container"
#define CHECKPOINT_RM cmd_checkpoint_rm, checkpoint_flags, struct checkpoint_options, 2, 2,        \
    " [OPTIONS] CONTAINER CHECKPOINT", "Remove a checkpoint"
#define CONTEXT_LS cmd_context_ls, context_ls_flags, struct context_options, 0, 0, " [OPTIONS]",   \
    "List contexts"
#define CONTEXT_RM cmd_context_rm, context_rm_flags, struct context_options, 1, ANY,               \
    " CONTEXT [CONTEXT...]", "Remove one or more contexts"
#define OF_SWARM "it is of a swarm, and berth is an engine for one machine"
#define NO_LISTS "lists of images for several platforms are made with skopeo or buildx"
#define GROUP_INSPECT(WHAT, what)                                                                  \
    cmd_inspect_group, inspect_group_flags, struct inspect_options, 1, ANY,                        \
    " [OPTIONS] " WHAT " [" WHAT "...]", "Display detailed information on one or more " what

const struct command commands[] = {
    CONTAINER("attach", cmd_attach, attach_flags, struct attach_options, 1, 1,
        " [OPTIONS] CONTAINER",
        "Attach local standard input, output, and error streams to a running container"),
    ROW("audit", cmd_audit, audit_flags, struct audit_options, 0, ANY,
        " [OPTIONS] [CONTAINER...]",
        "Show what weakens the isolation of containers, and the remedies"),
    ROW("policy check", cmd_policy_check, NULL, struct audit_options, 1, 1, " FILE",
        "Say whether the engine understands a policy file, and what is wrong where"),
    ROW("batch", cmd_batch, batch_flags, struct batch_options, 0, ANY,
        " [OPTIONS] -- [RUN OPTIONS] IMAGE [COMMAND] [ARG...]\n"
        "berth batch [OPTIONS] --file FILE|-",
        "Run many containers, some at a time, and sum up how long they took",
        .options_first = true),
    ROW("build", BUILD), ROW("image build", BUILD), ROW("builder build", BUILD),
    CONTAINER("commit", cmd_commit, commit_flags, struct commit_options, 1, 2,
        " [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
        "Create a new image from a container's changes"),
    CONTAINER("cp", cmd_cp, cp_flags, struct cp_options, 2, 2,
        " [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n"
        "       berth cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        "Copy files/folders between a container and the local filesystem"),
    CONTAINER("create", CREATE),
    CONTAINER("diff", cmd_diff, NULL, struct cp_options, 1, 1, " CONTAINER",
        "Inspect changes to files or directories on a container's filesystem"),
    ROW("events", EVENTS), ROW("system events", EVENTS),
    CONTAINER("exec", EXEC),
    CONTAINER("export", cmd_export, export_flags, struct export_options, 1, 1,
        " [OPTIONS] CONTAINER", "Export a container's filesystem as a tar archive"),
    ROW("history", HISTORY), ROW("image history", HISTORY),
    ROW("images", IMAGES), ROW("image ls", IMAGES),
    ROW("image list", IMAGES, .alias_of_name = "image ls"),
    ROW("import", IMPORT), ROW("image import", IMPORT),
    ROW("info", INFO), ROW("system info", INFO),
    ROW("inspect", cmd_inspect, inspect_flags, struct inspect_options, 1, ANY,
        " [OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on Docker objects"),
    ROW("container inspect", GROUP_INSPECT("CONTAINER", "containers")),
    ROW("image inspect", cmd_inspect_group, image_inspect_flags, struct inspect_options, 1, ANY,
        " [OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images"),
    CONTAINER("kill", cmd_kill, kill_flags, struct stop_options, 1, ANY,
        " [OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers"),
    ROW("load", LOAD), ROW("image load", LOAD),
    ROW("login", cmd_login, login_flags, struct login_options, 0, 1, " [OPTIONS] [SERVER]",
        "Log in to a registry"),
    ROW("logout", cmd_logout, NULL, struct login_options, 0, 1, " [SERVER]",
        "Log out from a registry"),
    CONTAINER("logs", cmd_logs, logs_flags, struct logs_options, 1, 1, " [OPTIONS] CONTAINER",
        "Fetch the logs of a container"),
    CONTAINER("pause", cmd_pause, NULL, struct stop_options, 1, ANY, " CONTAINER [CONTAINER...]",
        "Pause all processes within one or more containers"),
    CONTAINER("port", cmd_port, NULL, struct stop_options, 1, 2,
        " CONTAINER [PRIVATE_PORT[/PROTO]]",
        "List port mappings or a specific mapping for the container"),
    ROW("ps", PS), ROW("container ls", PS),
    ROW("container list", PS, .alias_of_name = "container ls"),
    ROW("container ps", PS, .alias_of_name = "container ls"),
    ROW("pull", PULL), ROW("image pull", PULL),
    ROW("push", PUSH), ROW("image push", PUSH),
    CONTAINER("rename", cmd_rename, NULL, struct stop_options, 2, 2, " CONTAINER NEW_NAME",
        "Rename a container"),
    CONTAINER("restart", cmd_restart, stop_flags, struct stop_options, 1, ANY,
        " [OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers"),
    CONTAINER("rm", RM),
    ROW("container remove", RM, .alias_of_name = "container rm"),
    ROW("rmi", RMI), ROW("image rm", RMI),
    ROW("image remove", RMI, .alias_of_name = "image rm"),
    CONTAINER("run", RUN),
    ROW("save", SAVE), ROW("image save", SAVE),
    ROW("search", cmd_search, search_flags, struct search_options, 1, 1, " [OPTIONS] TERM",
        "Search Docker Hub for images"),
    CONTAINER("start", cmd_start, start_flags, struct attach_options, 1, ANY,
        " [OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers"),
    CONTAINER("stats", cmd_stats, stats_flags, struct stats_options, 0, ANY,
        " [OPTIONS] [CONTAINER...]",
        "Display a live stream of container(s) resource usage statistics"),
    CONTAINER("stop", cmd_stop, stop_flags, struct stop_options, 1, ANY,
        " [OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers"),
    ROW("tag", TAG), ROW("image tag", TAG),
    CONTAINER("top", cmd_top, NULL, struct stop_options, 1, ANY, " CONTAINER [ps OPTIONS]",
        "Display the running processes of a container", .options_first = true),
    CONTAINER("unpause", cmd_unpause, NULL, struct stop_options, 1, ANY,
        " CONTAINER [CONTAINER...]", "Unpause all processes within one or more containers"),
    CONTAINER("update", cmd_update, update_flags, struct update_options, 1, ANY,
        " [OPTIONS] CONTAINER [CONTAINER...]", "Update configuration of one or more containers"),
    ROW("version", cmd_version, format_flags, struct format_options, 0, 0, " [OPTIONS]",
        "Show the version information"),
    CONTAINER("wait", cmd_wait, NULL, struct stop_options, 1, ANY, " CONTAINER [CONTAINER...]",
        "Block until one or more containers stop, then print their exit codes"),

    ROW("builder prune", cmd_prune, builder_prune_flags, struct prune_options, 0, 0, " [OPTIONS]",
        "Remove build cache"),
    ROW("container prune", cmd_prune, prune_flags, struct prune_options, 0, 0, " [OPTIONS]",
        "Remove all stopped containers"),
    ROW("image prune", cmd_prune, prune_all_flags, struct prune_options, 0, 0, " [OPTIONS]",
        "Remove unused images"),
    REFUSED("manifest annotate", NO_LISTS), REFUSED("manifest create", NO_LISTS),
    ROW("manifest inspect", cmd_manifest_inspect, manifest_inspect_flags, struct manifest_options,
        1, 1, " [OPTIONS] MANIFEST", "Display an image manifest, or manifest list"),
    REFUSED("manifest push", NO_LISTS), REFUSED("manifest rm", NO_LISTS),
    ROW("network connect", cmd_network_connect, connect_flags, struct network_options, 2, 2,
        " [OPTIONS] NETWORK CONTAINER", "Connect a container to a network"),
    ROW("network create", cmd_network_create, network_create_flags, struct network_options, 1, 1,
        " [OPTIONS] NETWORK", "Create a network"),
    ROW("network disconnect", cmd_network_disconnect, disconnect_flags, struct network_options,
        2, 2, " [OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network"),
    ROW("network inspect", GROUP_INSPECT("NETWORK", "networks")),
    ROW("network ls", cmd_network_ls, list_flags, struct list_options, 0, 0, " [OPTIONS]",
        "List networks"),
    ROW("network list", cmd_network_ls, list_flags, struct list_options, 0, 0, " [OPTIONS]",
        "List networks", .alias_of_name = "network ls"),
    ROW("network prune", cmd_prune, prune_flags, struct prune_options, 0, 0, " [OPTIONS]",
        "Remove all unused networks"),
    ROW("network rm", cmd_network_rm, network_rm_flags, struct network_options, 1, ANY,
        " NETWORK [NETWORK...]", "Remove one or more networks"),
    ROW("network remove", cmd_network_rm, network_rm_flags, struct network_options, 1, ANY,
        " NETWORK [NETWORK...]", "Remove one or more networks", .alias_of_name = "network rm"),
    ROW("system df", cmd_df, df_flags, struct df_options, 0, 0, " [OPTIONS]", "Show disk usage"),
    ROW("system prune", cmd_system_prune, system_prune_flags, struct prune_options, 0, 0,
        " [OPTIONS]", "Remove unused data"),
    ROW("volume create", cmd_volume_create, volume_create_flags, struct volume_options, 0, 1,
        " [OPTIONS] [VOLUME]", "Create a volume"),
    ROW("volume inspect", GROUP_INSPECT("VOLUME", "volumes")),
    ROW("volume ls", cmd_volume_ls, volume_ls_flags, struct list_options, 0, 0, " [OPTIONS]",
        "List volumes"),
    ROW("volume list", cmd_volume_ls, volume_ls_flags, struct list_options, 0, 0, " [OPTIONS]",
        "List volumes", .alias_of_name = "volume ls"),
    ROW("volume prune", cmd_prune, prune_all_flags, struct prune_options, 0, 0, " [OPTIONS]",
        "Remove unused local volumes"),
    ROW("volume rm", cmd_volume_rm, volume_rm_flags, struct volume_options, 1, ANY,
        " [OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes"),
    ROW("volume remove", cmd_volume_rm, volume_rm_flags, struct volume_options, 1, ANY,
        " [OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes",
        .alias_of_name = "volume rm"),

    ROW("checkpoint create", cmd_checkpoint_create, checkpoint_create_flags,
        struct checkpoint_options, 2, 2, " [OPTIONS] CONTAINER CHECKPOINT",
        "Create a checkpoint from a running container"),
    ROW("checkpoint ls", CHECKPOINT_LS),
    ROW("checkpoint list", CHECKPOINT_LS, .alias_of_name = "checkpoint ls"),
    ROW("checkpoint rm", CHECKPOINT_RM),
    ROW("checkpoint remove", CHECKPOINT_RM, .alias_of_name = "checkpoint rm"),

    ROW("context create", cmd_context_create, context_create_flags, struct context_options, 1, 1,
        " [OPTIONS] CONTEXT", "Create a context"),
    ROW("context export", cmd_context_export, NULL, struct context_options, 1, 2,
        " CONTEXT [FILE|-]", "Export a context to a tar archive FILE or a tar stream on STDOUT."),
    ROW("context import", cmd_context_import, NULL, struct context_options, 2, 2,
        " CONTEXT FILE|-", "Import a context from a tar file"),
    ROW("context inspect", cmd_context_inspect, context_inspect_flags, struct context_options, 0,
        ANY, " [OPTIONS] [CONTEXT] [CONTEXT...]",
        "Display detailed information on one or more contexts"),
    ROW("context ls", CONTEXT_LS),
    ROW("context list", CONTEXT_LS, .alias_of_name = "context ls"),
    ROW("context rm", CONTEXT_RM),
    ROW("context remove", CONTEXT_RM, .alias_of_name = "context rm"),
    ROW("context show", cmd_context_show, NULL, struct context_options, 0, 0, "",
        "Print the name of the current context"),
    ROW("context update", cmd_context_update, context_update_flags, struct context_options, 1, 1,
        " [OPTIONS] CONTEXT", "Update a context"),
    ROW("context use", cmd_context_use, NULL, struct context_options, 1, 1, " CONTEXT",
        "Set the current docker context"),

    ROW("system dial-stdio", cmd_dial_stdio, NULL, struct context_options, 0, 0, "",
        "Proxy the stdio stream to the daemon connection. Should not be invoked manually."),
    REFUSED("volume update", OF_SWARM),

    REFUSED("buildx", "berth build is all there is of it; its builder is the engine"),
    REFUSED("compose", "use docker-compose, which drives berth as it drives docker"),
    REFUSED("config", OF_SWARM), REFUSED("node", OF_SWARM),
    REFUSED("plugin", "drivers of volumes, networks and logs are the engine's own"),
    REFUSED("secret", OF_SWARM), REFUSED("service", OF_SWARM), REFUSED("stack", OF_SWARM),
    REFUSED("swarm", OF_SWARM),
    REFUSED("trust", "berth knows no signatures of Notary; name images by digest"),
    {.name = NULL},
};
/* clang-format on */
