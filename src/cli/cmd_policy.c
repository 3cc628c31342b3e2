/* SPDX-License-Identifier: Apache-2.0 */
/* berth policy check: the engine reads the file as it would its own. Ours, not Docker's. */
#include "commands.h"

#include "base/fd.h"

#include "api.h"

#include <fcntl.h>

#define FILE_MAX (1u << 20) /* the engine takes less, and says how much */

struct err *cmd_policy_check(struct cli *cli, const void *options, struct strs args)
{
    struct api_reply reply = {0};
    char *text = NULL;
    size_t len;
    int64_t n;

    (void)options;
    TRY(file_read(cli->arena, AT_FDCWD, args.v[0], FILE_MAX, &text, &len));
    TRY(api_post(cli, text, &reply, "/policy/check"));
    n = json_int(json_get(reply.json, "Rules"));
    cli_printf("%s: %lld rule%s, nothing is wrong\n", args.v[0], (long long)n, n == 1 ? "" : "s");
    return NULL;
}
