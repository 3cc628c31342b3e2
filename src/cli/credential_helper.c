/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper shares our terminal and process group, so that it may ask its user for something, and
 * Ctrl-C ends both. One that closes stdout and lives on is waited for no longer than one that never
 * closes it.
 */
#include "credential_helper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include "helper_run.h"

#include <string.h>
#include <unistd.h>

#define TOKEN_USER "<token>" /* whose password is an identity token */
#define NOT_FOUND "credentials not found in native keychain"

enum { ERROR_TEXT_MAX = 300, SERVERS_MAX = 256 };

/* Of what a helper said when it failed: short, printable, and no secret. */
static char *shown(struct arena *a, const char *text)
{
    char *copy = text_trim(arena_strndup(a, text, strnlen(text, ERROR_TEXT_MAX)));

    if (strstr(text, "\"Secret\""))
        return arena_strdup(a, "(not shown)");
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return copy;
}

static struct err *failure(struct arena *a, const char *doing, const struct helper_answer *r)
{
    return err_new(ERR_INTERNAL, "error %s credentials - err: %s, out: `%s`", doing, r->failure,
                   shown(a, r->text));
}

static bool says_not_found(struct arena *a, const struct helper_answer *r)
{
    return !strcmp(text_trim(arena_strdup(a, r->text)), NOT_FOUND);
}

struct kept {
    char *user, *secret;
};
static const struct jfield kept_fields[] = {
    J(J_STR, struct kept, user, "Username"),
    J(J_STR, struct kept, secret, "Secret"),
    J_END,
};
static const struct jtable kept_json = {sizeof(struct kept), kept_fields};

struct err *helper_read_get(struct arena *a, const char *text, size_t len, struct credential *out)
{
    struct kept k = {0};

    TRY(json_decode(a, text, len, &kept_json, &k));
    *out = (struct credential){0};
    if (k.user && !strcmp(k.user, TOKEN_USER)) {
        out->identity_token = k.secret;
    } else {
        out->user = k.user;
        out->password = k.secret;
    }
    return NULL;
}

struct err *helper_get(struct arena *a, const char *helper, const char *server,
                       struct credential *out)
{
    struct helper_answer r = {0};
    struct err *e;

    helper_run(a, helper, "get", server, &r);
    if (r.failure && says_not_found(a, &r))
        return NULL;
    if (r.failure)
        return failure(a, "getting", &r);
    e = helper_read_get(a, r.text, r.len, out);
    if (!e)
        return NULL;
    err_drop(e); /* it may quote what it read */
    return err_new(ERR_INTERNAL,
                   "error getting credentials - err: docker-credential-%s has "
                   "answered with something else",
                   helper);
}

struct err *helper_store(struct arena *a, const char *helper, const char *server,
                         const struct credential *c)
{
    struct helper_answer r = {0};
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "ServerURL", server);
    jw_str(&w, "Username", c->identity_token ? TOKEN_USER : c->user);
    jw_str(&w, "Secret", c->identity_token ? c->identity_token : c->password);
    jw_obj_end(&w);
    buf_putc(&b, '\n');
    helper_run(a, helper, "store", b.data, &r);
    return r.failure ? failure(a, "storing", &r) : NULL;
}

struct err *helper_erase(struct arena *a, const char *helper, const char *server)
{
    struct helper_answer r = {0};

    helper_run(a, helper, "erase", server, &r);
    return r.failure && !says_not_found(a, &r) ? failure(a, "erasing", &r) : NULL;
}

struct err *helper_read_list(struct arena *a, const char *text, size_t len, struct strs *out)
{
    const struct json *doc;

    TRY(json_parse(a, text, len, &doc));
    if (json_type(doc) != JSON_OBJECT)
        return err_new(ERR_INVALID, "it is no object");
    if (json_len(doc) > SERVERS_MAX)
        return err_new(ERR_TOO_LARGE, "more than %d registries", SERVERS_MAX);
    for (const struct json *m = json_first(doc); m; m = json_next(m))
        strs_add(a, out, json_key(m));
    return NULL;
}

struct err *helper_list(struct arena *a, const char *helper, struct strs *out)
{
    struct helper_answer r = {0};
    struct err *e;

    helper_run(a, helper, "list", "unused", &r);
    if (r.failure)
        return failure(a, "listing", &r);
    e = helper_read_list(a, r.text, r.len, out);
    return e ? err_wrap(e, "error listing credentials - err: docker-credential-%s", helper) : NULL;
}

bool helper_is_installed(struct arena *a, const char *helper)
{
    return helper_find(a, helper) != NULL;
}
