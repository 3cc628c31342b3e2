/* SPDX-License-Identifier: Apache-2.0 */
/* berth build: the context goes, the stream of the build comes. */
#include "commands.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/ref.h"

#include "api.h"
#include "auth.h"
#include "build_check.h"
#include "build_secrets.h"
#include "context_source.h"
#include "messages.h"
#include "options.h"
#include "state_options.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void add(struct cli *cli, struct buf *b, const char *name, const char *value)
{
    if (!text_is_empty(value))
        buf_printf(b, "&%s=%s", name, text_to_query(cli->arena, value));
}

static void add_number(struct buf *b, const char *name, const struct number *n)
{
    if (n->is_set)
        buf_printf(b, "&%s=%lld", name, (long long)n->value);
}

static const char *args_json(struct cli *cli, const struct strs *args)
{
    struct pairs pairs = build_args_read(cli->arena, args);
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    for (size_t i = 0; i < pairs.n; i++) {
        if (pairs.v[i].value)
            jw_str(&w, pairs.v[i].key, pairs.v[i].value);
        else
            jw_null(&w, pairs.v[i].key);
    }
    jw_obj_end(&w);
    return arena_strdup(cli->arena, b.data);
}

static struct err *add_labels(struct cli *cli, struct buf *b, const struct strs *labels)
{
    autobuf struct buf json = {0};
    struct jw w = {.out = &json};
    struct pairs pairs = {0};
    struct strs none = {0};

    if (!labels->n)
        return NULL;
    TRY(labels_parse(cli->arena, &none, labels, &pairs));
    jw_pairs(&w, NULL, &pairs);
    add(cli, b, "labels", json.data);
    return NULL;
}

static struct err *add_ulimits(struct cli *cli, struct buf *b, const struct strs *ulimits)
{
    autobuf struct buf json = {0};
    struct jw w = {.out = &json};

    if (!ulimits->n)
        return NULL;
    jw_arr(&w, NULL);
    for (size_t i = 0; i < ulimits->n; i++)
        TRY(ulimit_parse(cli->arena, ulimits->v[i], &w));
    jw_arr_end(&w);
    add(cli, b, "ulimits", json.data);
    return NULL;
}

static struct err *add_hosts(struct cli *cli, struct buf *b, const struct strs *hosts)
{
    struct strs parsed = {0};

    for (size_t i = 0; i < hosts->n; i++)
        TRY(host_parse(cli->arena, hosts->v[i], &parsed));
    for (size_t i = 0; i < parsed.n; i++)
        add(cli, b, "extrahosts", parsed.v[i]);
    return NULL;
}

static void add_cache_from(struct cli *cli, struct buf *b, const struct strs *images)
{
    autobuf struct buf json = {0};
    struct jw w = {.out = &json};

    if (!images->n)
        return;
    jw_strs(&w, NULL, images);
    add(cli, b, "cachefrom", json.data);
}

static void add_limits(struct cli *cli, struct buf *b, const struct image_build_options *o)
{
    add_number(b, "cpuperiod", &o->cpu_period);
    add_number(b, "cpuquota", &o->cpu_quota);
    add_number(b, "cpushares", &o->cpu_shares);
    add_number(b, "memory", &o->memory);
    add_number(b, "memswap", &o->memory_swap);
    add_number(b, "shmsize", &o->shm_size);
    add(cli, b, "cgroupparent", o->cgroup_parent);
    add(cli, b, "cpusetcpus", o->cpuset_cpus);
    add(cli, b, "cpusetmems", o->cpuset_mems);
}

static struct err *make_query(struct cli *cli, const struct image_build_options *o,
                              const char *dockerfile, struct buf *b)
{
    buf_printf(b, "rm=%d", o->rm);
    for (size_t i = 0; i < o->tags.n; i++) {
        struct ref ref;

        TRY(ref_parse(cli->arena, o->tags.v[i], &ref));
        add(cli, b, "t", o->tags.v[i]);
    }
    add(cli, b, "dockerfile", dockerfile);
    if (o->build_args.n)
        add(cli, b, "buildargs", args_json(cli, &o->build_args));
    TRY(add_labels(cli, b, &o->labels));
    TRY(add_ulimits(cli, b, &o->ulimits));
    TRY(add_hosts(cli, b, &o->hosts));
    add_cache_from(cli, b, &o->cache_from);
    add_limits(cli, b, o);
    add(cli, b, "target", o->target);
    add(cli, b, "networkmode", o->network);
    add(cli, b, "platform", o->platform);
    add(cli, b, "nocache", o->no_cache ? "1" : "");
    add(cli, b, "pull", o->pull ? "1" : "");
    add(cli, b, "forcerm", o->force_rm ? "1" : "");
    return NULL;
}

static struct err *check_progress(const struct image_build_options *o, bool *is_quiet)
{
    static const char *const known[] = {"", "auto", "plain", "quiet"};

    *is_quiet = o->quiet || text_same(o->progress, "quiet");
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (text_same(o->progress, known[i]))
            return NULL;
    return err_new(ERR_INVALID, "invalid progress \"%s\": auto, plain and quiet are known",
                   o->progress);
}

static struct err *tell_id(const struct image_build_options *o, const char *id, bool is_quiet)
{
    if (!id)
        return err_new(ERR_INTERNAL, "the engine has told of no image");
    if (o->iidfile)
        TRY(file_write_atomic(AT_FDCWD, o->iidfile, id, strlen(id), 0644, false));
    if (is_quiet)
        cli_printf("%s\n", id);
    return NULL;
}

struct err *cmd_build(struct cli *cli, const void *options, struct strs args)
{
    const struct image_build_options *o = options;
    struct http_request r = {.method = "POST", .produce = context_source_produce};
    struct context_source *context = NULL;
    autobuf struct buf query = {0};
    const char *id = NULL;
    char *path = NULL, *secrets;
    bool is_quiet;
    struct err *e;

    TRY(trust_check(o->skips_trust));
    if (!o->loads)
        return err_new(ERR_INVALID, "--load=false is not supported: the engine has what it builds");
    if (!text_is_empty(o->call) && strcmp(o->call, "check") && strcmp(o->call, "build"))
        return err_new(ERR_INVALID, "--call=%s is not supported: build and check are", o->call);
    if (o->checks || text_same(o->call, "check"))
        return build_check(cli, o, args.v[0]);
    TRY(check_progress(o, &is_quiet));
    if (o->iidfile)
        unlink(o->iidfile); /* never that of a build before */
    TRY(build_secrets_read(cli->arena, &o->secrets, &secrets));
    TRY(context_source_open(cli->arena, args.v[0], o->file, &context));
    e = make_query(cli, o, context_source_dockerfile(context), &query);
    if (!e)
        e = api_path(cli, &path, "/build?%s", query.data);
    r.path = path;
    r.ctx = context;
    r.registries = auth_all(cli);
    r.secrets = secrets;
    if (!e)
        e = messages_run_for_id(cli, &r, is_quiet ? -1 : STDOUT_FILENO, &id);
    context_source_close(context);
    return e ? e : tell_id(o, id, is_quiet);
}
