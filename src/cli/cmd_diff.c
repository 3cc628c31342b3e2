/* SPDX-License-Identifier: Apache-2.0 */
/* berth diff. */
#include "commands.h"

#include "api.h"
#include "query.h"

struct err *cmd_diff(struct cli *cli, const void *options, struct strs args)
{
    struct api_reply reply = {0};

    (void)options;
    TRY(api_get(cli, &reply, "/containers/%s/changes", api_escape(cli, args.v[0])));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j)) {
        int64_t kind = json_int(json_get(j, "Kind"));

        cli_printf("%c %s\n", kind == 1 ? 'A' : kind == 2 ? 'D' : 'C', text_of(j, "Path"));
    }
    return NULL;
}
