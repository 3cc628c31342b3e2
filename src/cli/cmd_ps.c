/* SPDX-License-Identifier: Apache-2.0 */
/* berth ps. */
#include "commands.h"

#include "api.h"
#include "ps_row.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <string.h>

#define COLUMNS                                                                                    \
    "table "                                                                                       \
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

static const struct pair titles[] = {
    {"Command", "COMMAND"}, {"CreatedAt", "CREATED AT"}, {"ID", "CONTAINER ID"},
    {"Image", "IMAGE"},     {"Labels", "LABELS"},        {"LocalVolumes", "LOCAL VOLUMES"},
    {"Mounts", "MOUNTS"},   {"Names", "NAMES"},          {"Networks", "NETWORKS"},
    {"Ports", "PORTS"},     {"RunningFor", "CREATED"},   {"Size", "SIZE"},
    {"State", "STATE"},     {"Status", "STATUS"},        {NULL, NULL},
};

/* What a narrow screen can do without: last of all go the names. */
static const char *const expendable[] = {"COMMAND",      "CREATED", "PORTS", "SIZE",
                                         "CONTAINER ID", "IMAGE",   NULL};

static struct err *list_query(struct cli *cli, const struct list_options *o, char **out)
{
    autobuf struct buf b = {0};
    char *filters = NULL;

    TRY(query_filters(cli->arena, &o->filters, &filters));
    if (o->all)
        buf_puts(&b, "&all=1");
    if (o->last_one || (o->last.is_set && o->last.value > 0))
        buf_printf(&b, "&limit=%lld", o->last_one ? 1 : (long long)o->last.value);
    if (o->size || (o->format && strstr(o->format, ".Size")))
        buf_puts(&b, "&size=1");
    if (filters[0])
        buf_printf(&b, "&%s", filters);
    *out = b.len ? arena_printf(cli->arena, "?%s", b.data + 1) : arena_strdup(cli->arena, "");
    return NULL;
}

/* Binds of single files whose source is another file by now. */
static void warn_of_replaced(const struct json *container)
{
    const char *name = json_str(json_first(json_get(container, "Names")));
    const struct json *mounts = json_get(container, "Mounts");

    for (const struct json *m = json_first(mounts); m; m = json_next(m)) {
        const char *source = json_str(json_get(m, "Source"));
        const char *place = json_str(json_get(m, "Destination"));

        if (json_bool(json_get(m, "SourceReplaced")))
            cli_say("WARNING: %s: %s was replaced on the host, and %s in the container is still "
                    "the old file: restart the container, mount the folder, or use bind-follow\n",
                    name ? name + (*name == '/') : "", source ? source : "", place ? place : "");
    }
}

struct err *cmd_ps(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct rows list = {.table = o->size ? COLUMNS "\t{{.Size}}" : COLUMNS,
                        .quiet = "{{.ID}}",
                        .titles = titles,
                        .expendable = expendable};
    autobuf struct buf out = {0};
    struct api_reply reply = {0};
    char *query = NULL;

    (void)args;
    TRY(list_query(cli, o, &query));
    TRY(api_get(cli, &reply, "/containers/json%s", query));
    list.rows = arena_array(cli->arena, json_len(reply.json) + 1, sizeof(*list.rows));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        list.rows[list.n++] = ps_row(cli->arena, j, !o->no_trunc);
    TRY(rows_print(cli->arena, &list, o->format, o->quiet, &out));
    cli_print(out.data ? out.data : "", out.len);
    for (const struct json *j = json_first(reply.json); j && !o->quiet; j = json_next(j))
        warn_of_replaced(j);
    return NULL;
}
