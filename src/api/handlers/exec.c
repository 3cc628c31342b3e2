/* SPDX-License-Identifier: Apache-2.0 */
/* Exec: create, start (a stream), resize, inspect. Loop thread. */
#include "exec/exec.h"

#include <string.h>

#include "core/settings.h"
#include "exec/exec_object.h"
#include "runtime/risk.h"

#include "hijack.h"
#include "judge.h"

struct exec_asked {
    struct request *request;
    struct exec_config config;
    struct strs warnings;
    enum risk_telling telling;
};

/* Ours: Docker's answer has no place for them. Absent when there are none. */
static void write_warnings(struct exec_asked *e, struct jw *w)
{
    struct risk_findings found = {0};

    if (e->config.privileged)
        risk_add(e->request->arena, &found, "exec-privileged", "exec --privileged");
    risk_warn(e->request->arena, &found, e->telling, &e->warnings);
    if (e->warnings.n)
        jw_strs(w, "Warnings", &e->warnings);
}

static void on_created(void *ctx, struct err *err, const char *id)
{
    struct exec_asked *e = ctx;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(e->request, err))
        return;
    jw_obj(&w, NULL);
    jw_str(&w, "Id", id);
    write_warnings(e, &w);
    jw_obj_end(&w);
    reply_json(e->request, 201, &b);
}

/* What the exec adds to what its container is. */
static struct err *judge_exec(struct request *r, const struct exec_config *config)
{
    struct risk_findings found = {0};
    struct policy_case asked = {.risks = &found};

    if (!permit_of_request(r))
        return NULL;
    if (config->privileged)
        risk_add(r->arena, &found, "exec-privileged", "exec --privileged");
    policy_case_exec(config, &asked);
    return judge_case(r, &asked);
}

static struct err *read_asked(struct request *r, struct exec_asked *e)
{
    *e = (struct exec_asked){.request = r};
    TRY(risk_telling_from_text(parts_of(r)->settings->risk_warnings, &e->telling));
    TRY(risk_telling_from_text(request_header(r, RISK_HEADER), &e->telling));
    return request_read_warned(r, &exec_config_json, &e->config, &e->warnings);
}

static void create(struct request *r, struct container *c)
{
    struct exec_asked *e = arena_new(r->arena, struct exec_asked);

    if (!reply_failed(r, read_asked(r, e)) && !reply_failed(r, judge_exec(r, &e->config)))
        exec_create(c, r->body.data, r->body.len, on_created, e);
}

/* The body is judged before the container is looked up, as Docker does it. */
void handle_exec_create(struct request *r)
{
    struct exec_asked *e = arena_new(r->arena, struct exec_asked);
    struct container *c;

    if (reply_failed(r, read_asked(r, e)))
        return;
    c = container_of_request(r);
    if (c)
        judge_container(r, c, create);
}

static struct err *find_exec(struct request *r, struct exec **out)
{
    return exec_find(parts_of(r)->containers, request_arg(r, 0), out);
}

static void on_detached_start(void *ctx, struct err *err)
{
    if (!reply_failed(ctx, err))
        reply_empty(ctx, 200);
}

/* Before the head went out a failure is an HTTP error, afterwards a line in the stream. */
static void on_stream_start(void *ctx, struct err *err)
{
    struct hijack *h = ctx;
    struct request *r = h->request;

    if (err && h->is_accepted) {
        r->has_failed = true;
        r->error = arena_strdup(r->arena, err_text(err));
        hijack_fail(h, err);
    } else if (err) {
        hijack_withdraw(h);
        reply_err(r, err);
    }
    request_note(r);
    request_unref(r);
}

static struct err *find_exec_to_start(struct request *r, struct exec_start_request *out,
                                      struct exec **e)
{
    const char *text;
    size_t len;

    TRY(request_json(r, &text, &len));
    if (len > 0)
        TRY(json_decode(r->arena, text, len, &exec_start_json, out));
    if (!out->tty || r->api_version < 142)
        memset(out->console_size, 0, sizeof(out->console_size));
    return find_exec(r, e);
}

static void start_stream(struct request *r, struct exec *e, const struct exec_start_request *start)
{
    struct hijack *h = hijack_create(r, start->tty);

    request_ref(request_ref(r)); /* one until started, one for us here */
    exec_start(e, start, &h->sink, hijack_gone, on_stream_start, h, &h->attachment);
    if (!r->is_answered)
        hijack_accept(h, true);
    request_unref(r);
}

static void start(struct request *r, struct container *c)
{
    struct exec_start_request body = {0};
    struct exec *e;

    (void)c;
    if (reply_failed(r, find_exec_to_start(r, &body, &e)))
        return;
    if (body.detach)
        exec_start(e, &body, NULL, NULL, on_detached_start, r, NULL);
    else
        start_stream(r, e, &body);
}

/* Whoever created it: who may not have such a container or exec may not start it, either. */
void handle_exec_start(struct request *r)
{
    struct exec_start_request body = {0};
    struct exec *e;

    if (reply_failed(r, find_exec_to_start(r, &body, &e)) ||
        reply_failed(r, judge_exec(r, &e->doc.config)))
        return;
    if (e->c)
        judge_container(r, e->c, start);
    else
        start(r, NULL);
}

void handle_exec_resize(struct request *r)
{
    int rows, cols;
    struct exec *e;

    if (reply_failed(r, tty_size_of_request(r, &rows, &cols)) ||
        reply_failed(r, find_exec(r, &e)) || reply_failed(r, exec_resize(e, rows, cols)))
        return;
    reply_empty(r, 200);
}

void handle_exec_inspect(struct request *r)
{
    struct exec *e;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(r, find_exec(r, &e)))
        return;
    exec_write_json(e, &w);
    reply_json(r, 200, &b);
}
