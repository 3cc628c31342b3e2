/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that do one thing to each container named: stop, restart, kill, rm, pause, unpause,
 * wait, rename, update. Each name is printed when done; a failure is told and the rest goes on.
 */
#include "commands.h"

#include "api.h"
#include "options.h"
#include "state_options.h"

#include <stdio.h>

typedef struct err *(*target_fn)(struct cli *cli, const char *name, const void *options);

static struct err *each(struct cli *cli, const void *options, struct strs names, target_fn fn)
{
    for (size_t i = 0; i < names.n; i++) {
        struct err *e = fn(cli, names.v[i], options);

        if (e)
            cli_complain(cli, e);
        else
            cli_printf("%s\n", names.v[i]);
    }
    return NULL;
}

/* "?t=5&signal=TERM", or "" when neither is given. */
static char *stop_query(struct cli *cli, const struct stop_options *o)
{
    autobuf struct buf b = {0};

    if (o->timeout.is_set)
        buf_printf(&b, "?t=%lld", (long long)o->timeout.value);
    if (o->signal)
        buf_printf(&b, "%csignal=%s", b.len ? '&' : '?', text_to_query(cli->arena, o->signal));
    return arena_strdup(cli->arena, b.data ? b.data : "");
}

static struct err *stop_one(struct cli *cli, const char *name, const void *options)
{
    return api_post(cli, NULL, NULL, "/containers/%s/stop%s", api_escape(cli, name),
                    stop_query(cli, options));
}

static struct err *restart_one(struct cli *cli, const char *name, const void *options)
{
    return api_post(cli, NULL, NULL, "/containers/%s/restart%s", api_escape(cli, name),
                    stop_query(cli, options));
}

static struct err *kill_one(struct cli *cli, const char *name, const void *options)
{
    const struct stop_options *o = options;

    return api_post(cli, NULL, NULL, "/containers/%s/kill?signal=%s", api_escape(cli, name),
                    text_to_query(cli->arena, o->signal ? o->signal : "KILL"));
}

static struct err *pause_one(struct cli *cli, const char *name, const void *options)
{
    (void)options;
    return api_post(cli, NULL, NULL, "/containers/%s/pause", api_escape(cli, name));
}

static struct err *unpause_one(struct cli *cli, const char *name, const void *options)
{
    (void)options;
    return api_post(cli, NULL, NULL, "/containers/%s/unpause", api_escape(cli, name));
}

static struct err *rm_one(struct cli *cli, const char *name, const void *options)
{
    const struct rm_options *o = options;
    size_t slash = name[0] == '/';
    struct err *e =
        api_delete(cli, NULL, "/containers/%s?%s%s%s", api_escape(cli, name + slash),
                   o->volumes ? "&v=1" : "", o->force ? "&force=1" : "", o->link ? "&link=1" : "");

    /* rm -f of what is not there is told, but is no failure */
    if (e && o->force && err_kind(e) == ERR_NOT_FOUND) {
        cli_say("%s\n", err_text(e));
        err_drop(e);
        return NULL;
    }
    if (!e)
        cli_printf("%s\n", name);
    return e;
}

struct err *cmd_stop(struct cli *cli, const void *options, struct strs args)
{
    return each(cli, options, args, stop_one);
}

struct err *cmd_restart(struct cli *cli, const void *options, struct strs args)
{
    return each(cli, options, args, restart_one);
}

struct err *cmd_kill(struct cli *cli, const void *options, struct strs args)
{
    return each(cli, options, args, kill_one);
}

struct err *cmd_pause(struct cli *cli, const void *options, struct strs args)
{
    return each(cli, options, args, pause_one);
}

struct err *cmd_unpause(struct cli *cli, const void *options, struct strs args)
{
    return each(cli, options, args, unpause_one);
}

struct err *cmd_rm(struct cli *cli, const void *options, struct strs args)
{
    for (size_t i = 0; i < args.n; i++) {
        struct err *e = rm_one(cli, args.v[i], options);

        if (e)
            cli_complain(cli, e);
    }
    return NULL;
}

struct err *cmd_wait(struct cli *cli, const void *options, struct strs args)
{
    (void)options;
    for (size_t i = 0; i < args.n; i++) {
        struct api_reply reply = {0};
        struct err *e =
            api_post(cli, NULL, &reply, "/containers/%s/wait", api_escape(cli, args.v[i]));

        if (e)
            cli_complain(cli, e);
        else
            cli_printf("%lld\n", (long long)json_int(json_get(reply.json, "StatusCode")));
    }
    return NULL;
}

struct err *cmd_rename(struct cli *cli, const void *options, struct strs args)
{
    struct err *e;

    (void)options;
    if (!args.v[0][0] || !args.v[1][0])
        return err_new(ERR_INVALID, "Error: Neither old nor new names may be empty");
    e = api_post(cli, NULL, NULL, "/containers/%s/rename?name=%s", api_escape(cli, args.v[0]),
                 text_to_query(cli->arena, args.v[1]));
    if (!e)
        return NULL;
    cli_complain(cli, e);
    return err_new(ERR_INVALID, "Error: failed to rename container named %s", args.v[0]);
}

static void write_number(struct jw *w, const char *key, const struct number *n)
{
    if (n->is_set)
        jw_int(w, key, n->value);
}

static struct err *update_body(struct cli *cli, const struct update_options *o, char **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    write_number(&w, "BlkioWeight", &o->blkio_weight);
    write_number(&w, "CpuPeriod", &o->cpu_period);
    write_number(&w, "CpuQuota", &o->cpu_quota);
    write_number(&w, "CpuRealtimePeriod", &o->cpu_rt_period);
    write_number(&w, "CpuRealtimeRuntime", &o->cpu_rt_runtime);
    write_number(&w, "CpuShares", &o->cpu_shares);
    write_number(&w, "KernelMemory", &o->kernel_memory);
    write_number(&w, "NanoCpus", &o->cpus);
    write_number(&w, "Memory", &o->memory);
    write_number(&w, "MemoryReservation", &o->memory_reservation);
    write_number(&w, "MemorySwap", &o->memory_swap);
    write_number(&w, "PidsLimit", &o->pids_limit);
    if (o->cpuset_cpus)
        jw_str(&w, "CpusetCpus", o->cpuset_cpus);
    if (o->cpuset_mems)
        jw_str(&w, "CpusetMems", o->cpuset_mems);
    if (o->restart)
        TRY(restart_parse(cli->arena, o->restart, &w));
    jw_obj_end(&w);
    if (b.len <= 2)
        return err_new(ERR_INVALID, "you must provide one or more flags when using this command");
    *out = arena_strdup(cli->arena, b.data);
    return NULL;
}

struct err *cmd_update(struct cli *cli, const void *options, struct strs args)
{
    char *body = NULL;

    TRY(update_body(cli, options, &body));
    for (size_t i = 0; i < args.n; i++) {
        struct api_reply reply = {0};
        struct err *e =
            api_post(cli, body, &reply, "/containers/%s/update", api_escape(cli, args.v[i]));
        const struct json *warnings = json_get(reply.json, "Warnings");

        for (const struct json *w = json_first(warnings); w; w = json_next(w))
            cli_say("%s\n", json_str(w));
        if (e)
            cli_complain(cli, e);
        else
            cli_printf("%s\n", args.v[i]);
    }
    return NULL;
}
