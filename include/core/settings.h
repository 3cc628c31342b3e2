/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's settings: flags over --config-file (JSON, dockerd's keys) over defaults. */
#pragma once

#include "base/flags.h"
#include "base/text.h"

#define SETTINGS_MAX 160

struct settings {
    struct strs hosts; /* "unix:///run/berth/berth.sock" */
    char *data_root, *exec_root, *pidfile, *config_file, *log_level;
    char *group;                     /* of the socket; "berth" */
    struct strs insecure_registries; /* "host:port" or CIDR; 127.0.0.0/8 and localhost always are */
    struct strs registry_mirrors; /* "https://m": of Docker Hub; "ghcr.io=https://m": of another */
    struct strs certs_dirs;       /* HOST[:PORT]/ below: certificates for that registry */
    struct strs authorization_plugins; /* refused: nothing would ask them */
    struct strs address_pools;         /* "base=10.0.0.0/8,size=24" */
    struct strs network_opts;          /* "bridge=com.docker.network.driver.mtu=1400" */
    struct strs host_gateway_ips;      /* what host-gateway stands for; none: the bridge's */
    struct strs cdi_dirs;
    struct pairs ulimits;   /* "nofile" beside "1024:2048" */
    char *cgroupns_mode;    /* "host", "private"; NULL: as the kernel's cgroups are */
    char *ipc_mode;         /* "shareable", "private" */
    char *seccomp_profile;  /* a file, "unconfined" or "builtin"; NULL: "builtin" */
    char *seccomp_option;   /* "seccomp=" and the file's text, or "unconfined"; NULL: builtin */
    struct number shm_size; /* bytes; not set: 64m */
    char *http_proxy, *https_proxy, *no_proxy; /* NULL: what the environment says */
    struct strs dns, dns_options, dns_search;
    char *bip;        /* "172.17.0.1/16" style: default bridge's address, NULL: first free pool */
    char *fixed_cidr; /* range of the default bridge's addresses; NULL: its subnet */
    char *default_gateway, *default_gateway_v6; /* of the default bridge; NULL: the bridge itself */
    char *fixed_cidr_v6;      /* IPv6 subnet of the default bridge; NULL: one of the engine's own */
    char *bridge;             /* name of the default bridge's link; NULL: derived from the roots */
    char *audit_log;          /* NULL: none */
    char *audit_log_max_size; /* "10m" */
    int64_t audit_log_max_bytes;
    int audit_log_max_files;
    char *metrics_addr;  /* "127.0.0.1:9323"; NULL or "": /metrics at the hosts alone */
    char *policy;        /* file of what callers may; NULL: everything */
    char *default_ip;    /* for published ports; "0.0.0.0" */
    char *risk_warnings; /* "all", "serious" or "off": what create's Warnings tell of risks */
    char *publish_mode;  /* "nat", or "proxy": no translation, the host's firewall decides */
    char *log_driver;    /* "json-file" */
    struct pairs log_opts;
    char *cgroup_parent; /* NULL: "berth", or "berth-<hash of the roots>" for others */
    int cpu_rt_period, cpu_rt_runtime; /* us, of the cgroup above; 0: none */
    struct strs labels;
    char *userns_remap;           /* NULL or "": containers have the host's ids */
    int max_download_attempts;    /* 5 */
    int oom_score_adjust;         /* of the engine; -500 */
    char *log_format;             /* "text", "json" */
    int max_inflight;             /* 512 */
    int max_concurrent_downloads; /* 3 */
    int max_concurrent_uploads;   /* 5 */
    int shutdown_timeout_s;
    int mtu; /* 1500 */
    bool debug, ip_forward, ip_forward_accept, ip_masq, icc, ipv6, userland_proxy;
    bool selinux_enabled;                 /* refused where there is no SELinux */
    bool init;                            /* containers have one unless they say no */
    bool no_new_privileges, live_restore; /* live_restore: accepted, always on */
    bool only_version, only_list_steps;   /* --version was given */
    bool only_recover;                    /* --recover was given */
    bool only_validate;                   /* --validate was given */
    bool only_help;                       /* --help was given: settings_usage() */
    bool given[SETTINGS_MAX]; /* by row of the table, on the command line or in the file */
};

/* ERR_INVALID with dockerd's wording for unknown flags. argv[0] is skipped. Reads the file. */
struct err *settings_parse(struct arena *a, int argc, char **argv, struct settings *out) must_check;
/* What was given and has no effect, a line of the log each; not what `before` (may be NULL) gave,
 * too. */
void settings_log_remarks(const struct settings *s, const struct settings *before);
struct settings_change {
    const char *key, *from, *to; /* as Go prints them */
    bool is_taken;               /* by settings_take; otherwise by the next start */
};
/* Of what has an effect. In the order of the keys. */
void settings_each_change(struct arena *a, const struct settings *from, const struct settings *to,
                          void (*fn)(void *ctx, const struct settings_change *c), void *ctx);
/* What a running engine takes of newer ones: shallow, their arena must stay. */
void settings_take(struct settings *s, const struct settings *newer);
/* The registry that it is a mirror of, and where it is. false: it is no mirror. */
bool settings_mirror(struct arena *a, const char *entry, char **out_domain, const char **out_url);
/* Of the engine and of what it starts: the proxies become variables of its environment, as
 * libraries read them. Start-up, before there are threads. */
void settings_set_proxies(const struct settings *s);
/* --log-level, or --debug. Any time, loop. */
void settings_set_log_level(const struct settings *s);
/* "http://xxxxx:xxxxx@proxy:3128", as dockerd shows it. */
char *settings_masked(struct arena *a, const char *url);
/* --help text to stdout. */
void settings_usage(void);
