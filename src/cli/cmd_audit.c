/* SPDX-License-Identifier: Apache-2.0 */
/* berth audit: what weakens the isolation of running (or the named) containers. Ours, not
 * Docker's. Exits with 1 when something was found, so that a script can ask. */
#include "commands.h"

#include "api.h"
#include "audit.h"
#include "query.h"
#include "state_options.h"

static struct err *audit_one(struct cli *cli, const char *id, size_t *found)
{
    struct api_reply reply = {0};
    struct strs findings;
    const char *name;

    TRY(api_get(cli, &reply, "/containers/%s/json", api_escape(cli, id)));
    findings = audit_container(cli->arena, reply.json);
    name = text_of(reply.json, "Name");
    if (findings.n)
        cli_printf("%s (%s):\n", name + (name[0] == '/'),
                   short_id(cli->arena, text_of(reply.json, "Id")));
    for (size_t i = 0; i < findings.n; i++)
        cli_printf("  %s\n", findings.v[i]);
    *found += findings.n;
    return NULL;
}

struct err *cmd_audit(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct strs ids = args;
    struct api_reply reply = {0};
    size_t found = 0;

    if (!args.n) {
        TRY(api_get(cli, &reply, "/containers/json%s", o->all ? "?all=1" : ""));
        ids = (struct strs){0};
        for (const struct json *j = json_first(reply.json); j; j = json_next(j))
            strs_add(cli->arena, &ids, text_of(j, "Id"));
    }
    for (size_t i = 0; i < ids.n; i++) {
        struct err *e = audit_one(cli, ids.v[i], &found);

        /* one that ended meanwhile is no failure unless it was asked for by name */
        if (e && !args.n && err_kind(e) == ERR_NOT_FOUND)
            err_drop(e);
        else if (e)
            cli_complain(cli, e);
    }
    if (!found && !cli->exit_code)
        cli_printf("%zu container%s checked, nothing weakens their isolation\n", ids.n,
                   ids.n == 1 ? "" : "s");
    if (found)
        cli->exit_code = 1;
    return NULL;
}
