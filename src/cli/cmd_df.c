/* SPDX-License-Identifier: Apache-2.0 */
/* berth system df: the sums, and with -v what they are of. */
#include "commands.h"

#include "base/clock.h"

#include "api.h"
#include "columns.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <string.h>

struct df_row {
    const char *title;
    int64_t n, active, size, reclaimable;
};

static const struct pair titles[] = {
    {"Active", "ACTIVE"}, {"Reclaimable", "RECLAIMABLE"},
    {"Size", "SIZE"},     {"TotalCount", "TOTAL"},
    {"Type", "TYPE"},     {NULL, NULL},
};

static struct pairs row_of(struct arena *a, const struct df_row *u)
{
    int64_t percent = u->size > 0 ? u->reclaimable * 100 / u->size : 0;
    const char *reclaimable = size_fine(a, u->reclaimable);
    struct pairs row = {0};

    if (u->size > 0 || (u->n && u->title[0] == 'I'))
        reclaimable = arena_printf(a, "%s (%lld%%)", reclaimable, (long long)percent);
    pairs_set(a, &row, "Active", arena_printf(a, "%lld", (long long)u->active));
    pairs_set(a, &row, "Reclaimable", reclaimable);
    pairs_set(a, &row, "Size", size_fine(a, u->size));
    pairs_set(a, &row, "TotalCount", arena_printf(a, "%lld", (long long)u->n));
    pairs_set(a, &row, "Type", u->title);
    return row;
}

static struct df_row images_usage(const struct json *df)
{
    struct df_row u = {.title = "Images", .size = json_int(json_get(df, "LayersSize"))};
    int64_t used = 0;

    for (const struct json *j = json_first(json_get(df, "Images")); j; j = json_next(j)) {
        bool is_active = json_int(json_get(j, "Containers")) > 0;

        u.n++;
        u.active += is_active;
        if (is_active && json_int(json_get(j, "SharedSize")) >= 0)
            used += json_int(json_get(j, "Size")) - json_int(json_get(j, "SharedSize"));
    }
    u.reclaimable = u.size > used ? u.size - used : 0;
    return u;
}

static void count(struct df_row *u, bool is_active, int64_t size)
{
    u->n++;
    u->active += is_active;
    u->size += size;
    u->reclaimable += is_active ? 0 : size;
}

static struct df_row containers_usage(const struct json *df)
{
    struct df_row u = {.title = "Containers"};

    for (const struct json *j = json_first(json_get(df, "Containers")); j; j = json_next(j)) {
        const char *state = text_of(j, "State");
        bool is_active = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
                         strcmp(state, "restarting") == 0;

        count(&u, is_active, json_int(json_get(j, "SizeRw")));
    }
    return u;
}

static struct df_row volumes_usage(const struct json *df)
{
    struct df_row u = {.title = "Local Volumes"};

    for (const struct json *j = json_first(json_get(df, "Volumes")); j; j = json_next(j)) {
        const struct json *data = json_get(j, "UsageData");
        int64_t size = json_int(json_get(data, "Size")); /* -1: unknown */

        count(&u, json_int(json_get(data, "RefCount")) > 0, size > 0 ? size : 0);
    }
    return u;
}

static struct df_row cache_usage(const struct json *df)
{
    struct df_row u = {.title = "Build Cache"};

    for (const struct json *j = json_first(json_get(df, "BuildCache")); j; j = json_next(j))
        count(&u, json_bool(json_get(j, "InUse")), json_int(json_get(j, "Size")));
    return u;
}

/* ---- in detail ---- */

static void print_part(const char *title, struct buf *rows)
{
    autobuf struct buf out = {0};

    columns_align(rows->data, COLUMNS_CELL_MIN, &out);
    cli_printf("%s\n\n", title);
    cli_print(out.data, out.len);
    rows->len = 0;
}

static void print_images(struct cli *cli, const struct json *df)
{
    struct arena *a = cli->arena;
    autobuf struct buf b = {0};

    buf_puts(&b, "REPOSITORY\tTAG\tIMAGE ID\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS\n");
    for (const struct json *j = json_first(json_get(df, "Images")); j; j = json_next(j)) {
        const char *name = json_str(json_first(json_get(j, "RepoTags")));
        const char *colon = name ? strrchr(name, ':') : NULL;
        int64_t size = json_int(json_get(j, "Size")), shared = json_int(json_get(j, "SharedSize"));

        shared = shared > 0 ? shared : 0;
        buf_printf(&b, "%.*s\t%s\t%.12s\t%s\t%s\t%s\t%lld\n", colon ? (int)(colon - name) : 6,
                   colon ? name : "<none>", colon ? colon + 1 : "<none>",
                   text_of(j, "Id") + strlen("sha256:"), size_fine(a, size), size_fine(a, shared),
                   size_fine(a, size - shared), (long long)json_int(json_get(j, "Containers")));
    }
    print_part("Images space usage:", &b);
}

static void print_containers(struct cli *cli, const struct json *df)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "CONTAINER ID\tIMAGE\tCOMMAND\tLOCAL VOLUMES\tSIZE\tSTATUS\tNAMES\n");
    for (const struct json *j = json_first(json_get(df, "Containers")); j; j = json_next(j)) {
        const char *name = json_str(json_first(json_get(j, "Names")));
        int64_t volumes = 0;

        for (const struct json *m = json_first(json_get(j, "Mounts")); m; m = json_next(m))
            volumes += !strcmp(text_of(m, "Type"), "volume");
        buf_printf(&b, "%.12s\t%s\t\"%.18s\"\t%lld\t%s\t%s\t%s\n", text_of(j, "Id"),
                   text_of(j, "Image"), text_of(j, "Command"), (long long)volumes,
                   size_fine(cli->arena, json_int(json_get(j, "SizeRw"))), text_of(j, "Status"),
                   name ? name + (name[0] == '/') : "");
    }
    print_part("\nContainers space usage:", &b);
}

static void print_volumes(struct cli *cli, const struct json *df)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "VOLUME NAME\tLINKS\tSIZE\n");
    for (const struct json *j = json_first(json_get(df, "Volumes")); j; j = json_next(j)) {
        const struct json *data = json_get(j, "UsageData");
        int64_t size = json_int(json_get(data, "Size"));

        buf_printf(&b, "%s\t%lld\t%s\n", text_of(j, "Name"),
                   (long long)json_int(json_get(data, "RefCount")),
                   size < 0 ? "N/A" : size_fine(cli->arena, size));
    }
    print_part("\nLocal Volumes space usage:", &b);
}

static void print_cache(struct cli *cli, const struct json *df)
{
    struct df_row sum = cache_usage(df);
    autobuf struct buf b = {0};

    buf_puts(&b, "CACHE ID\tCACHE TYPE\tSIZE\tSHARED\n");
    for (const struct json *j = json_first(json_get(df, "BuildCache")); j; j = json_next(j))
        buf_printf(&b, "%.12s\t%s\t%s\t%s\n", text_of(j, "ID"), text_of(j, "Type"),
                   size_fine(cli->arena, json_int(json_get(j, "Size"))),
                   json_bool(json_get(j, "Shared")) ? "true" : "false");
    print_part(arena_printf(cli->arena, "\nBuild cache usage: %s", size_fine(cli->arena, sum.size)),
               &b);
}

static void print_detail(struct cli *cli, const struct json *df)
{
    print_images(cli, df);
    print_containers(cli, df);
    print_volumes(cli, df);
    print_cache(cli, df);
}

struct err *cmd_df(struct cli *cli, const void *options, struct strs args)
{
    const struct df_options *o = options;
    struct rows list = {.table = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t"
                                 "{{.Reclaimable}}",
                        .quiet = "{{.Type}}",
                        .titles = titles};
    struct api_reply reply = {0};
    const struct json *quarantine;
    autobuf struct buf out = {0};
    struct df_row rows[5];
    size_t n = 4;

    (void)args;
    if (o->verbose && !text_is_empty(o->format))
        return err_new(ERR_INVALID, "the verbose and the format options conflict");
    TRY(api_get(cli, &reply, "/system/df"));
    if (o->verbose) {
        print_detail(cli, reply.json);
        return NULL;
    }
    rows[0] = images_usage(reply.json);
    rows[1] = containers_usage(reply.json);
    rows[2] = volumes_usage(reply.json);
    rows[3] = cache_usage(reply.json);
    quarantine = json_get(reply.json, "Quarantine");
    if (quarantine)
        rows[n++] = (struct df_row){.title = "Quarantine",
                                    .n = json_int(json_get(quarantine, "Count")),
                                    .size = json_int(json_get(quarantine, "Size"))};
    list.rows = arena_array(cli->arena, n, sizeof(*list.rows));
    for (size_t i = 0; i < n; i++)
        list.rows[list.n++] = row_of(cli->arena, &rows[i]);
    TRY(rows_print(cli->arena, &list, o->format, false, &out));
    cli_print(out.data, out.len);
    return NULL;
}
