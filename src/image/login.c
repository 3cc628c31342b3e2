/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker login: GET /v2/ with the credentials, or with the token that they get. Loop thread. The
 * sentences are Docker's; who is refused gets 401 also where Docker says 500, since its own client
 * asks for a new password only then.
 */
#include "ask_inner.h"

#include "base/json.h"

#include "fetch.h"
#include "server_name.h"

#include <string.h>

enum { ANSWER_MAX = 64 * 1024 };

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {400, " Bad Request"},
        {401, " Unauthorized"},
        {403, " Forbidden"},
        {404, " Not Found"},
        {405, " Method Not Allowed"},
        {429, " Too Many Requests"},
        {500, " Internal Server Error"},
        {502, " Bad Gateway"},
        {503, " Service Unavailable"},
        {504, " Gateway Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "";
}

/* Below 400 it is no answer of the registry: the token service refuses, or the connection broke.
 * Takes err. */
static struct err *login_refusal(struct ask *k, int status, struct err *err)
{
    const char *base = registry_base(k->registry);
    autofree char *get = mem_printf("Get \"%s/v2/", base);

    if (status < 400)
        return text_starts(err_text(err), get) ? err : err_wrap(err, "%s\"", get);
    err_drop(err);
    return err_new(status == 401 ? ERR_UNAUTHORIZED : ERR_INTERNAL,
                   "login attempt to %s/v2/ failed with status: %d%s", base, status,
                   status_text(status));
}

/* Who was not told the password cannot find it right; and a page for people is no registry's. */
static struct err *check_greeting(struct ask *k, const struct fetch_result *r)
{
    autofree char *root = mem_printf("%s/", registry_base(k->registry));
    const char *base = registry_base(k->registry);

    if (r->url && !text_starts(r->url, root))
        return err_new(ERR_INTERNAL,
                       "login attempt to %s/v2/ failed: it redirects to another host, which is "
                       "not told the password",
                       base);
    if (r->content_type && text_starts(r->content_type, "text/html"))
        return err_new(ERR_INTERNAL, "login attempt to %s/v2/ failed: a web page and no registry",
                       base);
    return NULL;
}

static void write_success(struct ask *k)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "IdentityToken", registry_identity_token(k->registry));
    jw_str(&w, "Status", "Login Succeeded");
    jw_obj_end(&w);
    ask_set_json(k, &b);
}

static void on_greeted(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct ask *k = ctx;

    k->fetch = NULL;
    err = err ? login_refusal(k, r->status, err) : check_greeting(k, r);
    if (!err)
        write_success(k);
    ask_end(k, err);
}

static void begin(struct ask *k)
{
    const struct fetch_plan plan = {
        .path = "/v2/",
        .max_bytes = ANSWER_MAX,
        .size_bytes = -1,
        .done = on_greeted,
    };

    k->fetch = registry_ask(k->registry, &plan, k);
}

static struct err *open_registry(struct ask *k)
{
    struct image_table *t = k->job.table;
    char *domain;

    TRY(server_name_domain(k->job.op.arena, k->auth.server, &domain));
    k->registry = registry_open_domain(t->loop, t->pools, t->settings, domain, NULL, &k->auth);
    return NULL;
}

static const struct ask_kind login_kind = {open_registry, begin};

struct image_job *ask_login(struct image_table *t, const struct registry_auth *auth,
                            ask_done_fn done, void *ctx)
{
    return ask_start(ask_create(t, &login_kind, "login", auth), done, ctx);
}
