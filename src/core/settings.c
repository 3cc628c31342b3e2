/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings_parse: the command line in dockerd's (pflag's) syntax, then the file,
 * then defaults that depend on other settings, then checks. Start-up, blocking.
 */
#include "core/settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/log.h"

#include "settings_flags.h"

#define DEFAULT_CONFIG_FILE "/etc/berth/daemon.json"
#define AUDIT_LOG_BYTES_MIN 65536
#define AUDIT_LOG_FILES_MAX 1000

void settings_log_remarks(const struct settings *s, const struct settings *before)
{
    for (size_t i = 0; i < settings_flag_count; i++) {
        const struct flag *f = &settings_flags[i];

        if (s->given[i] && f->remark && !(before && before->given[i]))
            log_warn("option has no effect", KV("option", f->name), KV("why", f->remark));
    }
}

/* ---- what a reload changes ---- */

void settings_each_change(struct arena *a, const struct settings *from, const struct settings *to,
                          void (*fn)(void *ctx, const struct settings_change *c), void *ctx)
{
    for (const struct flag *f = settings_flags; f->name; f++) {
        struct settings_change c = {.key = f->key, .is_taken = f->bits & FLAG_RELOADED};

        if (!f->key || f->bits & (FLAG_IGNORED | FLAG_HIDDEN))
            continue;
        c.from = settings_flag_text(a, f, from);
        c.to = settings_flag_text(a, f, to);
        if (strcmp(c.from, c.to) != 0)
            fn(ctx, &c);
    }
}

static size_t size_of(enum flag_type type)
{
    switch (type) {
    case FLAG_BOOL:
        return sizeof(bool);
    case FLAG_TEXT:
    case FLAG_PATH:
        return sizeof(char *);
    case FLAG_LIST:
        return sizeof(struct strs);
    case FLAG_MAP:
        return sizeof(struct pairs);
    case FLAG_INT:
        return sizeof(int);
    default:
        return sizeof(struct number);
    }
}

void settings_take(struct settings *s, const struct settings *newer)
{
    for (const struct flag *f = settings_flags; f->name; f++)
        if (f->bits & FLAG_RELOADED)
            memcpy((char *)s + f->offset, (const char *)newer + f->offset, size_of(f->type));
    memcpy(s->given, newer->given, sizeof(s->given));
}

/* ---- defaults ---- */

static void set_first_defaults(struct settings *s)
{
    s->max_inflight = 512;
    s->max_concurrent_downloads = 3;
    s->max_concurrent_uploads = 5;
    s->max_download_attempts = 5;
    s->oom_score_adjust = -500;
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
    set_default(a, &s->ipc_mode, "private");
    set_default(a, &s->log_format, "text");
    set_default(a, &s->log_driver, "json-file");
    set_default(a, &s->audit_log_max_size, "20m");
    if (s->certs_dirs.n == 0) {
        strs_add(a, &s->certs_dirs, "/etc/docker/certs.d");
        strs_add(a, &s->certs_dirs, "/etc/berth/certs.d");
    }
    if (s->cdi_dirs.n == 0) {
        strs_add(a, &s->cdi_dirs, "/etc/cdi");
        strs_add(a, &s->cdi_dirs, "/var/run/cdi");
    }
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

static struct err *check_address(const char *text)
{
    return text_is_empty(text) || is_ip(text)
               ? NULL
               : err_new(ERR_INVALID, "%s is not an ip address", text);
}

static struct err *check_addresses(const struct settings *s)
{
    TRY(check_address(s->default_gateway));
    TRY(check_address(s->default_gateway_v6));
    for (size_t i = 0; i < s->host_gateway_ips.n; i++)
        TRY(check_address(s->host_gateway_ips.v[i]));
    return NULL;
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
    if (!text_is_empty(s->fixed_cidr) && !is_ipv4_cidr(a, s->fixed_cidr))
        return err_new(ERR_INVALID, "invalid CIDR address: %s", s->fixed_cidr);
    if (!text_is_empty(s->fixed_cidr_v6) && !is_ipv6_cidr(a, s->fixed_cidr_v6))
        return err_new(ERR_INVALID, "invalid CIDR address: %s", s->fixed_cidr_v6);
    return check_addresses(s);
}

/* ---- what containers get that say nothing ---- */

static struct err *check_word(const char *key, const char *value, const char *one, const char *two)
{
    if (text_is_empty(value) || !strcmp(value, one) || !strcmp(value, two))
        return NULL;
    return err_new(ERR_INVALID, "invalid %s: %s: it is %s or %s", key, value, one, two);
}

static struct err *check_defaults(const struct settings *s)
{
    TRY(check_word("default-cgroupns-mode", s->cgroupns_mode, "host", "private"));
    TRY(check_word("default-ipc-mode", s->ipc_mode, "shareable", "private"));
    TRY(check_word("log-format", s->log_format, "text", "json"));
    if (s->shm_size.is_set && s->shm_size.value <= 0)
        return err_new(ERR_INVALID, "default-shm-size must be greater than 0");
    if (s->oom_score_adjust > 1000)
        return err_new(ERR_INVALID, "invalid oom-score-adjust: %d: it is at most 1000",
                       s->oom_score_adjust);
    for (size_t i = 0; i < s->network_opts.n; i++) {
        const char *option = strchr(s->network_opts.v[i], '=');

        if (!option || !strchr(option + 1, '='))
            return err_new(ERR_INVALID,
                           "invalid default-network-opt %s: it is like "
                           "bridge=com.docker.network.driver.mtu=1400",
                           s->network_opts.v[i]);
    }
    return NULL;
}

/* To start without them would be to let everything pass that they are there to stop. */
static struct err *check_plugins(const struct settings *s)
{
    if (!s->authorization_plugins.n)
        return NULL;
    return err_new(ERR_INVALID,
                   "authorization plugins (%s) would not be asked: what callers may do is said by "
                   "the rules of a --policy file",
                   s->authorization_plugins.v[0]);
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

/* A mirror's address has neither who we are nor a query in it: registries are asked below it. */
static struct err *check_mirrors(struct arena *a, const struct settings *s)
{
    for (size_t i = 0; i < s->registry_mirrors.n; i++) {
        const char *url;
        char *domain;

        if (!settings_mirror(a, s->registry_mirrors.v[i], &domain, &url))
            return err_new(ERR_INVALID, "invalid mirror: \"%s\" is not a valid URI",
                           settings_masked(a, s->registry_mirrors.v[i]));
    }
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
    TRY(check_mirrors(a, s));
    TRY(check_defaults(s));
    TRY(check_plugins(s));
    return check_labels(s);
}

struct err *settings_parse(struct arena *a, int argc, char **argv, struct settings *out)
{
    struct settings s = {0};
    struct flag_parse p = {.flags = settings_flags, .options = &s, .given = s.given};
    bool is_explicit;

    ASSERT(settings_flag_count <= SETTINGS_MAX);
    set_first_defaults(&s);
    TRY(flags_parse(a, &p, argv + 1, argc > 0 ? (size_t)argc - 1 : 0));
    if (p.args.n)
        return err_new(ERR_INVALID, "\"berthd\" accepts no arguments, but was given \"%s\"",
                       p.args.v[0]);
    is_explicit = s.config_file != NULL;
    set_default(a, &s.config_file, DEFAULT_CONFIG_FILE);
    if (!s.only_help && !s.only_version && !s.only_list_steps)
        TRY(settings_file_load(a, s.config_file, is_explicit, &s));
    set_last_defaults(a, &s);
    TRY(check(a, &s));
    *out = s;
    return NULL;
}

bool settings_mirror(struct arena *a, const char *entry, char **out_domain, const char **out_url)
{
    const char *equals = strchr(entry, '='), *scheme = strstr(entry, "://"), *host;

    if (equals && scheme && equals > scheme)
        equals = NULL; /* of a query: refused below */
    *out_domain =
        equals ? arena_strndup(a, entry, (size_t)(equals - entry)) : arena_strdup(a, "docker.io");
    *out_url = equals ? equals + 1 : entry;
    scheme = strstr(*out_url, "://");
    host = scheme ? scheme + 3 : *out_url;
    if (scheme && !text_starts(*out_url, "http://") && !text_starts(*out_url, "https://"))
        return false;
    return **out_domain && !strpbrk(*out_domain, "/@?#") && *host && *host != '/' &&
           !strpbrk(host, "@?#= ");
}

void settings_set_proxies(const struct settings *s)
{
    const struct {
        const char *value, *upper, *lower;
    } proxies[] = {
        {s->http_proxy, "HTTP_PROXY", "http_proxy"},
        {s->https_proxy, "HTTPS_PROXY", "https_proxy"},
        {s->no_proxy, "NO_PROXY", "no_proxy"},
    };

    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        if (text_is_empty(proxies[i].value))
            continue;
        setenv(proxies[i].upper, proxies[i].value, 1);
        setenv(proxies[i].lower, proxies[i].value, 1);
    }
}

void settings_set_log_level(const struct settings *s)
{
    enum log_level level = LOG_LEVEL_INFO;

    if (s->log_level)
        log_level_from_text(s->log_level, &level);
    log_set_level(s->debug ? LOG_LEVEL_DEBUG : level);
}

char *settings_masked(struct arena *a, const char *url)
{
    const char *host = strstr(url, "://"), *at;

    host = host ? host + 3 : url;
    at = memchr(host, '@', strcspn(host, "/?#"));
    if (!at)
        return arena_strdup(a, url);
    return arena_printf(a, "%.*sxxxxx:xxxxx%s", (int)(host - url), url, at);
}
