/* SPDX-License-Identifier: Apache-2.0 */
/* berth top. */
#include "commands.h"

#include "api.h"
#include "columns.h"

#include <string.h>

#define TOP_CELL_MIN 20

static void add_row(struct buf *b, const struct json *row)
{
    for (const struct json *c = json_first(row); c; c = json_next(c)) {
        if (c != json_first(row))
            buf_putc(b, '\t');
        buf_puts(b, json_str(c) ? json_str(c) : "");
    }
    buf_putc(b, '\n');
}

struct err *cmd_top(struct cli *cli, const void *options, struct strs args)
{
    struct strs ps = {0};
    autobuf struct buf text = {0}, out = {0};
    struct api_reply reply = {0};

    (void)options;
    for (size_t i = 1; i < args.n; i++)
        strs_add(cli->arena, &ps, args.v[i]);
    if (ps.n)
        TRY(api_get(cli, &reply, "/containers/%s/top?ps_args=%s", api_escape(cli, args.v[0]),
                    text_to_query(cli->arena, strs_join(cli->arena, &ps, " "))));
    else
        TRY(api_get(cli, &reply, "/containers/%s/top", api_escape(cli, args.v[0])));
    add_row(&text, json_get(reply.json, "Titles"));
    for (const struct json *p = json_first(json_get(reply.json, "Processes")); p; p = json_next(p))
        add_row(&text, p);
    columns_align(text.data, TOP_CELL_MIN, &out);
    cli_print(out.data, out.len);
    return NULL;
}
