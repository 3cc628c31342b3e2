/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a setting: dockerd's names where dockerd has the setting. Options that
 * would weaken or tighten security and that we do not have (TLS, user namespaces,
 * SELinux, authorization plugins) are absent on purpose: ignoring them would be a
 * lie, so they are unknown flags. Pure.
 */
#include "config_flags.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define AT(member) .offset = offsetof(struct settings, member)
#define OVERLAY "layers are always kept on overlayfs"
#define OWN_TABLE "the rules are in an nftables table of our own"

const struct flag settings_flags[] = {
    {"bip", 0, "bip", FLAG_STR, AT(bip), .help = "Address of the default bridge, as CIDR"},
    {"bridge", 'b', "bridge", FLAG_STR, AT(bridge), .help = "Name of the default bridge's link"},
    {"cgroup-parent", 0, "cgroup-parent", FLAG_STR, AT(cgroup_parent),
     .help = "Parent cgroup of all containers"},
    {"config-file", 0, NULL, FLAG_PATH, AT(config_file),
     .help = "Configuration file (default \"/etc/berth/daemon.json\")"},
    {"containerd", 0, "containerd", FLAG_IGNORED, .remark = "there is no containerd"},
    {"containerd-namespace", 0, "containerd-namespace", FLAG_IGNORED,
     .remark = "there is no containerd"},
    {"data-root", 'g', "data-root", FLAG_PATH, AT(data_root),
     .help = "Directory of persistent state (default \"/var/lib/berth\")"},
    {"debug", 'D', "debug", FLAG_BOOL, AT(debug), .help = "Enable debug mode"},
    {"default-runtime", 0, "default-runtime", FLAG_IGNORED, .remark = "the runtime is built in"},
    {"dns", 0, "dns", FLAG_STRS, AT(dns), .help = "DNS server to use"},
    {"dns-opt", 0, "dns-opts", FLAG_STRS, AT(dns_options), .help = "DNS options to use"},
    {"dns-search", 0, "dns-search", FLAG_STRS, AT(dns_search), .help = "DNS search domains to use"},
    {"exec-opt", 0, "exec-opts", FLAG_IGNORED, .remark = "the runtime is built in"},
    {"exec-root", 0, "exec-root", FLAG_PATH, AT(exec_root),
     .help = "Directory of state that a reboot forgets (default \"/run/berth\")"},
    {"experimental", 0, "experimental", FLAG_IGNORED_BOOL, .remark = "there are no such features"},
    {"fixed-cidr-v6", 0, "fixed-cidr-v6", FLAG_STR, AT(fixed_cidr_v6),
     .help = "IPv6 subnet of the default bridge"},
    {"group", 'G', "group", FLAG_STR, AT(group),
     .help = "Group of the unix socket (default \"berth\")"},
    {"help", 'h', NULL, FLAG_BOOL, AT(only_help), .help = "Print usage"},
    {"host", 'H', "hosts", FLAG_STRS, AT(hosts), .help = "Unix socket(s) to listen on, or fd://"},
    {"icc", 0, "icc", FLAG_BOOL, AT(icc),
     .help = "Let containers of the default bridge talk to each other (default true)"},
    {"insecure-registry", 0, "insecure-registries", FLAG_STRS, AT(insecure_registries),
     .help = "Registry that may be used without TLS"},
    {"ip", 0, "ip", FLAG_STR, AT(default_ip), .arg = "ip",
     .help = "Host address of published ports (default 0.0.0.0)"},
    {"ip-forward", 0, "ip-forward", FLAG_BOOL, AT(ip_forward),
     .help = "Enable net.ipv4.ip_forward (default true)"},
    {"ip-forward-accept", 0, "ip-forward-accept", FLAG_BOOL, AT(ip_forward_accept),
     .help = "Accept containers' packets where the host's firewall drops by default what is "
             "forwarded (default true)"},
    {"ip-masq", 0, "ip-masq", FLAG_BOOL, AT(ip_masq),
     .help = "Masquerade what leaves a bridge (default true)"},
    {"ip6tables", 0, "ip6tables", FLAG_IGNORED_BOOL, .remark = OWN_TABLE},
    {"iptables", 0, "iptables", FLAG_IGNORED_BOOL, .remark = OWN_TABLE},
    {"ipv6", 0, "ipv6", FLAG_BOOL, AT(ipv6), .help = "Enable IPv6 on the default bridge"},
    {"label", 0, "labels", FLAG_STRS, AT(labels), .help = "Labels of the engine"},
    {"live-restore", 0, "live-restore", FLAG_BOOL, AT(live_restore),
     .remark = "containers always outlive the engine"},
    {"list-steps", 0, NULL, FLAG_BOOL, AT(only_list_steps),
     .help = "Print the steps of all operations (for tests) and exit"},
    {"log-driver", 0, "log-driver", FLAG_STR, AT(log_driver),
     .help = "Default log driver of containers (default \"json-file\")"},
    {"log-level", 'l', "log-level", FLAG_STR, AT(log_level),
     .help = "debug, info, warn, error or fatal (default \"info\")"},
    {"log-opt", 0, "log-opts", FLAG_PAIRS, AT(log_opts),
     .help = "Default log driver options of containers"},
    {"max-concurrent-downloads", 0, "max-concurrent-downloads", FLAG_INT,
     AT(max_concurrent_downloads), .min = 1,
     .help = "Layers that one pull downloads at a time (default 3)"},
    {"max-concurrent-uploads", 0, "max-concurrent-uploads", FLAG_IGNORED,
     .remark = "uploads are not limited"},
    {"max-inflight", 0, "max-inflight", FLAG_INT, AT(max_inflight), .min = 1,
     .help = "Commands that are worked on at a time (default 512)"},
    {"mtu", 0, "mtu", FLAG_INT, AT(mtu), .min = 68, .help = "MTU of networks (default 1500)"},
    {"no-new-privileges", 0, "no-new-privileges", FLAG_BOOL, AT(no_new_privileges),
     .help = "Set no-new-privileges by default for new containers"},
    {"pidfile", 'p', "pidfile", FLAG_PATH, AT(pidfile),
     .help = "File with the engine's pid (default \"<exec-root>/berthd.pid\")"},
    {"publish-mode", 0, "publish-mode", FLAG_STR, AT(publish_mode),
     .help = "nat, or proxy: published ports are the engine's sockets only, under the host's "
             "own firewall (default \"nat\")"},
    {"raw-logs", 0, "raw-logs", FLAG_IGNORED_BOOL, .remark = "the log has no colours"},
    {"registry-mirror", 0, "registry-mirrors", FLAG_STRS, AT(registry_mirrors),
     .help = "Preferred registry mirror"},
    {"shutdown-timeout", 0, "shutdown-timeout", FLAG_INT, AT(shutdown_timeout_s), .min = -1,
     .help = "Seconds for running commands at shutdown (default 15)"},
    {"storage-driver", 's', "storage-driver", FLAG_IGNORED, .remark = OVERLAY},
    {"storage-opt", 0, "storage-opts", FLAG_IGNORED, .remark = OVERLAY},
    {"userland-proxy", 0, "userland-proxy", FLAG_BOOL, AT(userland_proxy),
     .remark = "published ports are served by the engine where the kernel cannot"},
    {"userland-proxy-path", 0, "userland-proxy-path", FLAG_IGNORED,
     .remark = "the proxy is built in"},
    {"version", 'v', NULL, FLAG_BOOL, AT(only_version), .help = "Print version and quit"},
    {NULL},
};

const size_t settings_flag_count = ARRAY_LEN(settings_flags) - 1;

bool flag_is_bool(const struct flag *f)
{
    return f->type == FLAG_BOOL || f->type == FLAG_IGNORED_BOOL;
}

const struct flag *flag_find(const char *name, size_t len)
{
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (!strncmp(f->name, name, len) && !f->name[len])
            return f;
    }
    return NULL;
}

const struct flag *flag_find_letter(char letter)
{
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (letter && f->letter == letter)
            return f;
    }
    return NULL;
}

const struct flag *flag_find_json(const char *key)
{
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (f->json && !strcmp(f->json, key))
            return f;
    }
    return NULL;
}

/* ---- values ---- */

static void *member(const struct flag *f, const struct settings *s)
{
    return (char *)s + f->offset;
}

static struct err *set_bool(const char *text, bool *out)
{
    static const char *const words[2][6] = {{"0", "f", "F", "false", "False", "FALSE"},
                                            {"1", "t", "T", "true", "True", "TRUE"}};

    for (int value = 0; value < 2; value++) {
        for (size_t i = 0; i < ARRAY_LEN(words[value]); i++) {
            if (strcmp(text, words[value][i]))
                continue;
            *out = value;
            return NULL;
        }
    }
    return err_new(ERR_INVALID, "strconv.ParseBool: parsing \"%s\": invalid syntax", text);
}

static struct err *set_int(const struct flag *f, const char *text, int *out)
{
    int64_t n;

    if (!text_to_i64(text, &n))
        return err_new(ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
    if (n < f->min || n > INT32_MAX)
        return err_new(ERR_INVALID, "%s is not between %d and %d", text, f->min, INT32_MAX);
    *out = (int)n;
    return NULL;
}

struct err *flag_absolute_path(struct arena *a, const char *text, char **out)
{
    autofree char *cwd = NULL;

    if (!*text)
        return err_new(ERR_INVALID, "the path is empty");
    if (*text == '/') {
        *out = path_clean(a, text);
        return NULL;
    }
    cwd = getcwd(NULL, 0);
    if (!cwd)
        return err_sys("find the working directory");
    *out = path_clean(a, path_join(a, cwd, text));
    return NULL;
}

static void set_pair(struct arena *a, const char *text, struct pairs *out)
{
    size_t n = strcspn(text, "=");

    pairs_set(a, out, arena_strndup(a, text, n), text[n] ? text + n + 1 : "");
}

struct err *flag_set(struct arena *a, const struct flag *f, const char *text, struct settings *out)
{
    void *to = member(f, out);
    bool unused;

    switch (f->type) {
    case FLAG_STR:
        *(char **)to = arena_strdup(a, text);
        return NULL;
    case FLAG_PATH:
        return flag_absolute_path(a, text, to);
    case FLAG_STRS:
        strs_add(a, to, text);
        return NULL;
    case FLAG_PAIRS:
        set_pair(a, text, to);
        return NULL;
    case FLAG_INT:
        return set_int(f, text, to);
    case FLAG_BOOL:
        return set_bool(text, to);
    case FLAG_IGNORED_BOOL:
        return set_bool(text, &unused);
    case FLAG_IGNORED:
        return NULL;
    }
    return NULL;
}

static char *pairs_text(struct arena *a, const struct pairs *p)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < p->n; i++)
        buf_printf(&b, "%s%s:%s", i ? " " : "", p->v[i].key, p->v[i].value);
    return arena_printf(a, "map[%s]", b.data ? b.data : "");
}

char *flag_text(struct arena *a, const struct flag *f, const struct settings *s)
{
    const void *from = member(f, s);
    const char *text;

    switch (f->type) {
    case FLAG_STR:
    case FLAG_PATH:
        text = *(char *const *)from;
        return arena_strdup(a, text ? text : "");
    case FLAG_STRS:
        return arena_printf(a, "[%s]", strs_join(a, from, " "));
    case FLAG_PAIRS:
        return pairs_text(a, from);
    case FLAG_INT:
        return arena_printf(a, "%d", *(const int *)from);
    case FLAG_BOOL:
        return arena_strdup(a, *(const bool *)from ? "true" : "false");
    case FLAG_IGNORED:
    case FLAG_IGNORED_BOOL:
        break;
    }
    return arena_strdup(a, "");
}

/* ---- --help ---- */

static const char *arg_name(const struct flag *f)
{
    static const char *const names[] = {
        [FLAG_STR] = "string", [FLAG_PATH] = "string", [FLAG_STRS] = "list",
        [FLAG_PAIRS] = "map",  [FLAG_INT] = "int",     [FLAG_IGNORED] = "string",
    };

    if (flag_is_bool(f))
        return "";
    return f->arg ? f->arg : names[f->type];
}

static void print_flag(const struct flag *f)
{
    char letter[] = "    ", left[64];

    if (f->letter)
        snprintf(letter, sizeof(letter), "-%c, ", f->letter);
    snprintf(left, sizeof(left), "--%s %s", f->name, arg_name(f));
    printf("  %.4s%-33s %s\n", letter, left, f->help);
}

void settings_usage(void)
{
    printf("Usage:  berthd [OPTIONS]\n\nThe berth container engine.\n\nOptions:\n");
    for (const struct flag *f = settings_flags; f->name; f++) {
        if (f->help)
            print_flag(f);
    }
}
