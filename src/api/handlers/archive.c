/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker cp and export: HEAD, GET and PUT of /containers/{id}/archive, GET of …/export. An error in
 * front of the first byte is an HTTP error; later the answer breaks off. Loop thread.
 */
#include <stdio.h>

#include "base/clock.h"
#include "storage/copy.h"
#include "view/copy.h"

#include "conn.h"
#include "judge.h"

#define TYPE_TAR "application/x-tar"
#define TYPE_BYTES "application/octet-stream"

/* Go's os.FileMode: the kind is in the high bits. */
static uint32_t go_mode(mode_t mode)
{
    static const struct {
        mode_t type;
        uint32_t bits;
    } types[] = {
        {S_IFDIR, 1u << 31}, {S_IFLNK, 1u << 27},  {S_IFBLK, 1u << 26},
        {S_IFIFO, 1u << 25}, {S_IFSOCK, 1u << 24}, {S_IFCHR, 1u << 26 | 1u << 21},
    };
    uint32_t out = mode & 0777;

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((mode & S_IFMT) == types[i].type)
            out |= types[i].bits;
    return out | (mode & S_ISUID ? 1u << 23 : 0) | (mode & S_ISGID ? 1u << 22 : 0) |
           (mode & S_ISVTX ? 1u << 20 : 0);
}

/* X-Docker-Container-Path-Stat: JSON in base64. */
static const char *stat_header(struct arena *a, const struct copy_source *s)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "name", s->name);
    jw_int(&w, "size", s->st.st_size);
    jw_int(&w, "mode", go_mode(s->st.st_mode));
    jw_time(&w, "mtime", s->st.st_mtim.tv_sec * NS_PER_S + s->st.st_mtim.tv_nsec);
    jw_str(&w, "linkTarget", s->link_target);
    jw_obj_end(&w);
    return arena_printf(a, "X-Docker-Container-Path-Stat: %s\r\n",
                        text_to_base64(a, b.data, b.len, false));
}

/* NULL: answered. */
static const char *path_of_request(struct request *r)
{
    const char *path = request_param(r, "path");

    if (*path)
        return path;
    reply_err(r, err_new(ERR_INVALID, "bad parameter: path: it is empty"));
    return NULL;
}

/* ---- stat ---- */

static void on_stat(void *ctx, struct err *err, const struct copy_source *s)
{
    struct request *r = ctx;
    struct buf none = {0};

    if (!reply_failed(r, err))
        reply_body(r, 200, TYPE_JSON, stat_header(r->arena, s), &none);
}

static void look_at_path(struct request *r, struct container *c)
{
    container_path_stat(c, request_param(r, "path"), on_stat, r);
}

/* Here as below: whoever may not have such a container has not its files, either. */
void handle_archive_stat(struct request *r)
{
    struct container *c = path_of_request(r) ? container_of_request(r) : NULL;

    if (c)
        judge_container(r, c, look_at_path);
}

/* ---- out of a container ---- */

struct sending {
    struct request *request;
    struct reply_sink sink;
    struct copy_out *copy; /* NULL before it began, and when it is over */
    bool is_export, is_over;
};

static void on_begin(void *ctx, const struct copy_source *source)
{
    struct sending *s = ctx;
    struct request *r = s->request;

    reply_begin_with(r, 200, s->is_export ? TYPE_BYTES : TYPE_TAR,
                     s->is_export ? "" : stat_header(r->arena, source));
}

static void on_sent(void *ctx, struct err *err)
{
    struct sending *s = ctx;

    s->is_over = true;
    s->copy = NULL;
    reply_sink_finish(&s->sink, err);
}

static void on_reader_gone(void *ctx)
{
    struct sending *s = ctx;

    if (s->copy)
        copy_out_cancel(s->copy);
}

static void send_tar(struct request *r, struct container *c, const char *path)
{
    struct sending *s = arena_new(r->arena, struct sending);
    struct copy_out *copy;

    if (!r->conn) { /* it left while it was judged */
        request_abandon(r);
        return;
    }
    s->request = request_ref(r); /* until the copy has begun */
    s->is_export = !path;
    reply_sink_init(&s->sink, r, TYPE_TAR);
    request_on_gone(r, on_reader_gone, s);
    copy = container_copy_out(c, path, &s->sink.sink, on_begin, on_sent, s);
    if (!s->is_over)
        s->copy = copy;
    request_unref(r);
}

static void send_path(struct request *r, struct container *c)
{
    send_tar(r, c, request_param(r, "path"));
}

void handle_archive_get(struct request *r)
{
    struct container *c = path_of_request(r) ? container_of_request(r) : NULL;

    if (c)
        judge_container(r, c, send_path);
}

static void send_all(struct request *r, struct container *c)
{
    send_tar(r, c, NULL);
}

void handle_export(struct request *r)
{
    struct container *c = container_of_request(r);

    if (c)
        judge_container(r, c, send_all);
}

/* ---- into a container ---- */

struct taking {
    struct request *request;
    struct copy_in *copy;
    bool is_over;
};

static void on_taken(void *ctx, struct err *err)
{
    struct taking *t = ctx;

    t->is_over = true;
    t->copy = NULL;
    if (err)
        reply_err(t->request, err);
    else
        reply_empty(t->request, 200);
}

/* Before the body ends, whose end would be taken for the archive's. */
static void on_writer_gone(void *ctx)
{
    struct taking *t = ctx;

    if (t->copy)
        copy_in_cancel(t->copy);
}

static void take_tar(struct request *r, struct container *c)
{
    struct copy_in_request in = {
        .path = request_param(r, "path"),
        .keeps_kind = query_is_true(&r->query, "noOverwriteDirNonDir"),
        .gives_to_user = query_is_true(&r->query, "copyUIDGID"),
    };
    struct copy_in *copy;
    struct copy_input from;
    struct taking *t;

    if (reply_failed(r, request_body_pieces(r, &from)))
        return;
    t = arena_new(r->arena, struct taking);
    t->request = request_ref(r);
    request_on_gone(r, on_writer_gone, t);
    copy = container_copy_in(c, &in, &from, on_taken, t);
    if (!t->is_over)
        t->copy = copy;
    request_resume_body(r);
    request_unref(r);
}

void handle_archive_put(struct request *r)
{
    struct container *c = path_of_request(r) ? container_of_request(r) : NULL;

    if (!c)
        return;
    request_hold_body(r);
    judge_container(r, c, take_tar);
}
