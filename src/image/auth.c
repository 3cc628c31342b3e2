/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X-Registry-Auth: base64 of a small JSON document. Pure, any thread. A header
 * that makes no sense counts as none, as in Docker: the registry will say so.
 */
#include <string.h>

#include "base/json.h"
#include "image/image.h"

enum { AUTH_HEADER_MAX = 65536 };

struct auth_file {
    struct registry_auth auth;
    char *both; /* base64 of "user:password", as in config.json */
};
static const struct jfield auth_fields[] = {
    J(J_STR, struct auth_file, auth.username, "username"),
    J(J_STR, struct auth_file, auth.password, "password"),
    J(J_STR, struct auth_file, auth.server, "serveraddress"),
    J(J_STR, struct auth_file, auth.identity_token, "identitytoken"),
    J(J_STR, struct auth_file, auth.registry_token, "registrytoken"),
    J(J_STR, struct auth_file, both, "auth"),
    J_END,
};
static const struct jtable auth_json = {sizeof(struct auth_file), auth_fields};

/* "auth" of ~/.docker/config.json, which some clients send as it is. */
static void split_both(struct arena *a, struct auth_file *f)
{
    char *text, *colon;
    size_t n;
    autoerr struct err *e = text_from_base64(a, f->both, &text, &n);

    if (e || strlen(text) != n || !(colon = strchr(text, ':')))
        return;
    *colon = '\0';
    f->auth.username = text;
    f->auth.password = colon + 1;
}

/* A line break would end the header we send. */
static bool is_one_line(const char *s)
{
    return !s || !strpbrk(s, "\r\n");
}

struct err *registry_auth_decode(struct arena *a, const char *text, size_t len,
                                 struct registry_auth *out)
{
    struct auth_file f = {0};

    TRY(json_decode(a, text, len, &auth_json, &f));
    if (text_is_empty(f.auth.username) && !text_is_empty(f.both))
        split_both(a, &f);
    if (!is_one_line(f.auth.identity_token) || !is_one_line(f.auth.registry_token))
        return err_new(ERR_INVALID, "a token is one line");
    *out = f.auth;
    return NULL;
}

void registry_auth_parse(struct arena *a, const char *header, struct registry_auth *out)
{
    autoerr struct err *e = NULL;
    char *text;
    size_t n;

    *out = (struct registry_auth){0};
    if (text_is_empty(header) || strlen(header) > AUTH_HEADER_MAX)
        return;
    e = text_from_base64(a, header, &text, &n);
    if (!e)
        e = registry_auth_decode(a, text, n, out);
}

struct registry_auth registry_auth_copy(struct arena *a, const struct registry_auth *auth)
{
    if (!auth)
        return (struct registry_auth){0};
    return (struct registry_auth){
        .username = arena_strdup(a, auth->username),
        .password = arena_strdup(a, auth->password),
        .server = arena_strdup(a, auth->server),
        .identity_token = arena_strdup(a, auth->identity_token),
        .registry_token = arena_strdup(a, auth->registry_token),
    };
}
