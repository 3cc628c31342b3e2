/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver `syslog`: options, and a line in the formats that Docker's driver has. The
 * formats are pure. Every message ends with a newline, over datagrams too, as Docker's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#include "log_forward.h"
#include "log_inner.h"
#include "logattrs.h"

#define SEVERITY_ERR 3
#define SEVERITY_INFO 6
#define FACILITY_DAEMON 3
#define DEFAULT_SOCKET "/dev/log"
#define DEFAULT_PORT "514"

static const struct {
    const char *name;
    int value;
} facilities[] = {
    {"kern", 0},      {"user", 1},    {"mail", 2},    {"daemon", 3},  {"auth", 4},
    {"syslog", 5},    {"lpr", 6},     {"news", 7},    {"uucp", 8},    {"cron", 9},
    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17}, {"local2", 18},
    {"local3", 19},   {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23},
};

static const struct {
    const char *name;
    void (*write)(const struct log_forward_style *s, const struct log_forward_line *l,
                  struct buf *out);
    bool has_micros;
} formats[] = {
    {"", syslog_write_unix, false},
    {"rfc3164", syslog_write_bsd, false},
    {"rfc5424", syslog_write_5424, false},
    {"rfc5424micro", syslog_write_5424, true},
};

/* ---- a line ---- */

static int priority(const struct log_forward_style *s, const struct log_forward_line *l)
{
    return s->facility * 8 + (l->stream == STREAM_STDERR ? SEVERITY_ERR : SEVERITY_INFO);
}

/* "Jan  2 15:04:05", local time: the format has no room for a zone. */
static void stamp(int64_t wall_ns, char out[32])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(out, 32, "%b %e %H:%M:%S", &tm);
}

static void add_text(struct buf *out, const struct log_forward_line *l)
{
    buf_add(out, l->text, l->n);
    buf_putc(out, '\n');
}

void syslog_write_unix(const struct log_forward_style *s, const struct log_forward_line *l,
                       struct buf *out)
{
    char time[32];

    stamp(l->wall_ns, time);
    buf_printf(out, "<%d>%s %s[%d]: ", priority(s, l), time, s->tag, s->pid);
    add_text(out, l);
}

void syslog_write_bsd(const struct log_forward_style *s, const struct log_forward_line *l,
                      struct buf *out)
{
    char time[32];

    stamp(l->wall_ns, time);
    buf_printf(out, "<%d>%s %s %s[%d]: ", priority(s, l), time, s->host, s->tag, s->pid);
    add_text(out, l);
}

void syslog_write_5424(const struct log_forward_style *s, const struct log_forward_line *l,
                       struct buf *out)
{
    char time[RFC3339_MAX];

    clock_rfc3339_fixed(l->wall_ns, time); /* 2024-01-02T03:04:05.123456789Z */
    snprintf(time + (s->has_micros ? 26 : 19), 2, "Z");
    buf_printf(out, "<%d>1 %s %s %s %d %s %s ", priority(s, l), time, s->host, s->tag, s->pid,
               s->tag, s->fixed);
    add_text(out, l);
}

/* ---- options ---- */

/* By name or by number, as Docker; the codes are of RFC 5424, 6.2.1 (12 to 15 have no name
 * there). */
static struct err *read_facility(const char *text, int *out)
{
    int64_t n;

    *out = FACILITY_DAEMON;
    if (text_is_empty(text))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(facilities); i++) {
        if (!strcmp(facilities[i].name, text)) {
            *out = facilities[i].value;
            return NULL;
        }
    }
    if (!text_to_i64(text, &n) || n < 0 || n > 23)
        return err_new(ERR_INVALID, "invalid syslog facility");
    *out = (int)n;
    return NULL;
}

static struct err *read_format(const char *text, size_t *out)
{
    for (*out = 0; *out < ARRAY_LEN(formats); ++*out) {
        if (!strcmp(formats[*out].name, text ? text : ""))
            return NULL;
    }
    return err_new(ERR_INVALID, "Invalid syslog format");
}

static struct err *split_host(struct arena *a, const char *s, struct outlet_target *out)
{
    const char *colon = strrchr(s, ':'), *bracket = strchr(s, ']');

    if (colon && bracket && colon < bracket)
        colon = NULL;
    if (*s == '[' && bracket)
        out->host = arena_strndup(a, s + 1, (size_t)(bracket - s - 1));
    else
        out->host = arena_strndup(a, s, colon ? (size_t)(colon - s) : strlen(s));
    out->port = arena_strdup(a, colon && colon[1] ? colon + 1 : DEFAULT_PORT);
    if (!*out->host)
        return err_new(ERR_INVALID, "syslog-address '%s' has no host", s);
    return NULL;
}

struct err *syslog_address(struct arena *a, const char *address, struct outlet_target *out)
{
    static const struct {
        const char *prefix;
        enum outlet_kind kind;
    } kinds[] = {{"unix://", TARGET_UNIX},
                 {"unixgram://", TARGET_UNIX},
                 {"udp://", TARGET_UDP},
                 {"tcp://", TARGET_TCP}};

    if (text_is_empty(address))
        address = "unix://" DEFAULT_SOCKET;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *rest = address + strlen(kinds[i].prefix);

        if (!text_starts(address, kinds[i].prefix))
            continue;
        out->kind = kinds[i].kind;
        if (out->kind != TARGET_UNIX)
            return split_host(a, rest, out);
        if (*rest != '/' || strlen(rest) >= sizeof(((struct sockaddr_un *)0)->sun_path))
            return err_new(ERR_INVALID, "syslog-address '%s' is no absolute path of a socket",
                           rest);
        out->host = arena_strdup(a, rest);
        return NULL;
    }
    if (strstr(address, "://"))
        return err_new(ERR_INVALID,
                       "unsupported scheme in syslog-address '%s': use unix, unixgram, "
                       "udp or tcp",
                       address);
    return err_new(ERR_INVALID, "syslog-address should be in form proto://address, got %s",
                   address);
}

struct err *syslog_check(const struct pairs *o)
{
    autoarena struct arena *a = arena_create();
    struct outlet_target target;
    size_t format;
    int facility;

    TRY(syslog_address(a, pairs_get(o, "syslog-address"), &target));
    TRY(read_facility(pairs_get(o, "syslog-facility"), &facility));
    return read_format(pairs_get(o, "syslog-format"), &format);
}

/* RFC 5424, 6.3.3: these three characters are escaped in a PARAM-VALUE. */
static void add_sd_value(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("\"\\]", *s))
            buf_putc(out, '\\');
        buf_putc(out, *s);
    }
}

/* Labels and variables that were asked for; "-" (NILVALUE) without any. 32473 is the enterprise
 * number that RFC 5612 keeps for examples: berth has none of its own. */
static char *structured_data(const struct pairs *attrs)
{
    struct buf out = {0};

    for (size_t i = 0; i < attrs->n; i++) {
        buf_puts(&out, i ? " " : "[berth@32473 ");
        for (const char *k = attrs->v[i].key; *k; k++)
            buf_putc(&out, strchr("= ]\"", *k) || *k < 33 ? '_' : *k);
        buf_puts(&out, "=\"");
        add_sd_value(&out, attrs->v[i].value);
        buf_putc(&out, '"');
    }
    buf_puts(&out, attrs->n ? "]" : "-");
    return buf_steal(&out);
}

struct err *syslog_open(struct log *g, const struct log_spec *s)
{
    autoarena struct arena *a = arena_create();
    struct log_forward_style style = {.pid = (int)getpid()};
    struct outlet_target target = {0};
    struct pairs attrs = {0};
    char host[256] = "-", *tag;
    size_t format;

    TRY(syslog_address(a, pairs_get(s->options, "syslog-address"), &target));
    TRY(read_facility(pairs_get(s->options, "syslog-facility"), &style.facility));
    TRY(read_format(pairs_get(s->options, "syslog-format"), &format));
    TRY(log_tag(a, s, "{{.ID}}", &tag));
    log_attrs(a, s, &attrs);
    gethostname(host, sizeof(host) - 1);
    style.write = formats[format].write;
    style.has_micros = formats[format].has_micros;
    style.tag = mem_strdup(tag);
    style.host = mem_strdup(host);
    style.fixed = structured_data(&attrs);
    target.host = mem_strdup(target.host);
    target.port = mem_strdup(target.port);
    g->forward = log_forward_create(g, &target, &style);
    return NULL;
}
