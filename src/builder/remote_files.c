/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See remote_files.h. The loop gets a file, a thread of the pool for clients writes it (a server
 * may be slow for ever), and a pipe is between them. The file is whole when both have ended.
 * Trap: a cancel ends the wait at once, and the thread a little later: what it works with is its
 * own until then.
 */
#include "remote_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/download.h"
#include "storage/bounds.h"
#include "storage/space.h"

enum { PIECE = 64 << 10 };

struct fetch_op;

struct fetch { /* outlives the operation */
    struct job job;
    struct ticket *ticket;
    struct parts *parts;
    struct fetch_op *op;       /* while the ticket is valid */
    struct download *download; /* NULL: it has ended */
    struct build_context *folder;
    int in_fd;
    char file[24];
    struct unpack_limits limits;
    _Atomic int64_t modified_s; /* -1: not known */
    _Atomic bool is_stopped;
    bool is_written;
    char *name;
    char digest[DIGEST_MAX];
    struct err *err, *write_err;
};

struct fetch_op {
    struct op op;
    struct build *build;
    struct remote_file *remote; /* in its arena */
    struct build_context *folder;
    size_t i;
    struct fetch *fetch; /* under way */
};

/* ---- the file (worker) ---- */

static struct err *copy(struct fetch *f, int fd, struct sha256 *hash)
{
    struct space_meter space = {0};
    char piece[PIECE];
    int64_t total = 0;

    for (;;) {
        ssize_t n = read(f->in_fd, piece, sizeof(piece));

        if (n < 0)
            return err_sys("read from a server");
        if (f->is_stopped)
            return err_new(ERR_CANCELLED, "the build was cancelled");
        if (!n)
            return NULL;
        total += n;
        TRY(bounds_check(&f->limits, "the file", total, total));
        TRY(space_take(&space, fd, n, 0, "the file needs"));
        sha256_add(hash, piece, (size_t)n);
        TRY(fd_write_all(fd, piece, (size_t)n));
    }
}

static struct err *write_file(struct fetch *f)
{
    autoclose int fd = openat(build_context_dir(f->folder), f->file,
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct sha256 *hash;
    struct err *e;

    if (fd < 0)
        return err_sys("make a file for what is fetched");
    hash = sha256_create();
    e = copy(f, fd, hash);
    sha256_end(hash, f->digest);
    if (!e && f->modified_s >= 0) {
        const struct timespec times[2] = {{.tv_sec = f->modified_s}, {.tv_sec = f->modified_s}};

        if (futimens(fd, times) < 0)
            e = err_sys("set the time of what is fetched");
    }
    return e;
}

static void run_write(struct job *job)
{
    struct fetch *f = container_of(job, struct fetch, job);

    ASSERT_WORKER();
    f->write_err = write_file(f);
    close(steal_fd(&f->in_fd)); /* the server's side ends, too */
}

/* ---- both sides ---- */

static const char *last_part_of(struct arena *a, const char *url)
{
    char *path = arena_strdup(a, strstr(url, "://") + 3);

    path[strcspn(path, "?#")] = '\0';
    path = strrchr(path, '/');
    return path && strcmp(path, "/.") && strcmp(path, "/..") ? path + 1 : "";
}

static void give_result(struct fetch *f)
{
    struct remote_file *r = f->op->remote;
    struct arena *a = f->op->build->arena;

    f->op->fetch = NULL;
    r->name = f->name ? arena_strdup(a, f->name) : last_part_of(a, r->url);
    r->file = arena_strdup(a, f->file);
    memcpy(r->digest, f->digest, sizeof(r->digest));
}

/* The side that failed first tells why: the other one was stopped by that. */
static struct err *take_err(struct fetch *f)
{
    bool was_stopped = f->write_err && err_kind(f->write_err) == ERR_CANCELLED;
    struct err *e = f->err && (was_stopped || !f->write_err) ? f->err : f->write_err;

    err_drop(e == f->err ? f->write_err : f->err);
    return e;
}

static void end_if_both_have(struct fetch *f)
{
    struct ticket *t = f->ticket;
    struct err *e;

    if (f->download || !f->is_written)
        return;
    e = take_err(f);
    if (ticket_op(t))
        give_result(f);
    build_context_unref(f->folder, f->parts);
    free(f->name);
    free(f);
    ticket_answer(t, e);
}

static void on_written(struct job *job)
{
    struct fetch *f = container_of(job, struct fetch, job);

    f->is_written = true;
    end_if_both_have(f);
}

static void on_fetched(void *ctx, struct err *err, const struct download_result *r)
{
    struct fetch *f = ctx;

    f->download = NULL;
    f->err = err;
    f->is_stopped = err != NULL;
    f->modified_s = r->modified_s;
    f->name = r->file_name ? mem_strdup(r->file_name) : NULL;
    end_if_both_have(f);
}

/* ---- the operation ---- */

static struct err *fetch(struct op *op)
{
    struct fetch_op *o = (struct fetch_op *)op;
    struct build *b = o->build;
    struct parts *p = b->builder->parts;
    static const struct download_handler handler = {.done = on_fetched};
    struct fetch *f;
    int ends[2];

    TRY(build_check_cancelled(b));
    TRY(fd_pipe_to_worker(ends));
    f = mem_new(struct fetch);
    f->ticket = op_wait(op);
    f->parts = p;
    f->op = o;
    f->folder = build_context_ref(o->folder);
    f->in_fd = ends[0];
    f->limits = bounds_fill(NULL);
    f->modified_s = -1;
    snprintf(f->file, sizeof(f->file), "%zu", o->i);
    o->fetch = f;
    f->job.run = run_write;
    f->job.done = on_written;
    pool_submit(p->pools, POOL_CLIENT, &f->job);
    f->download = download_start(p->loop, p->pools, o->remote->url, ends[1], &handler, f);
    return NULL;
}

static void stop_fetch(struct op *op)
{
    struct fetch *f = steal_ptr(&((struct fetch_op *)op)->fetch);

    if (!f)
        return;
    f->is_stopped = true;
    if (f->download)
        download_cancel(steal_ptr(&f->download)); /* the thread sees the end of the pipe */
    end_if_both_have(f);
}

static void finish(struct op *op)
{
    struct fetch_op *o = (struct fetch_op *)op;

    build_context_unref(o->folder, o->build->builder->parts);
    build_unref(o->build);
}

static const struct op_step fetch_steps[] = {
    {"fetch", ON_EVENT, fetch, stop_fetch, -1},
    {0},
};
static const struct op_type fetch_type = {"build/fetch", OP_MUTATING, sizeof(struct fetch_op),
                                          fetch_steps, finish};
OP_LISTED(fetch_type);

static struct op *make_fetch(void *ctx, size_t i)
{
    struct remote_files *files = ctx;
    struct fetch_op *o =
        (struct fetch_op *)op_create(files->build->builder->parts->ops, &fetch_type);

    o->build = build_ref(files->build);
    o->remote = &files->v[i];
    o->folder = build_context_ref(files->folder);
    o->i = i;
    o->op.subject = arena_strdup(o->op.arena, files->v[i].url);
    return &o->op;
}

/* ---- for steps ---- */

bool remote_is_url(const char *source)
{
    return text_starts(source, "http://") || text_starts(source, "https://");
}

/* The fragment says a branch and a folder of it. */
bool remote_is_git(const char *source)
{
    size_t n = strcspn(source, "#?");

    if (text_starts(source, "git@") || text_starts(source, "git://") ||
        text_starts(source, "ssh://"))
        return true;
    return remote_is_url(source) && n > 4 && !strncmp(source + n - 4, ".git", 4);
}

struct err *remote_files_await(struct remote_files *f, struct op *op)
{
    f->turn = in_turn_create(f->build->arena, f->n, make_fetch, f);
    return in_turn_await(f->turn, op);
}

void remote_files_stop(struct remote_files *f)
{
    in_turn_stop(f->turn);
}

int remote_files_dir(const struct remote_files *f)
{
    return f->folder ? build_context_dir(f->folder) : -1;
}
