/* SPDX-License-Identifier: Apache-2.0 */
/* berth run and berth create. Exit codes: 125 ours or the engine's, 126/127 the command's. */
#include "commands.h"

#include "api.h"
#include "run_launch.h"
#include "session.h"

#include <stdio.h>
#include <string.h>

struct run {
    struct run_launch launch;
    struct session session;
    bool has_started;
};

static struct err *prepare(struct cli *cli, struct run *r)
{
    const struct run_options *o = r->launch.o;
    const struct run_streams *s = &r->launch.streams;
    struct session *session = &r->session;
    const char *condition = o->rm ? "removed" : "next-exit";

    session->cli = cli;
    session->container = r->launch.id;
    session->has_tty = o->tty;
    session->has_stdin = s->in;
    session->has_output = s->out || s->err;
    session->proxies_signals = o->sig_proxy;
    if (o->tty)
        session->resize_prefix = arena_printf(cli->arena, "/containers/%s", r->launch.id);
    TRY(detach_parse(o->detach_keys, &session->detach));
    session_block_signals(session);
    if (s->in || s->out || s->err)
        TRY(run_launch_attach(cli, r->launch.id, s, o->detach_keys, &session->stream));
    return run_launch_wait(cli, r->launch.id, condition, &session->wait);
}

static struct err *run_attached(struct cli *cli, struct run *r)
{
    TRY(prepare(cli, r));
    TRY(api_post(cli, NULL, NULL, "/containers/%s/start", r->launch.id));
    r->has_started = true;
    return session_run(&r->session);
}

static void finish_attached(struct cli *cli, struct run *r, struct err *e)
{
    int code;

    if (!e) {
        cli->exit_code = r->session.was_detached ? 0 : r->session.exit_code;
        if (!r->launch.o->rm)
            session_say_oom(cli, r->launch.id, cli->exit_code);
    } else if (!r->has_started) {
        cli->exit_code = run_launch_exit_code(e);
        cli_report(cli, e, true);
        /* The engine removes a --rm container whose start failed; it is told through the wait. */
        if (r->launch.o->rm && r->session.wait)
            err_drop(session_read_wait(cli, r->session.wait, &code));
    } else {
        cli->exit_code = 125;
        cli_report(cli, e, false);
    }
    http_conn_close(r->session.stream);
    http_conn_close(r->session.wait);
}

struct err *cmd_run(struct cli *cli, const void *options, struct strs args)
{
    const struct run_options *o = options;
    struct run r = {.launch = {.o = o, .args = args}};
    struct run_launch *l = &r.launch;
    struct err *e;

    if (o->detach && o->attach.n)
        return err_new(ERR_INVALID,
                       "conflicting options: cannot specify both --attach and --detach");
    e = run_streams(o, &l->streams);
    if (!e)
        e = run_body(cli->arena, o, &l->streams, args, &l->body);
    if (e) {
        cli->exit_code = 125;
        cli_report(cli, e, true);
        return NULL;
    }
    if (o->tty && l->streams.in && !isatty(STDIN_FILENO))
        return err_new(ERR_INVALID, "the input device is not a TTY");
    e = run_launch_create(cli, l);
    if (e) {
        cli->exit_code = run_launch_exit_code(e);
        cli_report(cli, e, true);
        return NULL;
    }
    if (!o->detach) {
        e = run_attached(cli, &r);
        finish_attached(cli, &r, e);
        return NULL;
    }
    e = api_post(cli, NULL, NULL, "/containers/%s/start", l->id);
    cli_printf("%s\n", l->id); /* also of one that did not start: it is there */
    if (e) {
        cli->exit_code = run_launch_exit_code(e);
        cli_report(cli, e, true);
    }
    return NULL;
}

struct err *cmd_create(struct cli *cli, const void *options, struct strs args)
{
    const struct run_options *o = options;
    struct run_launch l = {.o = o, .args = args};
    struct err *e;

    e = run_streams(o, &l.streams);
    if (!e)
        e = run_body(cli->arena, o, &l.streams, args, &l.body);
    if (e) {
        cli->exit_code = 125;
        cli_report(cli, e, true);
        return NULL;
    }
    TRY(run_launch_create(cli, &l));
    cli_printf("%s\n", l.id);
    return NULL;
}
