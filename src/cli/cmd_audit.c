/* SPDX-License-Identifier: Apache-2.0 */
/* berth audit: what weakens the isolation of running (or the named) containers, as the engine finds
 * it. Ours, not Docker's. Exits with 1 when something was found, so that a script can ask. */
#include "commands.h"

#include "api.h"
#include "query.h"
#include "state_options.h"

#include <string.h>

static const char *const severities[] = {"note", "low", "medium", "high", "critical"};

struct audit {
    struct cli *cli;
    size_t least; /* severity */
    bool is_json;
    size_t checked, found;
};

static size_t severity_of(const char *name)
{
    size_t i = 0;

    while (i < ARRAY_LEN(severities) && strcmp(severities[i], name) != 0)
        i++;
    return i;
}

static void print_text(struct audit *u, const char *name, const char *id, const struct json *risks)
{
    struct arena *a = u->cli->arena;
    bool is_first = true;

    for (size_t s = ARRAY_LEN(severities); s-- > u->least;)
        for (const struct json *j = json_first(risks); j; j = json_next(j)) {
            if (severity_of(text_of(j, "Severity")) != s)
                continue;
            if (is_first)
                cli_printf("%s (%s):\n", name, short_id(a, id));
            is_first = false;
            cli_printf("  %-8s  %s\n            %s: %s\n", severities[s], text_of(j, "Risk"),
                       text_of(j, "Name"), text_of(j, "Remedy"));
        }
}

/* One object a line, for each finding. */
static void print_json(struct audit *u, const char *name, const char *id, const struct json *risk)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "Container", name);
    jw_str(&w, "ID", id);
    for (const struct json *j = json_first(risk); j; j = json_next(j))
        jw_raw(&w, json_key(j), json_text(u->cli->arena, j));
    jw_obj_end(&w);
    cli_printf("%s\n", b.data);
}

static struct err *audit_one(struct audit *u, const char *id)
{
    struct cli *cli = u->cli;
    struct api_reply about = {0}, reply = {0};
    const char *name;

    TRY(api_get(cli, &about, "/containers/%s/json", api_escape(cli, id)));
    TRY(api_get(cli, &reply, "/containers/%s/risks", api_escape(cli, id)));
    name = text_of(about.json, "Name");
    name += name[0] == '/';
    u->checked++;
    for (const struct json *j = json_first(reply.json); j; j = json_next(j)) {
        if (severity_of(text_of(j, "Severity")) < u->least)
            continue;
        u->found++;
        if (u->is_json)
            print_json(u, name, text_of(about.json, "Id"), j);
    }
    if (!u->is_json)
        print_text(u, name, text_of(about.json, "Id"), reply.json);
    return NULL;
}

static struct err *read_options(const struct audit_options *o, struct audit *u)
{
    const char *least = text_is_empty(o->severity) ? "low" : o->severity;

    u->least = severity_of(least);
    if (u->least == ARRAY_LEN(severities))
        return err_new(ERR_INVALID,
                       "unknown severity \"%s\": it is note, low, medium, high or critical", least);
    u->is_json = text_same(o->format, "json");
    if (!u->is_json && !text_is_empty(o->format) && strcmp(o->format, "table") != 0)
        return err_new(ERR_INVALID, "unknown format \"%s\": it is table or json", o->format);
    return NULL;
}

struct err *cmd_audit(struct cli *cli, const void *options, struct strs args)
{
    const struct audit_options *o = options;
    struct audit u = {.cli = cli};
    struct strs ids = args;
    struct api_reply reply = {0};

    TRY(read_options(o, &u));
    if (!args.n) {
        TRY(api_get(cli, &reply, "/containers/json%s", o->all ? "?all=1" : ""));
        ids = (struct strs){0};
        for (const struct json *j = json_first(reply.json); j; j = json_next(j))
            strs_add(cli->arena, &ids, text_of(j, "Id"));
    }
    for (size_t i = 0; i < ids.n; i++) {
        struct err *e = audit_one(&u, ids.v[i]);

        /* one that ended meanwhile is no failure unless it was asked for by name */
        if (e && !args.n && err_kind(e) == ERR_NOT_FOUND)
            err_drop(e);
        else if (e)
            cli_complain(cli, e);
    }
    if (!u.found && !cli->exit_code && !u.is_json)
        cli_printf("%zu container%s checked, nothing weakens their isolation\n", u.checked,
                   u.checked == 1 ? "" : "s");
    if (u.found)
        cli->exit_code = 1;
    return NULL;
}
