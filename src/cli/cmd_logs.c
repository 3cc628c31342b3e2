/* SPDX-License-Identifier: Apache-2.0 */
/* berth logs: frames to stdout and stderr; raw when the container has a terminal. */
#include "commands.h"

#include "base/fd.h"

#include "api.h"
#include "demux.h"
#include "query.h"
#include "state_options.h"

#include <errno.h>
#include <string.h>

static struct err *write_stream(void *ctx, int stream, const char *p, size_t n)
{
    (void)ctx;
    return fd_write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, p, n);
}

static struct err *copy_logs(struct http_conn *c, bool has_tty)
{
    struct demux d = {0};

    while (!c->reply.is_done) {
        autobuf struct buf b = {0};

        if (!http_conn_wait(c, STDOUT_FILENO)) /* `| head` shall not wait for the next line */
            return err_sysno(EPIPE, "write /dev/stdout");
        TRY(http_conn_read_some(c, &b));
        if (has_tty)
            TRY(write_stream(NULL, 1, b.data ? b.data : "", b.len));
        else
            TRY(demux_feed(&d, b.data ? b.data : "", b.len, write_stream, NULL));
    }
    return NULL;
}

static struct err *named_time(struct cli *cli, const char *name, const char *text, char **out)
{
    struct err *e = query_since(cli->arena, text, out);

    return e ? err_wrap(e, "invalid value for \"%s\"", name) : NULL;
}

static struct err *logs_query(struct cli *cli, const struct logs_options *o, char **out)
{
    autobuf struct buf b = {0};
    char *time = NULL;

    buf_puts(&b, "stdout=1&stderr=1");
    if (o->follow)
        buf_puts(&b, "&follow=1");
    if (o->timestamps)
        buf_puts(&b, "&timestamps=1");
    if (o->details)
        buf_puts(&b, "&details=1");
    if (o->tail)
        buf_printf(&b, "&tail=%s", text_to_query(cli->arena, o->tail));
    if (o->since) {
        TRY(named_time(cli, "since", o->since, &time));
        buf_printf(&b, "&since=%s", time);
    }
    if (o->until) {
        TRY(named_time(cli, "until", o->until, &time));
        buf_printf(&b, "&until=%s", time);
    }
    *out = arena_strdup(cli->arena, b.data);
    return NULL;
}

struct err *cmd_logs(struct cli *cli, const void *options, struct strs args)
{
    struct http_request r = {.method = "GET"};
    struct api_reply reply = {0};
    struct http_conn *c = NULL;
    char *query = NULL, *path = NULL;
    bool has_tty;
    struct err *e;

    TRY(logs_query(cli, options, &query));
    TRY(api_get(cli, &reply, "/containers/%s/json", api_escape(cli, args.v[0])));
    has_tty = json_bool(json_get(json_get(reply.json, "Config"), "Tty"));
    TRY(api_path(cli, &path, "/containers/%s/logs?%s", text_of(reply.json, "Id"), query));
    r.path = path;
    TRY(api_open(cli, &r, &c));
    e = copy_logs(c, has_tty);
    http_conn_close(c);
    if (e && err_errno(e) == EPIPE) { /* our reader went away */
        err_drop(e);
        cli->exit_code = 1;
        return NULL;
    }
    return e;
}
