/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a registry until it has come whole: waits and tries again
 * when the connection breaks or the server is in trouble, and goes on from the
 * byte where a body stopped. Loop thread. A server that ignores Range sends all
 * of it again; then what was there before is skipped, so the sink never sees a
 * byte twice.
 */
#include "fetch.h"

#include "location.h"

#include <stdio.h>
#include <string.h>

enum {
    FIRST_WAIT_MS = 250,
    REDIRECTS_MAX = 10,
    WAIT_MAX_S = 60,
    WAIT_DOUBLINGS = 8,
    REFUSAL_MAX = 64 * 1024,
    PROGRESS_BYTES = 1 << 20, /* so much more since the last trouble: count anew */
};

static const struct web_handler fetch_handler, sending_handler;

struct fetch *fetch_create(struct registry *r, const struct fetch_plan *p, const char *url,
                           void *ctx)
{
    struct fetch *f = mem_new(struct fetch);

    f->arena = arena_create();
    f->registry = r;
    f->plan = *p;
    f->plan.accept = arena_strdup(f->arena, p->accept);
    f->plan.method = arena_strdup(f->arena, p->method);
    f->plan.content_type = arena_strdup(f->arena, p->content_type);
    f->plan.path = f->plan.url = NULL;
    f->ctx = ctx;
    f->url = arena_strdup(f->arena, url);
    f->auth = FETCH_REGISTRY;
    list_append(&r->fetches, &f->link);
    return f;
}

static void fetch_free(struct fetch *f)
{
    list_remove(&f->link);
    timer_clear(f->registry->loop, &f->timer);
    web_cancel(f->call);
    buf_finish(&f->body);
    err_drop(f->stop);
    arena_destroy(f->arena);
    free(f);
}

void fetch_cancel(struct fetch *f)
{
    if (f)
        fetch_free(f);
}

void fetch_resume(struct fetch *f)
{
    if (f->call)
        web_resume(f->call);
}

int64_t fetch_sent(const struct fetch *f)
{
    return f->call ? web_sent(f->call) : 0;
}

static int64_t number_of(const char *text)
{
    int64_t n;

    return text && text_to_i64(text, &n) && n >= 0 ? n : -1;
}

/* Where the reply sends us; NULL: nowhere, or *out_err says why it is no place to go. */
static char *location_of(struct fetch *f, const struct web_reply *r, struct err **out_err)
{
    char *to = NULL;

    if (!r || !r->location)
        return NULL;
    *out_err = location_join(f->arena, f->url, r->location, &to);
    return *out_err ? NULL : location_keep_tls(f->arena, registry_base(f->registry), to);
}

/* Ends it: the callback, and f is gone. Takes err. */
static void fetch_finish(struct fetch *f, const struct web_reply *reply, const char *code,
                         struct err *err)
{
    struct fetch_result result = {
        .status = reply ? reply->status : 0,
        .content_type = reply ? reply->content_type : NULL,
        .link = reply ? reply->link : NULL,
        .url = reply ? reply->url : NULL,
        .body = f->body.data ? f->body.data : "",
        .len = f->body.len,
        .code = code,
        .range = reply ? reply->range : NULL,
        .content_digest = reply ? reply->content_digest : NULL,
        .min_chunk = reply ? reply->min_chunk : NULL,
        .content_length = reply ? number_of(reply->content_length) : -1,
        .retry_after_s = reply ? reply->retry_after_s : -1,
    };

    if (f->plan.method) {
        struct err *bad = NULL;

        result.location = location_of(f, reply, &bad);
        if (err)
            err_drop(bad);
        else
            err = bad;
    }

    /* The callback may close the registry, which frees all on the list. */
    list_remove(&f->link);
    timer_clear(f->registry->loop, &f->timer);
    f->plan.done(f->ctx, &result, err);
    buf_finish(&f->body);
    err_drop(f->stop);
    arena_destroy(f->arena);
    free(f);
}

void fetch_start(struct fetch *f)
{
    const struct registry_endpoint *e = &f->registry->endpoints.v[f->registry->at];
    struct strs headers = {0};
    char *authorization = registry_auth_header(f->registry, f);
    struct web_request request = {
        .url = f->url,
        .headers = &headers,
        .form = f->form,
        .accepts_any_cert = e->is_insecure && !f->is_away,
        .is_loopback = e->is_loopback && !f->is_away,
        .is_document = !f->plan.body && !f->plan.content_bytes && !f->plan.is_slow,
        .from = f->have,
        .method = f->plan.method,
        .content = f->plan.content,
        .content_bytes = f->plan.content_bytes,
        .follows_nothing = f->plan.method != NULL,
        .is_slow = f->plan.is_slow,
        .certs = f->is_away ? NULL : &e->certs,
    };

    ASSERT(!f->call);
    if (registry_waits_for_token(f->registry, f))
        return;
    f->token = f->registry->token;
    if (f->plan.accept)
        strs_add(f->arena, &headers, arena_printf(f->arena, "Accept: %s", f->plan.accept));
    if (authorization)
        strs_add(f->arena, &headers, authorization);
    if (f->plan.content_type)
        strs_add(f->arena, &headers,
                 arena_printf(f->arena, "Content-Type: %s", f->plan.content_type));
    if (f->plan.content_bytes && f->plan.content_from >= 0)
        strs_add(f->arena, &headers,
                 arena_printf(f->arena, "Content-Range: %lld-%lld", (long long)f->plan.content_from,
                              (long long)(f->plan.content_from + f->plan.content_bytes - 1)));
    f->has_begun = false;
    f->skip = 0;
    f->body.len = 0;
    f->call =
        web_start(f->registry->web, &request, f->plan.send ? &sending_handler : &fetch_handler, f);
}

/* ---- the body ---- */

static enum web_verdict stop(struct fetch *f, struct err *err)
{
    f->stop = err;
    return WEB_STOP;
}

static enum web_verdict collect(struct fetch *f, const void *p, size_t n, size_t max)
{
    if (f->body.len + n > max)
        return stop(
            f, err_new(ERR_INVALID, "the answer of \"%s\" is larger than %zu bytes", f->url, max));
    buf_add(&f->body, p, n);
    return WEB_TAKEN;
}

/* A server may answer a request for a range with the whole (200): then what we have already is
 * skipped (RFC 9110, 14.2). */
static struct err *begin_response(struct fetch *f, const struct web_reply *r)
{
    long long from = 0;

    f->has_begun = true;
    f->skip = r->status == 206 ? 0 : f->have;
    if (r->status != 206)
        return NULL;
    if (!r->content_range || sscanf(r->content_range, "bytes %lld-", &from) != 1 || from != f->have)
        return err_new(ERR_INTERNAL, "\"%s\" answered with another range than asked for", f->url);
    return NULL;
}

static enum web_verdict stream(struct fetch *f, const char *p, size_t n)
{
    size_t old = (int64_t)n < f->skip ? n : (size_t)f->skip;
    enum web_verdict verdict;

    ASSERT(f->plan.body && f->have >= 0 && f->skip >= 0);
    if (old == n) {
        f->skip -= (int64_t)old;
        return WEB_TAKEN;
    }
    if (f->plan.size_bytes >= 0 && f->have + (int64_t)(n - old) > f->plan.size_bytes)
        return stop(f, err_new(ERR_INVALID, "the blob is larger than its manifest says"));
    verdict = f->plan.body(f->ctx, p + old, n - old);
    if (verdict != WEB_TAKEN)
        return verdict;
    f->skip = 0;
    f->have += (int64_t)(n - old);
    return WEB_TAKEN;
}

static bool is_success(const struct fetch *f, int status)
{
    return status == 200 || status == 206 || (f->plan.method && status >= 200 && status < 300);
}

static enum web_verdict on_body(void *ctx, const struct web_reply *r, const void *p, size_t n)
{
    struct fetch *f = ctx;

    if (!is_success(f, r->status))
        return collect(f, p, n, REFUSAL_MAX);
    if (!f->plan.body)
        return collect(f, p, n, f->plan.max_bytes);
    if (!f->has_begun) {
        struct err *e = begin_response(f, r);

        if (e)
            return stop(f, e);
    }
    return stream(f, p, n);
}

/* ---- the end, or another try ---- */

static void on_retry(struct timer *t)
{
    struct fetch *f = container_of(t, struct fetch, timer);

    if (f->stop)
        fetch_finish(f, NULL, f->stop_code, steal_ptr(&f->stop));
    else
        fetch_start(f);
}

/* In a turn of the loop of its own: the caller may be a callback of libcurl. */
void fetch_settle_soon(struct fetch *f, struct err *stop, const char *code)
{
    f->stop = stop;
    f->stop_code = arena_strdup(f->arena, code);
    timer_set(f->registry->loop, &f->timer, 0, on_retry);
}

int64_t fetch_wait_ms(int n, int64_t retry_after_s)
{
    int64_t ms = n > WAIT_DOUBLINGS ? WAIT_MAX_S * 1000 : FIRST_WAIT_MS << (n - 1);

    if (retry_after_s > WAIT_MAX_S)
        retry_after_s = WAIT_MAX_S;
    return retry_after_s * 1000 > ms ? retry_after_s * 1000 : ms;
}

/* The wait doubles; a transfer that has come on since the last try (PROGRESS_BYTES) begins to count
 * anew, so that a bad line can bring a large layer. */
static bool try_again(struct fetch *f, const struct web_reply *r)
{
    int64_t wait_ms;

    ASSERT(!f->call);
    if (f->plan.is_single)
        return false;
    if (f->have - f->kept >= PROGRESS_BYTES) {
        f->kept = f->have;
        f->tries = 0;
    }
    if (++f->tries >= f->registry->tries_max)
        return false;
    wait_ms = fetch_wait_ms(f->tries, r->retry_after_s);
    timer_set(f->registry->loop, &f->timer, wait_ms, on_retry);
    if (f->plan.retry)
        f->plan.retry(f->ctx, (int)((wait_ms + 999) / 1000));
    return true;
}

/* Too many requests, time-outs and faults of the server; 501 will be the same tomorrow. */
static bool status_may_pass(int status)
{
    return status == 429 || status == 408 || (status >= 500 && status != 501);
}

/* A broken transfer, NULL when it was none. */
static struct err *check_whole(struct fetch *f)
{
    if (!f->plan.body || f->plan.size_bytes < 0 || f->have == f->plan.size_bytes)
        return NULL;
    return err_new(ERR_INTERNAL, "Get \"%s\": unexpected EOF after %lld of %lld bytes", f->url,
                   (long long)f->have, (long long)f->plan.size_bytes);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A redirect, with the same method and content. A password or token goes to the registry's own host
 * alone, and over no line that is less safe than the registry's. */
static void follow(struct fetch *f, const struct web_reply *r)
{
    struct err *e = NULL;
    char *to = location_of(f, r, &e);

    if (!e && !to)
        e = err_new(ERR_INTERNAL, "\"%s\" redirects (%d) to nowhere", f->url, r->status);
    if (!e && ++f->n_redirects > REDIRECTS_MAX)
        e = err_new(ERR_INTERNAL, "%s \"%s\": stopped after %d redirects", f->plan.method, f->url,
                    REDIRECTS_MAX);
    if (!e)
        e = registry_check_address(f->registry, to, &f->is_away);
    if (e) {
        fetch_finish(f, r, "", e);
        return;
    }
    f->url = to;
    fetch_start(f);
}

static void on_refusal(struct fetch *f, const struct web_reply *r)
{
    const char *code = "";
    struct err *e;

    if (r->status == 401 && !f->is_away && registry_authorize(f->registry, f, r))
        return;
    if (status_may_pass(r->status) && try_again(f, r))
        return;
    e = registry_err(f->arena, r->status, f->url, &f->body, &code);
    fetch_finish(f, r, code, e);
}

static void on_end(void *ctx, const struct web_reply *r, struct err *err)
{
    struct fetch *f = ctx;

    f->call = NULL;
    if (f->stop) {
        err_drop(err);
        fetch_finish(f, r, "", steal_ptr(&f->stop));
        return;
    }
    /* Asked for what lies behind the last byte: there is nothing more. */
    if (!err && r->status == 416 && f->have > 0 && f->have == f->plan.size_bytes) {
        fetch_finish(f, r, "", NULL);
        return;
    }
    /* Who refuses a body need not read all of it before he closes. */
    if (err && f->plan.content_bytes && r->status >= 400) {
        err_drop(err);
        err = NULL;
    }
    if (!err && f->plan.method && is_redirect(r->status) && !f->plan.send) {
        follow(f, r);
        return;
    }
    if (!err && !is_success(f, r->status)) {
        on_refusal(f, r);
        return;
    }
    if (!err)
        err = check_whole(f);
    if (err && !r->speaks_plain_http && !f->is_first_contact && try_again(f, r)) {
        err_drop(err);
        return;
    }
    fetch_finish(f, r, "", err);
}

static enum web_verdict on_send(void *ctx, void *p, size_t room, size_t *n)
{
    struct fetch *f = ctx;

    return f->plan.send(f->ctx, p, room, n);
}

static const struct web_handler fetch_handler = {.body = on_body, .end = on_end},
                                sending_handler = {on_body, on_send, on_end};
