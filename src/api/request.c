/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: what was asked. References: one of the connection while the request is its current
 * one, one of the handler until it has answered. Nothing here touches the socket. Loop thread.
 */
#include "request.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "runtime/config.h"

#include "conn.h"

struct request *request_create(struct front *f, struct conn *c)
{
    struct request *r = mem_new(struct request);

    r->refs = 1;
    r->front = f;
    r->conn = c;
    f->n_requests++;
    r->arena = arena_create();
    r->keeps_alive = true;
    r->method = "";
    return r;
}

void request_note(struct request *r)
{
    if (r->front->on_result)
        r->front->on_result(r);
}

void request_unref(struct request *r)
{
    struct front *f = r->front;

    ASSERT(r->refs > 0);
    if (--r->refs > 0)
        return;
    request_note(r);
    ASSERT(f->n_requests > 0);
    buf_finish(&r->body);
    arena_destroy(r->arena);
    free(r);
    if (--f->n_requests == 0 && f->on_quiet)
        f->on_quiet(f);
}

/* "http://docker/v1.41/info" (absolute form) → "/v1.41/info" */
static const char *origin_form(const char *target)
{
    const char *host;

    if (*target == '/')
        return target;
    host = strstr(target, "://");
    host = host ? strchr(host + strlen("://"), '/') : NULL;
    return host ? host : "/";
}

/* Percent-escapes only: '+' is itself in a path. */
static struct err *decode_path(struct arena *a, const char *s, size_t n, char **out)
{
    autobuf struct buf escaped = {0};

    for (size_t i = 0; i < n; i++) {
        if (s[i] == '+')
            buf_puts(&escaped, "%2B");
        else
            buf_putc(&escaped, s[i]);
    }
    return text_from_query(a, escaped.data ? escaped.data : "", escaped.len, out);
}

/* Route, version and query, in this order: what is wrong first is what the client is told. An
 * unknown path is one in every version. */
struct err *request_resolve(struct request *r, const struct route *routes, int oldest, int newest)
{
    const char *target = origin_form(r->target), *path;
    size_t n = strcspn(target, "?#");
    struct err *err;

    TRY(decode_path(r->arena, target, n, &r->path));
    path = r->path;
    err = router_version(&path, oldest, newest, &r->api_version);
    r->path = arena_strdup(r->arena, path);
    if (!router_match(r->arena, routes, r->method, r->path, &r->match)) {
        err_drop(err);
        return err_new(ERR_NOT_FOUND, "page not found");
    }
    if (err) {
        r->has_plain_errors = r->api_version < oldest;
        return err;
    }
    return query_parse(r->arena, target[n] == '?' ? target + n + 1 : "", &r->query);
}

const char *request_arg(const struct request *r, size_t n)
{
    ASSERT(n < ROUTE_ARGS_MAX && r->match.args[n]);
    return r->match.args[n];
}

const char *request_param(const struct request *r, const char *key)
{
    return query_get(&r->query, key);
}

const char *request_header(const struct request *r, const char *lower_name)
{
    return pairs_get(&r->headers, lower_name);
}

static bool is_json_type(struct arena *a, const char *content_type)
{
    char *type = arena_strdup(a, content_type);

    type[strcspn(type, ";")] = '\0';
    text_lower(type);
    return !strcmp(text_trim(type), "application/json");
}

/* Docker's rule: no type at all is right only without a body. */
struct err *request_json(struct request *r, const char **out, size_t *out_len)
{
    const char *type = request_header(r, "content-type");

    if ((type && *type && !is_json_type(r->arena, type)) || (text_is_empty(type) && r->body.len))
        return err_new(ERR_INVALID,
                       "unsupported Content-Type header (%s): must be 'application/json'",
                       type ? type : "");
    *out = r->body.data ? r->body.data : "";
    *out_len = r->body.len;
    return NULL;
}

struct err *request_need_json(struct request *r, const char **out, size_t *out_len)
{
    TRY(request_json(r, out, out_len));
    if (*out_len == 0)
        return err_new(ERR_INVALID, "invalid JSON: got EOF while reading request body");
    return NULL;
}

struct err *request_read_warned(struct request *r, const struct jtable *t, void *out,
                                struct strs *warnings)
{
    const struct jtable *const tables[] = {t, NULL};
    const struct json *doc;
    const char *body;
    size_t len;

    TRY(request_need_json(r, &body, &len));
    TRY(json_parse(r->arena, body, len, &doc));
    TRY(json_fill(r->arena, doc, t, out));
    TRY(json_check_sizes(t, out, REQUEST_ENTRIES_MAX));
    config_warn_unused(r->arena, doc, tables, warnings);
    return NULL;
}

/* Where an answer has no place for warnings, the log has. */
struct err *request_read(struct request *r, const struct jtable *t, void *out)
{
    struct strs warnings = {0};

    TRY(request_read_warned(r, t, out, &warnings));
    for (size_t i = 0; i < warnings.n; i++)
        log_warn("a field of a request has no effect", KV("path", r->path),
                 KV("field", warnings.v[i]));
    return NULL;
}

struct err *request_body_pipe(struct request *r, int *out_fd)
{
    if (!r->conn)
        return err_new(ERR_CANCELLED, "the client is gone");
    return conn_body_pipe(r->conn, out_fd);
}

struct err *request_body_pieces(struct request *r, struct copy_input *out)
{
    if (!r->conn)
        return err_new(ERR_CANCELLED, "the client is gone");
    conn_body_pieces(r->conn, out);
    return NULL;
}

void request_hold_body(struct request *r)
{
    if (r->conn)
        conn_hold_input(r->conn);
}

void request_resume_body(struct request *r)
{
    if (r->conn)
        conn_resume_input(r->conn);
}

void request_on_gone(struct request *r, void (*fn)(void *ctx), void *ctx)
{
    r->on_gone = fn;
    r->gone_ctx = ctx;
}

/* The client is gone and nothing will be answered: the handler's reference goes. */
void request_abandon(struct request *r)
{
    ASSERT(!r->conn && !r->is_answered);
    r->is_answered = true;
    r->on_gone = NULL;
    request_unref(r);
}
