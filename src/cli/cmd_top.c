/* SPDX-License-Identifier: Apache-2.0 */
/* berth top and stats. */
#include "commands.h"

#include "api.h"
#include "columns.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <string.h>
#include <time.h>

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

static const struct pair stats_titles[] = {
    {"BlockIO", "BLOCK I/O"},   {"CPUPerc", "CPU %"},
    {"Container", "CONTAINER"}, {"ID", "CONTAINER ID"},
    {"MemPerc", "MEM %"},       {"MemUsage", "MEM USAGE / LIMIT"},
    {"Name", "NAME"},           {"NetIO", "NET I/O"},
    {"PIDs", "PIDS"},           {NULL, NULL},
};

#define STATS_COLUMNS                                                                              \
    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}"              \
    "\t{{.BlockIO}}\t{{.PIDs}}"

static double number_at(const struct json *j, const char *a, const char *b, const char *c)
{
    j = json_get(json_get(j, a), b);
    return json_num(c ? json_get(j, c) : j);
}

static double cpu_percent(const struct json *s)
{
    double used = number_at(s, "cpu_stats", "cpu_usage", "total_usage") -
                  number_at(s, "precpu_stats", "cpu_usage", "total_usage");
    double passed = number_at(s, "cpu_stats", "system_cpu_usage", NULL) -
                    number_at(s, "precpu_stats", "system_cpu_usage", NULL);
    double cpus = number_at(s, "cpu_stats", "online_cpus", NULL);

    return used > 0 && passed > 0 ? used / passed * (cpus > 0 ? cpus : 1) * 100 : 0;
}

static char *binary_size(struct arena *a, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        bytes /= 1024;
        unit++;
    }
    return arena_printf(a, "%.4g%s", bytes, units[unit]);
}

static double memory_used(const struct json *s)
{
    const struct json *stats = json_get(json_get(s, "memory_stats"), "stats");
    double used = number_at(s, "memory_stats", "usage", NULL);
    const char *key =
        json_get(stats, "total_inactive_file") ? "total_inactive_file" : "inactive_file";
    double cache = json_num(json_get(stats, key));

    return cache < used ? used - cache : used;
}

static char *network_text(struct arena *a, const struct json *s)
{
    int64_t in = 0, out = 0;

    for (const struct json *n = json_first(json_get(s, "networks")); n; n = json_next(n)) {
        in += json_int(json_get(n, "rx_bytes"));
        out += json_int(json_get(n, "tx_bytes"));
    }
    return arena_printf(a, "%s / %s", text_size(a, in), text_size(a, out));
}

static char *block_text(struct arena *a, const struct json *s)
{
    const struct json *list = json_get(json_get(s, "blkio_stats"), "io_service_bytes_recursive");
    int64_t in = 0, out = 0;

    for (const struct json *j = json_first(list); j; j = json_next(j)) {
        char op = text_of(j, "op")[0] | 0x20;

        in += op == 'r' ? json_int(json_get(j, "value")) : 0;
        out += op == 'w' ? json_int(json_get(j, "value")) : 0;
    }
    return arena_printf(a, "%s / %s", text_size(a, in), text_size(a, out));
}

static struct pairs stats_row(struct arena *a, const char *container, const struct json *s,
                              bool no_trunc)
{
    double used = memory_used(s), limit = number_at(s, "memory_stats", "limit", NULL);
    const char *id = text_of(s, "id"), *name = text_of(s, "name");
    struct pairs row = {0};

    pairs_set(a, &row, "BlockIO", block_text(a, s));
    pairs_set(a, &row, "CPUPerc", arena_printf(a, "%.2f%%", cpu_percent(s)));
    pairs_set(a, &row, "Container", container);
    pairs_set(a, &row, "ID", no_trunc ? id : short_id(a, id));
    pairs_set(a, &row, "MemPerc", arena_printf(a, "%.2f%%", limit > 0 ? used / limit * 100 : 0));
    pairs_set(a, &row, "MemUsage",
              arena_printf(a, "%s / %s", binary_size(a, used), binary_size(a, limit)));
    pairs_set(a, &row, "Name", name + (name[0] == '/'));
    pairs_set(a, &row, "NetIO", network_text(a, s));
    pairs_set(a, &row, "PIDs",
              arena_printf(a, "%lld", (long long)number_at(s, "pids_stats", "current", NULL)));
    return row;
}

/* The containers named, or all running ones. */
static struct err *stats_targets(struct cli *cli, const struct format_options *o, struct strs args,
                                 struct strs *out)
{
    struct api_reply reply = {0};

    if (args.n) {
        *out = args;
        return NULL;
    }
    TRY(api_get(cli, &reply, "/containers/json%s", o->all ? "?all=1" : ""));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        strs_add(cli->arena, out, short_id(cli->arena, text_of(j, "Id")));
    return NULL;
}

static struct err *print_stats(struct cli *cli, const struct format_options *o, struct strs names,
                               bool redraws)
{
    static const char clear[] = "\033[2J\033[H";
    struct rows list = {.table = STATS_COLUMNS, .quiet = "{{.ID}}", .titles = stats_titles};
    autobuf struct buf out = {0};

    list.rows = arena_array(cli->arena, names.n + 1, sizeof(*list.rows));
    for (size_t i = 0; i < names.n; i++) {
        struct api_reply reply = {0};
        struct err *e =
            api_get(cli, &reply, "/containers/%s/stats?stream=0", api_escape(cli, names.v[i]));

        if (e && !redraws)
            return e;
        if (e)
            err_drop(e);
        else
            list.rows[list.n++] = stats_row(cli->arena, names.v[i], reply.json, o->no_trunc);
    }
    if (redraws)
        cli_print_raw(clear, sizeof(clear) - 1);
    TRY(rows_print(cli->arena, &list, o->format, false, &out));
    cli_print(out.data ? out.data : "", out.len);
    return NULL;
}

struct err *cmd_stats(struct cli *cli, const void *options, struct strs args)
{
    const struct format_options *o = options;
    const struct timespec second = {.tv_sec = 1};
    struct arena *whole = cli->arena;
    struct err *e = NULL;
    char *unused = NULL;

    TRY(api_path(cli, &unused, "%s", "/")); /* the version must outlive the rounds' memory */
    /* each round has its own memory: this may run for days */
    do {
        struct strs names = {0};

        cli->arena = arena_create();
        e = stats_targets(cli, o, args, &names);
        if (!e)
            e = print_stats(cli, o, names, !o->no_stream);
        arena_destroy(cli->arena);
        cli->arena = whole;
        if (!o->no_stream && !e)
            nanosleep(&second, NULL);
    } while (!o->no_stream && !e);
    return e;
}
