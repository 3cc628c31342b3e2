/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first half of `run`: create, pulling the image when the engine says 404.
 * Trap: the order of attach, wait and start is not free. Attach first, or output is lost; wait
 * next and its headers read, or a fast exit is lost; start last.
 */
#include "run_launch.h"

#include "base/fd.h"

#include "api.h"
#include "messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct err *pull(struct cli *cli, const struct run_launch *l)
{
    int fd = l->o->quiet ? -1 : STDERR_FILENO;

    return messages_pull(cli, l->args.v[0], l->o->platform, false, fd);
}

static struct err *post_create(struct cli *cli, const struct run_launch *l, struct api_reply *out)
{
    autobuf struct buf query = {0};

    cli->quiet_risks = l->o->quiet_risks;
    if (l->o->name)
        buf_printf(&query, "?name=%s", text_to_query(cli->arena, l->o->name));
    if (l->o->platform)
        buf_printf(&query, "%splatform=%s", query.len ? "&" : "?",
                   text_to_query(cli->arena, l->o->platform));
    return api_post(cli, l->body, out, "/containers/create%s", query.data ? query.data : "");
}

static bool wants_pull(const char *policy, const char *word)
{
    return policy && strcmp(policy, word) == 0;
}

static struct err *create_or_pull(struct cli *cli, const struct run_launch *l,
                                  struct api_reply *out)
{
    const char *image = l->args.v[0], *slash = strrchr(image, '/');
    struct err *e;

    if (wants_pull(l->o->pull, "always"))
        TRY(pull(cli, l));
    e = post_create(cli, l, out);
    if (!e || err_kind(e) != ERR_NOT_FOUND || !strstr(err_text(e), "image") ||
        wants_pull(l->o->pull, "never"))
        return e;
    err_drop(e);
    if (!l->o->quiet)
        cli_say("Unable to find image '%s%s' locally\n", image,
                strpbrk(slash ? slash : image, ":@") ? "" : ":latest");
    TRY(pull(cli, l));
    return post_create(cli, l, out);
}

/* Exclusive and before create: an existing file refuses the run. */
static struct err *open_cidfile(const char *path, int *out_fd)
{
    int fd;

    if (!path)
        return NULL;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return err_new(ERR_CONFLICT,
                       "container ID file found, make sure the other container isn't running or "
                       "delete %s",
                       path);
    if (fd < 0)
        return err_sys("failed to create the container ID file %s", path);
    *out_fd = fd;
    return NULL;
}

static struct err *check_pull_policy(const char *policy)
{
    if (text_is_empty(policy) || wants_pull(policy, "always") || wants_pull(policy, "missing") ||
        wants_pull(policy, "never"))
        return NULL;
    return err_new(ERR_INVALID,
                   "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
                   policy);
}

struct err *run_launch_create(struct cli *cli, struct run_launch *l)
{
    autoclose int cidfile = -1;
    struct api_reply reply = {0};
    const struct json *warnings;
    struct err *e;

    TRY(check_pull_policy(l->o->pull));
    TRY(open_cidfile(l->o->cidfile, &cidfile));
    e = create_or_pull(cli, l, &reply);
    if (e && cidfile >= 0)
        unlink(l->o->cidfile);
    TRY(e);
    l->id = arena_strdup(cli->arena, json_str(json_get(reply.json, "Id")));
    if (!l->id)
        return err_new(ERR_INTERNAL, "the engine's reply has no container id");
    warnings = json_get(reply.json, "Warnings");
    for (const struct json *w = json_first(warnings); w; w = json_next(w))
        cli_say("WARNING: %s\n", json_str(w) ? json_str(w) : "");
    return cidfile >= 0 ? fd_write_all(cidfile, l->id, strlen(l->id)) : NULL;
}

struct err *run_launch_attach(struct cli *cli, const char *id, const struct run_streams *s,
                              const char *detach_keys, struct http_conn **out)
{
    struct http_request r = {.method = "POST", .upgrades = true};
    char *path = NULL;

    TRY(api_path(cli, &path, "/containers/%s/attach?stream=1%s%s%s%s%s", api_escape(cli, id),
                 s->err ? "&stderr=1" : "", s->in ? "&stdin=1" : "", s->out ? "&stdout=1" : "",
                 detach_keys ? "&detachKeys=" : "",
                 detach_keys ? text_to_query(cli->arena, detach_keys) : ""));
    r.path = path;
    return api_open(cli, &r, out);
}

struct err *run_launch_wait(struct cli *cli, const char *id, const char *condition,
                            struct http_conn **out)
{
    struct http_request r = {.method = "POST"};
    char *path = NULL;

    TRY(api_path(cli, &path, "/containers/%s/wait%s%s", api_escape(cli, id),
                 condition ? "?condition=" : "", condition ? condition : ""));
    r.path = path;
    return api_open(cli, &r, out);
}

int run_launch_exit_code(const struct err *e)
{
    const char *text = err_text(e);

    if (strstr(text, "executable file not found") || strstr(text, "no such file or directory") ||
        strstr(text, "system cannot find the file specified"))
        return 127;
    if (strstr(text, "permission denied") || strstr(text, "is a directory"))
        return 126;
    return 125;
}
