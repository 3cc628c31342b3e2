/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of progress messages: one request on a connection of its own, drawn as it comes. */
#include "messages.h"

#include "base/fd.h"
#include "base/ref.h"

#include "api.h"
#include "cli.h"
#include "progress_bars.h"
#include "query.h"
#include "tty.h"

#include <string.h>

static struct err *show_stream(struct http_conn *c, struct progress_bars *p, int fd)
{
    struct err *e = NULL;

    while (!e && !c->reply.is_done) {
        autobuf struct buf in = {0};
        unsigned rows, width;

        e = http_conn_read_some(c, &in);
        if (p->width && fd >= 0 && tty_size(fd, &rows, &width) && width)
            p->width = width; /* a window may have become another size */
        if (!e && in.len)
            e = progress_bars_feed(p, in.data, in.len);
        if (p->out->len && fd >= 0)
            err_drop(fd_write_all(fd, p->out->data, p->out->len));
        buf_drop_front(p->out, p->out->len);
    }
    /* the last message may lack its newline */
    if (!e)
        e = progress_bars_feed(p, "\n", 1);
    if (p->out->len && fd >= 0)
        err_drop(fd_write_all(fd, p->out->data, p->out->len));
    return e;
}

struct err *messages_run_for_id(struct cli *cli, const struct http_request *r, int fd,
                                const char **out_id)
{
    autobuf struct buf out = {0};
    struct progress_bars p = {.a = cli->arena, .out = &out};
    struct http_conn *c = NULL;
    unsigned rows;
    struct err *e;

    if (fd >= 0 && isatty(fd) && (!tty_size(fd, &rows, &p.width) || !p.width))
        p.width = 80;
    TRY(api_open(cli, r, &c));
    e = show_stream(c, &p, fd);
    progress_bars_finish(&p);
    http_conn_close(c);
    *out_id = p.last_aux_id;
    return e;
}

struct err *messages_run(struct cli *cli, const struct http_request *r, int fd)
{
    const char *ignored;

    return messages_run_for_id(cli, r, fd, &ignored);
}

struct err *messages_pull(struct cli *cli, const char *image, const char *platform, bool all_tags,
                          int fd)
{
    struct http_request r = {.method = "POST"};
    struct ref n = {0};
    const char *tag;
    char *path = NULL;

    TRY(ref_parse(cli->arena, image, &n));
    tag = n.digest ? n.digest : n.tag ? n.tag : "latest";
    TRY(api_path(cli, &path, "/images/create?fromImage=%s%s%s%s%s",
                 text_to_query(cli->arena, ref_familiar_name(cli->arena, &n)),
                 all_tags ? "" : "&tag=", all_tags ? "" : text_to_query(cli->arena, tag),
                 platform ? "&platform=" : "",
                 platform ? text_to_query(cli->arena, platform) : ""));
    r.path = path;
    r.auth = api_registry_auth(cli, image);
    return messages_run(cli, &r, fd);
}

struct err *messages_push(struct cli *cli, const struct ref *image, const char *platform, int fd)
{
    struct http_request r = {.method = "POST"};
    const char *name = ref_familiar_name(cli->arena, image), *is = NULL;
    char *path = NULL;

    if (!text_is_empty(platform))
        is = query_platform(cli->arena, platform);
    TRY(api_path(cli, &path, "/images/%s/push?%s%s%s%s", name, image->tag ? "tag=" : "",
                 image->tag ? text_to_query(cli->arena, image->tag) : "", is ? "&platform=" : "",
                 is ? is : ""));
    r.path = path;
    r.auth = api_registry_auth(cli, name);
    return messages_run(cli, &r, fd);
}
