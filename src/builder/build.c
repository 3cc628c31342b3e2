/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker build as an operation: the context comes, the Dockerfile is read, the stages run
 * (stages.c), the image gets its names. Read the step table at the end first. Loop thread, but for
 * the worker steps.
 * Trap: the stages' steps are operations of their own, which a cancel of this one does not end at
 * once. They hold references to the build, and it ends them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/ref.h"
#include "build/ignore.h"
#include "container/container_table.h"
#include "container/object.h"
#include "core/settings.h"
#include "run/commands.h"
#include "tar/decoder.h"

#include "build_inner.h"
#include "remote_files.h"
#include "run_mounts.h"

#define IGNORE_NAME ".dockerignore"

struct build_op {
    struct op op; /* first */
    struct build *build;
    int in_fd;
    struct context_intake *intake; /* while it fills the context */
    struct build_context *context; /* until the build has it */
    struct remote_files remote;    /* the context, if it is an address */
    const char *host_platform;
    bool is_tagged;
};

struct build *build_ref(struct build *b)
{
    ASSERT_LOOP();
    b->refs++;
    return b;
}

static void destroy(struct build *b)
{
    list_remove(&b->link);
    if (b->stages)
        stages_finish(b);
    timer_clear(b->builder->parts->loop, &b->cancel_timer);
    build_context_unref(b->context, b->builder->parts);
    policy_unref(b->options.permit.policy);
    pthread_mutex_destroy(&b->scopes);
    buf_finish(&b->quiet);
    err_drop(b->err);
    arena_destroy(b->scope_arena);
    arena_destroy(b->arena); /* it is in there */
}

void build_unref(struct build *b)
{
    ASSERT_LOOP();
    ASSERT(b->refs > 0);
    if (--b->refs == 0)
        destroy(b);
}

struct err *build_check_cancelled(const struct build *b)
{
    return b->is_cancelled ? err_new(ERR_CANCELLED, "the build was cancelled") : NULL;
}

/* ---- context ---- */

/* The rest begins when the caller is back in the loop. */
static struct err *begin(struct op *op)
{
    op_wait_ms(op, 0);
    return NULL;
}

static struct err *make_folder(struct op *op)
{
    struct build_op *o = (struct build_op *)op;

    ASSERT_WORKER();
    return build_context_create(o->build->builder->parts->settings->data_root, &o->context);
}

static void drop_folder(struct op *op)
{
    (void)op; /* the build's last reference removes it */
}

/* ---- a context that is an address ---- */

static bool is_remote(const struct op *op)
{
    return *((const struct build_op *)op)->build->options.remote != '\0';
}

static struct err *make_remote_folder(struct op *op)
{
    struct build_op *o = (struct build_op *)op;

    ASSERT_WORKER();
    return build_context_create(o->build->builder->parts->settings->data_root, &o->remote.folder);
}

static struct err *fetch_remote(struct op *op)
{
    struct build_op *o = (struct build_op *)op;

    if (remote_is_git(o->build->options.remote))
        return err_new(ERR_NOT_IMPLEMENTED,
                       "a build from the git repository %s is not supported by this version of "
                       "berth: clone it, and send it as the context",
                       o->build->options.remote);
    o->remote.build = o->build;
    o->remote.v = arena_new(o->build->arena, struct remote_file);
    o->remote.v->url = o->build->options.remote;
    o->remote.n = 1;
    return remote_files_await(&o->remote, op);
}

static void stop_remote(struct op *op)
{
    remote_files_stop(&((struct build_op *)op)->remote);
}

/* A tar is received as if a client had sent it. Anything else is the Dockerfile. */
static struct err *open_remote(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    int from = remote_files_dir(&o->remote);
    autoclose int fd = openat(from, o->remote.v->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    ASSERT_WORKER();
    if (fd < 0)
        return err_sys("open what was fetched");
    if (decoder_is_tar(fd)) {
        if (lseek(fd, 0, SEEK_SET) < 0)
            return err_sys("rewind what was fetched");
        o->in_fd = steal_fd(&fd);
        return NULL;
    }
    o->build->options.dockerfile = "";
    if (renameat(from, o->remote.v->file, build_context_dir(o->context), "Dockerfile") < 0)
        return err_sys("keep the Dockerfile");
    return NULL;
}

static struct err *receive(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    struct build *b = o->build;

    b->context = steal_ptr(&o->context);
    TRY(build_check_cancelled(b));
    if (o->in_fd < 0)
        return NULL;
    build_context_fill(b->context, b->builder->parts, op, steal_fd(&o->in_fd), &o->intake);
    return NULL;
}

static void stop_receiving(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    struct context_intake *i = steal_ptr(&o->intake);

    if (i)
        context_intake_stop(i);
}

/* ---- the Dockerfile (worker) ---- */

static struct err *read_file(struct build *b, const char *path, size_t max, char **text, size_t *n)
{
    autoclose int seen = fd_open_in_root(build_context_dir(b->context), path, O_PATH, 0), fd = -1;

    if (seen < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? err_new(ERR_NOT_FOUND, "no such file")
                   : err_sys("open %s", path);
    fd = fd_reopen(seen, S_IFREG, O_RDONLY);
    if (fd < 0)
        return err_new(ERR_INVALID, "%s is no file", path);
    return file_read_fd(b->arena, fd, max, text, n);
}

static struct err *read_dockerfile(struct build *b)
{
    const char *name = text_is_empty(b->options.dockerfile) ? "Dockerfile" : b->options.dockerfile;
    const char *clean = path_clean(b->arena, name) + 1;
    char *text;
    size_t n;
    struct err *e = read_file(b, clean, DOCKERFILE_SIZE_MAX, &text, &n);

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return err_new(ERR_INVALID, "Cannot locate specified Dockerfile: %s", name);
    }
    if (e)
        return e;
    if (!n)
        return err_new(ERR_INVALID, "The Dockerfile (%s) cannot be empty", name);
    b->source = (struct source){.name = name, .text = text, .size = n};
    b->options.dockerfile = clean;
    return NULL;
}

/* A client sends both in any case, since the engine needs them; but COPY shall not have them. */
static struct err *hide_ignored(struct build *b)
{
    const char *own = ignore_file_name(b->arena, b->options.dockerfile);
    const char *hidden[] = {b->options.dockerfile, own, IGNORE_NAME}, *name = own;
    struct ignore *ignore;
    char *text;
    size_t n;
    struct err *e = read_file(b, own, IGNORE_SIZE_MAX, &text, &n);

    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        name = IGNORE_NAME;
        e = read_file(b, name, IGNORE_SIZE_MAX, &text, &n);
    }
    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return NULL;
    }
    if (!e)
        e = ignore_parse(b->arena, name, text, n, &ignore);
    if (e)
        return e;
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (ignore_excludes(ignore, hidden[i]))
            (void)!unlinkat(build_context_dir(b->context), hidden[i], 0);
    return NULL;
}

static struct err *open_scopes(struct build *b, const char *host_platform)
{
    struct scope_options o = {
        .build_args = &b->options.build_args,
        .target_platform = b->options.platform,
        .build_platform = host_platform,
        .target_stage = b->options.target,
    };

    return scope_open(b->scope_arena, &b->file, &o, &b->global);
}

/* The context is whole: from here on nobody changes it. */
static struct err *read_files(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    struct build *b = o->build;
    struct source_range where = {0};
    char *host, *platform;
    struct err *e;

    ASSERT_WORKER();
    TRY(read_dockerfile(b));
    TRY(hide_ignored(b));
    TRY(image_platform_text(b->arena, "", &host));
    TRY(image_platform_text(b->arena, b->options.platform, &platform));
    b->options.platform = platform;
    e = dockerfile_parse(b->scope_arena, &b->source, &b->file, &where);
    if (e)
        return e;
    TRY(open_scopes(b, host));
    return stages_plan(b);
}

/* ---- stages ---- */

static struct err *run_stages(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    struct build *b = o->build;

    TRY(build_check_cancelled(b));
    for (size_t i = 0; i < b->options.warnings.n; i++)
        build_say(b, "[Warning] %s\n", b->options.warnings.v[i]);
    for (size_t i = 0; i < b->file.n_global_args; i++)
        build_say(b, "Step %zu/%zu : %s\n", i + 1, b->n_steps, b->file.global_args[i].text);
    b->ticket = op_wait(op);
    stages_begin(b);
    return NULL;
}

static void end_stages(struct op *op)
{
    stages_cancel(((struct build_op *)op)->build);
}

/* ---- the names ---- */

struct name_carrier {
    struct ticket *ticket;
};

static void on_listed(void *ctx, struct err *err, struct image *image)
{
    struct name_carrier *k = ctx;
    struct ticket *t = k->ticket;

    (void)image;
    free(k);
    ticket_answer(t, err);
}

static struct err *name_image(struct op *op)
{
    struct build_op *o = (struct build_op *)op;
    struct build *b = o->build;
    struct name_carrier *k;

    TRY(build_check_cancelled(b));
    if (!b->target->image)
        return err_new(ERR_INVALID, "No image was generated. Is your Dockerfile empty?");
    k = mem_new(struct name_carrier);
    k->ticket = op_wait(op);
    image_list(b->builder->parts->images, image_id(b->target->image), &b->options.tags, on_listed,
               k);
    return NULL;
}

static void say_unconsumed(struct build *b)
{
    struct strs names = scope_unconsumed(b->global, b->scope_arena);

    if (names.n)
        build_say(b, "[Warning] One or more build-args [%s] were not consumed\n",
                  strs_join(b->arena, &names, " "));
}

static struct err *tell(struct op *op)
{
    struct build *b = ((struct build_op *)op)->build;

    say_unconsumed(b);
    build_say(b, "Successfully built %.*s\n", ID_SHORT, digest_hex(image_id(b->target->image)));
    for (size_t i = 0; i < b->options.tags.n; i++) {
        struct ref r;
        autoerr struct err *e = ref_parse(op->arena, b->options.tags.v[i], &r);

        if (!e)
            build_say(b, "Successfully tagged %s\n", ref_familiar(op->arena, &r));
    }
    build_say_result(b, image_id(b->target->image));
    return NULL;
}

static void finish(struct op *op)
{
    struct build_op *o = (struct build_op *)op;

    if (o->in_fd >= 0)
        close(steal_fd(&o->in_fd));
    build_context_unref(o->context, o->build->builder->parts);
    build_context_unref(o->remote.folder, o->build->builder->parts);
    build_unref(o->build);
}

/* What the workers fill belongs to the build: no deadline may leave them alone there. */
static const struct op_step build_steps[] = {
    {"begin", ON_EVENT, begin, NULL, -1},
    {"make-folder", ON_DISK, make_folder, drop_folder, 0},
    {"make-remote-folder", ON_DISK, make_remote_folder, NULL, -1, is_remote},
    {"fetch-remote", ON_EVENT, fetch_remote, stop_remote, -1, is_remote},
    {"open-remote", ON_DISK, open_remote, NULL, -1, is_remote},
    {"receive", ON_EVENT, receive, stop_receiving, -1},
    {"read", ON_DISK, read_files, NULL, -1},
    {"run-stages", ON_EVENT, run_stages, end_stages, -1},
    {"name-image", ON_EVENT, name_image, NULL, 0},
    {"tell", ON_LOOP, tell, NULL, 0},
    {0},
};
static const struct op_type build_type = {"build/build", OP_MUTATING, sizeof(struct build_op),
                                          build_steps, finish};
OP_LISTED(build_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    struct build *b = ctx;

    (void)op;
    b->op = NULL;
    timer_clear(b->builder->parts->loop, &b->cancel_timer);
    if (err)
        build_hear_all(b);
    b->line = NULL;
    if (b->done)
        b->done(b->ctx, err, b->exit_code);
    else
        err_drop(err);
    b->done = NULL;
}

struct build *build_create(struct builder *builder)
{
    struct arena *a = arena_create();
    struct build *b = arena_new(a, struct build);

    ASSERT_LOOP();
    b->refs = 1;
    b->arena = a;
    b->scope_arena = arena_create();
    b->builder = builder;
    b->options.dockerfile = b->options.id = b->options.target = b->options.platform =
        b->options.remote = "";
    pthread_mutex_init(&b->scopes, NULL);
    list_append(&builder->builds, &b->link);
    return b;
}

struct build_options *build_options(struct build *b)
{
    return &b->options;
}

struct arena *build_arena(struct build *b)
{
    return b->arena;
}

void build_destroy_unstarted(struct build *b)
{
    ASSERT(b->refs == 1 && !b->op);
    build_unref(b);
}

void build_start(struct build *b, int in_fd, build_line_fn line, build_done_fn done, void *ctx)
{
    struct build_op *o = (struct build_op *)op_create(b->builder->parts->ops, &build_type);

    ASSERT_LOOP();
    b->line = line;
    b->done = done;
    b->ctx = ctx;
    b->op = o;
    o->build = b; /* with the first reference */
    o->in_fd = in_fd;
    o->op.subject = arena_strdup(o->op.arena, b->options.tags.n ? b->options.tags.v[0] : "");
    op_start(&o->op, on_done, b);
}

/* ---- cancel ---- */

static void on_cancel(struct timer *t)
{
    struct build *b = container_of(t, struct build, cancel_timer);

    if (!b->op)
        return;
    if (b->ticket) /* its end follows that of its stages */
        stages_cancel(b);
    else
        op_cancel(&b->op->op);
}

/* It may come from within a line, deep in our own stack. */
void build_cancel(struct build *b)
{
    ASSERT_LOOP();
    b->is_cancelled = true;
    if (b->op && b->op->intake)
        context_intake_stop(b->op->intake);
    if (b->op && !b->cancel_timer.due_ns)
        timer_set(b->builder->parts->loop, &b->cancel_timer, 0, on_cancel);
}

bool build_cancel_id(struct builder *builder, const char *id)
{
    bool is_known = false;

    list_each (b, &builder->builds, struct build, link) {
        if (text_is_empty(id) || strcmp(b->options.id, id) != 0)
            continue;
        build_cancel(b);
        is_known = true;
    }
    return is_known;
}

/* ---- the part of the engine ---- */

/* The engine that made them has died, and nobody waits for what they do. */
static void remove_containers(struct parts *p)
{
    struct container_list all;

    container_list_ref(p->containers, &all);
    for (size_t i = 0; i < all.n; i++) {
        struct container *c = container_list_at(&all, i);

        if (c && c->doc.is_of_build)
            container_remove(c, true, true, false, NULL, NULL);
    }
    container_list_unref(&all);
}

struct err *builder_open(struct parts *p, struct builder **out)
{
    struct builder *b = mem_new(struct builder);
    struct err *e;

    b->parts = p;
    list_init(&b->builds);
    e = build_cache_open(p, &b->cache);
    if (!e)
        e = cache_folders_open(p, &b->folders);
    if (!e)
        e = run_mounts_sweep(p->settings->exec_root);
    if (e) {
        cache_folders_close(b->folders);
        build_cache_close(b->cache);
        free(b);
        return e;
    }
    remove_containers(p);
    *out = b;
    return NULL;
}

void builder_stop(struct builder *builder)
{
    ASSERT_LOOP();
    list_each (b, &builder->builds, struct build, link) {
        b->line = NULL;
        b->done = NULL;
        build_cancel(b);
    }
    cache_folders_stop(builder->folders);
}

void builder_close(struct builder *b)
{
    cache_folders_close(b->folders);
    build_cache_close(b->cache);
    free(b);
}

void builder_prune(struct builder *b, struct arena *a, const struct build_prune *p,
                   struct strs *deleted, int64_t *bytes)
{
    struct build_prune left = *p;

    build_cache_prune(b->cache, a, p, deleted, bytes);
    if (p->keep_bytes) /* of both together */
        left.keep_bytes = MAX(p->keep_bytes - build_cache_bytes(b->cache), 1);
    cache_folders_prune(b->folders, a, &left, deleted, bytes);
}

void builder_write_cache(const struct builder *b, struct jw *w, int api_version)
{
    build_cache_write(b->cache, w, api_version);
    cache_folders_write(b->folders, w, api_version);
}
