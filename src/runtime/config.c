/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of a container's configuration: the create request, the saved document
 * and inspect use these tables. The order of rows is the order clients see. Pure.
 *
 * An absent list and an empty one differ (MaskedPaths, Binds …): where Docker's
 * type has no omitempty the row says J_NULL_LIST so that the difference survives
 * saving; rows without a flag print [] or {} because the docker CLI always sends them.
 */
#include "runtime/config.h"

#include <stddef.h>

#define PORTS_MAX 65536 /* as many as can be published */
#define NAMES_MAX 256   /* of an endpoint: each question to the resolver is compared with them */
#define GROUPS_MAX 256  /* as many as a process gets */
#define ARGS_MAX 500000 /* the kernel's own bound is one of bytes */

static const struct jfield health_fields[] = {
    J(J_STRS, struct health_config, test, "Test", .flags = J_OMIT),
    J(J_I64, struct health_config, interval_ns, "Interval", .flags = J_OMIT),
    J(J_I64, struct health_config, timeout_ns, "Timeout", .flags = J_OMIT),
    J(J_I64, struct health_config, start_period_ns, "StartPeriod", .flags = J_OMIT),
    J(J_I64, struct health_config, start_interval_ns, "StartInterval", .flags = J_OMIT),
    J(J_INT, struct health_config, retries, "Retries", .flags = J_OMIT),
    J_END,
};
const struct jtable health_config_json = {sizeof(struct health_config), health_fields};

static const struct jfield config_fields[] = {
    J(J_STR, struct config, hostname, "Hostname"),
    J(J_STR, struct config, domainname, "Domainname"),
    J(J_STR, struct config, user, "User"),
    J(J_BOOL, struct config, attach_stdin, "AttachStdin"),
    J(J_BOOL, struct config, attach_stdout, "AttachStdout"),
    J(J_BOOL, struct config, attach_stderr, "AttachStderr"),
    J(J_SET, struct config, exposed_ports, "ExposedPorts", .flags = J_OMIT, .max = PORTS_MAX),
    J(J_BOOL, struct config, tty, "Tty"),
    J(J_BOOL, struct config, open_stdin, "OpenStdin"),
    J(J_BOOL, struct config, stdin_once, "StdinOnce"),
    J(J_STRS, struct config, env, "Env"),
    J(J_STRS, struct config, cmd, "Cmd", .flags = J_OR_STR | J_NULL_LIST, .max = ARGS_MAX),
    J(J_PTR, struct config, healthcheck, "Healthcheck", .flags = J_OMIT,
      .sub = &health_config_json),
    J(J_BOOL, struct config, args_escaped, "ArgsEscaped", .flags = J_OMIT),
    J(J_STR, struct config, image, "Image"),
    J(J_SET, struct config, volumes, "Volumes", .flags = J_NULL_LIST),
    J(J_STR, struct config, working_dir, "WorkingDir"),
    J(J_STRS, struct config, entrypoint, "Entrypoint", .flags = J_OR_STR | J_NULL_LIST,
      .max = ARGS_MAX),
    J(J_BOOL, struct config, network_disabled, "NetworkDisabled", .flags = J_OMIT),
    J(J_STR, struct config, mac_address, "MacAddress", .flags = J_OMIT),
    J(J_STRS, struct config, on_build, "OnBuild", .flags = J_NULL_LIST),
    J(J_PAIRS, struct config, labels, "Labels"),
    J(J_STR, struct config, stop_signal, "StopSignal", .flags = J_OMIT),
    J(J_PTR_I64, struct config, stop_timeout, "StopTimeout", .flags = J_OMIT),
    J(J_STRS, struct config, shell, "Shell", .flags = J_OR_STR | J_OMIT),
    J_END,
};
const struct jtable config_json = {sizeof(struct config), config_fields};

static const struct jfield log_fields[] = {
    J(J_STR, struct log_config, type, "Type"),
    J(J_PAIRS, struct log_config, options, "Config"),
    J_END,
};
static const struct jtable log_json = {sizeof(struct log_config), log_fields};

static const struct jfield restart_fields[] = {
    J(J_STR, struct restart_policy, name, "Name"),
    J(J_INT, struct restart_policy, max_retry, "MaximumRetryCount"),
    J_END,
};
const struct jtable restart_policy_json = {sizeof(struct restart_policy), restart_fields};

static const struct jfield port_fields[] = {
    J(J_STR, struct port_binding, host_ip, "HostIp"),
    J(J_STR, struct port_binding, host_port, "HostPort"),
    J_END,
};
static const struct jtable port_json = {sizeof(struct port_binding), port_fields};

static const struct jfield device_fields[] = {
    J(J_STR, struct device_mapping, host, "PathOnHost"),
    J(J_STR, struct device_mapping, container, "PathInContainer"),
    J(J_STR, struct device_mapping, permissions, "CgroupPermissions"),
    J_END,
};
static const struct jtable device_json = {sizeof(struct device_mapping), device_fields};

static const struct jfield weight_fields[] = {
    J(J_STR, struct weight_device, path, "Path"),
    J(J_INT, struct weight_device, weight, "Weight"),
    J_END,
};
static const struct jtable weight_json = {sizeof(struct weight_device), weight_fields};

static const struct jfield rate_fields[] = {
    J(J_STR, struct rate_device, path, "Path"),
    J(J_I64, struct rate_device, rate, "Rate"),
    J_END,
};
static const struct jtable rate_json = {sizeof(struct rate_device), rate_fields};

static const struct jfield hugetlb_fields[] = {
    J(J_STR, struct hugetlb_limit, page_size, "PageSize"),
    J(J_I64, struct hugetlb_limit, limit, "Limit"),
    J_END,
};
static const struct jtable hugetlb_json = {sizeof(struct hugetlb_limit), hugetlb_fields};

static const struct jfield ulimit_fields[] = {
    J(J_STR, struct ulimit, name, "Name"),
    J(J_I64, struct ulimit, hard, "Hard"),
    J(J_I64, struct ulimit, soft, "Soft"),
    J_END,
};
static const struct jtable ulimit_json = {sizeof(struct ulimit), ulimit_fields};

static const struct jfield request_fields[] = {
    J(J_STR, struct device_request, driver, "Driver"),
    J(J_INT, struct device_request, count, "Count"),
    J(J_STRS, struct device_request, ids, "DeviceIDs", .flags = J_NULL_LIST),
    J(J_RAW, struct device_request, capabilities, "Capabilities"),
    J(J_PAIRS, struct device_request, options, "Options"),
    J_END,
};
static const struct jtable request_json = {sizeof(struct device_request), request_fields};

static const struct jfield bind_fields[] = {
    J(J_STR, struct bind_options, propagation, "Propagation", .flags = J_OMIT),
    J(J_BOOL, struct bind_options, non_recursive, "NonRecursive", .flags = J_OMIT),
    J(J_BOOL, struct bind_options, create_mountpoint, "CreateMountpoint", .flags = J_OMIT),
    J(J_BOOL, struct bind_options, readonly_non_recursive, "ReadOnlyNonRecursive", .flags = J_OMIT),
    J(J_BOOL, struct bind_options, readonly_force_recursive, "ReadOnlyForceRecursive",
      .flags = J_OMIT),
    J(J_BOOL, struct bind_options, follow, "Follow", .flags = J_OMIT),
    J_END,
};
static const struct jtable bind_json = {sizeof(struct bind_options), bind_fields};

static const struct jfield driver_fields[] = {
    J(J_STR, struct volume_driver_config, name, "Name", .flags = J_OMIT),
    J(J_PAIRS, struct volume_driver_config, options, "Options", .flags = J_OMIT),
    J_END,
};
static const struct jtable driver_json = {sizeof(struct volume_driver_config), driver_fields};

static const struct jfield volume_fields[] = {
    J(J_BOOL, struct volume_mount_options, no_copy, "NoCopy", .flags = J_OMIT),
    J(J_PAIRS, struct volume_mount_options, labels, "Labels", .flags = J_OMIT),
    J(J_STR, struct volume_mount_options, subpath, "Subpath", .flags = J_OMIT),
    J(J_PTR, struct volume_mount_options, driver, "DriverConfig", .flags = J_OMIT,
      .sub = &driver_json),
    J_END,
};
static const struct jtable volume_json = {sizeof(struct volume_mount_options), volume_fields};

static const struct jfield tmpfs_fields[] = {
    J(J_I64, struct tmpfs_options, size_bytes, "SizeBytes", .flags = J_OMIT),
    J(J_INT, struct tmpfs_options, mode, "Mode", .flags = J_OMIT),
    J(J_RAW, struct tmpfs_options, options, "Options", .flags = J_OMIT),
    J_END,
};
static const struct jtable tmpfs_json = {sizeof(struct tmpfs_options), tmpfs_fields};

static const struct jfield image_fields[] = {
    J(J_STR, struct image_options, subpath, "Subpath", .flags = J_OMIT),
    J_END,
};
static const struct jtable image_json = {sizeof(struct image_options), image_fields};

static const struct jfield mount_fields[] = {
    J(J_STR, struct mount_request, type, "Type", .flags = J_OMIT),
    J(J_STR, struct mount_request, source, "Source", .flags = J_OMIT),
    J(J_STR, struct mount_request, target, "Target", .flags = J_OMIT),
    J(J_BOOL, struct mount_request, read_only, "ReadOnly", .flags = J_OMIT),
    J(J_STR, struct mount_request, consistency, "Consistency", .flags = J_OMIT),
    J(J_PTR, struct mount_request, bind, "BindOptions", .flags = J_OMIT, .sub = &bind_json),
    J(J_PTR, struct mount_request, volume, "VolumeOptions", .flags = J_OMIT, .sub = &volume_json),
    J(J_PTR, struct mount_request, tmpfs, "TmpfsOptions", .flags = J_OMIT, .sub = &tmpfs_json),
    J(J_PTR, struct mount_request, image, "ImageOptions", .flags = J_OMIT, .sub = &image_json),
    J_END,
};
static const struct jtable mount_json = {sizeof(struct mount_request), mount_fields};

static const struct jfield host_fields[] = {
    J(J_STRS, struct host_config, binds, "Binds", .flags = J_NULL_LIST),
    J(J_STR, struct host_config, container_id_file, "ContainerIDFile"),
    J(J_OBJ, struct host_config, log, "LogConfig", .sub = &log_json),
    J(J_STR, struct host_config, network_mode, "NetworkMode"),
    J(J_DICT, struct host_config, port_bindings, "PortBindings", .flags = J_DICT_LIST,
      .sub = &port_json, .max = PORTS_MAX),
    J(J_OBJ, struct host_config, restart, "RestartPolicy", .sub = &restart_policy_json),
    J(J_BOOL, struct host_config, auto_remove, "AutoRemove"),
    J(J_STR, struct host_config, volume_driver, "VolumeDriver"),
    J(J_STRS, struct host_config, volumes_from, "VolumesFrom", .flags = J_NULL_LIST),
    J(J_U32X2, struct host_config, console_size, "ConsoleSize"),
    J(J_PAIRS, struct host_config, annotations, "Annotations", .flags = J_OMIT),
    J(J_STRS, struct host_config, cap_add, "CapAdd", .flags = J_NULL_LIST | J_OR_STR),
    J(J_STRS, struct host_config, cap_drop, "CapDrop", .flags = J_NULL_LIST | J_OR_STR),
    J(J_STR, struct host_config, cgroupns_mode, "CgroupnsMode"),
    J(J_STRS, struct host_config, dns, "Dns"),
    J(J_STRS, struct host_config, dns_options, "DnsOptions"),
    J(J_STRS, struct host_config, dns_search, "DnsSearch"),
    J(J_STRS, struct host_config, extra_hosts, "ExtraHosts", .flags = J_NULL_LIST),
    J(J_STRS, struct host_config, group_add, "GroupAdd", .flags = J_NULL_LIST, .max = GROUPS_MAX),
    J(J_STR, struct host_config, ipc_mode, "IpcMode"),
    J(J_STR, struct host_config, cgroup, "Cgroup"),
    J(J_STR, struct host_config, cgroup, "Cgroup"),
    J(J_STRS, struct host_config, links, "Links", .flags = J_NULL_LIST),
    J(J_INT, struct host_config, oom_score_adj, "OomScoreAdj"),
    J(J_STR, struct host_config, pid_mode, "PidMode"),
    J(J_BOOL, struct host_config, privileged, "Privileged"),
    J(J_BOOL, struct host_config, publish_all_ports, "PublishAllPorts"),
    J(J_BOOL, struct host_config, readonly_rootfs, "ReadonlyRootfs"),
    J(J_STRS, struct host_config, security_opt, "SecurityOpt", .flags = J_NULL_LIST),
    J(J_PAIRS, struct host_config, storage_opt, "StorageOpt", .flags = J_OMIT),
    J(J_PAIRS, struct host_config, tmpfs, "Tmpfs", .flags = J_OMIT),
    J(J_STR, struct host_config, uts_mode, "UTSMode"),
    J(J_STR, struct host_config, userns_mode, "UsernsMode"),
    J(J_I64, struct host_config, shm_size, "ShmSize"),
    J(J_PAIRS, struct host_config, sysctls, "Sysctls", .flags = J_OMIT),
    J(J_STR, struct host_config, runtime, "Runtime", .flags = J_OMIT),
    J(J_STR, struct host_config, isolation, "Isolation"),
    J(J_I64, struct host_config, cpu_shares, "CpuShares"),
    J(J_I64, struct host_config, memory, "Memory"),
    J(J_I64, struct host_config, nano_cpus, "NanoCpus"),
    J(J_STR, struct host_config, cgroup_parent, "CgroupParent"),
    J(J_INT, struct host_config, blkio_weight, "BlkioWeight"),
    J(J_LIST, struct host_config, blkio_weight_device, "BlkioWeightDevice", .sub = &weight_json),
    J(J_LIST, struct host_config, blkio_read_bps, "BlkioDeviceReadBps", .sub = &rate_json),
    J(J_LIST, struct host_config, blkio_write_bps, "BlkioDeviceWriteBps", .sub = &rate_json),
    J(J_LIST, struct host_config, blkio_read_iops, "BlkioDeviceReadIOps", .sub = &rate_json),
    J(J_LIST, struct host_config, blkio_write_iops, "BlkioDeviceWriteIOps", .sub = &rate_json),
    J(J_I64, struct host_config, cpu_period, "CpuPeriod"),
    J(J_I64, struct host_config, cpu_quota, "CpuQuota"),
    J(J_I64, struct host_config, cpu_rt_period, "CpuRealtimePeriod"),
    J(J_I64, struct host_config, cpu_rt_runtime, "CpuRealtimeRuntime"),
    J(J_STR, struct host_config, cpuset_cpus, "CpusetCpus"),
    J(J_STR, struct host_config, cpuset_mems, "CpusetMems"),
    J(J_LIST, struct host_config, devices, "Devices", .flags = J_NULL_LIST, .sub = &device_json),
    J(J_STRS, struct host_config, device_cgroup_rules, "DeviceCgroupRules", .flags = J_NULL_LIST),
    J(J_LIST, struct host_config, device_requests, "DeviceRequests", .flags = J_NULL_LIST,
      .sub = &request_json),
    J(J_STR, struct host_config, systemd, "Systemd", .flags = J_OMIT),
    J(J_PAIRS, struct host_config, time_offsets, "TimeOffsets", .flags = J_OMIT),
    J(J_LIST, struct host_config, hugetlbs, "Hugetlbs", .flags = J_OMIT, .sub = &hugetlb_json),
    J(J_I64, struct host_config, kernel_memory, "KernelMemory", .flags = J_OMIT),
    J(J_I64, struct host_config, kernel_memory_tcp, "KernelMemoryTCP", .flags = J_OMIT),
    J(J_I64, struct host_config, memory_reservation, "MemoryReservation"),
    J(J_I64, struct host_config, memory_swap, "MemorySwap"),
    J(J_PTR_I64, struct host_config, memory_swappiness, "MemorySwappiness"),
    J(J_TRI, struct host_config, oom_kill_disable, "OomKillDisable"),
    J(J_PTR_I64, struct host_config, pids_limit, "PidsLimit"),
    J(J_LIST, struct host_config, ulimits, "Ulimits", .flags = J_NULL_LIST, .sub = &ulimit_json),
    J(J_I64, struct host_config, cpu_count, "CpuCount"),
    J(J_I64, struct host_config, cpu_percent, "CpuPercent"),
    J(J_I64, struct host_config, io_maximum_iops, "IOMaximumIOps"),
    J(J_I64, struct host_config, io_maximum_bandwidth, "IOMaximumBandwidth"),
    J(J_LIST, struct host_config, mounts, "Mounts", .flags = J_OMIT, .sub = &mount_json),
    J(J_STRS, struct host_config, masked_paths, "MaskedPaths", .flags = J_NULL_LIST),
    J(J_STRS, struct host_config, readonly_paths, "ReadonlyPaths", .flags = J_NULL_LIST),
    J(J_TRI, struct host_config, init, "Init", .flags = J_OMIT),
    J_END,
};
const struct jtable host_config_json = {sizeof(struct host_config), host_fields};

static const struct jfield ipam_fields[] = {
    J(J_STR, struct ipam_config, ipv4, "IPv4Address", .flags = J_OMIT),
    J(J_STR, struct ipam_config, ipv6, "IPv6Address", .flags = J_OMIT),
    J(J_STRS, struct ipam_config, link_local, "LinkLocalIPs", .flags = J_OMIT),
    J_END,
};
static const struct jtable ipam_json = {sizeof(struct ipam_config), ipam_fields};

/* What inspect shows of an endpoint that runs, from elsewhere; clients send it back. */
#define SHOWN(t, k)                                                                                \
    {                                                                                              \
        .key = (k), .type = (t), .flags = J_UNKEPT                                                 \
    }
static const struct jfield endpoint_fields[] = {
    J(J_PTR, struct endpoint_config, ipam, "IPAMConfig", .sub = &ipam_json),
    J(J_STRS, struct endpoint_config, links, "Links", .flags = J_NULL_LIST, .max = NAMES_MAX),
    J(J_STRS, struct endpoint_config, aliases, "Aliases", .flags = J_NULL_LIST, .max = NAMES_MAX),
    J(J_STR, struct endpoint_config, mac_address, "MacAddress"),
    J(J_PAIRS, struct endpoint_config, driver_opts, "DriverOpts", .flags = J_NULL_LIST),
    J(J_INT, struct endpoint_config, gw_priority, "GwPriority"),
    J(J_STR, struct endpoint_config, network_id, "NetworkID"),
    SHOWN(J_STR, "EndpointID"),
    SHOWN(J_STR, "Gateway"),
    SHOWN(J_STR, "IPAddress"),
    SHOWN(J_INT, "IPPrefixLen"),
    SHOWN(J_STR, "IPv6Gateway"),
    SHOWN(J_STR, "GlobalIPv6Address"),
    SHOWN(J_INT, "GlobalIPv6PrefixLen"),
    SHOWN(J_STRS, "DNSNames"),
    J_END,
};
const struct jtable endpoint_config_json = {sizeof(struct endpoint_config), endpoint_fields};

static const struct jfield networking_fields[] = {
    J(J_DICT, struct networking_config, endpoints, "EndpointsConfig", .sub = &endpoint_config_json),
    J_END,
};
const struct jtable networking_config_json = {sizeof(struct networking_config), networking_fields};

static const struct jfield exec_fields[] = {
    J(J_STR, struct exec_config, user, "User"),
    J(J_BOOL, struct exec_config, privileged, "Privileged"),
    J(J_BOOL, struct exec_config, tty, "Tty"),
    J(J_U32X2, struct exec_config, console_size, "ConsoleSize", .flags = J_OMIT),
    J(J_BOOL, struct exec_config, attach_stdin, "AttachStdin"),
    J(J_BOOL, struct exec_config, attach_stdout, "AttachStdout"),
    J(J_BOOL, struct exec_config, attach_stderr, "AttachStderr"),
    J(J_BOOL, struct exec_config, detach, "Detach"),
    J(J_STR, struct exec_config, detach_keys, "DetachKeys"),
    J(J_STRS, struct exec_config, env, "Env", .flags = J_NULL_LIST),
    J(J_STR, struct exec_config, working_dir, "WorkingDir"),
    J(J_STRS, struct exec_config, cmd, "Cmd", .flags = J_OR_STR | J_NULL_LIST, .max = ARGS_MAX),
    J_END,
};
const struct jtable exec_config_json = {sizeof(struct exec_config), exec_fields};
