/* SPDX-License-Identifier: Apache-2.0 */
/* berth context …: names for engines. Texts are docker's. */
#include "commands.h"

#include "base/fd.h"
#include "tar/pack.h"
#include "tar/place.h"

#include "context.h"
#include "pretty.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"
#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMPORT_BYTES_MAX = 10 << 20, IMPORT_ENTRIES_MAX = 100 };

/* ---- create, update ---- */

/* "host=unix:///x,from=y" */
static struct err *read_endpoint(struct cli *cli, const struct strs *given, const char **host)
{
    struct context from;

    for (size_t i = 0; i < given->n; i++) {
        struct strs parts = text_split(cli->arena, given->v[i], ',');

        for (size_t k = 0; k < parts.n; k++) {
            const char *value = strchr(parts.v[k], '=');
            int len = (int)strcspn(parts.v[k], "=");

            if (!value)
                return err_new(ERR_INVALID,
                               "invalid argument \"%s\": must be formatted as key=value",
                               parts.v[k]);
            if (!strncmp(parts.v[k], "host=", 5)) {
                *host = value + 1;
            } else if (!strncmp(parts.v[k], "from=", 5)) {
                TRY(context_find(cli, value + 1, &from));
                *host = from.host;
            } else {
                return err_new(ERR_INVALID,
                               "\"%.*s\" is no option of a docker endpoint on this machine: host "
                               "and from are",
                               len, parts.v[k]);
            }
        }
    }
    return NULL;
}

struct err *cmd_context_create(struct cli *cli, const void *options, struct strs args)
{
    const struct context_options *o = options;
    struct context c = {0}, other;
    struct err *e;

    TRY(context_check_name(args.v[0]));
    e = context_find(cli, args.v[0], &other);
    if (!e)
        return err_new(ERR_CONFLICT, "context \"%s\" already exists", args.v[0]);
    if (err_kind(e) != ERR_NOT_FOUND)
        return e;
    err_drop(e);
    if (!text_is_empty(o->from))
        TRY(context_find(cli, o->from, &c));
    TRY(read_endpoint(cli, &o->docker, &c.host));
    if (text_is_empty(c.host))
        return err_new(ERR_INVALID, "docker endpoint configuration is required");
    c.name = args.v[0];
    if (o->description || !c.doc)
        c.description = o->description;
    TRY(context_write(cli, &c));
    cli_printf("%s\n", c.name);
    cli_say("Successfully created context \"%s\"\n", c.name);
    return NULL;
}

static struct err *find_kept(struct cli *cli, const char *name, const char *what,
                             struct context *out)
{
    if (!strcmp(name, CONTEXT_DEFAULT))
        return err_new(ERR_INVALID, "context \"default\" cannot be %s", what);
    return context_find(cli, name, out);
}

struct err *cmd_context_update(struct cli *cli, const void *options, struct strs args)
{
    const struct context_options *o = options;
    struct context c;

    TRY(find_kept(cli, args.v[0], "updated", &c));
    if (o->description)
        c.description = o->description;
    TRY(read_endpoint(cli, &o->docker, &c.host));
    TRY(context_write(cli, &c));
    cli_printf("%s\n", c.name);
    cli_say("Successfully updated context \"%s\"\n", c.name);
    return NULL;
}

/* ---- show, use, rm ---- */

struct err *cmd_context_show(struct cli *cli, const void *options, struct strs args)
{
    (void)options;
    (void)args;
    cli_printf("%s\n", cli->context);
    return NULL;
}

struct err *cmd_context_use(struct cli *cli, const void *options, struct strs args)
{
    struct context c;

    (void)options;
    TRY(context_find(cli, args.v[0], &c));
    TRY(context_make_current(cli, c.name));
    cli_printf("%s\n", c.name);
    cli_say("Current context is now \"%s\"\n", c.name);
    if (context_host_of_environment())
        cli_say("Warning: DOCKER_HOST environment variable overrides the active context. To use "
                "\"%s\", either set the global --context flag, or unset DOCKER_HOST environment "
                "variable.\n",
                c.name);
    return NULL;
}

static struct err *remove_one(struct cli *cli, const char *name, bool force)
{
    struct context c;

    TRY(find_kept(cli, name, "removed", &c));
    if (!strcmp(name, cli->context)) {
        if (!force)
            return err_new(ERR_CONFLICT, "context \"%s\" is in use, set -f flag to force remove",
                           name);
        TRY(context_make_current(cli, CONTEXT_DEFAULT));
    }
    return context_remove(cli, name);
}

struct err *cmd_context_rm(struct cli *cli, const void *options, struct strs args)
{
    const struct context_options *o = options;

    for (size_t i = 0; i < args.n; i++) {
        struct err *e = remove_one(cli, args.v[i], o->force);

        if (e)
            cli_complain(cli, e);
        else
            cli_printf("%s\n", args.v[i]);
    }
    return NULL;
}

/* ---- ls, inspect ---- */

static const struct pair titles[] = {
    {"Current", "CURRENT"},
    {"Description", "DESCRIPTION"},
    {"DockerEndpoint", "DOCKER ENDPOINT"},
    {"Error", "ERROR"},
    {"Name", "NAME"},
    {NULL, NULL},
};

static struct pairs row_of(struct cli *cli, const char *name, bool is_table)
{
    bool is_current = !strcmp(name, cli->context);
    struct pairs row = {0};
    struct context c = {0};
    struct err *e = context_find(cli, name, &c);

    pairs_set(cli->arena, &row, "Current", is_current ? "true" : "false");
    pairs_set(cli->arena, &row, "Description", e || !c.description ? "" : c.description);
    pairs_set(cli->arena, &row, "DockerEndpoint", e || !c.host ? "" : c.host);
    if (!e)
        e = context_check_host(c.host);
    pairs_set(cli->arena, &row, "Error", e ? arena_strdup(cli->arena, err_text(e)) : "");
    pairs_set(cli->arena, &row, "Name",
              is_current && is_table ? arena_printf(cli->arena, "%s *", name) : name);
    err_drop(e);
    return row;
}

struct err *cmd_context_ls(struct cli *cli, const void *options, struct strs args)
{
    const struct context_options *o = options;
    bool is_table = !o->quiet && (text_is_empty(o->format) || text_starts(o->format, "table"));
    struct rows list = {.table =
                            "table {{.Name}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
                        .quiet = "{{.Name}}",
                        .titles = titles};
    autobuf struct buf out = {0};
    struct strs names = {0};

    (void)args;
    TRY(context_names(cli, &names));
    list.rows = arena_array(cli->arena, names.n, sizeof(*list.rows));
    for (size_t i = 0; i < names.n; i++)
        list.rows[list.n++] = row_of(cli, names.v[i], is_table);
    TRY(rows_print(cli->arena, &list, o->format, o->quiet, &out));
    cli_print(out.data, out.len);
    return NULL;
}

static struct err *document_of(struct cli *cli, const char *name, const struct json **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct context c;

    TRY(context_find(cli, name, &c));
    jw_obj(&w, NULL);
    jw_str(&w, "Name", c.name);
    if (c.doc) {
        jw_raw(&w, "Metadata", json_text(cli->arena, json_get(c.doc, "Metadata")));
        jw_raw(&w, "Endpoints", json_text(cli->arena, json_get(c.doc, "Endpoints")));
    } else {
        jw_obj(&w, "Metadata");
        jw_obj_end(&w);
        jw_obj(&w, "Endpoints");
        jw_obj(&w, "docker");
        jw_str(&w, "Host", c.host);
        jw_bool(&w, "SkipTLSVerify", false);
        jw_obj_end(&w);
        jw_obj_end(&w);
    }
    jw_obj(&w, "TLSMaterial");
    jw_obj_end(&w);
    jw_obj(&w, "Storage");
    jw_str(&w, "MetadataPath", c.doc ? c.dir : "<IN MEMORY>");
    jw_str(&w, "TLSPath",
           c.doc ? arena_printf(cli->arena, "%s/contexts/tls/%s", cli->config_dir, c.folder)
                 : "<IN MEMORY>");
    jw_obj_end(&w);
    jw_obj_end(&w);
    return json_parse(cli->arena, arena_strdup(cli->arena, b.data), b.len, out);
}

struct err *cmd_context_inspect(struct cli *cli, const void *options, struct strs args)
{
    const struct context_options *o = options;
    struct go_template *t = NULL;
    autobuf struct buf out = {0};
    const struct json *doc;

    if (!args.n)
        strs_add(cli->arena, &args, cli->context);
    if (!text_is_empty(o->format) && strcmp(o->format, "json") != 0)
        TRY(template_parse(cli->arena, o->format, &t));
    if (!t)
        buf_putc(&out, '[');
    for (size_t i = 0; i < args.n; i++) {
        TRY(document_of(cli, args.v[i], &doc));
        if (t) {
            TRY(template_run(cli->arena, t, doc, &out));
            buf_putc(&out, '\n');
        } else {
            buf_puts(&out, i ? ",\n    " : "\n    ");
            pretty_json(&out, cli->arena, doc, 1);
        }
    }
    if (!t)
        buf_puts(&out, "\n]\n");
    cli_print(out.data, out.len);
    return NULL;
}

/* ---- export, import ---- */

static struct err *write_tar(int from, int to)
{
    struct tar_pack *p = tar_pack_create(&(struct tar_pack_plan){from, "meta.json", ""});
    autobuf struct buf out = {0};
    struct err *e = NULL;
    bool is_end = false;

    while (!e && !is_end) {
        out.len = 0;
        e = tar_pack_more(p, 64 << 10, &out, &is_end);
        if (!e)
            e = fd_write_all(to, out.data, out.len);
    }
    tar_pack_destroy(p);
    return e;
}

struct err *cmd_context_export(struct cli *cli, const void *options, struct strs args)
{
    const char *to =
        args.n > 1 ? args.v[1] : arena_printf(cli->arena, "%s.dockercontext", args.v[0]);
    autoclose int from = -1, file = -1;
    struct context c;
    struct err *e;

    (void)options;
    TRY(find_kept(cli, args.v[0], "exported", &c));
    if (c.has_tls)
        return err_new(ERR_INVALID,
                       "context \"%s\" has certificates, which berth does not export: use docker",
                       c.name);
    from = open(path_join(cli->arena, c.dir, "meta.json"), O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return err_sys("open %s", c.dir);
    if (!strcmp(to, "-")) {
        if (isatty(STDOUT_FILENO))
            return err_new(ERR_INVALID, "cowardly refusing to export to a terminal, specify a file "
                                        "path");
        return write_tar(from, STDOUT_FILENO);
    }
    file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return err_sys("open %s", to);
    e = write_tar(from, file);
    if (e) {
        unlink(to);
        return err_wrap(e, "%s", to);
    }
    cli_say("Written file \"%s\"\n", to);
    return NULL;
}

static struct err *read_import(struct cli *cli, int in_fd, const char *temp, struct context *out)
{
    autoclose int dir = open(temp, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct tar_place_plan plan = {
        .dir = dir,
        .root = -1,
        .leaves_owner = true,
        .leaves_set_id = true,
        .max_bytes = IMPORT_BYTES_MAX,
        .max_entries = IMPORT_ENTRIES_MAX,
    };
    const struct json *doc = NULL;
    char *text = NULL;
    size_t len;

    if (dir < 0)
        return err_sys("open %s", temp);
    TRY(tar_place(in_fd, &plan));
    TRY(file_read(cli->arena, dir, "meta.json", IMPORT_BYTES_MAX, &text, &len));
    TRY(json_parse(cli->arena, text, len, &doc));
    *out = (struct context){
        .description = text_of(json_get(doc, "Metadata"), "Description"),
        .host = text_of(json_get(json_get(doc, "Endpoints"), "docker"), "Host"),
        .doc = doc,
        .has_tls = faccessat(dir, "tls/docker", F_OK, 0) == 0,
    };
    return NULL;
}

struct err *cmd_context_import(struct cli *cli, const void *options, struct strs args)
{
    char temp[] = "/tmp/berth-context.XXXXXX";
    autoclose int in = -1;
    struct context c, other;
    struct err *e;

    (void)options;
    TRY(context_check_name(args.v[0]));
    e = context_find(cli, args.v[0], &other);
    if (!e)
        return err_new(ERR_CONFLICT, "context \"%s\" already exists", args.v[0]);
    err_drop(e);
    in = strcmp(args.v[1], "-") ? open(args.v[1], O_RDONLY | O_CLOEXEC)
                                : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (in < 0)
        return err_sys("open %s", args.v[1]);
    if (!mkdtemp(temp))
        return err_sys("make a temporary folder");
    e = read_import(cli, in, temp, &c);
    err_drop(dir_remove_tree(AT_FDCWD, temp));
    if (e)
        return err_wrap(e, "%s is no context", args.v[1]);
    if (c.has_tls)
        return err_new(ERR_INVALID, "the context has certificates of another machine, which berth "
                                    "does not go to: use docker");
    c.name = args.v[0];
    TRY(context_write(cli, &c));
    cli_printf("%s\n", c.name);
    cli_say("Successfully imported context \"%s\"\n", c.name);
    return NULL;
}
