/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `top`: the container's processes as `ps` would list them, read from /proc on a
 * worker. The engine forks nothing, so the formats are ours: -ef, aux, and -o with a
 * list of columns.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "container/event.h"
#include "container/object.h"
#include "container/process.h"
#include "view/view.h"

#define CMDLINE_MAX 4096
#define PROC_TEXT_MAX 65536

struct process {
    int pid, ppid, tty;
    char state;
    uint32_t uid;
    int64_t utime, stime, start_ticks, rss_pages, vsize, nice, threads;
    char comm[64];
    char *cmdline;
};

struct column {
    const char *key, *title;
    char *(*text)(struct arena *a, const struct process *p);
};

static char *text_int(struct arena *a, int64_t v)
{
    return arena_printf(a, "%lld", (long long)v);
}

static char *col_user(struct arena *a, const struct process *p)
{
    return p->uid == 0 ? arena_strdup(a, "root") : text_int(a, p->uid);
}
static char *col_uid(struct arena *a, const struct process *p)
{
    return text_int(a, p->uid);
}
static char *col_pid(struct arena *a, const struct process *p)
{
    return text_int(a, p->pid);
}
static char *col_ppid(struct arena *a, const struct process *p)
{
    return text_int(a, p->ppid);
}
static int64_t ticks_per_s(void)
{
    return sysconf(_SC_CLK_TCK);
}
static int64_t age_s(const struct process *p)
{
    int64_t age = clock_boot_ns() / NS_PER_S - p->start_ticks / ticks_per_s();

    return age < 0 ? 0 : age;
}
static char *col_cpu(struct arena *a, const struct process *p)
{
    int64_t used = (p->utime + p->stime) / ticks_per_s(), age = age_s(p);

    return text_int(a, age > 0 ? used * 100 / age : 0);
}
static char *col_stime(struct arena *a, const struct process *p)
{
    time_t started = time(NULL) - age_s(p);
    struct tm tm;
    char text[16];

    localtime_r(&started, &tm);
    strftime(text, sizeof(text), age_s(p) < 86400 ? "%H:%M" : "%b%d", &tm);
    return arena_strdup(a, text);
}
static char *col_tty(struct arena *a, const struct process *p)
{
    return p->tty == 0 ? arena_strdup(a, "?") : arena_printf(a, "pts/%d", p->tty & 0xff);
}
static char *col_time(struct arena *a, const struct process *p)
{
    int64_t s = (p->utime + p->stime) / ticks_per_s();

    return arena_printf(a, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}
static char *col_args(struct arena *a, const struct process *p)
{
    return p->cmdline && *p->cmdline ? p->cmdline : arena_printf(a, "[%s]", p->comm);
}
static char *col_comm(struct arena *a, const struct process *p)
{
    return arena_strdup(a, p->comm);
}
static char *col_rss(struct arena *a, const struct process *p)
{
    return text_int(a, p->rss_pages * (sysconf(_SC_PAGESIZE) / 1024));
}
static char *col_vsz(struct arena *a, const struct process *p)
{
    return text_int(a, p->vsize / 1024);
}
static char *col_stat(struct arena *a, const struct process *p)
{
    return arena_strndup(a, &p->state, 1);
}
static char *col_nice(struct arena *a, const struct process *p)
{
    return text_int(a, p->nice);
}
static char *col_threads(struct arena *a, const struct process *p)
{
    return text_int(a, p->threads);
}
static char *col_mem(struct arena *a, const struct process *p)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES);
    int64_t tenths = pages > 0 ? p->rss_pages * 1000 / pages : 0;

    return arena_printf(a, "%d.%d", (int)(tenths / 10), (int)(tenths % 10));
}

static const struct column columns[] = {
    {"uid", "UID", col_uid},       {"user", "USER", col_user},
    {"pid", "PID", col_pid},       {"ppid", "PPID", col_ppid},
    {"c", "C", col_cpu},           {"%cpu", "%CPU", col_cpu},
    {"pcpu", "%CPU", col_cpu},     {"stime", "STIME", col_stime},
    {"start", "START", col_stime}, {"tty", "TTY", col_tty},
    {"time", "TIME", col_time},    {"cmd", "CMD", col_args},
    {"args", "COMMAND", col_args}, {"command", "COMMAND", col_args},
    {"comm", "COMMAND", col_comm}, {"rss", "RSS", col_rss},
    {"vsz", "VSZ", col_vsz},       {"stat", "STAT", col_stat},
    {"s", "S", col_stat},          {"state", "S", col_stat},
    {"ni", "NI", col_nice},        {"nlwp", "NLWP", col_threads},
    {"%mem", "%MEM", col_mem},     {"pmem", "%MEM", col_mem},
};

static const struct {
    const char *args, *columns;
} formats[] = {
    {"", "uid,pid,ppid,c,stime,tty,time,cmd"},
    {"-ef", "uid,pid,ppid,c,stime,tty,time,cmd"},
    {"-e -f", "uid,pid,ppid,c,stime,tty,time,cmd"},
    {"aux", "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,time,command"},
    {"-aux", "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,time,command"},
};

struct top {
    struct op op;
    struct container *c;
    struct parts *parts;
    const char *id, *cgroup, *args;
    const struct column *picked[ARRAY_LEN(columns)];
    size_t n_picked;
    struct buf out;
    void (*done)(void *ctx, struct err *err, const char *json);
    void *ctx;
};

/* The ways to write it that are in use; NULL: none of them. Columns are looked at later. */
static const char *column_list(struct arena *a, const char *args)
{
    static const char *const options[] = {"-eo ", "-o ", "-eo", "-o", "o ", "-A -o "};

    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].args, args) == 0)
            return formats[i].columns;
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (text_starts(args, options[i]))
            return arena_strdup(a, args + strlen(options[i]));
    return NULL;
}

static struct err *pick_columns(struct top *o)
{
    const char *list = column_list(o->op.arena, o->args);
    struct strs names;

    if (!list)
        return err_new(ERR_INVALID,
                       "ps arguments \"%s\" are not known: use -ef, aux, or -o with columns",
                       o->args);
    names = text_split(o->op.arena, list, ',');
    for (size_t i = 0; i < names.n; i++) {
        const struct column *found = NULL;

        text_lower(names.v[i]);
        for (size_t k = 0; k < ARRAY_LEN(columns); k++)
            if (strcmp(columns[k].key, names.v[i]) == 0)
                found = &columns[k];
        if (!found || o->n_picked == ARRAY_LEN(columns))
            return err_new(ERR_INVALID, "unknown ps column \"%s\"", names.v[i]);
        o->picked[o->n_picked++] = found;
    }
    return NULL;
}

/* ---- worker ---- */

/* "pid (comm) state ppid …"; comm may hold anything, so the fields start after the last ')'. */
static bool parse_stat(const char *text, struct process *p)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    long long utime, stime, start, vsize, rss, nice, threads;

    if (!open || !close || close < open)
        return false;
    snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(close - open - 1), open + 1);
    if (sscanf(close + 1,
               " %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d %*d %lld %lld %*d %lld "
               "%lld %lld",
               &p->state, &p->ppid, &p->tty, &utime, &stime, &nice, &threads, &start, &vsize,
               &rss) != 10)
        return false;
    p->utime = utime;
    p->stime = stime;
    p->start_ticks = start;
    p->vsize = vsize;
    p->rss_pages = rss;
    p->nice = nice;
    p->threads = threads;
    return true;
}

/* /proc/PID belongs to the effective user, or to root if the process is not "dumpable" (proc(5)).
 * False: it has ended meanwhile. */
static bool read_process(struct arena *a, int pid, struct process *p)
{
    char *text = NULL;
    size_t n = 0;
    struct stat st;
    struct err *err =
        file_read(a, AT_FDCWD, arena_printf(a, "/proc/%d/stat", pid), PROC_TEXT_MAX, &text, &n);
    bool is_read = !err && parse_stat(text, p) && stat(arena_printf(a, "/proc/%d", pid), &st) == 0;

    err_drop(err);
    if (!is_read)
        return false;
    p->pid = pid;
    p->uid = st.st_uid;
    err = file_read(a, AT_FDCWD, arena_printf(a, "/proc/%d/cmdline", pid), PROC_TEXT_MAX * 32,
                    &text, &n);
    if (!err) {
        for (size_t i = 0; i + 1 < n; i++)
            if (text[i] == '\0')
                text[i] = ' ';
        p->cmdline = arena_strndup(a, text, n < CMDLINE_MAX ? n : CMDLINE_MAX);
    }
    err_drop(err);
    return true;
}

static struct err *read_processes(struct op *op)
{
    struct top *o = (struct top *)op;
    struct jw w = {.out = &o->out};
    int *pids = NULL;
    size_t n = 0;

    ASSERT_WORKER();
    TRY(cgroup_pids(o->parts->cgroups, o->cgroup, op->arena, &pids, &n));
    jw_obj(&w, NULL);
    jw_arr(&w, "Titles");
    for (size_t k = 0; k < o->n_picked; k++)
        jw_str(&w, NULL, o->picked[k]->title);
    jw_arr_end(&w);
    jw_arr(&w, "Processes");
    for (size_t i = 0; i < n; i++) {
        struct process p = {0};

        if (!read_process(op->arena, pids[i], &p))
            continue; /* it ended meanwhile */
        jw_arr(&w, NULL);
        for (size_t k = 0; k < o->n_picked; k++)
            jw_str(&w, NULL, o->picked[k]->text(op->arena, &p));
        jw_arr_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    return NULL;
}

/* The event is written as Docker writes it, before anything is read. */
static struct err *claim(struct op *op)
{
    struct top *o = (struct top *)op;

    ASSERT(!o->n_picked);
    TRY(container_check_runs(o->c));
    TRY(pick_columns(o));
    container_event(o->c, "top", NULL, NULL);
    return NULL;
}

static void finish(struct op *op)
{
    struct top *o = (struct top *)op;

    buf_finish(&o->out);
    container_unref(o->c);
}

static const struct op_step top_steps[] = {
    {"claim", ON_LOOP, claim, NULL, 0},
    {"read-processes", ON_WORKER, read_processes, NULL, 0},
    {0},
};
static const struct op_type top_type = {"container/top", OP_INTERNAL, sizeof(struct top), top_steps,
                                        finish};
OP_LISTED(top_type);

/* Its run has ended behind `claim`, and the cgroup with it. */
static struct err *as_not_running(const struct container *c, struct err *err)
{
    struct err *why;

    if (!err || err_errno(err) != ENOENT)
        return err;
    why = container_check_runs(c);
    err_drop(err);
    return why ? why : err_new(ERR_CONFLICT, "Container %s is not running", c->doc.id);
}

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct top *o = ctx;

    (void)op;
    err = as_not_running(o->c, err);
    o->done(o->ctx, err, err ? NULL : o->out.data);
}

void container_top(struct container *c, const char *ps_args,
                   void (*done)(void *ctx, struct err *err, const char *json), void *ctx)
{
    struct top *o = (struct top *)op_create(c->parts->ops, &top_type);

    ASSERT_LOOP();
    ASSERT(done);
    o->c = container_ref(c);
    o->parts = c->parts;
    o->id = arena_strdup(o->op.arena, c->doc.id);
    o->cgroup = container_cgroup(o->op.arena, c);
    o->op.subject = o->id;
    o->args = arena_strdup(o->op.arena, ps_args ? ps_args : "");
    o->done = done;
    o->ctx = ctx;
    op_start(&o->op, on_done, o);
}
