/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A repository at a registry: which endpoint answers, and who we are there
 * (anonymous, basic, or a token fetched from where the challenge points). Loop
 * thread. One token is fetched at a time; requests that need it wait for it. The
 * password never goes over an unencrypted line when the registry itself is
 * spoken to over an encrypted one.
 */
#include "fetch.h"

#include "location.h"

#include "base/json.h"
#include "base/ref.h"

#include <string.h>

enum { PING_MAX = 64 * 1024, TOKEN_MAX = 64 * 1024, SOURCES_MAX = 8, CLOSING_MS = 5000 };

static const struct registry_endpoint *endpoint(const struct registry *r)
{
    ASSERT(r->at < r->endpoints.n);
    return &r->endpoints.v[r->at];
}

struct registry *registry_open(struct loop *l, struct pools *pools, const struct settings *s,
                               const struct ref *ref, const struct registry_auth *auth)
{
    struct registry *r = mem_new(struct registry);

    ASSERT_LOOP();
    r->loop = l;
    r->tries_max = s->max_download_attempts;
    r->arena = arena_create();
    r->web = web_create(l, pools);
    r->endpoints = registry_endpoints_of(r->arena, ref->domain, s);
    r->name = arena_strdup(r->arena, ref->path);
    list_init(&r->fetches);
    r->auth = registry_auth_copy(r->arena, auth);
    return r;
}

/* Mirrors are read from only. */
static void drop_mirrors(struct registry_endpoints *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        if (!e->v[i].is_mirror)
            e->v[n++] = e->v[i];
    e->n = n;
}

struct registry *registry_open_push(struct loop *l, struct pools *pools, const struct settings *s,
                                    const struct ref *ref, const struct registry_auth *auth)
{
    struct registry *r = registry_open(l, pools, s, ref, auth);

    r->is_push = true;
    drop_mirrors(&r->endpoints);
    return r;
}

void registry_add_source(struct registry *r, const char *path)
{
    if (strcmp(path, r->name) != 0 && !strs_has(&r->sources, path) && r->sources.n < SOURCES_MAX)
        strs_add(r->arena, &r->sources, path);
}

const char *registry_base(const struct registry *r)
{
    return endpoint(r)->base;
}

struct err *registry_check_address(const struct registry *r, const char *url, bool *out_is_away)
{
    const char *base = endpoint(r)->base;

    if (text_starts(base, "https://") && !text_starts(url, "https://") && !endpoint(r)->is_insecure)
        return err_new(ERR_FORBIDDEN,
                       "the registry at %s sends us to \"%s\", which is not encrypted: refused",
                       base, url);
    *out_is_away = !location_is_same_host(base, url);
    return NULL;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    while (!list_is_empty(&r->fetches))
        fetch_cancel(list_first(&r->fetches, struct fetch, link));
    web_destroy(r->web);
    list_remove(&r->link);
    timer_clear(r->loop, &r->closing_timer);
    err_drop(r->connect_err);
    arena_destroy(r->arena);
    free(r);
}

/* ---- the end of a push ---- */

static void on_closing(struct timer *t)
{
    registry_close(container_of(t, struct registry, closing_timer));
}

/* The last word is said: closed from the loop, for we are in the fetch's own callback. */
static void on_forgotten(void *ctx, const struct fetch_result *result, struct err *err)
{
    struct registry *r = ctx;

    (void)result;
    err_drop(err);
    if (r->is_closing && list_is_empty(&r->fetches))
        timer_set(r->loop, &r->closing_timer, 0, on_closing);
}

void registry_forget_upload(struct registry *r, const char *location)
{
    const struct fetch_plan plan = {
        .url = location,
        .method = "DELETE",
        .max_bytes = PING_MAX,
        .size_bytes = -1,
        .content_from = -1,
        .is_single = true,
        .done = on_forgotten,
    };

    if (location)
        registry_get(r, &plan, r)->is_farewell = true;
}

static void on_begun(void *ctx, const struct fetch_result *result, struct err *err)
{
    if (!err)
        registry_forget_upload(ctx, result->location);
    on_forgotten(ctx, result, err);
}

void registry_forget_beginning(struct registry *r, struct fetch *f)
{
    if (!f)
        return;
    ASSERT(!f->plan.content_bytes);
    f->is_farewell = true;
    f->plan.is_single = true;
    f->plan.retry = NULL;
    f->plan.done = on_begun;
    f->ctx = r;
}

void registry_close_gently(struct registry *r, struct list *closing)
{
    if (!r)
        return;
    ASSERT(!r->is_closing);
    r->token_fetch = NULL;
    list_each (f, &r->fetches, struct fetch, link)
        if (!f->is_farewell || f->waits_for_token)
            fetch_cancel(f);
    if (list_is_empty(&r->fetches)) {
        registry_close(r);
        return;
    }
    r->is_closing = true;
    list_append(closing, &r->link);
    timer_set(r->loop, &r->closing_timer, CLOSING_MS, on_closing);
}

void registries_close(struct list *closing)
{
    list_each (r, closing, struct registry, link)
        registry_close(r);
}

struct fetch *registry_get(struct registry *r, const struct fetch_plan *p, void *ctx)
{
    autofree char *below =
        p->url ? NULL : mem_printf("%s/v2/%s/%s", endpoint(r)->base, r->name, p->path);
    struct fetch *f = fetch_create(r, p, p->url ? p->url : below, ctx);
    struct err *e = p->url ? registry_check_address(r, f->url, &f->is_away) : NULL;

    if (e)
        fetch_settle_soon(f, e, "");
    else
        fetch_start(f);
    return f;
}

/* ---- who we are ---- */

static char *basic(struct registry *r, struct arena *a)
{
    autofree char *both =
        mem_printf("%s:%s", r->auth.username, r->auth.password ? r->auth.password : "");

    return arena_printf(a, "Authorization: Basic %s", text_to_base64(a, both, strlen(both), false));
}

/* Without a user there is nothing to send. */
static bool has_password(const struct registry *r)
{
    return !text_is_empty(r->auth.username);
}

char *registry_auth_header(struct registry *r, const struct fetch *f)
{
    const char *token = text_is_empty(r->auth.registry_token) ? r->token : r->auth.registry_token;

    if (f->auth == FETCH_OPEN || f->is_away)
        return NULL;
    if (f->auth == FETCH_PASSWORD)
        return has_password(r) ? basic(r, f->arena) : NULL;
    if (token)
        return arena_printf(f->arena, "Authorization: Bearer %s", token);
    return r->challenge.scheme == CHALLENGE_BASIC && has_password(r) ? basic(r, f->arena) : NULL;
}

static bool is_http(const char *url)
{
    return text_starts(url, "http://");
}

/* Everybody who waited for the token goes on, or fails with the same words. */
static void end_waiting(struct registry *r, const struct err *err, const char *code)
{
    list_each (f, &r->fetches, struct fetch, link) {
        if (!f->waits_for_token)
            continue;
        f->waits_for_token = false;
        fetch_settle_soon(f, err_copy(err), code);
    }
}

/* What may be sent instead of the password from now on. */
static void keep_identity(struct registry *r, const char *token)
{
    if (r->is_login && !text_is_empty(token) && !strpbrk(token, "\r\n"))
        r->identity_token = arena_strdup(r->arena, token);
}

/* "token" of Docker's specification, "access_token" of OAuth 2: either may come (distribution,
 * "Token Authentication Specification"). */
static struct err *read_token(struct registry *r, const struct fetch_result *result)
{
    autoarena struct arena *a = arena_create();
    const struct json *doc;
    const char *token;
    struct err *e = json_parse(a, result->body, result->len, &doc);

    if (e)
        return err_wrap(e, "the token service's answer is not JSON");
    token = json_str(json_get(doc, "token"));
    if (text_is_empty(token))
        token = json_str(json_get(doc, "access_token"));
    if (text_is_empty(token) || strpbrk(token, "\r\n"))
        return err_new(ERR_INTERNAL,
                       "authorization server did not include a token in the response");
    r->token = arena_strdup(r->arena, token);
    keep_identity(r, json_str(json_get(doc, "refresh_token")));
    return NULL;
}

static struct err *start_token(struct registry *r) must_check;

static void on_token(void *ctx, const struct fetch_result *result, struct err *err)
{
    struct registry *r = ctx;
    autoerr struct err *e = err;

    ASSERT(r->token_fetch);
    r->token_fetch = NULL;
    if (!e)
        e = read_token(r, result);
    if (e && r->sources.n) { /* he may not read one of them: then nothing is mounted */
        r->sources = (struct strs){0};
        err_drop(steal_ptr(&e));
        e = start_token(r);
        if (!e)
            return;
    }
    end_waiting(r, e, result->code);
}

/* Of a push with each repository that something is mounted from: "a&scope=b". An OAuth 2 form has
 * one scope, of words. */
static char *scope(struct registry *r, const char *separator)
{
    const char *actions = r->is_push ? "pull,push" : "pull";
    char *all =
        text_to_query(r->arena, arena_printf(r->arena, "repository:%s:%s", r->name, actions));

    if (r->scope)
        return text_to_query(r->arena, r->scope);
    for (size_t i = 0; i < r->sources.n; i++)
        all = arena_printf(
            r->arena, "%s%s%s", all, separator,
            text_to_query(r->arena, arena_printf(r->arena, "repository:%s:pull", r->sources.v[i])));
    return all;
}

/* Whether it may be told who we are. */
static struct err *check_realm(const struct registry *r)
{
    const struct challenge *c = &r->challenge;

    if (!text_starts(c->realm, "https://") && !is_http(c->realm))
        return err_new(ERR_INTERNAL, "the registry's token service \"%s\" is no web address",
                       c->realm);
    if (is_http(c->realm) && !endpoint(r)->is_insecure &&
        (has_password(r) || !text_is_empty(r->auth.identity_token)))
        return err_new(ERR_FORBIDDEN,
                       "the registry wants the password sent unencrypted to %s: refused", c->realm);
    return NULL;
}

/* As plan_token, without a scope: the service shall only say whether it knows us, and give an
 * identity token if it has such ("offline_token"; distribution, "OAuth2 Token Authentication"). */
static void plan_login(struct registry *r, const char *service, char **out_url, char **out_form)
{
    const char *realm = r->challenge.realm;
    const char *account = has_password(r) ? arena_printf(r->arena, "account=%s&",
                                                         text_to_query(r->arena, r->auth.username))
                                          : "";

    if (!text_is_empty(r->auth.identity_token)) {
        *out_url = arena_strdup(r->arena, realm);
        *out_form = arena_printf(r->arena,
                                 "grant_type=refresh_token&service=%s&client_id=berth"
                                 "&refresh_token=%s",
                                 service, text_to_query(r->arena, r->auth.identity_token));
        return;
    }
    *out_form = NULL;
    *out_url = arena_printf(r->arena, "%s%s%sclient_id=berth&offline_token=true&service=%s", realm,
                            strchr(realm, '?') ? "&" : "?", account, service);
}

/* GET realm?service=…&scope=…, or for an identity token a POST of the same. */
static struct err *plan_token(struct registry *r, char **out_url, char **out_form)
{
    const struct challenge *c = &r->challenge;
    char *service = text_to_query(r->arena, c->service ? c->service : "");

    TRY(check_realm(r));
    if (r->is_login) {
        plan_login(r, service, out_url, out_form);
        return NULL;
    }
    if (!text_is_empty(r->auth.identity_token)) {
        *out_url = c->realm;
        *out_form = arena_printf(
            r->arena,
            "grant_type=refresh_token&service=%s&client_id=berth&scope=%s&refresh_token=%s",
            service, scope(r, "+"), text_to_query(r->arena, r->auth.identity_token));
        return NULL;
    }
    *out_form = NULL;
    *out_url = arena_printf(r->arena, "%s%sservice=%s&scope=%s", c->realm,
                            strchr(c->realm, '?') ? "&" : "?", service, scope(r, "&scope="));
    if (has_password(r))
        *out_url = arena_printf(r->arena, "%s&account=%s", *out_url,
                                text_to_query(r->arena, r->auth.username));
    return NULL;
}

static struct err *start_token(struct registry *r)
{
    struct fetch_plan plan = {.max_bytes = TOKEN_MAX, .size_bytes = -1, .done = on_token};
    char *url, *form;

    ASSERT(!r->token_fetch);
    TRY(plan_token(r, &url, &form));
    r->token = NULL;
    r->token_fetch = fetch_create(r, &plan, url, r);
    r->token_fetch->auth = form ? FETCH_OPEN : FETCH_PASSWORD;
    r->token_fetch->form = form;
    r->token_fetch->plan.is_single = r->is_login;
    fetch_start(r->token_fetch);
    return NULL;
}

/* Of several challenges the best that we can do: Bearer before Basic. */
static void learn(struct registry *r, const struct web_reply *reply)
{
    for (size_t i = 0; i < reply->challenges.n; i++) {
        struct challenge c;

        challenge_parse(r->arena, reply->challenges.v[i], &c);
        if (c.scheme > r->challenge.scheme || (i == 0 && c.scheme != CHALLENGE_NONE))
            r->challenge = c;
    }
}

bool registry_waits_for_token(struct registry *r, struct fetch *f)
{
    if (f->auth != FETCH_REGISTRY || f->is_away || !r->token_fetch)
        return false;
    f->waits_for_token = true;
    return true;
}

bool registry_authorize(struct registry *r, struct fetch *f, const struct web_reply *reply)
{
    if (f->auth != FETCH_REGISTRY || !text_is_empty(r->auth.registry_token))
        return false;
    if (r->token && f->token != r->token) { /* another one has got a new one meanwhile */
        fetch_start(f);
        return true;
    }
    if (f->has_authorized)
        return false;
    f->has_authorized = true;
    learn(r, reply);
    if (r->challenge.scheme == CHALLENGE_BASIC && has_password(r)) {
        fetch_start(f);
        return true;
    }
    if (r->challenge.scheme != CHALLENGE_BEARER)
        return false;
    if (!r->token_fetch) {
        struct err *e = start_token(r);

        if (e) {
            fetch_settle_soon(f, e, "");
            return true;
        }
    }
    f->waits_for_token = true;
    return true;
}

/* ---- which endpoint ---- */

static void connect_here(struct registry *r);

static void connected(struct registry *r, struct err *err)
{
    void (*done)(void *, struct err *) = r->connected;

    ASSERT(r->connected);
    r->connected = NULL;
    done(r->connect_ctx, err);
}

/* What the user meant: the plain address if there is one, else the last. */
static void keep_error(struct registry *r, struct err *err)
{
    if (r->connect_err && !is_http(endpoint(r)->base)) {
        err_drop(err);
        return;
    }
    err_drop(r->connect_err);
    r->connect_err = err;
}

static struct err *add_hint(struct registry *r, struct err *err)
{
    autofree char *text = NULL;

    if (!strstr(err_text(err), "server gave HTTP response to HTTPS client"))
        return err;
    text = mem_printf("%s (if this registry is to be used without encryption, start the engine "
                      "with --insecure-registry %s)",
                      err_text(err), strstr(endpoint(r)->base, "://") + 3);
    err_drop(err);
    return err_new(ERR_INTERNAL, "%s", text);
}

/* An HTTP server behind our plain greeting that wants TLS says 400. */
static bool wants_tls(const struct registry *r, const struct fetch_result *result)
{
    return result->status == 400 && is_http(endpoint(r)->base) && r->at + 1 < r->endpoints.n;
}

/* GET /v2/: the way to tell a registry from anything else (distribution, "API Version Check"); a
 * 401 is the usual answer. */
static void on_ping(void *ctx, const struct fetch_result *result, struct err *err)
{
    struct registry *r = ctx;
    bool is_registry = result->status > 0 && result->status < 500 && !wants_tls(r, result);

    if (is_registry) { /* whatever it says: it is there */
        err_drop(err);
        err_drop(steal_ptr(&r->connect_err));
        connected(r, NULL);
        return;
    }
    keep_error(r, err ? err : err_new(ERR_INTERNAL, "no registry there"));
    if (r->at + 1 < r->endpoints.n) {
        r->at++;
        connect_here(r);
        return;
    }
    connected(r, add_hint(r, steal_ptr(&r->connect_err)));
}

static void connect_here(struct registry *r)
{
    autofree char *url = mem_printf("%s/v2/", endpoint(r)->base);
    struct fetch_plan plan = {.max_bytes = PING_MAX, .size_bytes = -1, .done = on_ping};
    struct fetch *f = fetch_create(r, &plan, url, r);

    r->challenge = (struct challenge){0};
    r->token = NULL;
    f->auth = FETCH_OPEN;
    f->is_first_contact = true;
    fetch_start(f);
}

void registry_connect(struct registry *r, void (*done)(void *ctx, struct err *err), void *ctx)
{
    ASSERT(!r->connected);
    r->connected = done;
    r->connect_ctx = ctx;
    connect_here(r);
}

/* What a mirror did at its own address says nothing about the next one: challenge and token begin
 * anew. */
bool registry_skip(struct registry *r)
{
    if (!endpoint(r)->is_mirror || r->at + 1 >= r->endpoints.n)
        return false;
    r->at++;
    r->challenge = (struct challenge){0};
    r->token = NULL;
    return true;
}

/* ---- the registry itself ---- */

struct registry *registry_open_domain(struct loop *l, struct pools *pools, const struct settings *s,
                                      const char *domain, const char *scope,
                                      const struct registry_auth *auth)
{
    struct ref ref = {.domain = (char *)domain, .path = ""};
    struct registry *r = registry_open(l, pools, s, &ref, auth);

    drop_mirrors(&r->endpoints);
    r->scope = arena_strdup(r->arena, scope);
    r->is_login = !scope;
    return r;
}

struct fetch *registry_ask(struct registry *r, const struct fetch_plan *p, void *ctx)
{
    autofree char *url = mem_printf("%s%s", endpoint(r)->base, p->path);
    struct fetch *f = fetch_create(r, p, url, ctx);

    f->plan.is_single = true; /* a person waits, and can ask again */
    fetch_start(f);
    return f;
}

const char *registry_identity_token(const struct registry *r)
{
    const char *own = r->auth.identity_token;

    return r->identity_token ? r->identity_token : text_is_empty(own) ? NULL : own;
}
