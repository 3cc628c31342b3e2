/* SPDX-License-Identifier: Apache-2.0 */
/* berth commit. */
#include "commands.h"

#include "base/ref.h"

#include "api.h"
#include "query.h"
#include "state_options.h"

static void add_param(struct cli *cli, struct buf *b, const char *name, const char *value)
{
    if (!text_is_empty(value))
        buf_printf(b, "&%s=%s", name, text_to_query(cli->arena, value));
}

static struct err *add_name(struct cli *cli, struct buf *b, const char *name)
{
    struct ref n = {0};

    TRY(ref_parse(cli->arena, name, &n));
    if (n.digest)
        return err_new(ERR_INVALID, "cannot commit to digest reference");
    add_param(cli, b, "repo", ref_familiar_name(cli->arena, &n));
    add_param(cli, b, "tag", n.tag ? n.tag : "latest");
    return NULL;
}

struct err *cmd_commit(struct cli *cli, const void *options, struct strs args)
{
    const struct commit_options *o = options;
    struct api_reply reply = {0};
    autobuf struct buf b = {0};

    buf_printf(&b, "container=%s", text_to_query(cli->arena, args.v[0]));
    if (args.n > 1)
        TRY(add_name(cli, &b, args.v[1]));
    add_param(cli, &b, "author", o->author);
    add_param(cli, &b, "comment", o->message);
    for (size_t i = 0; i < o->changes.n; i++)
        add_param(cli, &b, "changes", o->changes.v[i]);
    add_param(cli, &b, "pause", o->pauses && !o->no_pause ? "1" : "0");
    TRY(api_post(cli, NULL, &reply, "/commit?%s", b.data));
    cli_printf("%s\n", text_of(reply.json, "Id"));
    return NULL;
}
