/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stays open with a container: wait, attach, logs. Each is cancelled when its client goes.
 * Loop thread.
 */
#include <string.h>

#include "run/commands.h"
#include "stream/log.h"

#include "hijack.h"
#include "judge.h"
#include "status.h"
#include "websocket.h"

/* ---- wait ---- */

struct wait {
    struct request *request;
    struct waiter *waiter;
};

static void on_waited(void *ctx, int code, const char *error)
{
    struct wait *wait = ctx;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    wait->waiter = NULL;
    jw_obj(&w, NULL);
    jw_int(&w, "StatusCode", code);
    if (!text_is_empty(error)) {
        jw_obj(&w, "Error");
        jw_str(&w, "Message", error);
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    buf_putc(&b, '\n');
    reply_write(wait->request, b.data, b.len);
    reply_end(wait->request);
}

static void on_wait_gone(void *ctx)
{
    struct wait *wait = ctx;

    waiter_cancel(wait->waiter);
    request_abandon(wait->request);
}

void handle_container_wait(struct request *r)
{
    const char *name = request_param(r, "condition");
    struct wait *wait = arena_new(r->arena, struct wait);
    enum wait_condition condition;
    struct container *c;

    if (!wait_condition_parse(name, &condition)) {
        reply_err(r, err_new(ERR_INVALID, "invalid condition: \"%s\"", name));
        return;
    }
    c = container_of_request(r);
    if (!c)
        return;
    wait->request = request_ref(r);
    request_on_gone(r, on_wait_gone, wait);
    /* The client starts the container when it sees the head. */
    reply_begin(r, 200, TYPE_JSON);
    wait->waiter = container_wait(c, condition, on_waited, wait);
    request_unref(r);
}

/* ---- attach ---- */

static void read_attach_params(struct request *r, bool has_tty, struct attach_request *out)
{
    const struct query *q = &r->query;
    const char *keys = query_get(q, "detachKeys");

    *out = (struct attach_request){
        .want_stdin = query_is_true(q, "stdin"),
        .want_stdout = query_is_true(q, "stdout"),
        .want_stderr = query_is_true(q, "stderr"),
        .logs = query_is_true(q, "logs"),
        .stream = query_is_true(q, "stream"),
        .framed = !has_tty,
        .tty = has_tty,
        .detach_keys = *keys ? keys : NULL,
    };
}

/* Errors of attach are not JSON: clients that asked for a raw stream read them as one. */
static void refuse_attach(struct request *r, struct err *err)
{
    struct buf b = {0};

    reply_tell_log(r, err);
    buf_printf(&b, "%s\r\n", err_text(err));
    r->keeps_alive = false;
    reply_body(r, status_of(err_kind(err)), TYPE_RAW_STREAM, "", &b);
    err_drop(err);
}

/* The command is done when the client is attached, however long it stays. */
static void accept_stream(struct hijack *h)
{
    struct request *r = request_ref(h->request);

    hijack_accept(h, false);
    request_note(r);
    request_unref(r);
}

static void attach_raw(struct request *r, struct container *c)
{
    struct attach_request attach;
    struct hijack *h;
    struct err *err;
    bool has_tty = container_has_tty(c);

    read_attach_params(r, has_tty, &attach);
    h = hijack_create(r, has_tty);
    err = container_attach(c, &attach, &h->sink, hijack_gone, h, &h->attachment);
    if (err)
        refuse_attach(r, err);
    else
        accept_stream(h);
}

void handle_container_attach(struct request *r)
{
    struct container *c;
    struct err *err = container_find(parts_of(r)->containers, request_arg(r, 0), &c);

    if (err)
        refuse_attach(r, err);
    else
        judge_container(r, c, attach_raw);
}

/* ---- attach over a websocket: never multiplexed ---- */

static struct err *check_handshake(const struct request *r)
{
    const char *key = request_header(r, "sec-websocket-key");

    if (r->is_http10 || !ws_header_has(request_header(r, "upgrade"), "websocket") ||
        !ws_header_has(request_header(r, "connection"), "upgrade"))
        return err_new(ERR_INVALID, "not a websocket handshake: Upgrade: websocket and Connection: "
                                    "Upgrade are needed");
    if (!key || !ws_key_is_valid(key))
        return err_new(ERR_INVALID,
                       "not a websocket handshake: Sec-WebSocket-Key is missing or invalid");
    return NULL;
}

static void attach_ws(struct request *r, struct container *c)
{
    const char *version = request_header(r, "sec-websocket-version");
    struct attach_request attach;
    char accept[WS_ACCEPT_SIZE];
    struct hijack *h;
    struct err *err;

    if (reply_failed(r, check_handshake(r)))
        return;
    if (!text_same(version, "13")) {
        struct buf b = {0};

        buf_puts(&b, "{\"message\":\"websocket version 13 is needed\"}\n");
        reply_body(r, 426, TYPE_JSON, "Sec-WebSocket-Version: 13\r\n", &b);
        return;
    }
    read_attach_params(r, container_has_tty(c), &attach);
    attach.framed = false;
    ws_accept_of(request_header(r, "sec-websocket-key"), accept);
    h = hijack_create(r, attach.tty);
    hijack_use_websocket(h, accept);
    err = container_attach(c, &attach, &h->sink, hijack_gone, h, &h->attachment);
    if (err)
        reply_err(r, err);
    else
        accept_stream(h);
}

void handle_container_attach_ws(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        judge_container(r, c, attach_ws);
}

/* ---- logs ---- */

struct logs {
    struct reply_sink sink;
    struct request *request; /* a reference, until done or gone */
    struct log_reader *reader;
    bool is_done;
};

static void on_logs_done(void *ctx)
{
    struct logs *l = ctx;

    l->reader = NULL;
    l->is_done = true;
    request_unref(l->request);
}

static void on_logs_gone(void *ctx)
{
    struct logs *l = ctx;
    struct request *r = l->request;

    if (l->reader)
        log_read_cancel(l->reader);
    request_abandon(r);
    if (!l->is_done)
        request_unref(r);
}

static struct err *read_log_query(struct request *r, struct log_query *out)
{
    const struct query *q = &r->query;
    int64_t tail;

    *out = (struct log_query){
        .want_stdout = query_is_true(q, "stdout"),
        .want_stderr = query_is_true(q, "stderr"),
        .follow = query_is_true(q, "follow"),
        .timestamps = query_is_true(q, "timestamps"),
        .details = query_is_true(q, "details"),
        .tail = text_to_i64(query_get(q, "tail"), &tail) && tail >= 0 ? tail : -1,
    };
    if (!out->want_stdout && !out->want_stderr)
        return err_new(ERR_INVALID, "Bad parameters: you must choose at least one stream");
    TRY(query_time(q, "since", &out->since_ns));
    return query_time(q, "until", &out->until_ns);
}

void handle_container_logs(struct request *r)
{
    struct logs *l = arena_new(r->arena, struct logs);
    struct log_query query;
    struct container *c;
    bool has_frames;
    struct err *err;

    if (reply_failed(r, read_log_query(r, &query)))
        return;
    c = container_of_request(r);
    if (!c)
        return;
    has_frames = !container_has_tty(c);
    reply_sink_init(&l->sink, r,
                    has_frames && r->api_version >= 142 ? TYPE_MUX_STREAM : TYPE_RAW_STREAM);
    l->request = request_ref(request_ref(r)); /* one for us here */
    err = container_logs(c, &query, &l->sink.sink, on_logs_done, l, &l->reader);
    if (err) {
        request_unref(r);
        reply_err(r, err);
    } else if (!l->sink.is_ended) {
        if (!r->is_begun)
            reply_begin(r, 200, l->sink.type);
        request_on_gone(r, on_logs_gone, l);
    }
    request_unref(r);
}
