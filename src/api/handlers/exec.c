/* SPDX-License-Identifier: Apache-2.0 */
/* Exec: create, start (a stream), resize, inspect. Loop thread. */
#include "exec/exec.h"

#include <string.h>

#include "exec/exec_object.h"
#include "runtime/risk.h"

#include "api.h"
#include "hijack.h"

struct start_body {
    bool detach, tty;
};
static const struct jfield start_fields[] = {
    J(J_BOOL, struct start_body, detach, "Detach"),
    J(J_BOOL, struct start_body, tty, "Tty"),
    J_END,
};
static const struct jtable start_json = {sizeof(struct start_body), start_fields};

/* Ours: Docker's answer has no place for them. Absent when there are none. */
static void write_warnings(struct request *r, struct jw *w, const char *id)
{
    struct risk_findings found = {0};
    struct strs warnings = {0};
    struct exec *e;
    struct err *err = exec_find(parts_of(r)->containers, id, &e);

    if (!err && e->doc.config.privileged)
        risk_add(r->arena, &found, "exec-privileged", "exec --privileged");
    err_drop(err);
    risk_warn(r->arena, &found, &warnings);
    if (warnings.n)
        jw_strs(w, "Warnings", &warnings);
}

static void on_created(void *ctx, struct err *err, const char *id)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(ctx, err))
        return;
    jw_obj(&w, NULL);
    jw_str(&w, "Id", id);
    write_warnings(ctx, &w, id);
    jw_obj_end(&w);
    reply_json(ctx, 201, &b);
}

void handle_exec_create(struct request *r)
{
    const char *body;
    size_t len;
    struct container *c;

    if (reply_failed(r, request_need_json(r, &body, &len)))
        return;
    c = container_of_request(r);
    if (c)
        exec_create(c, body, len, on_created, r);
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

static void start_stream(struct request *r, struct exec *e)
{
    bool has_tty = exec_has_tty(e);
    struct hijack *h = hijack_create(r, has_tty);

    request_ref(request_ref(r)); /* one until started, one for us here */
    exec_start(e, false, has_tty, &h->sink, hijack_gone, on_stream_start, h, &h->attachment);
    if (!r->is_answered)
        hijack_accept(h, true);
    request_unref(r);
}

void handle_exec_start(struct request *r)
{
    struct start_body body = {0};
    const char *text;
    size_t len;
    struct exec *e;
    struct err *err = request_json(r, &text, &len);

    if (!err && len > 0)
        err = json_decode(r->arena, text, len, &start_json, &body);
    if (!err)
        err = find_exec(r, &e);
    if (reply_failed(r, err))
        return;
    if (body.detach)
        exec_start(e, true, body.tty, NULL, NULL, on_detached_start, r, NULL);
    else
        start_stream(r, e);
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
