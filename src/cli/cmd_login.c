/* SPDX-License-Identifier: Apache-2.0 */
/* berth login, logout: texts and order of questions are those of docker's command line. */
#include "commands.h"

#include "api.h"
#include "auth.h"
#include "auth_env.h"
#include "config_file.h"
#include "prompt.h"
#include "query.h"
#include "state_options.h"

#include <string.h>
#include <unistd.h>

static const char *text_or_empty(const char *s)
{
    return s ? s : "";
}

/* Nobody's password goes to Docker Hub for a name that was left out by mistake. */
static struct err *read_key(struct cli *cli, struct strs args, const char **out)
{
    *out = auth_key(cli->arena, args.n ? args.v[0] : NULL);
    if (args.n && *args.v[0] && !*text_trim(arena_strdup(cli->arena, *out)))
        return err_new(ERR_INVALID, "\"%s\" is no address of a registry", args.v[0]);
    return NULL;
}

/* By whom we are accepted, with a token instead of the password if the registry gives one. */
static struct err *check(struct cli *cli, const char *key, struct credential *c,
                         const char **out_status)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct api_reply reply = {0};
    const char *token;

    jw_obj(&w, NULL);
    jw_str(&w, "username", c->user);
    jw_str(&w, "password", c->password);
    jw_str(&w, "serveraddress", key);
    jw_obj_end(&w);
    TRY(api_post(cli, b.data, &reply, "/auth"));
    token = json_str(json_get(reply.json, "IdentityToken"));
    if (!text_is_empty(token))
        c->identity_token = arena_strdup(cli->arena, token);
    *out_status = text_or_empty(json_str(json_get(reply.json, "Status")));
    return NULL;
}

/* What is kept, if it still works. */
static bool use_kept(struct cli *cli, const char *key, struct credential *c,
                     const char **out_status)
{
    struct err *e = auth_get(cli, key, c);

    if (!e && (text_is_empty(c->user) || text_is_empty(c->password)))
        return false;
    if (!e) {
        cli_printf("Authenticating with existing credentials...\n");
        e = check(cli, key, c, out_status);
    }
    if (!e)
        return true;
    if (err_kind(e) == ERR_UNAUTHORIZED)
        cli_say("Stored credentials invalid or expired\n");
    else
        cli_say("Login did not succeed, error: %s\n", err_text(e));
    err_drop(e);
    return false;
}

static struct err *ask_user(struct cli *cli, const char *key, const char *kept, char **out)
{
    if (auth_key_is_hub(key))
        cli_printf("Login with your Docker ID to push and pull images from Docker Hub. If you "
                   "don't have a Docker ID, head over to https://hub.docker.com to create one.\n");
    TRY(prompt_line(
        cli, text_is_empty(kept) ? "Username: " : arena_printf(cli->arena, "Username (%s): ", kept),
        false, out));
    *out = text_trim(*out);
    if (!**out)
        *out = arena_strdup(cli->arena, text_or_empty(kept));
    return **out ? NULL : err_new(ERR_INVALID, "Error: Non-null Username Required");
}

static struct err *ask(struct cli *cli, const struct login_options *o, const char *key,
                       struct credential *c)
{
    const char *kept = c->user;

    *c = (struct credential){.user = o->user, .password = o->password};
    if (text_is_empty(c->password) && !isatty(STDIN_FILENO))
        return err_new(ERR_INVALID, "Error: Cannot perform an interactive login from a non TTY "
                                    "device");
    if (text_is_empty(c->user))
        TRY(ask_user(cli, key, kept, &c->user));
    if (text_is_empty(c->password))
        TRY(prompt_line(cli, "Password: ", true, &c->password));
    if (strchr(c->user, ':'))
        return err_new(ERR_INVALID, "Error: a user name has no colon: \"%s\"", c->user);
    return *c->password ? NULL : err_new(ERR_INVALID, "Error: Password Required");
}

static struct err *check_options(struct cli *cli, struct login_options *o)
{
    if (o->password && o->password_stdin)
        return err_new(ERR_INVALID, "--password and --password-stdin are mutually exclusive");
    if (o->password)
        cli_say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (!o->password_stdin)
        return NULL;
    if (text_is_empty(o->user))
        return err_new(ERR_INVALID, "Must provide --username with --password-stdin");
    return prompt_pipe(cli, &o->password);
}

static struct err *keep(struct cli *cli, const char *key, const struct credential *c)
{
    bool is_file;
    struct err *e = auth_store(cli, key, c, &is_file);

    if (e)
        return err_wrap(e, "Error saving credentials");
    if (is_file && !c->identity_token)
        cli_say("\nWARNING! Your credentials are stored unencrypted in '%s'.\n"
                "Configure a credential helper to remove this warning. See\n"
                "https://docs.docker.com/go/credential-store/\n\n",
                config_file_path(cli));
    return NULL;
}

struct err *cmd_login(struct cli *cli, const void *options, struct strs args)
{
    struct login_options o = *(const struct login_options *)options;
    const char *key, *status = "";
    struct credential c = {0};
    const struct json *config;

    TRY(read_key(cli, args, &key));
    TRY(check_options(cli, &o));
    auth_env_warn();
    TRY(config_file_read(cli, &config)); /* nobody types a password that cannot be kept */
    if (o.user || o.password || !use_kept(cli, key, &c, &status)) {
        TRY(ask(cli, &o, key, &c));
        TRY(check(cli, key, &c, &status));
    }
    TRY(keep(cli, key, &c));
    cli_printf("%s\n", *status ? status : "Login Succeeded");
    return NULL;
}

struct err *cmd_logout(struct cli *cli, const void *options, struct strs args)
{
    const char *key;
    struct err *e;

    (void)options;
    TRY(read_key(cli, args, &key));
    auth_env_warn();
    cli_printf("Removing login credentials for %s\n", key);
    e = auth_erase(cli, key);
    return e ? err_wrap(e, "could not erase credentials") : NULL;
}
