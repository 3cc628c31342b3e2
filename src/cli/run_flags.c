/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of run and create. Pure data; the two tables differ in run's own few. */
#include "run_options.h"

#define O struct run_options
#define TEXT(member, name, letter, kind, help) FLAG(FLAG_TEXT, O, member, name, letter, kind, help)
#define LIST(member, name, letter, kind, help) FLAG(FLAG_LIST, O, member, name, letter, kind, help)
#define BOOL(member, name, letter, help) FLAG(FLAG_BOOL, O, member, name, letter, NULL, help)
#define NUMBER(member, name, letter, kind, help)                                                   \
    FLAG(FLAG_NUMBER, O, member, name, letter, kind, help)
#define BYTES(member, name, letter, help) FLAG(FLAG_BYTES, O, member, name, letter, "bytes", help)
#define DURATION(member, name, help) FLAG(FLAG_DURATION, O, member, name, 0, "duration", help)
#define HIDDEN(type, member, name) FLAG(type, O, member, name, 0, "string", "", .bits = FLAG_HIDDEN)

/* clang-format off */
#define OF_WINDOWS "it is of containers of Windows"
#define SHARED_FLAGS                                                                               \
    FLAG_NOT("cpu-count", OF_WINDOWS), FLAG_NOT("cpu-percent", OF_WINDOWS),                        \
    FLAG_NOT("io-maxbandwidth", OF_WINDOWS), FLAG_NOT("io-maxiops", OF_WINDOWS),                   \
    FLAG_NOT("use-api-socket",                                                                     \
             "whoever has the engine's socket has the machine; mount it with -v if you want that"),\
    LIST(hosts, "add-host", 0, "list", "Add a custom host-to-IP mapping (host:ip)"),               \
    LIST(annotations, "annotation", 0, "map", "Add an annotation to the container"),               \
    LIST(attach, "attach", 'a', "list", "Attach to STDIN, STDOUT or STDERR"),                      \
    NUMBER(blkio_weight, "blkio-weight", 0, "uint16",                                              \
           "Block IO (relative weight), between 10 and 1000, or 0 to disable"),                    \
    LIST(blkio_devices, "blkio-weight-device", 0, "list",                                          \
         "Block IO weight (relative device weight)"),                                              \
    LIST(cap_add, "cap-add", 0, "list", "Add Linux capabilities"),                                 \
    LIST(cap_drop, "cap-drop", 0, "list", "Drop Linux capabilities"),                              \
    TEXT(cgroup_parent, "cgroup-parent", 0, "string", "Optional parent cgroup for the container"), \
    TEXT(cgroupns, "cgroupns", 0, "string", "Cgroup namespace to use (host|private)"),             \
    TEXT(cidfile, "cidfile", 0, "string", "Write the container ID to the file"),                   \
    NUMBER(cpu_period, "cpu-period", 0, "int",                                                     \
           "Limit CPU CFS (Completely Fair Scheduler) period"),                                    \
    NUMBER(cpu_quota, "cpu-quota", 0, "int",                                                       \
           "Limit CPU CFS (Completely Fair Scheduler) quota"),                                     \
    NUMBER(cpu_rt_period, "cpu-rt-period", 0, "int",                                               \
           "Limit CPU real-time period in microseconds"),                                          \
    NUMBER(cpu_rt_runtime, "cpu-rt-runtime", 0, "int",                                             \
           "Limit CPU real-time runtime in microseconds"),                                         \
    NUMBER(cpu_shares, "cpu-shares", 'c', "int", "CPU shares (relative weight)"),                  \
    FLAG(FLAG_CPUS, O, cpus, "cpus", 0, "decimal", "Number of CPUs"),                              \
    TEXT(cpuset_cpus, "cpuset-cpus", 0, "string", "CPUs in which to allow execution (0-3, 0,1)"),  \
    TEXT(cpuset_mems, "cpuset-mems", 0, "string", "MEMs in which to allow execution (0-3, 0,1)"),  \
    TEXT(gpus, "gpus", 0, "gpu-request",                                                           \
         "GPU devices to add to the container ('all' to pass all GPUs)"),                          \
    FLAG_NOT("isolation", OF_WINDOWS),                                                             \
    LIST(devices, "device", 0, "list", "Add a host device to the container"),                      \
    LIST(device_rules, "device-cgroup-rule", 0, "list",                                            \
         "Add a rule to the cgroup allowed devices list"),                                         \
    LIST(read_bps, "device-read-bps", 0, "list",                                                   \
         "Limit read rate (bytes per second) from a device"),                                      \
    LIST(read_iops, "device-read-iops", 0, "list",                                                 \
         "Limit read rate (IO per second) from a device"),                                         \
    LIST(write_bps, "device-write-bps", 0, "list",                                                 \
         "Limit write rate (bytes per second) to a device"),                                       \
    LIST(write_iops, "device-write-iops", 0, "list",                                               \
         "Limit write rate (IO per second) to a device"),                                          \
    FLAG(FLAG_BOOL, O, skips_trust, "disable-content-trust", 0, NULL, "", .is_on = true,           \
         .bits = FLAG_HIDDEN),                                                                     \
    LIST(dns, "dns", 0, "list", "Set custom DNS servers"),                                         \
    HIDDEN(FLAG_LIST, dns_options, "dns-opt"),                                                     \
    LIST(dns_options, "dns-option", 0, "list", "Set DNS options"),                                 \
    LIST(dns_search, "dns-search", 0, "list", "Set custom DNS search domains"),                    \
    TEXT(domainname, "domainname", 0, "string", "Container NIS domain name"),                      \
    TEXT(entrypoint, "entrypoint", 0, "string", "Overwrite the default ENTRYPOINT of the image"),  \
    LIST(env, "env", 'e', "list", "Set environment variables"),                                    \
    LIST(env_files, "env-file", 0, "list", "Read in a file of environment variables"),             \
    LIST(expose, "expose", 0, "list", "Expose a port or a range of ports"),                        \
    LIST(groups, "group-add", 0, "list", "Add additional groups to join"),                         \
    TEXT(health_cmd, "health-cmd", 0, "string", "Command to run to check health"),                 \
    DURATION(health_interval, "health-interval", "Time between running the check (ms|s|m|h)"),     \
    NUMBER(health_retries, "health-retries", 0, "int",                                             \
           "Consecutive failures needed to report unhealthy"),                                     \
    DURATION(health_start_interval, "health-start-interval",                                       \
             "Time between running the check during the start period (ms|s|m|h)"),                 \
    DURATION(health_start, "health-start-period",                                                  \
             "Start period for the container to initialize before starting health-retries "        \
             "countdown (ms|s|m|h)"),                                                              \
    DURATION(health_timeout, "health-timeout",                                                     \
             "Maximum time to allow one check to run (ms|s|m|h)"),                                 \
    FLAG(FLAG_TEXT, O, hostname, "hostname", 'h', "string", "Container host name"),                \
    LIST(hugetlbs, "hugetlb-limit", 0, "list",                                                     \
         "Limit of huge pages (format: [<page-size>:]<limit>, as in 2MB:64MB)"),                   \
    BOOL(init, "init", 0,                                                                          \
         "Run an init inside the container that forwards signals and reaps processes"),            \
    BOOL(interactive, "interactive", 'i', "Keep STDIN open even if not attached"),                 \
    TEXT(ip, "ip", 0, "string", "IPv4 address (e.g., 172.30.100.104)"),                            \
    TEXT(ip6, "ip6", 0, "string", "IPv6 address (e.g., 2001:db8::33)"),                            \
    TEXT(ipc, "ipc", 0, "string", "IPC mode to use"),                                              \
    BYTES(kernel_memory, "kernel-memory", 0, "Kernel memory limit (deprecated, has no effect)"),   \
    LIST(labels, "label", 'l', "list", "Set meta data on a container"),                            \
    LIST(label_files, "label-file", 0, "list", "Read in a line delimited file of labels"),         \
    LIST(links, "link", 0, "list", "Add link to another container"),                               \
    LIST(link_local, "link-local-ip", 0, "list", "Container IPv4/IPv6 link-local addresses"),      \
    TEXT(log_driver, "log-driver", 0, "string", "Logging driver for the container"),               \
    LIST(log_options, "log-opt", 0, "list", "Log driver options"),                                 \
    TEXT(mac, "mac-address", 0, "string", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),      \
    BYTES(memory, "memory", 'm', "Memory limit"),                                                  \
    BYTES(memory_reservation, "memory-reservation", 0, "Memory soft limit"),                       \
    FLAG(FLAG_SWAP, O, memory_swap, "memory-swap", 0, "bytes",                                     \
         "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),                   \
    NUMBER(swappiness, "memory-swappiness", 0, "int",                                              \
         "Tune container memory swappiness (0 to 100)"),                                           \
    LIST(mounts, "mount", 0, "mount", "Attach a filesystem mount to the container"),               \
    TEXT(name, "name", 0, "string", "Assign a name to the container"),                             \
    HIDDEN(FLAG_LIST, networks, "net"),                                                            \
    HIDDEN(FLAG_LIST, aliases, "net-alias"),                                                       \
    LIST(networks, "network", 0, "network", "Connect a container to a network"),                   \
    LIST(aliases, "network-alias", 0, "list", "Add network-scoped alias for the container"),       \
    BOOL(no_healthcheck, "no-healthcheck", 0, "Disable any container-specified HEALTHCHECK"),      \
    BOOL(oom_kill_disable, "oom-kill-disable", 0, "Disable OOM Killer"),                           \
    NUMBER(oom_score, "oom-score-adj", 0, "int", "Tune host's OOM preferences (-1000 to 1000)"),   \
    TEXT(pid, "pid", 0, "string", "PID namespace to use"),                                         \
    NUMBER(pids_limit, "pids-limit", 0, "int",                                                     \
         "Tune container pids limit (set -1 for unlimited)"),                                      \
    TEXT(platform, "platform", 0, "string", "Set platform if server is multi-platform capable"),   \
    BOOL(privileged, "privileged", 0, "Give extended privileges to this container"),               \
    LIST(publish, "publish", 'p', "list", "Publish a container's port(s) to the host"),            \
    BOOL(publish_all, "publish-all", 'P', "Publish all exposed ports to random ports"),            \
    TEXT(pull, "pull", 0, "string",                                                                \
         "Pull image before running (\"always\"|\"missing\"|\"never\")"),                          \
    BOOL(quiet, "quiet", 'q', "Suppress the pull output"),                                         \
    BOOL(quiet_risks, "quiet-risks", 0, "Do not tell the risks of the options"),                   \
    BOOL(read_only, "read-only", 0, "Mount the container's root filesystem as read only"),         \
    TEXT(restart, "restart", 0, "string", "Restart policy to apply when a container exits"),       \
    BOOL(rm, "rm", 0, "Automatically remove the container when it exits"),                         \
    TEXT(runtime, "runtime", 0, "string", "Runtime to use for this container"),                    \
    LIST(security, "security-opt", 0, "list", "Security Options"),                                 \
    BYTES(shm_size, "shm-size", 0, "Size of /dev/shm"),                                            \
    TEXT(stop_signal, "stop-signal", 0, "string", "Signal to stop the container"),                 \
    NUMBER(stop_timeout, "stop-timeout", 0, "int", "Timeout (in seconds) to stop a container"),    \
    LIST(storage_options, "storage-opt", 0, "list", "Storage driver options for the container"),   \
    LIST(sysctls, "sysctl", 0, "map", "Sysctl options"),                                           \
    TEXT(systemd, "systemd", 0, "string",                                                          \
         "Set the container up for systemd as its first process (true|auto|false)"),               \
    LIST(time_offsets, "time-offset", 0, "map",                                                    \
         "Offset of a clock in a time namespace, in seconds (boottime=3600, monotonic=-5)"),       \
    LIST(tmpfs, "tmpfs", 0, "list", "Mount a tmpfs directory"),                                    \
    BOOL(tty, "tty", 't', "Allocate a pseudo-TTY"),                                                \
    LIST(ulimits, "ulimit", 0, "ulimit", "Ulimit options"),                                        \
    TEXT(user, "user", 'u', "string", "Username or UID (format: <name|uid>[:<group|gid>])"),       \
    TEXT(userns, "userns", 0, "string", "User namespace to use (auto, remap, host)"),              \
    TEXT(uts, "uts", 0, "string", "UTS namespace to use"),                                         \
    LIST(volumes, "volume", 'v', "list", "Bind mount a volume"),                                   \
    TEXT(volume_driver, "volume-driver", 0, "string", "Optional volume driver for the container"), \
    LIST(volumes_from, "volumes-from", 0, "list",                                                  \
         "Mount volumes from the specified container(s)"),                                         \
    TEXT(workdir, "workdir", 'w', "string", "Working directory inside the container"),             \
    FLAG_END

const struct flag create_flags[] = {SHARED_FLAGS};

const struct flag run_flags[] = {
    BOOL(detach, "detach", 'd', "Run container in background and print container ID"),
    TEXT(detach_keys, "detach-keys", 0, "string",
         "Override the key sequence for detaching a container"),
    FLAG(FLAG_BOOL, O, sig_proxy, "sig-proxy", 0, NULL,
         "Proxy received signals to the process (default true)", .is_on = true),
    SHARED_FLAGS
};
/* clang-format on */
