/* SPDX-License-Identifier: Apache-2.0 */
/* berth attach, start, exec: sessions with what exists already. */
#include "commands.h"

#include "api.h"
#include "options.h"
#include "query.h"
#include "run_launch.h"
#include "session.h"
#include "state_options.h"

#include <string.h>

static struct err *not_a_terminal(void)
{
    return err_new(ERR_INVALID, "the input device is not a TTY");
}

static struct err *inspect(struct cli *cli, const char *name, const struct json **out)
{
    struct api_reply reply = {0};

    TRY(api_get(cli, &reply, "/containers/%s/json", api_escape(cli, name)));
    *out = reply.json;
    return NULL;
}

static bool state_is(const struct json *container, const char *what)
{
    return json_bool(json_get(json_get(container, "State"), what));
}

static struct err *check_attachable(const struct json *container)
{
    if (!state_is(container, "Running"))
        return err_new(ERR_CONFLICT, "You cannot attach to a stopped container, start it first");
    if (state_is(container, "Paused"))
        return err_new(ERR_CONFLICT, "You cannot attach to a paused container, unpause it first");
    if (state_is(container, "Restarting"))
        return err_new(ERR_CONFLICT,
                       "You cannot attach to a restarting container, wait until it is running");
    return NULL;
}

static struct err *set_up(struct cli *cli, struct session *s, const struct json *container,
                          const struct attach_options *o, bool wants_stdin)
{
    const struct json *config = json_get(container, "Config");

    s->cli = cli;
    s->container = text_of(container, "Id");
    s->has_tty = json_bool(json_get(config, "Tty"));
    s->has_stdin = wants_stdin && json_bool(json_get(config, "OpenStdin"));
    s->has_output = true;
    s->proxies_signals = o->sig_proxy && !s->has_tty;
    if (s->has_tty)
        s->resize_prefix = arena_printf(cli->arena, "/containers/%s", s->container);
    if (s->has_tty && s->has_stdin && !isatty(STDIN_FILENO))
        return not_a_terminal();
    return detach_parse(o->detach_keys, &s->detach);
}

static struct err *open_stream(struct cli *cli, struct session *s, const struct attach_options *o)
{
    const struct run_streams streams = {.in = s->has_stdin, .out = true, .err = true};

    session_block_signals(s);
    return run_launch_attach(cli, s->container, &streams, o->detach_keys, &s->stream);
}

static struct err *end_session(struct cli *cli, struct session *s, struct err *e)
{
    http_conn_close(s->stream);
    http_conn_close(s->wait);
    if (e)
        return e;
    cli->exit_code = s->was_detached ? 0 : s->exit_code;
    session_say_oom(cli, s->container, cli->exit_code);
    return NULL;
}

static struct err *attach(struct cli *cli, struct session *s, const struct attach_options *o)
{
    TRY(run_launch_wait(cli, s->container, NULL, &s->wait));
    TRY(open_stream(cli, s, o));
    if (s->has_tty) /* another size and back: the program redraws its screen */
        err_drop(api_post(cli, NULL, NULL, "%s/resize?h=25&w=81", s->resize_prefix));
    return session_run(s);
}

struct err *cmd_attach(struct cli *cli, const void *options, struct strs args)
{
    const struct attach_options *o = options;
    const struct json *container = NULL;
    struct session s = {0};

    TRY(inspect(cli, args.v[0], &container));
    TRY(check_attachable(container));
    TRY(set_up(cli, &s, container, o, !o->no_stdin));
    return end_session(cli, &s, attach(cli, &s, o));
}

static struct err *start_and_attach(struct cli *cli, struct session *s,
                                    const struct attach_options *o, bool removes_itself)
{
    TRY(open_stream(cli, s, o));
    TRY(run_launch_wait(cli, s->container, removes_itself ? "removed" : "next-exit", &s->wait));
    TRY(api_post(cli, NULL, NULL, "/containers/%s/start", s->container));
    return session_run(s);
}

static struct err *start_attached(struct cli *cli, const char *name, const struct attach_options *o)
{
    const struct json *container = NULL;
    struct session s = {0};
    bool removes_itself;

    TRY(inspect(cli, name, &container));
    TRY(set_up(cli, &s, container, o, o->interactive));
    removes_itself = json_bool(json_get(json_get(container, "HostConfig"), "AutoRemove"));
    return end_session(cli, &s, start_and_attach(cli, &s, o, removes_itself));
}

struct err *cmd_start(struct cli *cli, const void *options, struct strs args)
{
    const struct attach_options *o = options;
    struct strs failed = {0};

    if ((o->attach || o->interactive) && args.n > 1)
        return err_new(ERR_INVALID, "you cannot start and attach multiple containers at once");
    if (o->attach || o->interactive)
        return start_attached(cli, args.v[0], o);
    for (size_t i = 0; i < args.n; i++) {
        struct err *e =
            api_post(cli, NULL, NULL, "/containers/%s/start", api_escape(cli, args.v[i]));

        if (e) {
            cli_complain(cli, e);
            strs_add(cli->arena, &failed, args.v[i]);
        } else {
            cli_printf("%s\n", args.v[i]);
        }
    }
    if (failed.n)
        return err_new(ERR_INTERNAL, "Error: failed to start containers: %s",
                       strs_join(cli->arena, &failed, ", "));
    return NULL;
}

static struct err *exec_body(struct cli *cli, const struct attach_options *o, struct strs args,
                             char **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct strs env = {0};

    TRY(env_parse(cli->arena, &o->env_files, &o->env, &env));
    jw_obj(&w, NULL);
    jw_bool(&w, "AttachStdin", o->interactive && !o->detach);
    jw_bool(&w, "AttachStdout", !o->detach);
    jw_bool(&w, "AttachStderr", !o->detach);
    jw_bool(&w, "Tty", o->tty);
    jw_bool(&w, "Privileged", o->privileged);
    jw_str(&w, "User", o->user);
    jw_str(&w, "WorkingDir", o->workdir);
    if (o->detach_keys)
        jw_str(&w, "DetachKeys", o->detach_keys);
    jw_strs(&w, "Env", &env);
    jw_arr(&w, "Cmd");
    for (size_t i = 1; i < args.n; i++)
        jw_str(&w, NULL, args.v[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    *out = arena_strdup(cli->arena, b.data);
    return NULL;
}

/* The stream has ended: with the command, or with an engine that was killed, which is no
 * success. */
static struct err *exec_end(struct session *s, const char *id, const struct json *doc)
{
    const struct json *code = json_get(doc, "ExitCode");

    if (json_bool(json_get(doc, "Running")))
        return err_new(ERR_UNAVAILABLE,
                       "the connection to the engine was lost; the command runs on (exec %s), its "
                       "further output is not kept",
                       id);
    if (json_type(code) == JSON_NULL)
        return err_new(ERR_UNAVAILABLE,
                       "the connection to the engine was lost before the command was started "
                       "(exec %s)",
                       id);
    s->exit_code = (int)json_int(code);
    return NULL;
}

static struct err *exec_attached(struct cli *cli, struct session *s, const char *id)
{
    struct http_request r = {.method = "POST", .upgrades = true};
    struct api_reply reply = {0};
    char *path = NULL;

    s->cli = cli;
    s->has_output = true;
    if (s->has_tty)
        s->resize_prefix = arena_printf(cli->arena, "/exec/%s", id);
    r.body = s->has_tty ? "{\"Detach\":false,\"Tty\":true}" : "{\"Detach\":false,\"Tty\":false}";
    TRY(api_path(cli, &path, "/exec/%s/start", id));
    r.path = path;
    session_block_signals(s);
    TRY(api_open(cli, &r, &s->stream));
    TRY(session_run(s));
    if (s->was_detached)
        return NULL;
    TRY(api_get(cli, &reply, "/exec/%s/json", id));
    return exec_end(s, id, reply.json);
}

struct err *cmd_exec(struct cli *cli, const void *options, struct strs args)
{
    const struct attach_options *o = options;
    struct session s = {.has_tty = o->tty, .has_stdin = o->interactive};
    struct api_reply reply = {0};
    char *body = NULL;
    const char *id;

    TRY(exec_body(cli, o, args, &body));
    TRY(detach_parse(o->detach_keys, &s.detach));
    if (o->tty && o->interactive && !o->detach && !isatty(STDIN_FILENO))
        return not_a_terminal();
    TRY(api_post(cli, body, &reply, "/containers/%s/exec", api_escape(cli, args.v[0])));
    id = text_of(reply.json, "Id");
    if (!id[0])
        return err_new(ERR_INTERNAL, "exec ID empty");
    for (const struct json *j = json_first(json_get(reply.json, "Warnings")); j; j = json_next(j))
        cli_say("WARNING: %s\n", json_str(j) ? json_str(j) : "");
    if (o->detach)
        return api_post(
            cli, o->tty ? "{\"Detach\":true,\"Tty\":true}" : "{\"Detach\":true,\"Tty\":false}",
            NULL, "/exec/%s/start", id);
    return end_session(cli, &s, exec_attached(cli, &s, id));
}
