/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts on the disk. */
#include "context.h"

#include "base/digest.h"
#include "base/fd.h"

#include "cli.h"
#include "config_file.h"
#include "pretty.h"
#include "query.h"
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

const char *context_host_of_environment(void)
{
    static const char *const names[] = {"BERTH_HOST", "DOCKER_HOST"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!text_is_empty(getenv(names[i])))
            return getenv(names[i]);
    return NULL;
}

/* ---- config.json ---- */

struct err *context_choose(struct cli *cli, const struct global_options *o, const char **out)
{
    const char *name;

    if (!text_is_empty(o->context) && o->hosts.n)
        return err_new(ERR_INVALID,
                       "conflicting options: either specify --host or --context, not both");
    *out = o->context;
    if (!text_is_empty(o->context))
        return NULL;
    *out = CONTEXT_DEFAULT;
    if (o->hosts.n || context_host_of_environment())
        return NULL;
    if (!text_is_empty(getenv("DOCKER_CONTEXT"))) {
        *out = getenv("DOCKER_CONTEXT");
        return NULL;
    }
    name = config_file_context(cli);
    if (name)
        *out = name;
    return NULL;
}

struct err *context_make_current(struct cli *cli, const char *name)
{
    struct config_edit e = {.context = strcmp(name, CONTEXT_DEFAULT) ? name : ""};
    const struct json *config;

    TRY(config_file_read(cli, &config));
    return config || *e.context ? config_file_edit(cli, &e) : NULL;
}

/* ---- one context ---- */

struct err *context_check_name(const char *name)
{
    if (!strcmp(name, CONTEXT_DEFAULT))
        return err_new(ERR_INVALID, "\"default\" is a reserved context name");
    if (!strspn(name, NAME_BYTES) || !name[1] || name[strspn(name, NAME_BYTES "_.+-")])
        return err_new(ERR_INVALID,
                       "context name \"%s\" is invalid, names are validated against regexp "
                       "\"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"",
                       name);
    return NULL;
}

struct err *context_check_host(const char *host)
{
    if (text_starts(host, "unix://") && host[7])
        return NULL;
    if (text_starts(host, "ssh://"))
        return err_new(ERR_INVALID,
                       "berth does not go to other machines: %s. On that machine, berth system "
                       "dial-stdio gives the docker CLI what it needs for it",
                       host);
    return err_new(ERR_INVALID,
                   "berth talks to its engine over a Unix socket only (unix://PATH), not %s", host);
}

static const char *folder_of(struct cli *cli, const char *name)
{
    char digest[DIGEST_MAX];

    digest_of(name, strlen(name), digest);
    return arena_strdup(cli->arena, digest_hex(digest));
}

static char *path_of(struct cli *cli, const char *what, const char *folder)
{
    return arena_printf(cli->arena, "%s/contexts/%s/%s", cli->config_dir, what, folder);
}

static struct err *read_context(struct cli *cli, const char *folder, struct context *out)
{
    const char *dir = path_of(cli, "meta", folder);
    const char *tls = path_of(cli, "tls", folder);
    const struct json *doc = NULL;
    char *text = NULL;
    size_t len;

    TRY(file_read(cli->arena, AT_FDCWD, path_join(cli->arena, dir, "meta.json"), FILE_MAX, &text,
                  &len));
    TRY(json_parse(cli->arena, text, len, &doc));
    *out = (struct context){
        .name = text_of(doc, "Name"),
        .description = text_of(json_get(doc, "Metadata"), "Description"),
        .host = text_of(json_get(json_get(doc, "Endpoints"), "docker"), "Host"),
        .doc = doc,
        .dir = dir,
        .folder = folder,
        .has_tls = access(tls, F_OK) == 0,
    };
    return NULL;
}

struct err *context_find(struct cli *cli, const char *name, struct context *out)
{
    const char *host = context_host_of_environment();
    struct err *e;

    if (!strcmp(name, CONTEXT_DEFAULT)) {
        *out = (struct context){
            .name = CONTEXT_DEFAULT,
            .description = "Current BERTH_HOST or DOCKER_HOST based configuration",
            .host = host ? host : cli->host,
        };
        return NULL;
    }
    TRY(context_check_name(name));
    e = read_context(cli, folder_of(cli, name), out);
    if (e && (err_errno(e) == ENOENT || err_errno(e) == ENOTDIR)) {
        err_drop(e);
        return err_new(ERR_NOT_FOUND, "context \"%s\": context not found", name);
    }
    if (!e && strcmp(out->name, name) != 0)
        e = err_new(ERR_INVALID, "%s/meta.json is not of this context", out->dir);
    return e ? err_wrap(e, "context \"%s\"", name) : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One that cannot be read is left out: its name is in the file. */
struct err *context_names(struct cli *cli, struct strs *out)
{
    autoclose int dir = open(path_of(cli, "meta", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct strs folders = {0};
    struct context c;

    if (dir >= 0)
        TRY(dir_names(cli->arena, dir, &folders));
    for (size_t i = 0; i < folders.n; i++) {
        struct err *e = read_context(cli, folders.v[i], &c);

        if (!e && *c.name)
            strs_add(cli->arena, out, c.name);
        err_drop(e);
    }
    strs_add(cli->arena, out, CONTEXT_DEFAULT);
    qsort(out->v, out->n, sizeof(char *), by_text);
    return NULL;
}

/* The members of `from` that are not called `but`. */
static void keep(struct cli *cli, struct jw *w, const struct json *from, const char *but)
{
    for (const struct json *m = json_first(from); m; m = json_next(m))
        if (strcmp(json_key(m), but))
            jw_raw(w, json_key(m), json_text(cli->arena, m));
}

static void write_document(struct cli *cli, struct jw *w, const struct context *c)
{
    const struct json *endpoints = json_get(c->doc, "Endpoints");

    jw_obj(w, NULL);
    jw_str(w, "Name", c->name);
    jw_obj(w, "Metadata");
    keep(cli, w, json_get(c->doc, "Metadata"), "Description");
    if (!text_is_empty(c->description))
        jw_str(w, "Description", c->description);
    jw_obj_end(w);
    jw_obj(w, "Endpoints");
    keep(cli, w, endpoints, "docker");
    jw_obj(w, "docker");
    keep(cli, w, json_get(endpoints, "docker"), "Host");
    jw_str(w, "Host", c->host);
    if (!json_get(json_get(endpoints, "docker"), "SkipTLSVerify"))
        jw_bool(w, "SkipTLSVerify", false);
    jw_obj_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
}

struct err *context_write(struct cli *cli, const struct context *c)
{
    const char *path = path_of(cli, "meta", folder_of(cli, c->name));
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    autoclose int dir = -1;

    TRY(context_check_name(c->name));
    TRY(context_check_host(c->host));
    write_document(cli, &w, c);
    TRY(dir_make_all(path, 0755));
    dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys("open %s", path);
    return file_write_atomic(dir, "meta.json", b.data, b.len, 0644, false);
}

struct err *context_remove(struct cli *cli, const char *name)
{
    const char *folder = folder_of(cli, name);

    TRY(dir_remove_tree(AT_FDCWD, path_of(cli, "meta", folder)));
    return access(path_of(cli, "tls", folder), F_OK) == 0
               ? dir_remove_tree(AT_FDCWD, path_of(cli, "tls", folder))
               : NULL;
}
