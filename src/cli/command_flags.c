/* SPDX-License-Identifier: Apache-2.0 */
/* Flag tables of the commands but run and create. Pure data. */
#include "command_flags.h"

#include "state_options.h"

#define BOOL(s, member, name, letter, help, ...)                                                   \
    FLAG(FLAG_BOOL, struct s, member, name, letter, NULL, help, __VA_ARGS__)
#define TEXT(s, member, name, letter, help)                                                        \
    FLAG(FLAG_TEXT, struct s, member, name, letter, "string", help)
#define LIST(s, member, name, letter, kind, help)                                                  \
    FLAG(FLAG_LIST, struct s, member, name, letter, kind, help)
#define NUMBER(s, member, name, letter, help)                                                      \
    FLAG(FLAG_NUMBER, struct s, member, name, letter, "int", help)
#define BYTES(s, member, name, letter, help)                                                       \
    FLAG(FLAG_BYTES, struct s, member, name, letter, "bytes", help)

#define FILTER(s)                                                                                  \
    LIST(s, filters, "filter", 'f', "filter", "Filter output based on conditions provided")
#define TEMPLATE_HELP                                                                              \
    "'json':             Print in JSON format\n"                                                   \
    "'TEMPLATE':         Print output using the given\n"                                           \
    "Go template."
#define FORMAT(s)                                                                                  \
    TEXT(s, format, "format", 0,                                                                   \
         "Format output using a custom template:\n"                                                \
         "'table':            Print output in table format\n"                                      \
         "with column headers (default)\n"                                                         \
         "'table TEMPLATE':   Print output in table format\n"                                      \
         "using the given Go template\n" TEMPLATE_HELP)
#define PLAIN_FORMAT(s)                                                                            \
    TEXT(s, format, "format", 'f', "Format output using a custom template:\n" TEMPLATE_HELP)
#define DETACH_KEYS                                                                                \
    TEXT(attach_options, detach_keys, "detach-keys", 0,                                            \
         "Override the key sequence for detaching a container")
#define SIG_PROXY                                                                                  \
    FLAG(FLAG_BOOL, struct attach_options, sig_proxy, "sig-proxy", 0, NULL,                        \
         "Proxy all received signals to the process (default true)", .is_on = true)

const struct flag attach_flags[] = {
    DETACH_KEYS,
    BOOL(attach_options, no_stdin, "no-stdin", 0, "Do not attach STDIN"),
    SIG_PROXY,
    FLAG_END,
};
const struct flag cp_flags[] = {
    BOOL(cp_options, archive, "archive", 'a', "Archive mode (copy all uid/gid information)"),
    BOOL(cp_options, follow, "follow-link", 'L', "Always follow symbol link in SRC_PATH"),
    BOOL(cp_options, quiet, "quiet", 'q',
         "Suppress progress output during copy. Progress\n"
         "output is automatically suppressed if no\n"
         "terminal is attached"),
    FLAG_END,
};
const struct flag batch_flags[] = {
    NUMBER(batch_options, concurrency, "concurrency", 'c', "Containers at a time (default 8)"),
    BOOL(batch_options, detach, "detach", 'd', "Do not wait for their ends"),
    TEXT(batch_options, file, "file", 'f',
         "Bodies of creates, one JSON object a line, each\n"
         "with its \"Name\" if it has one; - is stdin"),
    TEXT(batch_options, format, "format", 0, "\"json\": the summary as one JSON object"),
    NUMBER(batch_options, number, "number", 'n',
           "How many (default 1). {} in --name is the number\n"
           "of each"),
    BOOL(batch_options, quiet, "quiet", 'q', "No line of progress"),
    FLAG_END,
};
#define NO_ATTESTATIONS "berth makes no attestations of what it builds"
const struct flag build_flags[] = {
    FLAG_NOT("allow", "no step gets more than the engine gives to all"),
    FLAG_NOT("annotation", "labels (--label) are what berth gives an image"),
    FLAG_NOT("attest", NO_ATTESTATIONS),
    FLAG_NOT("build-context", "a build has one context; FROM and COPY --from take images"),
    FLAG_NOT("builder", "the engine is the one builder there is"),
    FLAG_NOT("cache-to", "the engine keeps its own cache, and no other"),
    FLAG_NOT("compress",
             "the context goes over a Unix socket, where that costs more than it saves"),
    FLAG_NOT("isolation", "it is of containers of Windows"),
    FLAG_NOT("metadata-file", "--iidfile writes the id of the image"),
    FLAG_NOT("no-cache-filter", "--no-cache leaves out the cache for all stages"),
    FLAG_NOT("output", "the image goes to the engine; berth cp and save take files out of it"),
    FLAG_NOT("provenance", NO_ATTESTATIONS),
    FLAG_NOT("push", "build with --tag, then berth push"),
    FLAG_NOT("sbom", NO_ATTESTATIONS),
    FLAG_NOT("security-opt", "steps run with the engine's own profile"),
    FLAG_NOT("squash", "export and import make one layer of an image"),
    FLAG_NOT("ssh", "agents are not forwarded; use --secret for a key"),
    LIST(image_build_options, hosts, "add-host", 0, "list",
         "Add a custom host-to-IP mapping (host:ip)"),
    LIST(image_build_options, build_args, "build-arg", 0, "list", "Set build-time variables"),
    LIST(image_build_options, cache_from, "cache-from", 0, "strings",
         "Images to consider as cache sources"),
    TEXT(image_build_options, cgroup_parent, "cgroup-parent", 0,
         "Optional parent cgroup for the containers"),
    NUMBER(image_build_options, cpu_period, "cpu-period", 0,
           "Limit the CPU CFS (Completely Fair Scheduler) period"),
    NUMBER(image_build_options, cpu_quota, "cpu-quota", 0,
           "Limit the CPU CFS (Completely Fair Scheduler) quota"),
    NUMBER(image_build_options, cpu_shares, "cpu-shares", 'c', "CPU shares (relative weight)"),
    TEXT(image_build_options, cpuset_cpus, "cpuset-cpus", 0,
         "CPUs in which to allow execution (0-3, 0,1)"),
    TEXT(image_build_options, cpuset_mems, "cpuset-mems", 0,
         "MEMs in which to allow execution (0-3, 0,1)"),
    TEXT(image_build_options, call, "call", 0,
         "Set method for evaluating build (\"build\", \"check\")"),
    FLAG(FLAG_BOOL, struct image_build_options, skips_trust, "disable-content-trust", 0, NULL, "",
         .is_on = true, .bits = FLAG_HIDDEN),
    BOOL(image_build_options, loads, "load", 0, "Give the image to the engine (default true)",
         .is_on = true),
    BOOL(image_build_options, checks, "check", 0,
         "Say what is odd about the Dockerfile, and build nothing"),
    TEXT(image_build_options, file, "file", 'f',
         "Name of the Dockerfile (default \"PATH/Dockerfile\")"),
    BOOL(image_build_options, force_rm, "force-rm", 0,
         "Always remove intermediate containers, also of what failed"),
    TEXT(image_build_options, iidfile, "iidfile", 0, "Write the image ID to the file"),
    LIST(image_build_options, labels, "label", 0, "list", "Set metadata for an image"),
    BYTES(image_build_options, memory, "memory", 'm', "Memory limit"),
    FLAG(FLAG_SWAP, struct image_build_options, memory_swap, "memory-swap", 0, "bytes",
         "Swap limit equal to memory plus swap: -1 to\nenable unlimited swap"),
    TEXT(image_build_options, network, "network", 0,
         "Set the networking mode for the RUN instructions"),
    BOOL(image_build_options, no_cache, "no-cache", 0, "Do not use cache when building the image"),
    TEXT(image_build_options, platform, "platform", 0,
         "Set platform if server is multi-platform capable"),
    TEXT(image_build_options, progress, "progress", 0,
         "Set type of progress output (auto|plain|quiet)"),
    BOOL(image_build_options, pull, "pull", 0,
         "Always attempt to pull a newer version of the image"),
    BOOL(image_build_options, quiet, "quiet", 'q',
         "Suppress the build output and print image ID on success"),
    BOOL(image_build_options, rm, "rm", 0,
         "Remove intermediate containers after a successful build (default true)", .is_on = true),
    LIST(image_build_options, secrets, "secret", 0, "stringArray",
         "Secret to expose to the build: id=NAME,\n"
         "id=NAME,src=FILE or id=NAME,env=VARIABLE"),
    BYTES(image_build_options, shm_size, "shm-size", 0, "Size of /dev/shm"),
    LIST(image_build_options, tags, "tag", 't', "list",
         "Name and optionally a tag in the 'name:tag' format"),
    TEXT(image_build_options, target, "target", 0, "Set the target build stage to build"),
    LIST(image_build_options, ulimits, "ulimit", 0, "ulimit", "Ulimit options"),
    FLAG_END,
};
const struct flag commit_flags[] = {
    TEXT(commit_options, author, "author", 'a',
         "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"),
    LIST(commit_options, changes, "change", 'c', "list",
         "Apply Dockerfile instruction to the created image"),
    TEXT(commit_options, message, "message", 'm', "Commit message"),
    BOOL(commit_options, no_pause, "no-pause", 0, "Disable pausing container during commit"),
    BOOL(commit_options, pauses, "pause", 'p', "Pause container during commit (default true)",
         .is_on = true),
    FLAG_END,
};
const struct flag export_flags[] = {
    TEXT(export_options, output, "output", 'o', "Write to a file, instead of STDOUT"),
    FLAG_END,
};
const struct flag save_flags[] = {
    TEXT(export_options, output, "output", 'o', "Write to a file, instead of STDOUT"),
    TEXT(export_options, platform, "platform", 0, "Save only the given platform variant"),
    FLAG_END,
};
const struct flag start_flags[] = {
    FLAG_NOT("checkpoint", "no state of a process was kept, see berth checkpoint --help"),
    FLAG_NOT("checkpoint-dir", "no state of a process was kept, see berth checkpoint --help"),
    BOOL(attach_options, attach, "attach", 'a', "Attach STDOUT/STDERR and forward signals"),
    DETACH_KEYS,
    BOOL(attach_options, interactive, "interactive", 'i', "Attach container's STDIN"),
    FLAG(FLAG_BOOL, struct attach_options, sig_proxy, "sig-proxy", 0, NULL, "", .is_on = true,
         .bits = FLAG_HIDDEN),
    FLAG_END,
};
const struct flag exec_flags[] = {
    BOOL(attach_options, detach, "detach", 'd', "Detached mode: run command in the background"),
    DETACH_KEYS,
    LIST(attach_options, env, "env", 'e', "list", "Set environment variables"),
    LIST(attach_options, env_files, "env-file", 0, "list",
         "Read in a file of environment variables"),
    BOOL(attach_options, interactive, "interactive", 'i', "Keep STDIN open even if not attached"),
    BOOL(attach_options, privileged, "privileged", 0, "Give extended privileges to the command"),
    BOOL(attach_options, tty, "tty", 't', "Allocate a pseudo-TTY"),
    TEXT(attach_options, user, "user", 'u',
         "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
    TEXT(attach_options, workdir, "workdir", 'w', "Working directory inside the container"),
    FLAG_END,
};
const struct flag stop_flags[] = {
    TEXT(stop_options, signal, "signal", 's', "Signal to send to the container"),
    FLAG(FLAG_NUMBER, struct stop_options, timeout, "timeout", 't', "int",
         "Seconds to wait before killing the container"),
    FLAG(FLAG_NUMBER, struct stop_options, timeout, "time", 0, "int", "", .bits = FLAG_HIDDEN),
    FLAG_END,
};
const struct flag kill_flags[] = {
    TEXT(stop_options, signal, "signal", 's', "Signal to send to the container"),
    FLAG_END,
};
const struct flag rm_flags[] = {
    BOOL(rm_options, force, "force", 'f',
         "Force the removal of a running container (uses SIGKILL)"),
    BOOL(rm_options, link, "link", 'l', "Remove the specified link"),
    BOOL(rm_options, volumes, "volumes", 'v',
         "Remove anonymous volumes associated with the container"),
    FLAG_END,
};
const struct flag update_flags[] = {
    NUMBER(update_options, blkio_weight, "blkio-weight", 0,
           "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
    NUMBER(update_options, cpu_period, "cpu-period", 0,
           "Limit CPU CFS (Completely Fair Scheduler) period"),
    NUMBER(update_options, cpu_quota, "cpu-quota", 0,
           "Limit CPU CFS (Completely Fair Scheduler) quota"),
    NUMBER(update_options, cpu_rt_period, "cpu-rt-period", 0,
           "Limit the CPU real-time period in microseconds"),
    NUMBER(update_options, cpu_rt_runtime, "cpu-rt-runtime", 0,
           "Limit the CPU real-time runtime in microseconds"),
    NUMBER(update_options, cpu_shares, "cpu-shares", 'c', "CPU shares (relative weight)"),
    FLAG(FLAG_CPUS, struct update_options, cpus, "cpus", 0, "decimal", "Number of CPUs"),
    TEXT(update_options, cpuset_cpus, "cpuset-cpus", 0,
         "CPUs in which to allow execution (0-3, 0,1)"),
    TEXT(update_options, cpuset_mems, "cpuset-mems", 0,
         "MEMs in which to allow execution (0-3, 0,1)"),
    BYTES(update_options, kernel_memory, "kernel-memory", 0,
          "Kernel memory limit (deprecated, has no effect)"),
    BYTES(update_options, memory, "memory", 'm', "Memory limit"),
    BYTES(update_options, memory_reservation, "memory-reservation", 0, "Memory soft limit"),
    FLAG(FLAG_SWAP, struct update_options, memory_swap, "memory-swap", 0, "bytes",
         "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
    NUMBER(update_options, pids_limit, "pids-limit", 0,
           "Tune container pids limit (set -1 for unlimited)"),
    TEXT(update_options, restart, "restart", 0, "Restart policy to apply when a container exits"),
    FLAG_END,
};
const struct flag ps_flags[] = {
    BOOL(list_options, all, "all", 'a', "Show all containers (default shows just running)"),
    FILTER(list_options),
    FORMAT(list_options),
    NUMBER(list_options, last, "last", 'n',
           "Show n last created containers (includes all states) (default -1)"),
    BOOL(list_options, last_one, "latest", 'l',
         "Show the latest created container (includes all states)"),
    BOOL(list_options, no_trunc, "no-trunc", 0, "Don't truncate output"),
    BOOL(list_options, quiet, "quiet", 'q', "Only display container IDs"),
    BOOL(list_options, size, "size", 's', "Display total file sizes"),
    FLAG_END,
};
const struct flag logs_flags[] = {
    BOOL(logs_options, details, "details", 0, "Show extra details provided to logs"),
    BOOL(logs_options, follow, "follow", 'f', "Follow log output"),
    TEXT(logs_options, since, "since", 0,
         "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for "
         "42 minutes)"),
    TEXT(logs_options, tail, "tail", 'n',
         "Number of lines to show from the end of the logs (default \"all\")"),
    BOOL(logs_options, timestamps, "timestamps", 't', "Show timestamps"),
    TEXT(logs_options, until, "until", 0,
         "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" "
         "for 42 minutes)"),
    FLAG_END,
};
const struct flag format_flags[] = {
    PLAIN_FORMAT(format_options),
    FLAG_END,
};
const struct flag stats_flags[] = {
    BOOL(stats_options, all, "all", 'a', "Show all containers (default shows just running)"),
    FORMAT(stats_options),
    BOOL(stats_options, no_stream, "no-stream", 0,
         "Disable streaming stats and only pull the first result"),
    BOOL(stats_options, no_trunc, "no-trunc", 0, "Do not truncate output"),
    BOOL(stats_options, psi, "psi", 0,
         "Show for which part of the last 10 s tasks waited for CPU, memory and I/O"),
    TEXT(stats_options, sort, "sort", 0,
         "Sort by cpu, mem, memperc, net, block, pids\n"
         "or name (default: as they were started)"),
    FLAG_END,
};
const struct flag df_flags[] = {
    FORMAT(df_options),
    BOOL(df_options, verbose, "verbose", 'v', "Show detailed information on space usage"),
    FLAG_END,
};
const struct flag inspect_flags[] = {
    PLAIN_FORMAT(inspect_options),
    BOOL(inspect_options, size, "size", 's', "Display total file sizes if the type is container"),
    TEXT(inspect_options, type, "type", 0, "Only inspect objects of the given type"),
    FLAG_END,
};
const struct flag inspect_group_flags[] = {
    PLAIN_FORMAT(inspect_options),
    BOOL(inspect_options, size, "size", 's', "Display total file sizes (containers)"),
    FLAG(FLAG_BOOL, struct inspect_options, verbose, "verbose", 'v', NULL, "", .bits = FLAG_HIDDEN),
    FLAG_END,
};
const struct flag image_inspect_flags[] = {
    PLAIN_FORMAT(inspect_options),
    TEXT(inspect_options, platform, "platform", 0,
         "Inspect a specific platform of the image: os[/arch[/variant]]"),
    FLAG_END,
};
#define ONE_PLATFORM "the engine keeps one platform of an image"
const struct flag images_flags[] = {
    FLAG_NOT("tree", ONE_PLATFORM),
    BOOL(list_options, all, "all", 'a', "Show all images (default hides intermediate images)"),
    BOOL(list_options, digests, "digests", 0, "Show digests"),
    FILTER(list_options),
    FORMAT(list_options),
    BOOL(list_options, no_trunc, "no-trunc", 0, "Don't truncate output"),
    BOOL(list_options, quiet, "quiet", 'q', "Only show image IDs"),
    FLAG_END,
};
const struct flag history_flags[] = {
    FORMAT(list_options),
    FLAG(FLAG_BOOL, struct list_options, human, "human", 'H', NULL,
         "Print sizes and dates in human readable format (default true)", .is_on = true),
    BOOL(list_options, no_trunc, "no-trunc", 0, "Don't truncate output"),
    TEXT(list_options, platform, "platform", 0, "Show history for the given platform"),
    BOOL(list_options, quiet, "quiet", 'q', "Only show image IDs"),
    FLAG_END,
};
const struct flag rmi_flags[] = {
    FLAG_NOT("platform", ONE_PLATFORM),
    BOOL(rmi_options, force, "force", 'f', "Force removal of the image"),
    BOOL(rmi_options, no_prune, "no-prune", 0, "Do not delete untagged parents"),
    FLAG_END,
};
const struct flag pull_flags[] = {
    BOOL(pull_options, all_tags, "all-tags", 'a', "Download all tagged images in the repository"),
    FLAG(FLAG_BOOL, struct pull_options, skips_trust, "disable-content-trust", 0, NULL, "",
         .is_on = true, .bits = FLAG_HIDDEN),
    TEXT(pull_options, platform, "platform", 0, "Set platform if server is multi-platform capable"),
    BOOL(pull_options, quiet, "quiet", 'q', "Suppress verbose output"),
    FLAG_END,
};
const struct flag push_flags[] = {
    BOOL(push_options, all_tags, "all-tags", 'a', "Push all tags of an image to the repository"),
    FLAG(FLAG_BOOL, struct push_options, skips_trust, "disable-content-trust", 0, NULL,
         "Skip image signing (default true)", .is_on = true),
    TEXT(push_options, platform, "platform", 0,
         "Push the image only if it is of this platform:\n"
         "os[/arch[/variant]]"),
    BOOL(push_options, quiet, "quiet", 'q', "Suppress verbose output"),
    FLAG_END,
};
const struct flag load_flags[] = {
    TEXT(import_options, input, "input", 'i', "Read from tar archive file, instead of STDIN"),
    TEXT(import_options, platform, "platform", 0, "Load only the given platform variant"),
    BOOL(import_options, quiet, "quiet", 'q', "Suppress the load output"),
    FLAG_END,
};
const struct flag import_flags[] = {
    LIST(import_options, changes, "change", 'c', "list",
         "Apply Dockerfile instruction to the created image"),
    TEXT(import_options, message, "message", 'm', "Set commit message for imported image"),
    TEXT(import_options, platform, "platform", 0,
         "Set platform if server is multi-platform capable"),
    FLAG_END,
};
const struct flag search_flags[] = {
    FILTER(search_options),
    TEXT(search_options, format, "format", 0, "Pretty-print search using a Go template"),
    NUMBER(search_options, limit, "limit", 0, "Max number of search results"),
    BOOL(search_options, no_trunc, "no-trunc", 0, "Don't truncate output"),
    FLAG_END,
};
const struct flag manifest_inspect_flags[] = {
    BOOL(manifest_options, insecure, "insecure", 0,
         "Allow communication with an insecure registry"),
    BOOL(manifest_options, verbose, "verbose", 'v',
         "Output additional info including layers and platform"),
    FLAG_END,
};
const struct flag login_flags[] = {
    TEXT(login_options, password, "password", 'p', "Password or Personal Access Token (PAT)"),
    BOOL(login_options, password_stdin, "password-stdin", 0,
         "Take the Password or Personal Access Token (PAT) from stdin"),
    TEXT(login_options, user, "username", 'u', "Username"),
    FLAG_END,
};
const struct flag events_flags[] = {
    TEXT(events_options, after, "after", 0,
         "Show all events behind this number (0: all that are kept), and what is missing"),
    FILTER(events_options),
    FORMAT(events_options),
    TEXT(events_options, since, "since", 0, "Show all events created since timestamp"),
    TEXT(events_options, until, "until", 0, "Stream events until this timestamp"),
    FLAG_END,
};
const struct flag prune_flags[] = {
    LIST(prune_options, filters, "filter", 0, "filter",
         "Provide filter values (e.g. \"until=<timestamp>\")"),
    BOOL(prune_options, force, "force", 'f', "Do not prompt for confirmation"),
    FLAG_END,
};
const struct flag builder_prune_flags[] = {
    BOOL(prune_options, all, "all", 'a', "Remove all unused build cache, not just dangling ones"),
    LIST(prune_options, filters, "filter", 0, "filter",
         "Provide filter values (e.g. \"until=24h\")"),
    BOOL(prune_options, force, "force", 'f', "Do not prompt for confirmation"),
    BYTES(prune_options, keep, "keep-storage", 0, "Amount of disk space to keep for cache"),
    FLAG_END,
};
const struct flag prune_all_flags[] = {
    BOOL(prune_options, all, "all", 'a',
         "Remove all unused ones, not just dangling or anonymous ones"),
    LIST(prune_options, filters, "filter", 0, "filter",
         "Provide filter values (e.g. \"until=<timestamp>\")"),
    BOOL(prune_options, force, "force", 'f', "Do not prompt for confirmation"),
    FLAG_END,
};
const struct flag system_prune_flags[] = {
    BOOL(prune_options, all, "all", 'a', "Remove all unused images not just dangling ones"),
    LIST(prune_options, filters, "filter", 0, "filter",
         "Provide filter values (e.g. \"label=<key>=<value>\")"),
    BOOL(prune_options, force, "force", 'f', "Do not prompt for confirmation"),
    BOOL(prune_options, volumes, "volumes", 0, "Prune anonymous volumes"),
    FLAG_END,
};
const struct flag volume_ls_flags[] = {
    FLAG_NOT("cluster", "it is of the volumes of a swarm"),
    FILTER(list_options),
    FORMAT(list_options),
    BOOL(list_options, quiet, "quiet", 'q', "Only display volume names"),
    FLAG_END,
};
const struct flag list_flags[] = {
    FILTER(list_options),
    FORMAT(list_options),
    BOOL(list_options, no_trunc, "no-trunc", 0, "Do not truncate the output"),
    BOOL(list_options, quiet, "quiet", 'q', "Only display IDs or names"),
    FLAG_END,
};
const struct flag network_create_flags[] = {
    FLAG_NOT("ingress", "it is of a swarm"),
    BOOL(network_options, attachable, "attachable", 0, "Enable manual container attachment"),
    LIST(network_options, aux, "aux-address", 0, "map",
         "Auxiliary IPv4 or IPv6 addresses used by Network driver (default map[])"),
    TEXT(network_options, config_from, "config-from", 0,
         "The network from which to copy the configuration"),
    BOOL(network_options, config_only, "config-only", 0, "Create a configuration only network"),
    TEXT(network_options, driver, "driver", 'd',
         "Driver to manage the Network (default \"bridge\")"),
    LIST(network_options, gateways, "gateway", 0, "strings",
         "IPv4 or IPv6 Gateway for the master subnet"),
    BOOL(network_options, internal, "internal", 0, "Restrict external access to the network"),
    LIST(network_options, ranges, "ip-range", 0, "strings",
         "Allocate container ip from a sub-range"),
    TEXT(network_options, ipam_driver, "ipam-driver", 0,
         "IP Address Management Driver (default \"default\")"),
    LIST(network_options, ipam_options, "ipam-opt", 0, "map",
         "Set IPAM driver specific options (default map[])"),
    BOOL(network_options, ipv4, "ipv4", 0,
         "Enable or disable IPv4 address assignment (default true)", .is_on = true),
    BOOL(network_options, ipv6, "ipv6", 0, "Enable or disable IPv6 address assignment"),
    LIST(network_options, labels, "label", 0, "list", "Set metadata on a network"),
    LIST(network_options, options, "opt", 'o', "map",
         "Set driver specific options (default map[])"),
    TEXT(network_options, scope, "scope", 0, "Control the network's scope"),
    LIST(network_options, subnets, "subnet", 0, "strings",
         "Subnet in CIDR format that represents a network segment"),
    FLAG_END,
};
const struct flag connect_flags[] = {
    LIST(network_options, aliases, "alias", 0, "strings",
         "Add network-scoped alias for the container"),
    LIST(network_options, driver_options, "driver-opt", 0, "strings",
         "driver options for the network"),
    NUMBER(network_options, gw_priority, "gw-priority", 0,
           "Highest gw-priority provides the default gateway. Accepts positive and negative "
           "values."),
    TEXT(network_options, ip, "ip", 0, "IPv4 address (e.g., \"172.30.100.104\")"),
    TEXT(network_options, ip6, "ip6", 0, "IPv6 address (e.g., \"2001:db8::33\")"),
    LIST(network_options, links, "link", 0, "list", "Add link to another container"),
    LIST(network_options, link_local, "link-local-ip", 0, "strings",
         "Add a link-local address for the container"),
    FLAG_END,
};
const struct flag network_rm_flags[] = {
    BOOL(network_options, force, "force", 'f', "Do not error if the network does not exist"),
    FLAG_END,
};
const struct flag disconnect_flags[] = {
    BOOL(network_options, force, "force", 'f', "Force the container to disconnect from a network"),
    FLAG_END,
};
#define OF_SWARM "it is of the volumes of a swarm"
const struct flag volume_create_flags[] = {
    FLAG_NOT("availability", OF_SWARM),
    FLAG_NOT("group", OF_SWARM),
    FLAG_NOT("limit-bytes", OF_SWARM),
    FLAG_NOT("required-bytes", OF_SWARM),
    FLAG_NOT("scope", OF_SWARM),
    FLAG_NOT("secret", OF_SWARM),
    FLAG_NOT("sharing", OF_SWARM),
    FLAG_NOT("topology-preferred", OF_SWARM),
    FLAG_NOT("topology-required", OF_SWARM),
    FLAG_NOT("type", OF_SWARM),
    TEXT(volume_options, driver, "driver", 'd', "Specify volume driver name (default \"local\")"),
    LIST(volume_options, labels, "label", 0, "list", "Set metadata for a volume"),
    FLAG(FLAG_TEXT, struct volume_options, name, "name", 0, "string", "", .bits = FLAG_HIDDEN),
    LIST(volume_options, options, "opt", 'o', "map", "Set driver specific options (default map[])"),
    FLAG_END,
};
const struct flag volume_rm_flags[] = {
    BOOL(volume_options, force, "force", 'f', "Force the removal of one or more volumes"),
    FLAG_END,
};
const struct flag audit_flags[] = {
    BOOL(audit_options, all, "all", 'a', "Check all containers (default checks just running)"),
    TEXT(audit_options, format, "format", 0, "Format output: 'table' (default) or 'json'"),
    TEXT(audit_options, severity, "severity", 0,
         "Show this severity and above: note, low, medium, high or critical (default low)"),
    FLAG_END,
};
const struct flag context_create_flags[] = {
    TEXT(context_options, description, "description", 0, "Description of the context"),
    LIST(context_options, docker, "docker", 0, "stringToString",
         "set the docker endpoint (host=unix://PATH, or from=CONTEXT)"),
    TEXT(context_options, from, "from", 0, "create context from a named context"),
    FLAG_NOT("default-stack-orchestrator", "there are no stacks"),
    FLAG_NOT("kubernetes", "there is no such endpoint"),
    FLAG_END,
};
const struct flag context_update_flags[] = {
    TEXT(context_options, description, "description", 0, "Description of the context"),
    LIST(context_options, docker, "docker", 0, "stringToString",
         "set the docker endpoint (host=unix://PATH, or from=CONTEXT)"),
    FLAG_END,
};
const struct flag context_ls_flags[] = {
    FORMAT(context_options),
    BOOL(context_options, quiet, "quiet", 'q', "Only show context names"),
    FLAG_END,
};
const struct flag context_inspect_flags[] = {
    PLAIN_FORMAT(context_options),
    FLAG_END,
};
const struct flag context_rm_flags[] = {
    BOOL(context_options, force, "force", 'f', "Force the removal of a context in use"),
    FLAG_END,
};
const struct flag checkpoint_flags[] = {
    TEXT(checkpoint_options, dir, "checkpoint-dir", 0, "Use a custom checkpoint storage directory"),
    FLAG_END,
};
const struct flag checkpoint_create_flags[] = {
    TEXT(checkpoint_options, dir, "checkpoint-dir", 0, "Use a custom checkpoint storage directory"),
    BOOL(checkpoint_options, leaves_running, "leave-running", 0,
         "Leave the container running after checkpoint"),
    FLAG_END,
};
