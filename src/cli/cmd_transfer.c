/* SPDX-License-Identifier: Apache-2.0 */
/* berth pull, push, load, import. */
#include "commands.h"

#include "base/ref.h"

#include "api.h"
#include "messages.h"
#include "options.h"
#include "query.h"
#include "state_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct err *cmd_pull(struct cli *cli, const void *options, struct strs args)
{
    const struct pull_options *o = options;
    struct ref n = {0};

    TRY(ref_parse(cli->arena, args.v[0], &n));
    TRY(trust_check(o->skips_trust));
    if (o->all_tags && (n.tag || n.digest))
        return err_new(ERR_INVALID, "tag can't be used with --all-tags/-a");
    if (!n.tag && !n.digest && !o->all_tags) {
        n.tag = "latest";
        if (!o->quiet)
            cli_printf("Using default tag: latest\n");
    }
    TRY(messages_pull(cli, args.v[0], o->platform, o->all_tags, o->quiet ? -1 : STDOUT_FILENO));
    cli_printf("%s\n", ref_full(cli->arena, &n));
    return NULL;
}

struct err *cmd_push(struct cli *cli, const void *options, struct strs args)
{
    const struct push_options *o = options;
    struct ref n = {0};

    TRY(ref_parse(cli->arena, args.v[0], &n));
    TRY(trust_check(o->skips_trust));
    if (n.digest)
        return err_new(ERR_INVALID, "cannot push a digest reference");
    if (o->all_tags && n.tag)
        return err_new(ERR_INVALID, "tag can't be used with --all-tags/-a");
    if (!n.tag && !o->all_tags) {
        n.tag = "latest";
        if (!o->quiet)
            cli_printf("Using default tag: latest\n");
    }
    TRY(messages_push(cli, &n, o->platform, o->quiet ? -1 : STDOUT_FILENO));
    if (o->quiet)
        cli_printf("%s\n", ref_full(cli->arena, &n));
    return NULL;
}

static struct err *open_input(const char *path, int *out_fd)
{
    int fd;

    if (text_is_empty(path) || strcmp(path, "-") == 0) {
        /* 0 means "no upload" in a request, so stdin moves up */
        fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
            return err_sys("read stdin");
        *out_fd = fd;
        return NULL;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_new(ERR_NOT_FOUND, "open %s: no such file or directory", path);
    if (fd < 0)
        return err_sys("open %s", path);
    *out_fd = fd;
    return NULL;
}

struct err *cmd_load(struct cli *cli, const void *options, struct strs args)
{
    const struct import_options *o = options;
    struct http_request r = {.method = "POST"};
    autoclose int fd = -1;
    char *path = NULL;

    (void)args;
    if (text_is_empty(o->input) && isatty(STDIN_FILENO))
        return err_new(ERR_INVALID, "requested load from stdin, but stdin is empty");
    TRY(open_input(o->input, &fd));
    TRY(api_path(cli, &path, "/images/load?quiet=%d%s%s",
                 o->quiet || !isatty(STDOUT_FILENO) ? 1 : 0,
                 text_is_empty(o->platform) ? "" : "&platform=",
                 text_is_empty(o->platform) ? "" : query_platform(cli->arena, o->platform)));
    r.path = path;
    r.upload_fd = fd;
    return messages_run(cli, &r, STDOUT_FILENO);
}

static struct err *import_path(struct cli *cli, const struct import_options *o, struct strs args,
                               bool is_url, char **out)
{
    autobuf struct buf b = {0};
    struct ref n = {0};

    buf_printf(&b, "fromSrc=%s", is_url ? text_to_query(cli->arena, args.v[0]) : "-");
    if (args.n > 1) {
        TRY(ref_parse(cli->arena, args.v[1], &n));
        buf_printf(&b, "&repo=%s", text_to_query(cli->arena, args.v[1]));
    }
    if (o->message)
        buf_printf(&b, "&message=%s", text_to_query(cli->arena, o->message));
    if (o->platform)
        buf_printf(&b, "&platform=%s", text_to_query(cli->arena, o->platform));
    for (size_t i = 0; i < o->changes.n; i++)
        buf_printf(&b, "&changes=%s", text_to_query(cli->arena, o->changes.v[i]));
    return api_path(cli, out, "/images/create?%s", b.data);
}

struct err *cmd_import(struct cli *cli, const void *options, struct strs args)
{
    bool is_url = text_starts(args.v[0], "http://") || text_starts(args.v[0], "https://");
    struct http_request r = {.method = "POST"};
    autoclose int fd = -1;
    char *path = NULL;

    if (!is_url)
        TRY(open_input(args.v[0], &fd));
    TRY(import_path(cli, options, args, is_url, &path));
    r.path = path;
    r.upload_fd = fd;
    return messages_run(cli, &r, STDOUT_FILENO);
}
