/* SPDX-License-Identifier: Apache-2.0 */
/* Exec: create, start (a stream), resize, inspect. Loop thread. */
#include "exec/exec.h"

#include <string.h>

#include "exec/exec_object.h"
#include "runtime/risk.h"

#include "api.h"
#include "hijack.h"

struct exec_asked {
    struct request *request;
    struct exec_config config;
    struct strs warnings;
};

/* Ours: Docker's answer has no place for them. Absent when there are none. */
static void write_warnings(struct exec_asked *e, struct jw *w)
{
    struct risk_findings found = {0};

    if (e->config.privileged)
        risk_add(e->request->arena, &found, "exec-privileged", "exec --privileged");
    risk_warn(e->request->arena, &found, &e->warnings);
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

/* The body is judged before the container is looked up, as Docker does it. */
void handle_exec_create(struct request *r)
{
    struct exec_asked *e = arena_new(r->arena, struct exec_asked);
    struct container *c;

    e->request = r;
    if (reply_failed(r, request_read_warned(r, &exec_config_json, &e->config, &e->warnings)))
        return;
    c = container_of_request(r);
    if (c)
        exec_create(c, r->body.data, r->body.len, on_created, e);
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
        hijack_fail(h, err);
    } else if (err) {
        hijack_withdraw(h);
        reply_err(r, err);
    }
    request_unref(r);
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

void handle_exec_start(struct request *r)
{
    struct exec_start_request body = {0};
    const char *text;
    size_t len;
    struct exec *e;
    struct err *err = request_json(r, &text, &len);

    if (!err && len > 0)
        err = json_decode(r->arena, text, len, &exec_start_json, &body);
    if (!body.tty || r->api_version < 142)
        memset(body.console_size, 0, sizeof(body.console_size));
    if (!err)
        err = find_exec(r, &e);
    if (reply_failed(r, err))
        return;
    if (body.detach)
        exec_start(e, &body, NULL, NULL, on_detached_start, r, NULL);
    else
        start_stream(r, e, &body);
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
