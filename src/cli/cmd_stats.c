/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth stats: a table of what containers use, once or every second. The engine is asked for single
 * looks, and what a processor did between two of them is reckoned here, so that many containers
 * take no longer than one. A frame is drawn over the last one in a single write: nothing flickers.
 */
#include "commands.h"

#include "api.h"
#include "pressure.h"
#include "printable.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"
#include "tty.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_MS 250 /* between the first two looks */
#define PERIOD_MS 1000

static const struct pair stats_titles[] = {
    {"BlockIO", "BLOCK I/O"},
    {"CPUPerc", "CPU %"},
    {"CPUPressure", "CPU PRESSURE"},
    {"Container", "CONTAINER"},
    {"ID", "CONTAINER ID"},
    {"IOPressure", "I/O PRESSURE"},
    {"MemPerc", "MEM %"},
    {"MemUsage", "MEM USAGE / LIMIT"},
    {"MemoryPressure", "MEM PRESSURE"},
    {"Name", "NAME"},
    {"NetIO", "NET I/O"},
    {"PIDs", "PIDS"},
    {NULL, NULL},
};

#define STATS_COLUMNS                                                                              \
    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}"              \
    "\t{{.BlockIO}}\t{{.PIDs}}"
#define PSI_COLUMNS STATS_COLUMNS "\t{{.CPUPressure}}\t{{.MemoryPressure}}\t{{.IOPressure}}"
#define NO_PSI                                                                                     \
    "WARNING: the engine tells no pressure: that needs cgroup v2 and a kernel with PSI (psi=1)\n"

struct earlier_look {
    char *id;
    double used, passed;
    int round;
};
struct live { /* what is kept between rounds */
    struct arena *a;
    struct earlier_look *v;
    size_t n, room;
    int round;
    bool has_psi;     /* is shown */
    bool lacks_psi;   /* of a container that runs */
    bool is_psi_said; /* that it does */
};

struct stats_line {
    struct pairs row;
    double key; /* what it is sorted by */
};

static double number_at(const struct json *j, const char *a, const char *b, const char *c)
{
    j = json_get(json_get(j, a), b);
    return json_num(c ? json_get(j, c) : j);
}

/* Those that are gone leave their place to the next one. */
static struct earlier_look *earlier_of(struct live *l, const char *id)
{
    struct earlier_look *e = NULL;

    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].id, id) == 0)
            return &l->v[i];
    for (size_t i = 0; i < l->n && !e; i++)
        if (l->v[i].round < l->round - 2)
            e = &l->v[i];
    if (!e) {
        l->v = arena_grow(l->a, l->v, l->n, &l->room, sizeof(*l->v));
        e = &l->v[l->n++];
        *e = (struct earlier_look){.id = arena_alloc(l->a, 65)};
    }
    strncpy(e->id, id, 64);
    e->used = e->passed = 0;
    return e;
}

static double cpu_percent(struct live *l, const struct json *s)
{
    struct earlier_look *e = earlier_of(l, text_of(s, "id"));
    double used = number_at(s, "cpu_stats", "cpu_usage", "total_usage");
    double passed = number_at(s, "cpu_stats", "system_cpu_usage", NULL);
    double cpus = number_at(s, "cpu_stats", "online_cpus", NULL);
    double part = e->passed > 0 && passed > e->passed && used > e->used
                      ? (used - e->used) / (passed - e->passed)
                      : 0;

    e->used = used;
    e->passed = passed;
    e->round = l->round;
    return part * (cpus > 0 ? cpus : 1) * 100;
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

static char *network_text(struct arena *a, const struct json *s, double *sum)
{
    int64_t in = 0, out = 0;

    for (const struct json *n = json_first(json_get(s, "networks")); n; n = json_next(n)) {
        in += json_int(json_get(n, "rx_bytes"));
        out += json_int(json_get(n, "tx_bytes"));
    }
    *sum = (double)(in + out);
    return arena_printf(a, "%s / %s", text_size(a, in), text_size(a, out));
}

static char *block_text(struct arena *a, const struct json *s, double *sum)
{
    const struct json *list = json_get(json_get(s, "blkio_stats"), "io_service_bytes_recursive");
    int64_t in = 0, out = 0;

    for (const struct json *j = json_first(list); j; j = json_next(j)) {
        char op = text_of(j, "op")[0] | 0x20;

        in += op == 'r' ? json_int(json_get(j, "value")) : 0;
        out += op == 'w' ? json_int(json_get(j, "value")) : 0;
    }
    *sum = (double)(in + out);
    return arena_printf(a, "%s / %s", text_size(a, in), text_size(a, out));
}

/* --sort: what is largest comes first; names by the alphabet. */
enum sort_by {
    SORT_NOT,
    SORT_CPU,
    SORT_MEM,
    SORT_MEM_PART,
    SORT_NET,
    SORT_BLOCK,
    SORT_PIDS,
    SORT_NAME
};

static struct err *read_sort(const char *text, enum sort_by *out)
{
    static const char *const names[] = {"",    "cpu",   "mem",  "memperc",
                                        "net", "block", "pids", "name"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], text ? text : "") == 0) {
            *out = (enum sort_by)i;
            return NULL;
        }
    return err_new(ERR_INVALID,
                   "invalid --sort \"%s\": it is cpu, mem, memperc, net, block, pids or name",
                   text);
}

static struct stats_line stats_line(struct arena *a, struct live *l, const char *container,
                                    const struct json *s, bool no_trunc, enum sort_by by)
{
    double used = memory_used(s), limit = number_at(s, "memory_stats", "limit", NULL);
    double pids = number_at(s, "pids_stats", "current", NULL), cpu = cpu_percent(l, s), net, block;
    double part = limit > 0 ? used / limit * 100 : 0;
    const char *id = text_of(s, "id"), *name = text_of(s, "name");
    struct stats_line line = {0};
    struct pairs *row = &line.row;

    pairs_set(a, row, "BlockIO", block_text(a, s, &block));
    pairs_set(a, row, "CPUPerc", arena_printf(a, "%.2f%%", cpu));
    pairs_set(a, row, "Container", container);
    pairs_set(a, row, "ID", no_trunc ? id : short_id(a, id));
    pairs_set(a, row, "MemPerc", arena_printf(a, "%.2f%%", part));
    pairs_set(a, row, "MemUsage",
              arena_printf(a, "%s / %s", binary_size(a, used), binary_size(a, limit)));
    pairs_set(a, row, "Name", name + (name[0] == '/'));
    pairs_set(a, row, "NetIO", network_text(a, s, &net));
    pairs_set(a, row, "PIDs", arena_printf(a, "%.0f", pids));
    if (l->has_psi) {
        pressure_fields(a, row, s);
        l->lacks_psi |= pressure_is_missing(s);
    }
    line.key = (const double[]){0, cpu, used, part, net, block, pids, 0}[by];
    return line;
}

static int by_key(const void *x, const void *y)
{
    const struct stats_line *a = x, *b = y;

    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    return strcmp(pairs_get(&a->row, "Name"), pairs_get(&b->row, "Name"));
}

/* The containers named, or all running ones. */
static struct err *stats_targets(struct cli *cli, const struct stats_options *o, struct strs args,
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

/* One that is gone by now is left out, unless it was asked for by name. */
static struct err *look_at_all(struct cli *cli, const struct stats_options *o, struct live *l,
                               struct strs names, enum sort_by by, bool must_be_there,
                               struct rows *out)
{
    struct stats_line *v = arena_array(cli->arena, names.n + 1, sizeof(*v));
    size_t n = 0;

    l->round++;
    for (size_t i = 0; i < names.n; i++) {
        struct api_reply reply = {0};
        struct err *e = api_get(cli, &reply, "/containers/%s/stats?stream=0&one-shot=1",
                                api_escape(cli, names.v[i]));

        if (e && must_be_there)
            return e;
        err_drop(e);
        if (reply.json)
            v[n++] = stats_line(cli->arena, l, names.v[i], reply.json, o->no_trunc, by);
    }
    if (by != SORT_NOT)
        qsort(v, n, sizeof(*v), by_key);
    out->rows = arena_array(cli->arena, n + 1, sizeof(*out->rows));
    for (out->n = 0; out->n < n; out->n++)
        out->rows[out->n] = v[out->n].row;
    return NULL;
}

static size_t count_lines(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += *s == '\n';
    return n;
}

/* Of a line, what has room in so many columns: one that wraps would push the frame up. */
static size_t cut_line(const char *s, size_t n, unsigned columns)
{
    unsigned seen = 0;

    for (size_t i = 0; i < n; i++) {
        bool begins = ((unsigned char)s[i] & 0xc0) != 0x80;

        if (begins && seen++ == columns)
            return i;
    }
    return n;
}

/* Over the frame before, to the end of each line, and no further than the screen: what scrolls
 * flickers. */
static void draw(const struct buf *text, bool is_first)
{
    const char *s = text->data ? text->data : "";
    size_t n_lines = count_lines(s), shown;
    autobuf struct buf out = {0};
    unsigned rows, columns;

    if (!tty_size(STDOUT_FILENO, &rows, &columns) || rows < 3 || !columns)
        rows = columns = UINT_MAX;
    shown = n_lines <= rows ? n_lines : rows - 1;
    buf_puts(&out, is_first ? "\033[2J\033[H" : "\033[H");
    for (size_t i = 0; i < shown; i++) {
        size_t n = strcspn(s, "\n");

        buf_puts(&out, i ? "\n" : "");
        printable_add(&out, s, cut_line(s, n, columns));
        buf_puts(&out, "\033[K");
        s += n + 1;
    }
    if (shown < n_lines)
        buf_printf(&out, "\n... and %zu more\033[K", n_lines - shown);
    buf_puts(&out, "\033[J");
    cli_print_raw(out.data, out.len);
}

/* On a screen below the table, which would hide it, else once. */
static void say_no_psi(struct live *l, bool is_live, struct buf *out)
{
    if (l->lacks_psi && is_live)
        buf_puts(out, NO_PSI);
    else if (l->lacks_psi && !l->is_psi_said)
        cli_say(NO_PSI);
    l->is_psi_said |= l->lacks_psi;
}

static struct err *show_round(struct cli *cli, const struct stats_options *o, struct live *l,
                              struct strs args, enum sort_by by)
{
    struct rows list = {
        .table = o->psi ? PSI_COLUMNS : STATS_COLUMNS, .quiet = "{{.ID}}", .titles = stats_titles};
    autobuf struct buf out = {0};
    bool is_measured = l->round > 0, must_be_there = args.n && (o->no_stream || !is_measured);
    bool is_live = !o->no_stream && isatty(STDOUT_FILENO);
    struct strs names = {0};

    TRY(stats_targets(cli, o, args, &names));
    TRY(look_at_all(cli, o, l, names, by, must_be_there, &list));
    if (!is_measured)
        return NULL; /* only what the next round is compared with */
    TRY(rows_print(cli->arena, &list, o->format, false, &out));
    say_no_psi(l, is_live, &out);
    if (is_live)
        draw(&out, l->round == 2);
    else
        cli_print(out.data ? out.data : "", out.len);
    return NULL;
}

static void rest(int ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

struct err *cmd_stats(struct cli *cli, const void *options, struct strs args)
{
    const struct stats_options *o = options;
    struct arena *whole = cli->arena;
    struct live live = {.a = whole,
                        .has_psi = o->psi || (o->format && strstr(o->format, "Pressure"))};
    enum sort_by by = SORT_NOT;
    struct err *e = NULL;
    char *unused = NULL;

    TRY(read_sort(o->sort, &by));
    TRY(api_path(cli, &unused, "%s", "/")); /* the version must outlive the rounds' memory */
    /* each round has its own memory: this may run for days */
    do {
        cli->arena = arena_create();
        e = show_round(cli, o, &live, args, by);
        arena_destroy(cli->arena);
        cli->arena = whole;
        if (!e && (!o->no_stream || live.round == 1))
            rest(live.round == 1 ? FIRST_MS : PERIOD_MS);
    } while (!e && (!o->no_stream || live.round == 1));
    return e;
}
