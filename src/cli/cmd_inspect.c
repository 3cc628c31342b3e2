/* SPDX-License-Identifier: Apache-2.0 */
/* berth inspect and the inspects of the groups; berth port. Kinds are tried in Docker's order. */
#include "commands.h"

#include "api.h"
#include "pretty.h"
#include "query.h"
#include "state_options.h"
#include "template.h"

#include <stdio.h>
#include <string.h>

struct inspect_kind {
    const char *name;   /* --type, and the word in errors */
    const char *prefix; /* of the path, before the name … */
    const char *suffix; /* … and after it */
};
static const struct inspect_kind kinds[] = {
    {"container", "/containers/", "/json"},
    {"image", "/images/", "/json"},
    {"network", "/networks/", ""},
    {"volume", "/volumes/", ""},
};

static struct err *get(struct cli *cli, const struct inspect_kind *k, const char *name,
                       const struct inspect_options *o, const struct json **out)
{
    const char *query = o->size && k == &kinds[0] ? "?size=1" : "";
    struct api_reply reply = {0};
    struct err *e;

    if (!text_is_empty(o->platform))
        query = arena_printf(cli->arena, "?platform=%s", query_platform(cli->arena, o->platform));
    e = api_get(cli, &reply, "%s%s%s%s", k->prefix, api_escape(cli, name), k->suffix, query);

    if (!e)
        *out = reply.json;
    return e;
}

static struct err *find(struct cli *cli, const struct inspect_options *o, const char *type,
                        const char *name, const struct json **out)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct err *e;

        if (!text_is_empty(type) && strcmp(type, kinds[i].name) != 0)
            continue;
        e = get(cli, &kinds[i], name, o, out);
        if (!e || err_kind(e) != ERR_NOT_FOUND || !text_is_empty(type))
            return e;
        err_drop(e);
    }
    return err_new(ERR_NOT_FOUND, "Error: No such object: %s", name);
}

static struct err *check_type(const char *type)
{
    if (text_is_empty(type))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(type, kinds[i].name) == 0)
            return NULL;
    return err_new(ERR_INVALID,
                   "unknown type: \"%s\": must be one of \"container\", \"image\", \"network\", "
                   "\"volume\"",
                   type);
}

static struct err *inspect_all(struct cli *cli, const struct inspect_options *o, const char *type,
                               struct strs args)
{
    struct go_template *t = NULL;
    autobuf struct buf out = {0};
    bool is_json = text_is_empty(o->format) || strcmp(o->format, "json") == 0;
    size_t n = 0;
    struct err *e = NULL;

    TRY(check_type(type));
    if (!is_json)
        e = template_parse(cli->arena, o->format, &t);
    if (e) {
        cli->exit_code = 64;
        return err_wrap(e, "template parsing error");
    }
    for (size_t i = 0; i < args.n && !(e && !is_json); i++) {
        const struct json *object = NULL;

        e = find(cli, o, type, args.v[i], &object);
        if (!e && t)
            e = template_run(cli->arena, t, object, &out);
        if (e && object) /* the template's, not that of the search */
            e = err_wrap(e, "template parsing error");
        if (e) {
            if (t)
                buf_putc(&out, '\n');
            cli_complain(cli, e);
            e = NULL;
            continue;
        }
        if (!t)
            buf_puts(&out, n ? ",\n    " : "\n    ");
        if (!t)
            pretty_json(&out, cli->arena, object, 1);
        else
            buf_putc(&out, '\n');
        n++;
    }
    if (!t)
        cli_print("[", 1);
    cli_print(out.data ? out.data : "", out.len);
    if (!t)
        cli_printf("%s]\n", n ? "\n" : "");
    return NULL;
}

struct err *cmd_inspect(struct cli *cli, const void *options, struct strs args)
{
    const struct inspect_options *o = options;

    return inspect_all(cli, o, o->type, args);
}

/* "network inspect" and its like: the kind is the group's name. */
struct err *cmd_inspect_group(struct cli *cli, const void *options, struct strs args)
{
    const char *name = cli->command->name;
    const char *type = arena_strndup(cli->arena, name, strcspn(name, " "));

    return inspect_all(cli, options, type, args);
}

static void print_port(const char *port, const struct json *bindings, bool with_port)
{
    for (const struct json *b = json_first(bindings); b; b = json_next(b)) {
        const char *ip = text_of(b, "HostIp");

        if (with_port)
            cli_printf("%s -> ", port);
        cli_printf(strchr(ip, ':') ? "[%s]:%s\n" : "%s:%s\n", ip, text_of(b, "HostPort"));
    }
}

struct err *cmd_port(struct cli *cli, const void *options, struct strs args)
{
    const struct json *ports, *wanted;
    struct api_reply reply = {0};
    const char *port;
    int64_t number;

    (void)options;
    TRY(api_get(cli, &reply, "/containers/%s/json", api_escape(cli, args.v[0])));
    ports = json_get(json_get(reply.json, "NetworkSettings"), "Ports");
    if (args.n == 1) {
        for (const struct json *p = json_first(ports); p; p = json_next(p))
            print_port(json_key(p), p, true);
        return NULL;
    }
    if (!text_to_i64(arena_strndup(cli->arena, args.v[1], strcspn(args.v[1], "/")), &number) ||
        number < 0 || number > 65535)
        return err_new(ERR_INVALID, "Error: invalid port (%s): it is not a number up to 65535",
                       args.v[1]);
    port = strchr(args.v[1], '/') ? args.v[1] : arena_printf(cli->arena, "%s/tcp", args.v[1]);
    wanted = json_get(ports, port);
    if (!json_len(wanted))
        return err_new(ERR_NOT_FOUND, "Error: No public port '%s' published for %s", args.v[1],
                       args.v[0]);
    print_port(port, wanted, false);
    return NULL;
}
