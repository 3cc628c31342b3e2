/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings_parse: the command line in dockerd's (pflag's) syntax, then the file,
 * then defaults that depend on other settings, then checks. Start-up, blocking.
 */
#include "core/settings.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/log.h"

#include "settings_flags.h"

#define DEFAULT_CONFIG_FILE "/etc/berth/daemon.json"
#define FLAGS_MAX 128
#define AUDIT_LOG_BYTES_MIN 65536
#define AUDIT_LOG_FILES_MAX 1000

static void log_remarks(const bool *given)
{
    for (size_t i = 0; i < settings_flag_count; i++) {
        const struct flag *f = &settings_flags[i];

        if (given[i] && f->remark)
            log_warn("option has no effect", KV("option", f->name), KV("why", f->remark));
    }
}

/* ---- defaults ---- */

static void set_first_defaults(struct settings *s)
{
    s->max_inflight = 512;
    s->max_concurrent_downloads = 3;
    s->max_concurrent_uploads = 5;
    s->shutdown_timeout_s = 15;
    s->mtu = 1500;
    s->audit_log_max_files = 5;
}

static void set_default(struct arena *a, char **member, const char *value)
{
    if (!*member)
        *member = arena_strdup(a, value);
}

static void set_last_defaults(struct arena *a, struct settings *s)
{
    set_default(a, &s->data_root, "/var/lib/berth");
    set_default(a, &s->exec_root, "/run/berth");
    set_default(a, &s->pidfile, arena_printf(a, "%s/berthd.pid", s->exec_root));
    set_default(a, &s->log_level, "info");
    set_default(a, &s->group, "berth");
    set_default(a, &s->default_ip, "0.0.0.0");
    set_default(a, &s->publish_mode, "nat");
    set_default(a, &s->risk_warnings, "all");
    set_default(a, &s->log_driver, "json-file");
    set_default(a, &s->audit_log_max_size, "20m");
    if (s->hosts.n == 0)
        strs_add(a, &s->hosts, arena_printf(a, "unix://%s/berth.sock", s->exec_root));
}

/* ---- checks ---- */

static struct err *check_host(struct arena *a, const struct settings *s, char **host)
{
    static const char *const tcp[] = {"tcp://", "http://", "https://"};
    char *path;

    if (text_starts(*host, "fd://"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(tcp); i++) {
        if (text_starts(*host, tcp[i]))
            return err_new(ERR_INVALID,
                           "host %s: berth does not listen on TCP; use a unix:// socket, and ssh "
                           "to reach it from elsewhere",
                           *host);
    }
    if (!text_starts(*host, "unix://"))
        return err_new(ERR_INVALID, "invalid bind address format: %s", *host);
    path = *host + strlen("unix://");
    if (*path)
        TRY(path_absolute(a, path, &path));
    else
        path = arena_printf(a, "%s/berth.sock", s->exec_root);
    if (strlen(path) >= sizeof((struct sockaddr_un){0}.sun_path))
        return err_new(ERR_INVALID, "host %s: the path is too long for a unix socket", *host);
    *host = arena_printf(a, "unix://%s", path);
    return NULL;
}

static bool is_ip(const char *text)
{
    unsigned char room[16];

    return inet_pton(AF_INET, text, room) == 1 || inet_pton(AF_INET6, text, room) == 1;
}

static bool is_ipv4_cidr(struct arena *a, const char *text)
{
    const char *slash = strchr(text, '/');
    unsigned char room[4];
    uint32_t bits;

    return slash && text_to_u32(slash + 1, &bits) && bits >= 1 && bits <= 30 &&
           inet_pton(AF_INET, arena_strndup(a, text, (size_t)(slash - text)), room) == 1;
}

static bool is_ipv6_cidr(struct arena *a, const char *text)
{
    const char *slash = strchr(text, '/');
    unsigned char room[16];
    uint32_t bits;

    return slash && text_to_u32(slash + 1, &bits) && bits >= 8 && bits <= 126 &&
           inet_pton(AF_INET6, arena_strndup(a, text, (size_t)(slash - text)), room) == 1 &&
           room[0] != 0xff && (room[0] != 0xfe || (room[1] & 0xc0) != 0x80);
}

static struct err *check_network(struct arena *a, const struct settings *s)
{
    for (size_t i = 0; i < s->dns.n; i++) {
        if (!is_ip(s->dns.v[i]))
            return err_new(ERR_INVALID, "%s is not an ip address", s->dns.v[i]);
    }
    if (!is_ip(s->default_ip))
        return err_new(ERR_INVALID, "%s is not an ip address", s->default_ip);
    if (strcmp(s->publish_mode, "nat") != 0 && strcmp(s->publish_mode, "proxy") != 0)
        return err_new(ERR_INVALID, "invalid publish mode: %s", s->publish_mode);
    if (!text_is_empty(s->bip) && !text_is_empty(s->bridge))
        return err_new(ERR_INVALID, "you specified -b & --bip, mutually exclusive options; "
                                    "please specify only one");
    if (!text_is_empty(s->bip) && !is_ipv4_cidr(a, s->bip))
        return err_new(ERR_INVALID, "invalid CIDR address: %s", s->bip);
    if (!text_is_empty(s->fixed_cidr_v6) && !is_ipv6_cidr(a, s->fixed_cidr_v6))
        return err_new(ERR_INVALID, "invalid CIDR address: %s", s->fixed_cidr_v6);
    return NULL;
}

static struct err *check_labels(const struct settings *s)
{
    for (size_t i = 0; i < s->labels.n; i++) {
        if (!strchr(s->labels.v[i], '='))
            return err_new(ERR_INVALID, "bad attribute format: %s", s->labels.v[i]);
    }
    return NULL;
}

static struct err *check_metrics_addr(const struct settings *s)
{
    struct sockaddr_storage at;
    socklen_t len;

    return text_is_empty(s->metrics_addr) ? NULL : address_parse(s->metrics_addr, &at, &len);
}

static struct err *check_audit_log(struct settings *s)
{
    if (!text_to_bytes(s->audit_log_max_size, &s->audit_log_max_bytes) ||
        s->audit_log_max_bytes < AUDIT_LOG_BYTES_MIN)
        return err_new(ERR_INVALID, "invalid audit-log-max-size: %s: at least %d bytes",
                       s->audit_log_max_size, AUDIT_LOG_BYTES_MIN);
    if (s->audit_log_max_files > AUDIT_LOG_FILES_MAX)
        return err_new(ERR_INVALID, "invalid audit-log-max-file: %d: at most %d",
                       s->audit_log_max_files, AUDIT_LOG_FILES_MAX);
    return NULL;
}

static struct err *check(struct arena *a, struct settings *s)
{
    enum log_level unused;

    if (!log_level_from_text(s->log_level, &unused))
        return err_new(ERR_INVALID, "invalid logging level: %s", s->log_level);
    TRY(check_audit_log(s));
    TRY(check_metrics_addr(s));
    for (size_t i = 0; i < s->hosts.n; i++)
        TRY(check_host(a, s, &s->hosts.v[i]));
    TRY(check_network(a, s));
    return check_labels(s);
}

struct err *settings_parse(struct arena *a, int argc, char **argv, struct settings *out)
{
    struct settings s = {0};
    bool given[FLAGS_MAX] = {false}; /* by row of settings_flags */
    struct flag_parse p = {.flags = settings_flags, .options = &s, .given = given};
    bool is_explicit;

    ASSERT(settings_flag_count <= FLAGS_MAX);
    set_first_defaults(&s);
    TRY(flags_parse(a, &p, argv + 1, argc > 0 ? (size_t)argc - 1 : 0));
    if (p.args.n)
        return err_new(ERR_INVALID, "\"berthd\" accepts no arguments, but was given \"%s\"",
                       p.args.v[0]);
    is_explicit = s.config_file != NULL;
    set_default(a, &s.config_file, DEFAULT_CONFIG_FILE);
    if (!s.only_help && !s.only_version && !s.only_list_steps)
        TRY(settings_file_load(a, s.config_file, is_explicit, given, &s));
    set_last_defaults(a, &s);
    TRY(check(a, &s));
    log_remarks(given);
    *out = s;
    return NULL;
}
