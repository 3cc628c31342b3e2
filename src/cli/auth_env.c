/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As docker's: each entry goes before what config.json and its helpers keep for that key, and what
 * has none there comes from them. Nothing is written back.
 */
#include "auth_env.h"

#include "base/json.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLE "DOCKER_AUTH_CONFIG"

static struct err *unknown(const struct json *m)
{
    return err_new(ERR_INVALID, "json: unknown field \"%.100s\"", json_key(m));
}

static struct err *parse(struct arena *a, const char *text, const struct json **out)
{
    struct err *e = json_parse(a, text, strlen(text), out);

    bool is_one = !e && json_type(*out) == JSON_OBJECT;

    err_drop(e); /* it may quote what is secret */
    return is_one ? NULL : err_new(ERR_INVALID, "it is not one JSON object");
}

static struct err *add(struct arena *a, const struct json *entry, struct auth_env *out)
{
    struct credential *c = &out->v[out->keys.n];
    const char *key = json_key(entry), *auth = NULL;
    char *pair = NULL, *colon;
    size_t len = 0;

    for (const struct json *m = json_first(entry); m; m = json_next(m)) {
        if (strcasecmp(json_key(m), "auth") != 0)
            return unknown(m);
        auth = json_str(m);
    }
    if (text_is_empty(auth))
        return err_new(ERR_INVALID,
                       VARIABLE " environment variable is missing key `auth` for %.200s", key);
    err_drop(text_from_base64(a, auth, &pair, &len)); /* its error would quote it */
    colon = len ? strchr(pair, ':') : NULL;
    if (!colon || colon == pair)
        return err_new(ERR_INVALID, "Invalid auth configuration file");
    *colon = '\0';
    *c = (struct credential){.user = pair, .password = colon + 1};
    strs_add(a, &out->keys, key);
    return NULL;
}

struct err *auth_env_parse(struct arena *a, const char *text, struct auth_env *out)
{
    const struct json *doc = NULL, *auths = NULL;
    struct auth_env env = {0};

    if (!*text_trim(arena_strdup(a, text))) {
        *out = env;
        return NULL;
    }
    TRY(parse(a, text, &doc));
    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        if (strcasecmp(json_key(m), "auths") != 0)
            return unknown(m);
        auths = m;
    }
    if (auths && json_type(auths) != JSON_OBJECT && json_type(auths) != JSON_NULL)
        return err_new(ERR_INVALID, "its \"auths\" is no object");
    env.v = arena_array(a, json_len(auths) + 1, sizeof(*env.v));
    for (const struct json *m = json_first(auths); m; m = json_next(m))
        TRY(add(a, m, &env));
    *out = env;
    return NULL;
}

const struct auth_env *auth_env(struct cli *cli)
{
    const char *text = getenv(VARIABLE);
    struct auth_env *env;
    struct err *e;

    if (cli->auth_env)
        return cli->auth_env;
    cli->auth_env = env = arena_new(cli->arena, struct auth_env);
    e = auth_env_parse(cli->arena, text ? text : "", env);
    if (e)
        cli_say("Failed to create credential store from " VARIABLE ":  %s\n", err_text(e));
    err_drop(e);
    return env;
}

const struct credential *auth_env_find(struct cli *cli, const char *key)
{
    const struct auth_env *env = auth_env(cli);

    for (size_t i = env->keys.n; i > 0; i--) /* of two the last counts */
        if (!strcmp(env->keys.v[i - 1], key))
            return &env->v[i - 1];
    return NULL;
}

void auth_env_warn(void)
{
    if (!text_is_empty(getenv(VARIABLE)))
        cli_say("WARNING: " VARIABLE " is set and takes precedence.\n"
                "Unset " VARIABLE " to restore the CLI auth behaviour.\n");
}
