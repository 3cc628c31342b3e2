/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As Docker's command line: "credHelpers" names the helper of a registry, "credsStore" that of all
 * others; without, an entry of "auths" has base64("user:password"). A registry whose password a
 * helper keeps has an empty entry. Docker Hub's key is its old index address.
 */
#include "auth.h"

#include "base/json.h"
#include "base/ref.h"

#include "api.h"
#include "auth_env.h"
#include "cli.h"
#include "config_file.h"

#include <string.h>
#include <unistd.h>

#define HUB_KEY "https://index.docker.io/v1/"

/* "https://reg.lan:5000/v1/" → "reg.lan:5000". */
static char *hostname_of(struct arena *a, const char *server)
{
    const char *s = strstr(server, "://");

    s = s ? s + 3 : server;
    return arena_strndup(a, s, strcspn(s, "/"));
}

bool auth_key_is_hub(const char *key)
{
    return strcmp(key, HUB_KEY) == 0;
}

const char *auth_key(struct arena *a, const char *registry)
{
    const char *host;

    if (text_is_empty(registry))
        return HUB_KEY;
    host = hostname_of(a, registry);
    if (!strcmp(host, "docker.io") || !strcmp(host, "index.docker.io"))
        return HUB_KEY;
    return host;
}

/* ---- who keeps it ---- */

/* As Docker's: where nothing is configured and nothing was ever stored, the helper that the system
 * has. */
static const char *detected_store(struct cli *cli, const struct json *config)
{
    const char *dirs = getenv("PATH");
    struct strs path = text_split(cli->arena, dirs ? dirs : "", ':');
    const char *found = "secretservice";

    if (json_get(config, "credsStore") || json_len(json_get(config, "credHelpers")) ||
        json_len(json_get(config, "auths")))
        return NULL;
    for (size_t i = 0; i < path.n; i++)
        if (*path.v[i] == '/' && access(arena_printf(cli->arena, "%s/pass", path.v[i]), X_OK) == 0)
            found = "pass";
    return helper_is_installed(cli->arena, found) ? found : NULL;
}

static const char *default_store(struct cli *cli, const struct json *config)
{
    const char *store = json_str(json_get(config, "credsStore"));

    return text_is_empty(store) ? detected_store(cli, config) : store;
}

/* Keys are names: json_get would take them in any case. */
static const struct json *member(const struct json *object, const char *key)
{
    for (const struct json *m = json_first(object); m; m = json_next(m))
        if (!strcmp(json_key(m), key))
            return m;
    return NULL;
}

/* NULL: config.json itself. */
static const char *store_of(struct cli *cli, const char *key)
{
    const struct json *config = config_file_look(cli);
    const char *helper = json_str(member(json_get(config, "credHelpers"), key));

    return text_is_empty(helper) ? default_store(cli, config) : helper;
}

/* ---- an entry of config.json ---- */

static char *optional(struct arena *a, const struct json *entry, const char *key)
{
    const char *s = json_str(json_get(entry, key));

    return text_is_empty(s) ? NULL : arena_strdup(a, s);
}

static struct err *split_pair(struct arena *a, const char *auth, struct credential *out)
{
    char *pair, *colon;
    size_t len;

    err_drop(text_from_base64(a, auth, &pair, &len)); /* its error would quote it */
    colon = len ? strchr(pair, ':') : NULL;
    if (!colon)
        return err_new(ERR_INVALID, "Invalid auth configuration file");
    *colon = '\0';
    out->user = pair;
    out->password = colon + 1;
    return NULL;
}

static struct err *read_entry(struct arena *a, const struct json *entry, struct credential *out)
{
    const char *auth = json_str(json_get(entry, "auth"));
    struct credential c = {
        .user = optional(a, entry, "username"),
        .password = optional(a, entry, "password"),
        .identity_token = optional(a, entry, "identitytoken"),
        .registry_token = optional(a, entry, "registrytoken"),
    };

    if (!text_is_empty(auth))
        TRY(split_pair(a, auth, &c));
    *out = c;
    return NULL;
}

/* By its key, or an older one: "https://reg.lan/v1/". */
static const struct json *find_entry(struct cli *cli, const char *key)
{
    const struct json *auths = json_get(config_file_look(cli), "auths");
    const struct json *entry = member(auths, key);

    for (const struct json *m = json_first(auths); m && !entry; m = json_next(m))
        if (!strcmp(hostname_of(cli->arena, json_key(m)), key))
            entry = m;
    return entry;
}

struct err *auth_get(struct cli *cli, const char *key, struct credential *out)
{
    const struct credential *in_env = auth_env_find(cli, key);
    const struct json *entry;
    const char *store;

    *out = (struct credential){0};
    if (in_env) {
        *out = *in_env;
        return NULL;
    }
    store = store_of(cli, key);
    if (store)
        return helper_get(cli->arena, store, key, out);
    entry = find_entry(cli, key);
    return entry ? read_entry(cli->arena, entry, out) : NULL;
}

/* ---- changes ---- */

struct err *auth_store(struct cli *cli, const char *key, const struct credential *c,
                       bool *out_is_file)
{
    struct config_edit e = {.key = key};
    const char *store;
    const struct json *config;

    TRY(config_file_read(cli, &config)); /* before a helper has it, and we could not say so */
    store = store_of(cli, key);
    *out_is_file = !store;
    if (store) {
        TRY(helper_store(cli->arena, store, key, c));
        e.store = detected_store(cli, config);
        return config_file_edit(cli, &e);
    }
    if (c->identity_token) {
        e.identity = c->identity_token;
        if (c->user) /* Docker keeps the name beside the token */
            e.auth = arena_printf(cli->arena, "%s:", c->user);
    } else {
        e.auth = arena_printf(cli->arena, "%s:%s", c->user, c->password);
    }
    if (e.auth)
        e.auth = text_to_base64(cli->arena, e.auth, strlen(e.auth), false);
    return config_file_edit(cli, &e);
}

struct err *auth_erase(struct cli *cli, const char *key)
{
    struct config_edit e = {0};
    const char *host = hostname_of(cli->arena, key), *store;
    const struct json *config;
    struct err *failed = NULL;

    TRY(config_file_read(cli, &config));
    strs_add(cli->arena, &e.removed, key);
    if (!auth_key_is_hub(key)) {
        strs_add(cli->arena, &e.removed, arena_printf(cli->arena, "http://%s", host));
        strs_add(cli->arena, &e.removed, arena_printf(cli->arena, "https://%s", host));
    }
    for (const struct json *m = json_first(json_get(config, "auths")); m; m = json_next(m))
        if (!auth_key_is_hub(key) && !strcmp(hostname_of(cli->arena, json_key(m)), host))
            strs_add(cli->arena, &e.removed, json_key(m));
    store = store_of(cli, key);
    if (store && config)
        failed = helper_erase(cli->arena, store, key);
    if (failed)
        return failed;
    return config ? config_file_edit(cli, &e) : NULL;
}

/* ---- for the engine ---- */

static bool is_empty(const struct credential *c)
{
    return !c->user && !c->password && !c->identity_token && !c->registry_token;
}

static void write_credential(struct jw *w, const char *name, const struct credential *c,
                             const char *server)
{
    jw_obj(w, name);
    if (c->user)
        jw_str(w, "username", c->user);
    if (c->password)
        jw_str(w, "password", c->password);
    if (c->identity_token)
        jw_str(w, "identitytoken", c->identity_token);
    if (c->registry_token)
        jw_str(w, "registrytoken", c->registry_token);
    jw_str(w, "serveraddress", server);
    jw_obj_end(w);
}

/* Without it we are nobody; what is public goes on. */
static bool get_or_tell(struct cli *cli, const char *key, struct credential *out)
{
    struct err *e = auth_get(cli, key, out);

    if (e)
        cli_say("WARNING: no credentials for %s: %s\n", key, err_text(e));
    err_drop(e);
    return !e && !is_empty(out);
}

char *auth_header(struct cli *cli, const char *domain)
{
    const char *key = auth_key(cli->arena, domain);
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct credential c;

    if (!get_or_tell(cli, key, &c))
        return NULL;
    write_credential(&w, NULL, &c, key);
    return text_to_base64(cli->arena, b.data, b.len, true);
}

char *api_registry_auth(struct cli *cli, const char *image)
{
    struct ref n = {0};
    struct err *e = ref_parse(cli->arena, image, &n);

    err_drop(e);
    return e ? NULL : auth_header(cli, n.domain);
}

/* Each key once: those of the environment, of helpers, then those of the store or of the entries.
 */
static struct strs all_keys(struct cli *cli)
{
    const struct json *config = config_file_look(cli);
    const char *store = default_store(cli, config);
    struct strs keys = {0};
    struct err *e;

    strs_merge(cli->arena, &keys, &auth_env(cli)->keys);
    for (const struct json *m = json_first(json_get(config, "credHelpers")); m; m = json_next(m))
        if (!strs_has(&keys, json_key(m)))
            strs_add(cli->arena, &keys, json_key(m));
    if (store) {
        struct strs listed = {0};

        e = helper_list(cli->arena, store, &listed);
        if (e)
            cli_say("WARNING: no credentials: %s\n", err_text(e));
        err_drop(e);
        strs_merge(cli->arena, &keys, &listed);
        return keys;
    }
    for (const struct json *m = json_first(json_get(config, "auths")); m; m = json_next(m))
        if (!strs_has(&keys, json_key(m)))
            strs_add(cli->arena, &keys, json_key(m));
    return keys;
}

char *auth_all(struct cli *cli)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct strs keys = all_keys(cli);
    struct credential c;
    bool has_any = false;

    jw_obj(&w, NULL);
    for (size_t i = 0; i < keys.n; i++) {
        if (!get_or_tell(cli, keys.v[i], &c))
            continue;
        has_any = true;
        write_credential(&w, keys.v[i], &c, keys.v[i]);
    }
    jw_obj_end(&w);
    return has_any ? text_to_base64(cli->arena, b.data, b.len, true) : NULL;
}
