/* SPDX-License-Identifier: Apache-2.0 */
#include "config_file.h"

#include "base/fd.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX (1u << 20)

char *config_file_path(struct cli *cli)
{
    return path_join(cli->arena, cli->config_dir, "config.json");
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

struct err *config_file_read(struct cli *cli, const struct json **out)
{
    char *path = config_file_path(cli), *text = NULL;
    size_t len = 0;
    struct err *e = file_read(cli->arena, AT_FDCWD, path, CONFIG_MAX, &text, &len);

    *out = NULL;
    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return NULL;
    }
    if (e)
        return e;
    if (strlen(text) == len && is_blank(text))
        return NULL;
    e = json_parse(cli->arena, text, len, out);
    if (!e)
        e = config_json_check(*out);
    if (e) {
        *out = NULL;
        return err_wrap(err_as(e, ERR_INVALID), "%s cannot be read", path);
    }
    return NULL;
}

const struct json *config_file_look(struct cli *cli)
{
    struct err *e;

    if (cli->has_config)
        return cli->config;
    cli->has_config = true;
    e = config_file_read(cli, &cli->config);
    if (e)
        cli_say("WARNING: Error loading config file: %s\n", err_text(e));
    err_drop(e);
    return cli->config;
}

/* Where a link leads, though nothing is there yet. */
static char *target_of(struct arena *a, char *path)
{
    char real[PATH_MAX], link[PATH_MAX];
    ssize_t n;

    if (realpath(path, real))
        return arena_strdup(a, real);
    n = readlink(path, link, sizeof(link) - 1);
    if (n <= 0)
        return path;
    link[n] = '\0';
    return *link == '/' ? arena_strdup(a, link)
                        : path_join(a, dirname(arena_strdup(a, path)), link);
}

/* The file is new: an owner and a mode that it had are given to it, if we may. */
static struct err *fill(int fd, const char *path, const struct buf *text)
{
    struct stat had;
    bool was_there = stat(path, &had) == 0;

    if (was_there && fchown(fd, had.st_uid, had.st_gid) < 0 && errno != EPERM)
        return err_sys("give %s to its owner", path);
    if (fchmod(fd, was_there ? had.st_mode & 07777 : 0600) < 0)
        return err_sys("set the mode of %s", path);
    TRY(fd_write_all(fd, text->data, text->len));
    if (fsync(fd) < 0)
        return err_sys("write %s", path);
    return NULL;
}

static struct err *replace(struct arena *a, const char *path, const struct buf *text)
{
    char *draft = arena_printf(a, "%sXXXXXX", path);
    autoclose int fd = mkostemp(draft, O_CLOEXEC);
    struct err *e;

    if (fd < 0)
        return err_sys("write %s", path);
    e = fill(fd, path, text);
    if (!e && rename(draft, path) < 0)
        e = err_sys("write %s", path);
    if (e)
        unlink(draft);
    return e;
}

struct err *config_file_edit(struct cli *cli, const struct config_edit *edit)
{
    autobuf struct buf text = {0};
    const struct json *doc = NULL;
    autoclose int dir = -1;
    bool is_changed;

    TRY(dir_make_all(cli->config_dir, 0700));
    dir = open(cli->config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open %s", cli->config_dir);
    if (flock(dir, LOCK_EX) < 0)
        return err_sys("lock %s", cli->config_dir);
    TRY(config_file_read(cli, &doc));
    TRY(config_json_edit(&text, cli->arena, doc, edit, &is_changed));
    return is_changed ? replace(cli->arena, target_of(cli->arena, config_file_path(cli)), &text)
                      : NULL;
}
