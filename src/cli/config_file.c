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
#define LINKS_MAX 40 /* as path_resolution(7) */

char *config_file_path(struct cli *cli)
{
    return path_join(cli->arena, cli->config_dir, "config.json");
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* What is JSON. *out NULL: there is none. */
static struct err *read_any(struct cli *cli, const char *path, const struct json **out)
{
    char *text = NULL;
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
    if (e)
        *out = NULL;
    return e ? err_wrap(err_as(e, ERR_INVALID), "%s cannot be read", path) : NULL;
}

static struct err *check(const char *path, const struct json *doc)
{
    struct err *e = doc ? config_json_check(doc) : NULL;

    return e ? err_wrap(err_as(e, ERR_INVALID), "%s cannot be read", path) : NULL;
}

struct err *config_file_read(struct cli *cli, const struct json **out)
{
    char *path = config_file_path(cli);
    struct err *e = read_any(cli, path, out);

    if (!e)
        e = check(path, *out);
    if (e)
        *out = NULL;
    return e;
}

/* Reads it once. */
static void look(struct cli *cli)
{
    char *path = config_file_path(cli);
    const struct json *doc = NULL;
    struct err *e;

    if (cli->has_config)
        return;
    cli->has_config = true;
    e = read_any(cli, path, &doc);
    cli->kept_context = json_str(json_get(doc, "currentContext"));
    if (!e)
        e = check(path, doc);
    if (!e)
        cli->config = doc;
    else
        cli_say("WARNING: Error loading config file: %s\n", err_text(e));
    err_drop(e);
}

const struct json *config_file_look(struct cli *cli)
{
    look(cli);
    return cli->config;
}

const char *config_file_context(struct cli *cli)
{
    look(cli);
    return text_is_empty(cli->kept_context) ? NULL : cli->kept_context;
}

/* Where links lead, though nothing is there yet. */
static char *target_of(struct arena *a, char *path)
{
    char real[PATH_MAX], link[PATH_MAX];

    if (realpath(path, real))
        return arena_strdup(a, real);
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t n = readlink(path, link, sizeof(link) - 1);

        if (n <= 0)
            break;
        link[n] = '\0';
        path = *link == '/' ? arena_strdup(a, link)
                            : path_join(a, dirname(arena_strdup(a, path)), link);
    }
    return path;
}

/* The file is new: an owner and a mode that it had are given to it, if we may. */
static struct err *fill(int fd, const char *path, const struct buf *text)
{
    struct stat had;
    bool was_there = stat(path, &had) == 0;

    if (was_there && fchown(fd, had.st_uid, had.st_gid) < 0 && errno != EPERM)
        return err_sys("give it to its owner");
    if (fchmod(fd, was_there ? had.st_mode & 07777 : 0600) < 0)
        return err_sys("set its mode");
    TRY(fd_write_all(fd, text->data, text->len));
    if (fsync(fd) < 0)
        return err_sys("write");
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
    e = e ? err_wrap(e, "%s", path) : NULL;
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
