/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: commands that end with a status code. What streams is in streams.c, what shows
 * containers is in container_views.c. Loop thread.
 */
#include <limits.h>
#include <string.h>

#include "place/connect.h"
#include "run/commands.h"
#include "runtime/config.h"
#include "runtime/risk.h"
#include "view/view.h"

#include "judge.h"

struct container *container_of_request(struct request *r)
{
    struct container *c;

    if (reply_failed(r, container_find(parts_of(r)->containers, request_arg(r, 0), &c)))
        return NULL;
    return c;
}

static void on_created(void *ctx, struct err *err, const struct create_result *result)
{
    struct request *r = ctx;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(r, err))
        return;
    r->object_id = arena_strdup(r->arena, result->id);
    jw_obj(&w, NULL);
    jw_str(&w, "Id", result->id);
    jw_strs(&w, "Warnings", &result->warnings);
    jw_obj_end(&w);
    reply_json(r, 201, &b);
}

void handle_container_create(struct request *r)
{
    const char *body;
    size_t len;

    if (reply_failed(r, request_need_json(r, &body, &len)))
        return;
    container_create(parts_of(r)->containers,
                     &(struct create_call){
                         .name = request_param(r, "name"),
                         .platform = request_param(r, "platform"),
                         .body = body,
                         .body_len = len,
                         .api_version = r->api_version,
                         .permit = permit_of_request(r),
                         .risk_warnings = request_header(r, RISK_HEADER),
                     },
                     on_created, r);
}

/* The longest body that old clients send without meaning one ("null\n" and the like). */
#define START_BODY_MAX 7

static void start(struct request *r, struct container *c)
{
    container_start(c, reply_done, r);
}

/* Also where criu is installed: it cannot put together again what the keeper and the engine hold.
 */
void handle_checkpoints(struct request *r)
{
    if (container_of_request(r))
        reply_err(r, err_new(ERR_NOT_IMPLEMENTED,
                             "checkpoints are not supported: this version of berth does not use "
                             "criu; pause keeps a container's processes as they are, commit its "
                             "files"));
}

void handle_container_start(struct request *r)
{
    struct container *c;

    if (r->content_length > START_BODY_MAX || r->content_length < 0) {
        reply_err(r, err_new(ERR_INVALID,
                             "starting container with non-empty request body was deprecated since "
                             "API v1.22 and removed in v1.24"));
        return;
    }
    if (query_get(&r->query, "checkpoint")[0] || query_get(&r->query, "checkpoint-dir")[0]) {
        handle_checkpoints(r);
        return;
    }
    c = container_of_request(r);
    if (c)
        judge_container(r, c, start);
}

struct stop_params {
    int timeout_s;
    const char *signal;
};

static struct err *read_stop_params(struct request *r, struct stop_params *out)
{
    int64_t t;

    TRY(query_i64(&r->query, "t", STOP_TIMEOUT_DEFAULT, &t));
    if (query_get(&r->query, "t")[0] && t < -1)
        t = -1;
    out->timeout_s = t > INT_MAX ? INT_MAX : (int)t;
    out->signal =
        r->api_version >= 142 && *request_param(r, "signal") ? request_param(r, "signal") : NULL;
    return NULL;
}

void handle_container_stop(struct request *r)
{
    struct stop_params p = {0};
    struct container *c;

    if (reply_failed(r, read_stop_params(r, &p)))
        return;
    c = container_of_request(r);
    if (c)
        container_stop(c, p.timeout_s, p.signal, reply_done, r);
}

static void restart(struct request *r, struct container *c)
{
    struct stop_params p = {0};

    if (!reply_failed(r, read_stop_params(r, &p)))
        container_restart(c, p.timeout_s, p.signal, reply_done, r);
}

void handle_container_restart(struct request *r)
{
    struct stop_params p = {0};
    struct container *c;

    if (reply_failed(r, read_stop_params(r, &p)))
        return; /* a bad one is told of even where there is no container */
    c = container_of_request(r);
    if (c)
        judge_container(r, c, restart);
}

void handle_container_kill(struct request *r)
{
    struct container *c = NULL;
    struct err *err = container_find(parts_of(r)->containers, request_arg(r, 0), &c);

    if (err)
        err = err_wrap(err, "Cannot kill container: %s", request_arg(r, 0));
    if (!reply_failed(r, err))
        container_kill(c, request_param(r, "signal"), reply_done, r);
}

void handle_container_remove(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_remove(c, query_is_true(&r->query, "force"), query_is_true(&r->query, "v"),
                         query_is_true(&r->query, "link"), reply_done, r);
}

/* "web/db?link=1": the container is linked to another one, and will not be. Without link=1 it is a
 * name of that other one. */
void handle_container_unlink(struct request *r)
{
    const char *name = arena_printf(r->arena, "%s/%s", request_arg(r, 0), request_arg(r, 1));
    struct container *c;

    if (query_is_true(&r->query, "link"))
        container_unlink(parts_of(r)->containers, request_arg(r, 0), request_arg(r, 1), reply_done,
                         r);
    else if (!reply_failed(r, container_find(parts_of(r)->containers, name, &c)))
        container_remove(c, query_is_true(&r->query, "force"), query_is_true(&r->query, "v"), false,
                         reply_done, r);
}

void handle_container_rename(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_rename(c, request_param(r, "name"), reply_done, r);
}

void handle_container_pause(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_pause(c, true, reply_done, r);
}

void handle_container_unpause(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_pause(c, false, reply_done, r);
}

static void on_updated(void *ctx, struct err *err, const struct strs *warnings)
{
    struct request *r = ctx;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(r, err))
        return;
    jw_obj(&w, NULL);
    jw_strs(&w, "Warnings", warnings);
    jw_obj_end(&w);
    reply_json(r, 200, &b);
}

static void update(struct request *r, struct container *c)
{
    container_update(c, r->body.data, r->body.len, r->api_version, on_updated, r);
}

void handle_container_update(struct request *r)
{
    struct host_config *asked = arena_new(r->arena, struct host_config);
    struct strs refused = {0}; /* what has no effect */
    struct container *c;

    if (reply_failed(r, request_read_warned(r, &host_config_json, asked, &refused)))
        return; /* a bad body is one even where there is no container */
    c = container_of_request(r);
    if (c)
        judge_container(r, c, update);
}

/* Docker's words for what Go's strconv says. */
static struct err *read_size(const char *name, const char *text, int *out)
{
    const char *digits = *text == '-' ? text + 1 : text;
    bool is_number = *digits && !digits[strspn(digits, "0123456789")];
    uint32_t n;

    if (!text_to_u32(text, &n) || n > USHRT_MAX)
        return err_new(ERR_INVALID, "invalid resize %s \"%.100s\": %s", name, text,
                       is_number ? "value out of range" : "invalid syntax");
    *out = (int)n;
    return NULL;
}

struct err *tty_size_of_request(struct request *r, int *out_rows, int *out_cols)
{
    TRY(read_size("height", request_param(r, "h"), out_rows));
    return read_size("width", request_param(r, "w"), out_cols);
}

void handle_container_resize(struct request *r)
{
    int rows, cols;
    struct container *c;

    if (reply_failed(r, tty_size_of_request(r, &rows, &cols)))
        return;
    c = container_of_request(r);
    if (!c || reply_failed(r, container_resize(c, rows, cols)))
        return;
    reply_empty(r, 200);
}

static void on_json(void *ctx, struct err *err, const char *json)
{
    if (!reply_failed(ctx, err))
        reply_json_text(ctx, 200, json);
}

void handle_container_top(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_top(c, request_param(r, "ps_args"), on_json, r);
}

static void write_finding(struct jw *w, struct arena *a, const struct risk_finding *f)
{
    jw_obj(w, NULL);
    jw_str(w, "Name", f->risk->name);
    jw_str(w, "Severity", risk_severity_name(f->is_default ? RISK_NOTE : f->risk->severity));
    jw_str(w, "Option", f->what);
    jw_str(w, "Risk", risk_sentence(a, f));
    jw_str(w, "Remedy", f->risk->remedy);
    jw_bool(w, "Default", f->is_default);
    jw_obj_end(w);
}

static void on_risks(void *ctx, struct err *err, const struct risk_findings *found,
                     const struct risk_sources *sources)
{
    struct request *r = ctx;
    struct buf b = {0};
    struct jw w = {.out = &b};

    (void)sources;
    if (reply_failed(r, err))
        return;
    jw_arr(&w, NULL);
    for (size_t i = 0; i < found->n; i++)
        write_finding(&w, r->arena, &found->v[i]);
    jw_arr_end(&w);
    reply_json(r, 200, &b);
}

void handle_container_risks(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        container_risks(c, on_risks, r);
}

void handle_container_prune(struct request *r)
{
    struct container_table *t = parts_of(r)->containers;
    struct container_filter *f;

    if (!reply_failed(r, container_filter_parse(t, r->arena, request_param(r, "filters"), &f)))
        containers_prune(t, f, on_json, r);
}
