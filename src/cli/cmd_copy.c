/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth cp, export and save. What is copied is a tar stream that is made, or put in place, while it
 * comes: nothing is kept in memory or beside.
 */
#include "commands.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "tar/pack.h"
#include "tar/place.h"

#include "api.h"
#include "copy_rules.h"
#include "query.h"
#include "state_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REDRAW_NS (100 * NS_PER_MS)

/* ---- how far it is ---- */

struct copy_progress {
    const char *what; /* NULL: quiet */
    int64_t bytes, begun_ns, drawn_ns;
};

static void progress_begin(struct copy_progress *p, const struct cp_options *o, const char *what)
{
    *p = (struct copy_progress){.what = o->quiet || !isatty(STDERR_FILENO) ? NULL : what,
                                .begun_ns = clock_boot_ns()};
}

static void progress_add(struct copy_progress *p, size_t n)
{
    autoarena struct arena *a = arena_create();
    int64_t now;

    p->bytes += (int64_t)n;
    if (!p->what)
        return;
    now = clock_boot_ns();
    if (now - p->drawn_ns < REDRAW_NS)
        return;
    p->drawn_ns = now;
    cli_say("\r\033[K%s - %s (%s/s)", p->what, text_size(a, p->bytes),
            text_size(a, (int64_t)((double)p->bytes * NS_PER_S / (double)(now - p->begun_ns + 1))));
}

static void progress_end(struct copy_progress *p, bool is_copied, const char *to)
{
    autoarena struct arena *a = arena_create();

    if (!p->what)
        return;
    cli_say("\r\033[K");
    if (is_copied)
        cli_say("Successfully copied %s to %s\n", text_size(a, p->bytes), to);
}

/* ---- what the engine says of a path ---- */

struct path_stat {
    const char *name, *link_target;
    bool is_dir, is_link;
};

static struct err *read_stat(struct cli *cli, const struct http_head *h, struct path_stat *out)
{
    const struct json *j = NULL;
    char *text = NULL;
    size_t n = 0;
    int64_t mode;

    if (!h->path_stat)
        return err_new(ERR_INVALID, "the engine did not say what is there");
    TRY(text_from_base64(cli->arena, h->path_stat, &text, &n));
    TRY(json_parse(cli->arena, text, n, &j));
    mode = json_int(json_get(j, "mode"));
    *out = (struct path_stat){.name = text_of(j, "name"),
                              .link_target = text_of(j, "linkTarget"),
                              .is_dir = mode & (1LL << 31),
                              .is_link = mode & (1LL << 27)};
    return NULL;
}

static char *archive_path(struct cli *cli, const char *container, const char *path)
{
    return arena_printf(cli->arena, "/containers/%s/archive?path=%s", api_escape(cli, container),
                        text_to_query(cli->arena, path));
}

static struct err *stat_path(struct cli *cli, const char *container, const char *path,
                             struct path_stat *out)
{
    struct http_head h;
    struct err *e = api_head(cli, &h, "%s", archive_path(cli, container, path));

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return err_new(ERR_NOT_FOUND, "No such container:path: %s:%s", container, path);
    }
    return e ? e : read_stat(cli, &h, out);
}

/* ---- out of a container ---- */

struct download {
    struct http_conn *conn;
    struct buf piece;
    struct copy_progress progress;
};

static struct err *next_piece(void *ctx, const void **p, size_t *n)
{
    struct download *d = ctx;

    d->piece.len = 0;
    while (!d->piece.len && !d->conn->reply.is_done)
        TRY(http_conn_read_some(d->conn, &d->piece));
    progress_add(&d->progress, d->piece.len);
    *p = d->piece.data;
    *n = d->piece.len;
    return NULL;
}

static struct err *to_fd(struct download *d, int fd)
{
    const void *p;
    size_t n;

    for (;;) {
        TRY(next_piece(d, &p, &n));
        if (!n)
            return NULL;
        TRY(fd_write_all(fd, p, n));
    }
}

/* Links are followed to what they name, also when that is not there yet. */
static struct err *look_at(struct arena *a, const char *arg, struct copy_end *out)
{
    char target[PATH_MAX], *path;
    struct stat st;
    ssize_t n;

    TRY(path_absolute(a, arg, &path));
    n = readlink(path, target, sizeof(target) - 1);
    if (n > 0) {
        target[n] = '\0';
        path = path_clean(a, target[0] == '/' ? target : arena_printf(a, "%s/../%s", path, target));
    }
    if (path_means_directory(arg) && path[1])
        path = arena_printf(a, "%s/", path);
    out->path = path;
    out->exists = stat(path_clean(a, path), &st) == 0;
    out->is_dir = out->exists && S_ISDIR(st.st_mode);
    return NULL;
}

static struct err *open_dir(const char *path, int *out)
{
    *out = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *out < 0 ? err_sys("open %s", path) : NULL;
}

static struct err *place(struct cli *cli, const struct cp_options *o, struct download *d,
                         const struct path_stat *from, const char *arg)
{
    const char *name = strcmp(from->name, "/") ? from->name : ".", *dir, *to;
    struct copy_end end;
    autoclose int fd = -1;
    struct tar_place_plan plan = {
        .root = -1,
        .leaves_owner = !o->archive,
        .leaves_set_id = !o->archive, /* they would be set for another owner */
        .keeps_kind = true,
        .max_bytes = INT64_MAX,
        .max_entries = INT64_MAX,
        .more = next_piece,
        .ctx = d,
    };

    TRY(look_at(cli->arena, arg, &end));
    TRY(copy_place(cli->arena, name, from->is_dir, &end, &dir, &to));
    TRY(open_dir(dir, &fd));
    plan.dir = fd;
    if (strcmp(name, to)) {
        plan.from = strcmp(name, ".") ? name : "";
        plan.to = to;
    }
    return tar_place(-1, &plan);
}

static struct err *copy_out(struct cli *cli, const struct cp_options *o, const char *container,
                            const char *path, const char *to)
{
    struct http_request r = {.method = "GET"};
    struct download d = {0};
    struct path_stat st;
    char *url = NULL;
    struct err *e;

    if (o->follow) {
        TRY(stat_path(cli, container, path, &st));
        path = st.is_link ? st.link_target : path;
    }
    TRY(api_path(cli, &url, "%s", archive_path(cli, container, path)));
    r.path = url;
    TRY(api_open(cli, &r, &d.conn));
    progress_begin(&d.progress, o, "Copying from container");
    if (!strcmp(to, "-")) {
        d.progress.what = NULL;
        e = to_fd(&d, STDOUT_FILENO);
    } else {
        e = read_stat(cli, &d.conn->reply.head, &st);
        if (!e)
            e = place(cli, o, &d, &st, to);
    }
    progress_end(&d.progress, !e, to);
    http_conn_close(d.conn);
    buf_finish(&d.piece);
    return e;
}

/* ---- into a container ---- */

struct upload {
    struct tar_pack *pack; /* NULL: what comes from fd */
    int fd;
    struct copy_progress progress;
};

static struct err *produce(void *ctx, struct buf *out, bool *is_end)
{
    struct upload *u = ctx;
    struct err *e = tar_pack_more(u->pack, 256u << 10, out, is_end);

    progress_add(&u->progress, out->len);
    return e;
}

/* The source's name in the archive is what it shall be called there. */
static struct err *open_source(struct cli *cli, const struct cp_options *o, const char *arg,
                               int *out_fd, bool *is_dir, const char **out_name)
{
    bool follows = o->follow || path_means_directory(arg);
    struct stat st;
    char *path;

    TRY(path_absolute(cli->arena, arg, &path));
    *out_fd = open(arg, O_PATH | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW));
    if (*out_fd < 0 || fstat(*out_fd, &st) < 0)
        return err_sys("lstat %s", path);
    *is_dir = S_ISDIR(st.st_mode);
    if (path_means_directory(arg) && !*is_dir)
        return err_new(ERR_INVALID, "%s: not a directory", arg);
    *out_name = strcmp(arg, ".") && !text_ends(arg, "/.") ? copy_name(cli->arena, path) : ".";
    return NULL;
}

static struct err *look_inside(struct cli *cli, const char *container, const char *path,
                               struct copy_end *out)
{
    struct path_stat st;
    struct err *e = stat_path(cli, container, path, &st);

    *out = (struct copy_end){.path = path[0] == '/' ? path : arena_printf(cli->arena, "/%s", path)};
    if (!e && st.is_link) {
        out->path = st.link_target;
        e = stat_path(cli, container, st.link_target, &st);
    }
    out->exists = !e;
    out->is_dir = !e && st.is_dir;
    if (!e || err_kind(e) == ERR_NOT_FOUND || err_kind(e) == ERR_INVALID) {
        err_drop(e); /* what is missing may be made; what cannot be, the engine says */
        return NULL;
    }
    return e;
}

static struct err *put(struct cli *cli, const struct cp_options *o, const char *container,
                       const char *dir, struct upload *u)
{
    struct http_request r = {.method = "PUT", .ctx = u};
    struct http_conn *c = NULL;
    autobuf struct buf body = {0};
    char *path = NULL;
    struct err *e;

    TRY(api_path(cli, &path, "%s&noOverwriteDirNonDir=true%s", archive_path(cli, container, dir),
                 o->archive ? "&copyUIDGID=true" : ""));
    r.path = path;
    if (u->pack)
        r.produce = produce;
    else
        r.upload_fd = u->fd;
    TRY(api_open(cli, &r, &c));
    e = http_conn_read_all(c, &body);
    http_conn_close(c);
    return e;
}

static struct err *put_stream(struct cli *cli, const struct cp_options *o, const char *container,
                              const char *path, const struct copy_end *to)
{
    struct upload u = {0};
    /* 0 means "no upload" in a request, so stdin moves up */
    autoclose int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

    if (!to->is_dir)
        return err_new(ERR_INVALID, "destination \"%s:%s\" must be a directory", container, path);
    if (fd < 0)
        return err_sys("read stdin");
    u.fd = fd;
    return put(cli, o, container, to->path, &u);
}

static struct err *copy_in(struct cli *cli, const struct cp_options *o, const char *from,
                           const char *container, const char *path)
{
    struct copy_end to;
    struct upload u = {0};
    autoclose int fd = -1;
    const char *name, *dir, *inside;
    bool is_dir;
    struct err *e;

    if (!strcmp(from, "-")) {
        TRY(look_inside(cli, container, path, &to));
        return put_stream(cli, o, container, path, &to);
    }
    TRY(open_source(cli, o, from, &fd, &is_dir, &name));
    TRY(look_inside(cli, container, path, &to));
    TRY(copy_place(cli->arena, name, is_dir, &to, &dir, &inside));
    name = is_dir ? arena_printf(cli->arena, "%s/", inside) : inside;
    u.pack = tar_pack_create(&(struct tar_pack_plan){
        .source = fd, .root_name = name, .prefix = is_dir ? name : "", .is_own = true});
    progress_begin(&u.progress, o, "Copying to container");
    e = put(cli, o, container, dir, &u);
    progress_end(&u.progress, !e, arena_printf(cli->arena, "%s:%s", container, path));
    if (!e && tar_pack_torn(u.pack))
        cli_say("%s became shorter while it was copied: its end was given as zeros\n",
                tar_pack_torn(u.pack));
    tar_pack_destroy(u.pack);
    return e;
}

struct err *cmd_cp(struct cli *cli, const void *options, struct strs args)
{
    const char *container = NULL, *path = NULL, *to_container = NULL, *to_path = NULL;
    bool is_out = copy_split(cli->arena, args.v[0], &container, &path);
    bool is_in = copy_split(cli->arena, args.v[1], &to_container, &to_path);

    if (is_out && is_in)
        return err_new(ERR_INVALID, "copying between containers is not supported");
    if (is_out)
        return copy_out(cli, options, container, path, args.v[1]);
    if (is_in)
        return copy_in(cli, options, args.v[0], to_container, to_path);
    return err_new(ERR_INVALID, "must specify at least one container source");
}

/* ---- export, save ---- */

/* Beside the file first, so that a broken export does not look like one. */
static struct err *export_to_file(struct download *d, const char *path)
{
    autofree char *beside = mem_printf("%s.berth-part", path);
    autoclose int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct err *e;

    if (fd < 0)
        return err_sys("open %s", beside);
    e = to_fd(d, fd);
    if (!e && rename(beside, path) < 0)
        e = err_sys("make %s", path);
    if (e)
        unlink(beside);
    return e;
}

static struct err *get_tar(struct cli *cli, const char *path, const char *output)
{
    struct http_request r = {.method = "GET", .path = path};
    struct download d = {0};
    struct err *e;

    TRY(api_open(cli, &r, &d.conn));
    e = text_is_empty(output) ? to_fd(&d, STDOUT_FILENO) : export_to_file(&d, output);
    http_conn_close(d.conn);
    buf_finish(&d.piece);
    return e;
}

static struct err *refuse_terminal(const char *output)
{
    if (text_is_empty(output) && isatty(STDOUT_FILENO))
        return err_new(ERR_INVALID, "cowardly refusing to save to a terminal. Use the -o flag or "
                                    "redirect");
    return NULL;
}

struct err *cmd_export(struct cli *cli, const void *options, struct strs args)
{
    const struct export_options *o = options;
    char *path = NULL;

    TRY(refuse_terminal(o->output));
    TRY(api_path(cli, &path, "/containers/%s/export", api_escape(cli, args.v[0])));
    return get_tar(cli, path, o->output);
}

struct err *cmd_save(struct cli *cli, const void *options, struct strs args)
{
    const struct export_options *o = options;
    autobuf struct buf query = {0};
    char *path = NULL;

    TRY(refuse_terminal(o->output));
    for (size_t i = 0; i < args.n; i++)
        buf_printf(&query, "%snames=%s", i ? "&" : "", text_to_query(cli->arena, args.v[i]));
    if (!text_is_empty(o->platform))
        buf_printf(&query, "&platform=%s", query_platform(cli->arena, o->platform));
    TRY(api_path(cli, &path, "/images/get?%s", query.data));
    return get_tar(cli, path, o->output);
}
