/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /build and what belongs to it: the query becomes options, the body goes to the builder, and
 * its lines to the client. An error before the first line is an HTTP error, a later one is a line.
 * A client that goes cancels. Loop thread.
 */
#include <string.h>

#include "base/ref.h"
#include "builder/builder.h"

#include "judge.h"

#define QUEUE_MAX (16u << 20) /* of a client that does not read */
#define ARGS_MAX 10000

struct building {
    struct request *request;
    struct build *build; /* NULL: it is over */
    bool is_clipped;
};

/* ---- the query ---- */

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"shmsize", offsetof(struct host_config, shm_size)},
    {"memory", offsetof(struct host_config, memory)},
    {"memswap", offsetof(struct host_config, memory_swap)},
    {"cpushares", offsetof(struct host_config, cpu_shares)},
    {"cpuperiod", offsetof(struct host_config, cpu_period)},
    {"cpuquota", offsetof(struct host_config, cpu_quota)},
};
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"cpusetcpus", offsetof(struct host_config, cpuset_cpus)},
    {"cpusetmems", offsetof(struct host_config, cpuset_mems)},
    {"cgroupparent", offsetof(struct host_config, cgroup_parent)},
    {"networkmode", offsetof(struct host_config, network_mode)},
    {"isolation", offsetof(struct host_config, isolation)},
};

/* What Docker's other builder has, or what would have an effect that we do not give. */
static const struct {
    const char *name, *why;
} refused[] = {
    {"squash", "squash is only supported with experimental mode, which this engine does not have: "
               "export and import make one layer"},
    {"outputs", "outputs need BuildKit, which is not supported by this version of berth"},
    {"session", "sessions need BuildKit, which is not supported by this version of berth: set "
                "DOCKER_BUILDKIT=0"},
};

/* What is in a parameter is JSON of one type; null is as good as none. *out is NULL then. */
static struct err *read_json(struct arena *a, const char *name, const char *json,
                             enum json_type type, const struct json **out)
{
    const struct json *doc;
    struct err *e;

    *out = NULL;
    if (!*json)
        return NULL;
    e = json_parse(a, json, strlen(json), &doc);
    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "error reading %s", name);
    if (json_type(doc) == JSON_NULL)
        return NULL;
    if (json_type(doc) != type || json_len(doc) > ARGS_MAX)
        return err_new(ERR_INVALID, "error reading %s: it is no %s of at most %d entries", name,
                       type == JSON_OBJECT ? "map" : "list", ARGS_MAX);
    *out = doc;
    return NULL;
}

/* ["a","b"] */
static struct err *read_list(struct request *r, const char *name, const char *json,
                             struct strs *out)
{
    const struct json *doc;

    *out = (struct strs){0};
    TRY(read_json(r->arena, name, json, JSON_ARRAY, &doc));
    for (const struct json *i = json_first(doc); i; i = json_next(i)) {
        if (json_type(i) != JSON_STRING)
            return err_new(ERR_INVALID, "error reading %s: an entry is no text", name);
        strs_add(r->arena, out, json_str(i));
    }
    return NULL;
}

static struct err *refuse(struct request *r)
{
    const char *remote = request_param(r, "remote"), *version = request_param(r, "version");
    const char *options = request_param(r, "securityopt");
    const char *isolation = request_param(r, "isolation");
    struct strs list;

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (query_is_true(&r->query, refused[i].name))
            return err_new(ERR_INVALID, "%s", refused[i].why);
    if (*version && strcmp(version, "1") != 0)
        return err_new(ERR_INVALID,
                       "builder version %s is not supported by this version of berth: set "
                       "DOCKER_BUILDKIT=0",
                       version);
    if (*isolation && strcmp(isolation, "default") != 0)
        return err_new(ERR_INVALID, "invalid isolation '%.100s' on linux", isolation);
    if (*remote)
        return err_new(ERR_NOT_IMPLEMENTED,
                       "a build from %s is not supported by this version of berth: fetch it, and "
                       "send it as the context",
                       remote);
    TRY(read_list(r, "securityopt", options, &list));
    if (list.n)
        return err_new(ERR_INVALID, "The daemon on this platform does not support setting security "
                                    "options on build");
    return NULL;
}

/* {"k":"v","k2":null} */
static struct err *read_map(struct arena *a, const char *name, const char *json, struct pairs *out)
{
    const struct json *doc;

    TRY(read_json(a, name, json, JSON_OBJECT, &doc));
    for (const struct json *i = json_first(doc); i; i = json_next(i)) {
        if (json_type(i) != JSON_STRING && json_type(i) != JSON_NULL)
            return err_new(ERR_INVALID, "error reading %s: %s is no text", name, json_key(i));
        pairs_add(a, out, json_key(i), json_str(i));
    }
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static struct err *read_tags(struct request *r, struct arena *a, struct strs *out)
{
    struct strs given = query_all(r->arena, &r->query, "t");

    for (size_t i = 0; i < given.n; i++) {
        struct ref ref;

        if (!*given.v[i])
            continue;
        TRY(ref_parse(a, given.v[i], &ref));
        if (ref.digest)
            return err_new(ERR_INVALID, "build tag cannot contain a digest");
        if (!ref.tag)
            ref.tag = arena_strdup(a, "latest");
        strs_add(a, out, ref_full(a, &ref));
    }
    return NULL;
}

static struct err *read_host(struct request *r, struct arena *a, struct host_config *out)
{
    const struct json *ulimits;

    TRY(read_json(r->arena, "ulimits", request_param(r, "ulimits"), JSON_ARRAY, &ulimits));
    if (ulimits) { /* parsed before, so that it is this one field and no other */
        const char *json = arena_printf(a, "{\"Ulimits\":%s}", json_text(r->arena, ulimits));
        struct err *e = json_decode(a, json, strlen(json), &host_config_json, out);

        if (e)
            return err_wrap(err_as(e, ERR_INVALID), "error reading ulimits");
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        TRY(query_i64(&r->query, numbers[i].name, 0, (int64_t *)((char *)out + numbers[i].offset)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *(char **)((char *)out + texts[i].offset) =
            arena_strdup(a, request_param(r, texts[i].name));
    out->extra_hosts = query_all(a, &r->query, "extrahosts");
    return NULL;
}

/* X-Registry-Config: base64 of {"registry": what X-Registry-Auth has}. A bad one is ignored, as
 * Docker does. */
static void read_auths(struct request *r, struct build_options *o, struct arena *a)
{
    const char *header = request_header(r, "x-registry-config");
    const struct json *doc = NULL;
    char *text;
    size_t n;
    autoerr struct err *e = header ? text_from_base64(r->arena, header, &text, &n) : NULL;

    if (!header || e)
        return;
    e = json_parse(r->arena, text, n, &doc);
    if (e || json_type(doc) != JSON_OBJECT || json_len(doc) > ARGS_MAX)
        return;
    o->auths = arena_array(a, json_len(doc) + 1, sizeof(*o->auths));
    for (const struct json *i = json_first(doc); i; i = json_next(i)) {
        const char *one = json_text(r->arena, i);
        struct build_auth *auth = &o->auths[o->n_auths++];

        auth->server = arena_strdup(a, json_key(i));
        registry_auth_parse(a, text_to_base64(r->arena, one, strlen(one), true), &auth->auth);
    }
}

/* X-Berth-Build-Secrets: base64 of {"id": base64 of the value}, for RUN --mount=type=secret. It is
 * a header since the body goes to the disk. */
static struct err *read_secrets(struct request *r, struct build_options *o, struct arena *a)
{
    const char *header = request_header(r, "x-berth-build-secrets");
    struct pairs values = {0};
    char *text;
    size_t n;

    if (!header)
        return NULL;
    TRY(text_from_base64(r->arena, header, &text, &n));
    TRY(read_map(r->arena, "secrets", text, &values));
    o->secrets = arena_array(a, values.n + 1, sizeof(*o->secrets));
    for (size_t i = 0; i < values.n; i++) {
        struct build_secret *s = &o->secrets[o->n_secrets++];

        s->id = arena_strdup(a, values.v[i].key);
        TRY(text_from_base64(a, values.v[i].value ? values.v[i].value : "", &s->value, &s->n));
    }
    return NULL;
}

static struct err *note_unused(struct request *r, struct build_options *o, struct arena *a)
{
    struct strs from;

    TRY(read_list(r, "cachefrom", request_param(r, "cachefrom"), &from));
    if (from.n)
        strs_add(a, &o->warnings,
                 "--cache-from has no effect: the engine's own cache is asked, by content");
    return NULL;
}

static struct err *read_options(struct request *r, struct build *b)
{
    struct build_options *o = build_options(b);
    struct arena *a = build_arena(b);
    const struct permit *permit = permit_of_request(r);
    bool drops_failed = query_is_true(&r->query, "forcerm");
    char *platform;

    TRY(refuse(r));
    o->id = arena_strdup(a, request_param(r, "buildid"));
    o->dockerfile = arena_strdup(a, request_param(r, "dockerfile"));
    o->target = arena_strdup(a, request_param(r, "target"));
    o->platform = arena_strdup(a, request_param(r, "platform"));
    TRY(image_platform_text(r->arena, o->platform, &platform));
    TRY(read_tags(r, a, &o->tags));
    TRY(read_map(a, "build args", request_param(r, "buildargs"), &o->build_args));
    TRY(read_map(a, "labels", request_param(r, "labels"), &o->labels));
    if (o->labels.n)
        qsort(o->labels.v, o->labels.n, sizeof(*o->labels.v), by_key);
    TRY(read_host(r, a, &o->host));
    o->no_cache = query_is_true(&r->query, "nocache");
    o->pulls = query_is_true(&r->query, "pull");
    o->is_quiet = query_is_true(&r->query, "q");
    o->drops_failed = drops_failed;
    o->keeps_containers =
        !drops_failed && *request_param(r, "rm") && !query_is_true(&r->query, "rm");
    read_auths(r, o, a);
    TRY(read_secrets(r, o, a));
    TRY(note_unused(r, o, a));
    if (permit)
        o->permit = permit_copy(a, permit);
    return NULL;
}

/* ---- the stream ---- */

static void on_line(void *ctx, const char *json, bool may_drop)
{
    struct building *t = ctx;

    if (may_drop && reply_queued(t->request) > QUEUE_MAX) {
        t->is_clipped = true;
        return;
    }
    if (t->is_clipped)
        reply_json_line(t->request,
                        "{\"stream\":\"[output clipped: the client did not read]\\n\"}");
    t->is_clipped = false;
    reply_json_line(t->request, json);
}

static void on_done(void *ctx, struct err *err, int exit_code)
{
    struct building *t = ctx;
    struct request *r = t->request;

    t->build = NULL;
    if (err && !r->is_begun) {
        reply_err(r, err);
        return;
    }
    if (err)
        reply_json_failure(t->request, err, exit_code);
    err_drop(err);
    reply_end(r);
}

static void on_client_gone(void *ctx)
{
    struct building *t = ctx;

    if (t->build)
        build_cancel(t->build);
}

void handle_build(struct request *r)
{
    struct building *t = arena_new(r->arena, struct building);
    struct build *b = build_create(parts_of(r)->builder);
    struct err *e = read_options(r, b);
    int fd;

    if (!e)
        e = request_body_pipe(r, &fd);
    if (e) {
        build_destroy_unstarted(b);
        reply_err(r, e);
        return;
    }
    t->request = r;
    t->build = b;
    request_on_gone(r, on_client_gone, t);
    build_start(b, fd, on_line, on_done, t);
}

/* ---- cancel, prune ---- */

void handle_build_cancel(struct request *r)
{
    const char *id = request_param(r, "id");

    if (!*id)
        reply_err(r, err_new(ERR_INVALID, "build ID not provided"));
    else if (!build_cancel_id(parts_of(r)->builder, id))
        reply_err(r, err_new(ERR_NOT_FOUND, "no build has the id %s", id));
    else
        reply_empty(r, 204);
}

static const char *const prune_filters[] = {"until", "id",     "parent",  "type", "description",
                                            "inuse", "shared", "private", NULL};

static struct err *read_prune(struct request *r, struct build_prune *out)
{
    struct filters f;
    const struct strs *ids;

    TRY(filters_parse(r->arena, request_param(r, "filters"), prune_filters, &f));
    TRY(filters_until(&f, &out->until_ns));
    for (size_t i = 2; prune_filters[i]; i++)
        if (filters_get(&f, prune_filters[i]))
            return err_new(ERR_INVALID, "the build cache cannot be filtered by %s",
                           prune_filters[i]);
    ids = filters_get(&f, "id");
    if (ids)
        out->ids = *ids;
    TRY(query_i64(&r->query, "keep-storage", 0, &out->keep_bytes));
    out->all = query_is_true(&r->query, "all");
    return NULL;
}

void handle_build_prune(struct request *r)
{
    struct build_prune p = {0};
    struct strs deleted = {0};
    struct buf b = {0};
    struct jw w = {.out = &b};
    int64_t bytes;

    if (reply_failed(r, read_prune(r, &p)))
        return;
    builder_prune(parts_of(r)->builder, r->arena, &p, &deleted, &bytes);
    jw_obj(&w, NULL);
    jw_strs_or_null(&w, "CachesDeleted", &deleted);
    jw_int(&w, "SpaceReclaimed", bytes);
    jw_obj_end(&w);
    reply_json(r, 200, &b);
}
