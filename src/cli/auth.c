/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of registries in config.json, in Docker's layout: auths.{registry}.auth is
 * base64("user:password"). Docker Hub's key is its old index address.
 */
#include "auth.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/ref.h"

#include "api.h"
#include "cli.h"

#include <fcntl.h>
#include <string.h>

#define HUB_KEY "https://index.docker.io/v1/"
#define CONFIG_MAX (1u << 20)

const char *auth_key(const char *registry)
{
    return text_is_empty(registry) || strcmp(registry, "docker.io") == 0 ? HUB_KEY : registry;
}

static struct err *read_config(struct cli *cli, const struct json **out)
{
    char *path = path_join(cli->arena, cli->config_dir, "config.json");
    char *text = NULL;
    size_t len;

    TRY(file_read(cli->arena, AT_FDCWD, path, CONFIG_MAX, &text, &len));
    return json_parse(cli->arena, text, len, out);
}

/* False: the entry says nothing that is understood. */
static bool write_entry(struct cli *cli, struct jw *w, const struct json *entry, const char *key,
                        const char *member)
{
    const char *auth = json_str(json_get(entry, "auth"));
    const char *token = json_str(json_get(entry, "identitytoken"));
    char *pair = NULL, *colon = NULL;
    size_t len;

    if (auth) {
        err_drop(text_from_base64(cli->arena, auth, &pair, &len));
        colon = pair ? strchr(pair, ':') : NULL;
        if (!colon)
            return false;
        *colon = '\0';
    }
    jw_obj(w, member);
    if (auth) {
        jw_str(w, "username", pair);
        jw_str(w, "password", colon + 1);
    }
    if (token)
        jw_str(w, "identitytoken", token);
    jw_str(w, "serveraddress", key);
    jw_obj_end(w);
    return true;
}

static char *encode(struct cli *cli, const struct json *entry, const char *key)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    if (!write_entry(cli, &w, entry, key, NULL))
        return NULL;
    return text_to_base64(cli->arena, b.data, b.len, true);
}

char *api_registry_auth(struct cli *cli, const char *image)
{
    const struct json *config = NULL, *entry;
    struct ref n = {0};
    struct err *e = ref_parse(cli->arena, image, &n);

    if (!e)
        e = read_config(cli, &config);
    err_drop(e);
    if (!config)
        return NULL;
    entry = json_get(json_get(config, "auths"), auth_key(n.domain));
    return entry ? encode(cli, entry, auth_key(n.domain)) : NULL;
}

char *auth_all(struct cli *cli)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *config = NULL;
    const struct json *auths;

    err_drop(read_config(cli, &config));
    auths = json_get(config, "auths");
    if (!json_len(auths))
        return NULL;
    jw_obj(&w, NULL);
    for (const struct json *i = json_first(auths); i; i = json_next(i))
        write_entry(cli, &w, i, json_key(i), json_key(i));
    jw_obj_end(&w);
    return text_to_base64(cli->arena, b.data, b.len, true);
}

static void copy_members(struct cli *cli, struct jw *w, const struct json *j, const char *except)
{
    for (const struct json *m = json_first(j); m; m = json_next(m))
        if (strcmp(json_key(m), except) != 0)
            jw_raw(w, json_key(m), json_text(cli->arena, m));
}

struct err *auth_store(struct cli *cli, const char *key, const char *user, const char *password)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *config = NULL;
    autoclose int dir = -1;

    err_drop(read_config(cli, &config));
    jw_obj(&w, NULL);
    copy_members(cli, &w, config, "auths");
    jw_obj(&w, "auths");
    copy_members(cli, &w, json_get(config, "auths"), key);
    if (user) {
        char *pair = arena_printf(cli->arena, "%s:%s", user, password);

        jw_obj(&w, key);
        jw_str(&w, "auth", text_to_base64(cli->arena, pair, strlen(pair), false));
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
    buf_putc(&b, '\n');
    TRY(dir_make_all(cli->config_dir, 0700));
    dir = open(cli->config_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open %s", cli->config_dir);
    return file_write_atomic(dir, "config.json", b.data, b.len, 0600, false);
}
