/* SPDX-License-Identifier: Apache-2.0 */
/* berth version, info, events. */
#include "commands.h"

#include "base/clock.h"

#include "api.h"
#include "jsonlines.h"
#include "query.h"
#include "state_options.h"
#include "template.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* What a --format prints: one document by a template, or as JSON. */
static struct err *print_format(struct cli *cli, const char *format, const struct json *doc)
{
    struct go_template *t = NULL;
    autobuf struct buf b = {0};

    if (strcmp(format, "json") == 0)
        format = "{{json .}}";
    TRY(template_parse(cli->arena, format, &t));
    TRY(template_run(cli->arena, t, doc, &b));
    buf_putc(&b, '\n');
    cli_print(b.data, b.len);
    return NULL;
}

static char *platform(struct cli *cli)
{
    struct utsname u;
    const char *arch;

    uname(&u);
    arch = strcmp(u.machine, "x86_64") == 0    ? "amd64"
           : strcmp(u.machine, "aarch64") == 0 ? "arm64"
                                               : u.machine;
    return arena_printf(cli->arena, "linux/%s", arch);
}

static char *client_json(struct cli *cli)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    char *os_arch = platform(cli);

    jw_obj(&w, NULL);
    jw_str(&w, "Version", BERTH_VERSION);
    jw_str(&w, "ApiVersion", cli->api_version ? cli->api_version : "1.51");
    jw_str(&w, "DefaultAPIVersion", "1.51");
    jw_str(&w, "GitCommit", "");
    jw_str(&w, "GoVersion", "");
    jw_str(&w, "Os", "linux");
    jw_str(&w, "Arch", os_arch + strlen("linux/"));
    jw_str(&w, "Context", "default");
    jw_obj_end(&w);
    return arena_strdup(cli->arena, b.data);
}

static void print_component(const struct json *c)
{
    const struct json *d = json_get(c, "Details");

    cli_printf(" %s:\n  Version:          %s\n", text_of(c, "Name"), text_of(c, "Version"));
    if (text_of(d, "ApiVersion")[0])
        cli_printf("  API version:      %s (minimum version %s)\n", text_of(d, "ApiVersion"),
                   text_of(d, "MinAPIVersion"));
    if (text_of(d, "GitCommit")[0])
        cli_printf("  Git commit:       %s\n", text_of(d, "GitCommit"));
    if (text_of(d, "BuildTime")[0])
        cli_printf("  Built:            %s\n", text_of(d, "BuildTime"));
    if (text_of(d, "Os")[0])
        cli_printf("  OS/Arch:          %s/%s\n", text_of(d, "Os"), text_of(d, "Arch"));
}

static struct err *format_version(struct cli *cli, const char *format,
                                  const struct api_reply *server)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *doc = NULL;

    jw_obj(&w, NULL);
    jw_raw(&w, "Client", client_json(cli));
    jw_raw(&w, "Server", server->json ? server->text : "null");
    jw_obj_end(&w);
    TRY(json_parse(cli->arena, arena_strdup(cli->arena, b.data), b.len, &doc));
    return print_format(cli, format, doc);
}

struct err *cmd_version(struct cli *cli, const void *options, struct strs args)
{
    const struct format_options *o = options;
    struct api_reply reply = {0};
    const struct json *components;
    struct err *e = api_get(cli, &reply, "/version");

    (void)args;
    if (!text_is_empty(o->format)) {
        TRY(format_version(cli, o->format, &reply));
        return e;
    }
    cli_printf("Client: berth\n Version:           %s\n API version:       %s\n"
               " OS/Arch:           %s\n",
               BERTH_VERSION, cli->api_version ? cli->api_version : "1.51", platform(cli));
    if (e)
        return e;
    cli_printf("\nServer: %s\n", text_of(json_get(reply.json, "Platform"), "Name"));
    components = json_get(reply.json, "Components");
    for (const struct json *c = json_first(components); c; c = json_next(c))
        print_component(c);
    if (!json_len(components))
        cli_printf(
            " Engine:\n  Version:          %s\n  API version:      %s (minimum version %s)\n",
            text_of(reply.json, "Version"), text_of(reply.json, "ApiVersion"),
            text_of(reply.json, "MinAPIVersion"));
    return NULL;
}

static void print_driver_status(const struct json *status)
{
    for (const struct json *row = json_first(status); row; row = json_next(row)) {
        const struct json *key = json_first(row);
        const struct json *value = key ? json_next(key) : NULL;

        if (json_str(key) && json_str(value))
            cli_printf("  %s: %s\n", json_str(key), json_str(value));
    }
}

static void print_plugins(struct cli *cli, const struct json *plugins)
{
    cli_printf(" Plugins:\n");
    for (const struct json *p = json_first(plugins); p; p = json_next(p)) {
        struct strs s = json_strs(cli->arena, p);

        if (s.n)
            cli_printf("  %s: %s\n", json_key(p), strs_join(cli->arena, &s, " "));
    }
}

static void print_security(const struct json *options)
{
    if (!json_len(options))
        return;
    cli_printf(" Security Options:\n");
    for (const struct json *o = json_first(options); o; o = json_next(o)) {
        const char *text = json_str(o);

        if (!text)
            continue;
        text += text_starts(text, "name=") ? strlen("name=") : 0;
        cli_printf("  %.*s\n", (int)strcspn(text, ","), text);
        if (strstr(text, "profile="))
            cli_printf("   Profile: %s\n", strstr(text, "profile=") + strlen("profile="));
    }
}

static void print_fields(const struct json *info)
{
    static const struct {
        const char *title, *key;
    } fields[] = {
        {"Server Version", "ServerVersion"}, {"Storage Driver", "Driver"},
        {"Logging Driver", "LoggingDriver"}, {"Cgroup Driver", "CgroupDriver"},
        {"Cgroup Version", "CgroupVersion"},
    };

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        cli_printf(" %s: %s\n", fields[i].title, text_of(info, fields[i].key));
        if (strcmp(fields[i].key, "Driver") == 0)
            print_driver_status(json_get(info, "DriverStatus"));
    }
}

static void print_machine(struct cli *cli, const struct json *info)
{
    double memory = json_num(json_get(info, "MemTotal"));
    struct strs labels = json_strs(cli->arena, json_get(info, "Labels"));

    cli_printf(" Kernel Version: %s\n Operating System: %s\n OSType: %s\n Architecture: %s\n",
               text_of(info, "KernelVersion"), text_of(info, "OperatingSystem"),
               text_of(info, "OSType"), text_of(info, "Architecture"));
    cli_printf(" CPUs: %lld\n Total Memory: %.4gGiB\n Name: %s\n ID: %s\n",
               (long long)json_int(json_get(info, "NCPU")), memory / (1 << 30),
               text_of(info, "Name"), text_of(info, "ID"));
    cli_printf(" Docker Root Dir: %s\n Debug Mode: %s\n", text_of(info, "DockerRootDir"),
               json_bool(json_get(info, "Debug")) ? "true" : "false");
    if (labels.n)
        cli_printf(" Labels: %s\n", strs_join(cli->arena, &labels, " "));
    cli_printf(" Live Restore Enabled: %s\n",
               json_bool(json_get(info, "LiveRestoreEnabled")) ? "true" : "false");
}

struct err *cmd_info(struct cli *cli, const void *options, struct strs args)
{
    const struct format_options *o = options;
    const struct json *info, *warnings;
    struct api_reply reply = {0};

    (void)args;
    TRY(api_get(cli, &reply, "/info"));
    info = reply.json;
    if (!text_is_empty(o->format))
        return print_format(cli, o->format, info);
    cli_printf("Client: berth\n Version:    %s\n\nServer:\n Containers: %lld\n", BERTH_VERSION,
               (long long)json_int(json_get(info, "Containers")));
    cli_printf("  Running: %lld\n  Paused: %lld\n  Stopped: %lld\n Images: %lld\n",
               (long long)json_int(json_get(info, "ContainersRunning")),
               (long long)json_int(json_get(info, "ContainersPaused")),
               (long long)json_int(json_get(info, "ContainersStopped")),
               (long long)json_int(json_get(info, "Images")));
    print_fields(info);
    print_plugins(cli, json_get(info, "Plugins"));
    print_security(json_get(info, "SecurityOptions"));
    print_machine(cli, info);
    warnings = json_get(info, "Warnings");
    for (const struct json *w = json_first(warnings); w; w = json_next(w))
        cli_say("%s\n", json_str(w) ? json_str(w) : "");
    return NULL;
}

static void add_stamp(struct buf *b, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    char date[40], zone[8];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof(zone), "%z", &tm);
    buf_printf(b, "%s.%09lld", date, (long long)(wall_ns % NS_PER_S));
    if (strcmp(zone, "+0000") == 0)
        buf_putc(b, 'Z');
    else
        buf_printf(b, "%.3s:%s", zone, zone + 3);
}

static struct err *print_event(void *ctx, struct arena *a, const struct json *event)
{
    const struct go_template *t = ctx;
    const struct json *actor = json_get(event, "Actor");
    struct pairs attributes = labels_pairs(a, json_get(actor, "Attributes"));
    int64_t ns = json_int(json_get(event, "timeNano"));
    autobuf struct buf b = {0};

    if (t) {
        TRY(template_run(a, t, event, &b));
    } else {
        add_stamp(&b, ns ? ns : json_int(json_get(event, "time")) * NS_PER_S);
        buf_printf(&b, " %s %s %s", text_of(event, "Type"), text_of(event, "Action"),
                   text_of(actor, "ID"));
        for (size_t i = 0; i < attributes.n; i++)
            buf_printf(&b, "%s%s=%s", i ? ", " : " (", attributes.v[i].key, attributes.v[i].value);
        if (attributes.n)
            buf_putc(&b, ')');
    }
    buf_putc(&b, '\n');
    cli_print(b.data, b.len);
    return NULL;
}

static struct err *events_path(struct cli *cli, const struct events_options *o, char **out)
{
    autobuf struct buf b = {0};
    char *text = NULL;

    TRY(query_filters(cli->arena, &o->filters, &text));
    buf_puts(&b, text);
    if (o->since) {
        TRY(query_since(cli->arena, o->since, &text));
        buf_printf(&b, "&since=%s", text);
    }
    if (o->until) {
        TRY(query_since(cli->arena, o->until, &text));
        buf_printf(&b, "&until=%s", text);
    }
    if (o->after)
        buf_printf(&b, "&after=%s", text_to_query(cli->arena, o->after));
    return api_path(cli, out, "/events?%s", b.data ? b.data : "");
}

struct err *cmd_events(struct cli *cli, const void *options, struct strs args)
{
    const struct events_options *o = options;
    struct http_request r = {.method = "GET"};
    struct go_template *t = NULL;
    struct http_conn *c = NULL;
    char *path = NULL;
    struct err *e;

    (void)args;
    if (!text_is_empty(o->format))
        TRY(template_parse(cli->arena, strcmp(o->format, "json") == 0 ? "{{json .}}" : o->format,
                           &t));
    TRY(events_path(cli, o, &path));
    r.path = path;
    TRY(api_open(cli, &r, &c));
    e = jsonlines_each(c, print_event, t);
    http_conn_close(c);
    return e;
}
