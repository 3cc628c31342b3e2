/* SPDX-License-Identifier: Apache-2.0 */
/* berth checkpoint …, and system dial-stdio. */
#include "commands.h"

#include "base/fd.h"

#include "api.h"
#include "query.h"
#include "state_options.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct err *cmd_checkpoint_create(struct cli *cli, const void *options, struct strs args)
{
    const struct checkpoint_options *o = options;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "CheckpointID", args.v[1]);
    jw_str(&w, "CheckpointDir", o->dir ? o->dir : "");
    jw_bool(&w, "Exit", !o->leaves_running);
    jw_obj_end(&w);
    TRY(api_post(cli, b.data, NULL, "/containers/%s/checkpoints", api_escape(cli, args.v[0])));
    cli_printf("%s\n", args.v[1]);
    return NULL;
}

struct err *cmd_checkpoint_ls(struct cli *cli, const void *options, struct strs args)
{
    const struct checkpoint_options *o = options;
    struct api_reply reply = {0};

    TRY(api_get(cli, &reply, "/containers/%s/checkpoints?dir=%s", api_escape(cli, args.v[0]),
                text_to_query(cli->arena, o->dir ? o->dir : "")));
    cli_printf("CHECKPOINT NAME\n");
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        cli_printf("%s\n", text_of(j, "Name"));
    return NULL;
}

struct err *cmd_checkpoint_rm(struct cli *cli, const void *options, struct strs args)
{
    const struct checkpoint_options *o = options;

    return api_delete(cli, NULL, "/containers/%s/checkpoints/%s?dir=%s", api_escape(cli, args.v[0]),
                      api_escape(cli, args.v[1]), text_to_query(cli->arena, o->dir ? o->dir : ""));
}

/* ---- dial-stdio ---- */

/* False: there is no more, or nobody takes it. */
static bool carry(int from, int to)
{
    char piece[16 << 10];
    ssize_t n = read(from, piece, sizeof(piece));
    struct err *e;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    e = fd_write_all(to, piece, (size_t)n);
    err_drop(e);
    return !e;
}

/* What the docker CLI runs at the other end of ssh: its stdin and stdout are the engine's socket.
 */
struct err *cmd_dial_stdio(struct cli *cli, const void *options, struct strs args)
{
    struct http_conn *c = NULL;
    struct pollfd p[2];

    (void)options;
    (void)args;
    TRY(http_conn_open(cli->socket_path, &c));
    p[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    p[1] = (struct pollfd){.fd = c->fd, .events = POLLIN};
    while (poll(p, 2, -1) >= 0 || errno == EINTR) {
        if (p[1].revents && !carry(c->fd, STDOUT_FILENO))
            break;
        if (p[0].revents && !carry(STDIN_FILENO, c->fd)) {
            shutdown(c->fd, SHUT_WR);
            p[0].fd = -1;
        }
    }
    http_conn_close(c);
    return NULL;
}
