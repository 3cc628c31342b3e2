/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a setting: dockerd's names where dockerd has the setting. Options that
 * would weaken or tighten security and that we do not have (TLS,
 * authorization plugins) are absent on purpose: ignoring them would be a
 * lie, so they are unknown flags. Pure.
 */
#include "settings_flags.h"

#include <stdio.h>

#define AT(member) .offset = offsetof(struct settings, member)
#define IGNORED .bits = FLAG_IGNORED
#define OVERLAY "layers are always kept on overlayfs"
#define OWN_TABLE "the rules are in an nftables table of our own"

const struct flag settings_flags[] = {
    {"audit-log", 0, "audit-log", FLAG_PATH, AT(audit_log),
     .help = "File of JSON lines: who has asked for what, and with what result"},
    {"audit-log-max-file", 0, "audit-log-max-file", FLAG_INT, AT(audit_log_max_files), .min = 1,
     .help = "Files of the audit log that are kept, with the current one (default 5)"},
    {"audit-log-max-size", 0, "audit-log-max-size", FLAG_TEXT, AT(audit_log_max_size),
     .help = "Size at which a new file is begun (default \"20m\")"},
    {"bip", 0, "bip", FLAG_TEXT, AT(bip), .help = "Address of the default bridge, as CIDR"},
    {"bridge", 'b', "bridge", FLAG_TEXT, AT(bridge), .help = "Name of the default bridge's link"},
    {"cgroup-parent", 0, "cgroup-parent", FLAG_TEXT, AT(cgroup_parent),
     .help = "Parent cgroup of containers that name none: a path, or a slice of systemd"},
    {"certs-dir", 0, "certs-dirs", FLAG_LIST, AT(certs_dirs),
     .help = "Directory with a folder HOST[:PORT] of certificates for each registry (default "
             "\"/etc/docker/certs.d\" and \"/etc/berth/certs.d\")"},
    {"config-file", 0, NULL, FLAG_PATH, AT(config_file),
     .help = "Configuration file (default \"/etc/berth/daemon.json\")"},
    {"containerd", 0, "containerd", FLAG_TEXT, IGNORED, .remark = "there is no containerd"},
    {"containerd-namespace", 0, "containerd-namespace", FLAG_TEXT, IGNORED,
     .remark = "there is no containerd"},
    {"cpu-rt-period", 0, "cpu-rt-period", FLAG_INT, AT(cpu_rt_period), .min = 0,
     .help = "Period of the containers' real-time budget, in microseconds (default 1000000)"},
    {"cpu-rt-runtime", 0, "cpu-rt-runtime", FLAG_INT, AT(cpu_rt_runtime), .min = 0,
     .help = "The containers' real-time budget in that period, in microseconds (default none)"},
    {"data-root", 'g', "data-root", FLAG_PATH, AT(data_root),
     .help = "Directory of persistent state (default \"/var/lib/berth\")"},
    {"debug", 'D', "debug", FLAG_BOOL, AT(debug), .help = "Enable debug mode"},
    {"default-runtime", 0, "default-runtime", FLAG_TEXT, IGNORED,
     .remark = "the runtime is built in"},
    {"dns", 0, "dns", FLAG_LIST, AT(dns), .help = "DNS server to use"},
    {"dns-opt", 0, "dns-opts", FLAG_LIST, AT(dns_options), .help = "DNS options to use"},
    {"dns-search", 0, "dns-search", FLAG_LIST, AT(dns_search), .help = "DNS search domains to use"},
    {"exec-opt", 0, "exec-opts", FLAG_TEXT, IGNORED, .remark = "the runtime is built in"},
    {"exec-root", 0, "exec-root", FLAG_PATH, AT(exec_root),
     .help = "Directory of state that a reboot forgets (default \"/run/berth\")"},
    {"experimental", 0, "experimental", FLAG_BOOL, IGNORED, .remark = "there are no such features"},
    {"fixed-cidr-v6", 0, "fixed-cidr-v6", FLAG_TEXT, AT(fixed_cidr_v6),
     .help = "IPv6 subnet of the default bridge"},
    {"group", 'G', "group", FLAG_TEXT, AT(group),
     .help = "Group of the unix socket (default \"berth\")"},
    {"help", 'h', NULL, FLAG_BOOL, AT(only_help), .help = "Print usage"},
    {"host", 'H', "hosts", FLAG_LIST, AT(hosts), .help = "Unix socket(s) to listen on, or fd://"},
    {"http-proxy", 0, "proxies.http-proxy", FLAG_TEXT, AT(http_proxy),
     .help = "Proxy for what is not encrypted"},
    {"https-proxy", 0, "proxies.https-proxy", FLAG_TEXT, AT(https_proxy),
     .help = "Proxy for what is encrypted"},
    {"icc", 0, "icc", FLAG_BOOL, AT(icc), .is_on = true,
     .help = "Let containers of the default bridge talk to each other (default true)"},
    {"insecure-registry", 0, "insecure-registries", FLAG_LIST, AT(insecure_registries),
     .help = "Registry that may be used without TLS"},
    {"ip", 0, "ip", FLAG_TEXT, AT(default_ip), .kind = "ip",
     .help = "Host address of published ports (default 0.0.0.0)"},
    {"ip-forward", 0, "ip-forward", FLAG_BOOL, AT(ip_forward), .is_on = true,
     .help = "Enable net.ipv4.ip_forward (default true)"},
    {"ip-forward-accept", 0, "ip-forward-accept", FLAG_BOOL, AT(ip_forward_accept), .is_on = true,
     .help = "Accept containers' packets where the host's firewall drops by default what is "
             "forwarded (default true)"},
    {"ip-masq", 0, "ip-masq", FLAG_BOOL, AT(ip_masq), .is_on = true,
     .help = "Masquerade what leaves a bridge (default true)"},
    {"ip6tables", 0, "ip6tables", FLAG_BOOL, IGNORED, .remark = OWN_TABLE},
    {"iptables", 0, "iptables", FLAG_BOOL, IGNORED, .remark = OWN_TABLE},
    {"ipv6", 0, "ipv6", FLAG_BOOL, AT(ipv6), .help = "Enable IPv6 on the default bridge"},
    {"label", 0, "labels", FLAG_LIST, AT(labels), .help = "Labels of the engine"},
    {"live-restore", 0, "live-restore", FLAG_BOOL, AT(live_restore), .is_on = true,
     .remark = "containers always outlive the engine"},
    {"list-steps", 0, NULL, FLAG_BOOL, AT(only_list_steps),
     .help = "Print the steps of all operations (for tests) and exit"},
    {"log-driver", 0, "log-driver", FLAG_TEXT, AT(log_driver),
     .help = "Default log driver of containers (default \"json-file\")"},
    {"log-level", 'l', "log-level", FLAG_TEXT, AT(log_level),
     .help = "debug, info, warn, error or fatal (default \"info\")"},
    {"log-opt", 0, "log-opts", FLAG_MAP, AT(log_opts),
     .help = "Default log driver options of containers"},
    {"max-concurrent-downloads", 0, "max-concurrent-downloads", FLAG_INT,
     AT(max_concurrent_downloads), .min = 1,
     .help = "Layers that all pulls download at a time (default 3)"},
    {"max-concurrent-uploads", 0, "max-concurrent-uploads", FLAG_INT, AT(max_concurrent_uploads),
     .min = 1, .help = "Layers that all pushes upload at a time (default 5)"},
    {"max-inflight", 0, "max-inflight", FLAG_INT, AT(max_inflight), .min = 1,
     .help = "Commands that are worked on at a time (default 512)"},
    {"metrics-addr", 0, "metrics-addr", FLAG_TEXT, AT(metrics_addr),
     .help = "Address, as 127.0.0.1:9323, where anybody may GET /metrics and nothing else"},
    {"mtu", 0, "mtu", FLAG_INT, AT(mtu), .min = 68, .help = "MTU of networks (default 1500)"},
    {"no-new-privileges", 0, "no-new-privileges", FLAG_BOOL, AT(no_new_privileges),
     .help = "Set no-new-privileges by default for new containers"},
    {"no-proxy", 0, "proxies.no-proxy", FLAG_TEXT, AT(no_proxy),
     .help = "Hosts and networks, parted by commas, that are asked without a proxy"},
    {"pidfile", 'p', "pidfile", FLAG_PATH, AT(pidfile),
     .help = "File with the engine's pid (default \"<exec-root>/berthd.pid\")"},
    {"policy", 0, "policy", FLAG_PATH, AT(policy),
     .help = "File of rules about what callers may ask for; read again on SIGHUP"},
    {"publish-mode", 0, "publish-mode", FLAG_TEXT, AT(publish_mode),
     .help = "nat, or proxy: published ports are the engine's sockets only, under the host's "
             "own firewall (default \"nat\")"},
    {"raw-logs", 0, "raw-logs", FLAG_BOOL, IGNORED, .remark = "the log has no colours"},
    {"recover", 0, NULL, FLAG_BOOL, AT(only_recover),
     .help = "Make a state file out of a damaged one and what lies beside it, say what came back, "
             "and exit"},
    {"risk-warnings", 0, "risk-warnings", FLAG_TEXT, AT(risk_warnings),
     .help = "Risks that create warns of: all, serious or off (default \"all\")"},
    {"registry-mirror", 0, "registry-mirrors", FLAG_LIST, AT(registry_mirrors),
     .help = "Preferred registry mirror: URL for Docker Hub, REGISTRY=URL for another"},
    {"selinux-enabled", 0, "selinux-enabled", FLAG_BOOL, AT(selinux_enabled),
     .help = "Give containers SELinux labels"},
    {"shutdown-timeout", 0, "shutdown-timeout", FLAG_INT, AT(shutdown_timeout_s), .min = -1,
     .help = "Seconds for running commands at shutdown (default 15)"},
    {"storage-driver", 's', "storage-driver", FLAG_TEXT, IGNORED, .remark = OVERLAY},
    {"storage-opt", 0, "storage-opts", FLAG_TEXT, IGNORED, .remark = OVERLAY},
    {"userland-proxy", 0, "userland-proxy", FLAG_BOOL, AT(userland_proxy), .is_on = true,
     .remark = "published ports are served by the engine where the kernel cannot"},
    {"userland-proxy-path", 0, "userland-proxy-path", FLAG_TEXT, IGNORED,
     .remark = "the proxy is built in"},
    {"userns-remap", 0, "userns-remap", FLAG_TEXT, AT(userns_remap),
     .help = "User whose subordinate ids containers get: default, user[:group] or uid[:gid]"},
    {"validate", 0, NULL, FLAG_BOOL, AT(only_validate),
     .help = "Judge the options and the configuration file, and exit"},
    {"version", 'v', NULL, FLAG_BOOL, AT(only_version), .help = "Print version and quit"},
    {NULL},
};

const size_t settings_flag_count = ARRAY_LEN(settings_flags) - 1;

void settings_usage(void)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "Usage:  berthd [OPTIONS]\n\nThe berth container engine.\n\nOptions:\n");
    flags_help(&b, settings_flags, 100);
    fputs(b.data, stdout);
}
