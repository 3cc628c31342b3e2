/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction of a stage: what it depends on becomes a key, and the cache has its image, or it
 * is made. RUN is a container of this engine, which becomes a layer as a commit does; COPY, ADD and
 * WORKDIR write into a root file system that nobody runs; the others change the configuration
 * alone. Read the step table at the end first. Loop thread, but for the worker steps.
 * Trap: a container, or an image, may come when nobody waits for it any more: the carrier, which
 * outlives the operation, takes it back.
 */
#include <string.h>

#include "base/json.h"
#include "container/container_table.h"
#include "container/object.h"
#include "container/sweeper.h"
#include "core/settings.h"
#include "storage/rootfs.h"

#include "step_inner.h"

static bool is_run(const struct op *op)
{
    return ((const struct build_step *)op)->in->type == INS_RUN;
}

static bool is_copy(const struct op *op)
{
    enum instruction_type type = ((const struct build_step *)op)->in->type;

    return type == INS_COPY || type == INS_ADD;
}

static bool is_missing(const struct op *op)
{
    return !((const struct build_step *)op)->is_cached;
}

static bool must_run(const struct op *op)
{
    return is_run(op) && is_missing(op);
}

static bool has_script(const struct op *op)
{
    return must_run(op) && ((const struct build_step *)op)->script;
}

static bool has_mounts(const struct op *op)
{
    return ((const struct build_step *)op)->mounts.n > 0;
}

static bool must_mount(const struct op *op)
{
    return must_run(op) && has_mounts(op);
}

static bool must_hold(const struct op *op)
{
    return must_run(op) && ((const struct build_step *)op)->mounts.n_folders > 0;
}

static bool is_digested(const struct op *op)
{
    return is_copy(op) || has_mounts(op);
}

static bool must_write(const struct op *op)
{
    return (is_copy(op) || ((const struct build_step *)op)->in->type == INS_WORKDIR) &&
           is_missing(op);
}

/* ---- say ---- */

static struct err *say(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    const struct build_stage *s = o->stage;

    TRY(build_check_cancelled(o->build));
    if (o->number)
        stage_say(o->stage, "Step %zu/%zu : %s\n", o->number, o->build->n_steps, o->in->text);
    o->parent = s->image ? arena_strdup(op->arena, image_id(s->image))
                         : arena_printf(op->arena, "scratch %s", s->platform);
    if (s->image)
        o->chain = strs_copy(op->arena, image_chain(s->image));
    return NULL;
}

/* ---- expand (worker) ---- */

static struct err *unsupported(const char *what, const struct instruction *in)
{
    return err_new(ERR_NOT_IMPLEMENTED, "%s is not supported by this version of berth: %s", what,
                   in->text);
}

static struct err *refuse_add(const struct instruction *in)
{
    const struct strs *sources = &in->copy.sources;

    for (size_t i = 0; i < sources->n; i++)
        if (remote_is_git(sources->v[i]))
            return unsupported("ADD of a git repository", in);
    if (text_is_empty(in->copy.checksum))
        return NULL;
    if (!digest_is_valid(in->copy.checksum))
        return err_new(ERR_INVALID, "ADD --checksum: %s is no sha256:DIGEST", in->copy.checksum);
    for (size_t i = 0; i < sources->n; i++)
        if (!remote_is_url(sources->v[i]))
            return err_new(ERR_INVALID, "checksum can't be specified for local sources: %s",
                           sources->v[i]);
    return sources->n == 1
               ? NULL
               : err_new(ERR_INVALID, "checksum can't be specified for multiple sources");
}

static struct err *refuse(const struct instruction *in)
{
    if (in->type == INS_RUN && in->run.devices.n)
        return unsupported("RUN --device", in);
    if (in->type == INS_RUN && text_same(in->run.security, "insecure"))
        return unsupported("RUN --security=insecure", in);
    return in->type == INS_ADD ? refuse_add(in) : NULL;
}

static struct err *expand_run(struct build_step *o, const struct strs *args)
{
    struct arena *a = o->op.arena;
    struct run_command command = {0};
    autobuf struct buf told = {0};

    instruction_run_command(a, &o->x, &command);
    o->argv = strs_copy(a, &command.argv);
    if (command.file) {
        o->script = arena_strdup(a, command.script);
        strs_add(a, &o->argv, "/" SCRIPT_NAME);
    } else if (!o->argv.n) {
        o->argv = effect_shell(a, &o->config);
        strs_add(a, &o->argv, command.script);
    }
    if (args->n)
        buf_printf(&told, "|%zu %s ", args->n, strs_join(a, args, " "));
    if (o->script)
        buf_printf(&told, "<<%s\n%s%s", command.file, o->script, command.file);
    else
        buf_puts(&told, strs_join(a, &o->argv, " "));
    o->effect.created_by = arena_strdup(a, told.data);
    return NULL;
}

static void add_part(struct sha256 *hash, const char *part)
{
    sha256_add(hash, part ? part : "", part ? strlen(part) + 1 : 1);
}

/* The configuration says what the instruction has changed of it, and created_by what it does. */
static void make_key(struct build_step *o)
{
    struct sha256 *hash = sha256_create();
    const struct copy_args *c = &o->x.copy;

    add_part(hash, "berth build 1");
    add_part(hash, o->parent);
    add_part(hash, instruction_name(o->in->type));
    add_part(hash, o->effect.created_by);
    add_part(hash, o->config_text);
    if (is_run(&o->op)) {
        run_mounts_hash(&o->mounts, hash);
        add_part(hash, o->x.run.network);
        for (size_t i = 0; i < o->argv.n; i++)
            add_part(hash, o->argv.v[i]);
    }
    if (is_copy(&o->op)) {
        add_part(hash, c->chmod);
        add_part(hash, c->unpack < 0 ? "packed" : "");
        add_part(hash, o->copy.names);
        add_part(hash, o->copy.dest);
        for (size_t i = 0; i < c->excludes.n; i++)
            add_part(hash, c->excludes.v[i]);
    }
    sha256_end(hash, o->key);
}

/* Under the lock: what the scope's arena has is copied by whoever keeps it. */
static struct err *expand_words_of(struct build_step *o, struct strs *env, struct strs *args)
{
    struct arena *a = o->op.arena;
    struct build_stage *s = o->stage;

    if (o->in->type == INS_LABEL && o->in->is_json) /* of --label */
        o->x = *o->in;
    else
        TRY(scope_expand(s->scope, o->in, &o->x));
    *env = scope_env(s->scope, a);
    if (is_run(&o->op)) {
        *args = scope_run_args(s->scope, a);
        o->env = scope_run_env(s->scope, a);
    }
    return NULL;
}

static struct err *expand(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    struct build_stage *s = o->stage;
    struct strs env = {0}, args = {0};
    struct err *e;

    ASSERT_WORKER();
    pthread_mutex_lock(&o->build->scopes);
    e = expand_words_of(o, &env, &args);
    pthread_mutex_unlock(&o->build->scopes);
    if (!e)
        e = refuse(&o->x);
    if (!e)
        e = json_decode(op->arena, s->config_text, strlen(s->config_text), &config_json,
                        &o->config);
    if (!e && is_run(op))
        e = run_mounts_read(&o->mounts, op->arena, &o->x.run.mounts, o->config.working_dir,
                            &o->build->options);
    if (!e && is_run(op))
        e = expand_run(o, &args);
    else if (!e && !is_copy(op))
        e = effect_apply(op->arena,
                         &(struct effect_input){.in = &o->x,
                                                .as_written = o->in,
                                                .env = &env,
                                                .build_args = &o->build->options.build_args,
                                                .has_cmd = s->has_cmd},
                         &o->config, &o->effect);
    if (e)
        return e;
    o->config_text = json_encode(op->arena, &config_json, &o->config);
    if (!is_digested(op))
        make_key(o);
    return NULL;
}

/* ---- what is fetched ---- */

static bool names_urls(const struct op *op)
{
    return ((const struct build_step *)op)->remote.n > 0;
}

static void plan_remote(struct build_step *o)
{
    const struct strs *sources = &o->x.copy.sources;

    if (o->in->type != INS_ADD)
        return;
    o->remote.build = o->build;
    o->remote.v = arena_array(o->build->arena, sources->n + 1, sizeof(*o->remote.v));
    for (size_t i = 0; i < sources->n; i++)
        if (remote_is_url(sources->v[i]))
            o->remote.v[o->remote.n++].url = arena_strdup(o->build->arena, sources->v[i]);
}

static struct err *make_remote_folder(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    ASSERT_WORKER();
    return build_context_create(o->build->builder->parts->settings->data_root, &o->remote.folder);
}

static struct err *fetch_remote(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    for (size_t i = 0; i < o->remote.n; i++)
        stage_say(o->stage, "Downloading %s\n", o->remote.v[i].url);
    return remote_files_await(&o->remote, op);
}

static void stop_remote(struct op *op)
{
    remote_files_stop(&((struct build_step *)op)->remote);
}

/* ---- where files are taken from ---- */

static void plan_copy_source(struct build_step *o)
{
    struct build_stage *s = o->stage;
    struct origin *from = arena_new(s->build->arena, struct origin);

    if (text_is_empty(o->in->copy.from))
        return;
    *from = (struct origin){.stage = s, .name = o->in->copy.from, .platform = s->platform};
    origin_set_stage(from, dockerfile_find_stage(&s->build->file, from->name, s->index));
    o->sources.v = from;
    o->sources.n = 1;
}

static struct err *plan_sources(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    if (is_run(op))
        run_mounts_plan(&o->mounts, o->stage, &o->sources);
    else
        plan_copy_source(o);
    plan_remote(o);
    return NULL;
}

static bool has_sources(const struct op *op)
{
    return ((const struct build_step *)op)->sources.n > 0;
}

static struct err *await_sources(struct op *op)
{
    return sources_await(&((struct build_step *)op)->sources, op);
}

static void stop_sources(struct op *op)
{
    sources_stop(&((struct build_step *)op)->sources);
}

static struct err *name_folders(struct op *op)
{
    run_mounts_name_folders(&((struct build_step *)op)->mounts, op->arena);
    return NULL;
}

static struct err *plan_copy(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    struct strs *chain = arena_new(op->arena, struct strs);

    o->copy = (struct copy_task){
        .arena = op->arena,
        .store = o->build->builder->parts->layers,
        .verb = o->in->type == INS_ADD ? "ADD" : "COPY",
        .args = &o->x.copy,
        .is_add = o->in->type == INS_ADD,
        .working_dir = o->config.working_dir,
        .context = build_context_dir(o->build->context),
        .remote = &o->remote,
        .is_cancelled = &o->build->is_cancelled,
    };
    if (o->x.copy.link)
        stage_say(o->stage, "[Warning] --link has no effect: links of the image are followed, and "
                            "the cache depends on the steps before\n");
    if (!has_sources(op))
        return NULL;
    if (o->sources.v[0].image)
        *chain = strs_copy(op->arena, image_chain(o->sources.v[0].image));
    o->copy.from_chain = chain;
    return NULL;
}

static struct err *digest_mounts(struct build_step *o)
{
    const struct run_mounts_places places = step_run_places(o);

    TRY(run_mounts_digest(&o->mounts, o->op.arena, &places));
    make_key(o);
    return NULL;
}

static struct err *digest(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    const struct copy_args *c = &o->x.copy;

    if (is_run(op))
        return digest_mounts(o);
    TRY(copy_digest(&o->copy));
    o->effect.created_by = effect_nop(
        op->arena, &o->config,
        arena_printf(op->arena, "%s %s%s%s%s in %s ", o->copy.verb, c->chown ? "--chown=" : "",
                     c->chown ? c->chown : "", c->chown ? " " : "", o->copy.digest, c->dest));
    make_key(o);
    return NULL;
}

/* ---- look-up ---- */

static void ask_cache(struct cache_wait *w)
{
    struct build_step *o = container_of(w, struct build_step, wait);
    struct image *image = NULL;

    switch (build_cache_want(o->build->builder->cache, o->key,
                             o->build->options.no_cache && !o->has_waited, w, &image)) {
    case CACHE_WAIT:
        o->has_waited = true;
        return;
    case CACHE_HAS:
        image_keep(image);
        o->image = image;
        o->is_cached = true;
        break;
    case CACHE_YOURS:
        o->holds_key = true;
        break;
    }
    ticket_answer(steal_ptr(&o->ticket), NULL);
}

static struct err *look_up(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    TRY(build_check_cancelled(o->build));
    o->wait.fn = ask_cache;
    o->ticket = op_wait(op);
    ask_cache(&o->wait);
    return NULL;
}

static void give_key_back(struct build_step *o)
{
    build_cache_leave(&o->wait);
    if (o->holds_key)
        build_cache_made(o->build->builder->cache, o->key, NULL, "", 0);
    o->holds_key = false;
}

static void forget_look_up(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    give_key_back(o);
    op_recall_ticket(op);
    o->ticket = NULL;
}

/* ---- COPY, ADD, WORKDIR: a root file system that nobody runs ---- */

static struct err *fill_files(struct build_step *o)
{
    struct layer_store *store = o->build->builder->parts->layers;

    if (is_copy(&o->op))
        return copy_run(&o->copy, o->files, &o->chain);
    return copy_make_folder(store, o->files, &o->chain, o->config.working_dir);
}

static void remove_files(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    if (*o->files)
        err_drop(rootfs_remove(o->build->builder->parts->layers, o->files));
    o->files[0] = '\0';
}

static struct err *write_files(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    char id[ID_MAX];
    struct err *e;

    ASSERT_WORKER();
    id_random(id);
    TRY(rootfs_create(o->build->builder->parts->layers, id));
    memcpy(o->files, id, sizeof(o->files));
    e = fill_files(o);
    if (e)
        remove_files(op);
    return e;
}

static struct err *drop_files(struct op *op)
{
    remove_files(op);
    return NULL;
}

/* ---- the image ---- */

static bool is_there(void *ctx)
{
    const struct step_carrier *k = ctx;

    return !k->c || (!k->c->is_gone && k->c->doc.state.status != STATUS_REMOVING);
}

static void on_image(void *ctx, struct err *err, struct image *image)
{
    struct step_carrier *k = ctx;
    struct build_step *o = (struct build_step *)ticket_op(k->ticket);

    if (o)
        o->job = NULL;
    if (o && !err) {
        image_keep(image);
        o->image = image;
    }
    step_carrier_end(k, err);
}

static struct err *make_image(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    struct build_stage *s = o->stage;
    struct image_commit commit = {
        .config = o->config_text,
        .created_by = o->effect.created_by,
        .author = o->effect.author ? o->effect.author : s->author,
        .platform = s->platform,
        .is_unlisted = true,
        .is_there = is_there,
    };

    TRY(build_check_cancelled(o->build));
    if (o->c)
        commit.container_id = o->c->doc.id;
    else if (*o->files)
        commit.container_id = o->files;
    o->job = image_commit(o->build->builder->parts->images, s->image, &commit, on_image,
                          step_carrier_create(o));
    return NULL;
}

static void let_image_go(struct build_step *o)
{
    if (o->image)
        image_let_go(o->image);
    o->image = NULL;
}

static void cancel_image(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    if (o->job)
        image_job_cancel(steal_ptr(&o->job));
    let_image_go(o);
}

static struct err *remember(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    int64_t below = o->stage->image ? image_size(o->stage->image) : 0;

    o->holds_key = false;
    build_cache_made(o->build->builder->cache, o->key, o->image, o->effect.created_by,
                     image_size(o->image) - below);
    return NULL;
}

static struct err *step_on(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    struct build_stage *s = o->stage;

    if (o->is_cached)
        stage_say(s, " ---> Using cache\n");
    stage_set_image(s, o->image);
    free(s->config_text);
    s->config_text = mem_strdup(o->config_text);
    s->has_cmd |= o->effect.sets_cmd;
    if (o->effect.author)
        s->author = arena_strdup(o->build->arena, o->effect.author);
    stage_say_image(s);
    return NULL;
}

static void finish(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    step_run_detach(op);
    step_run_let_folders_go(op);
    give_key_back(o);
    let_image_go(o);
    sources_finish(&o->sources);
    build_context_unref(o->remote.folder, o->build->builder->parts);
    if (must_write(op))
        sweeper_ask(o->build->builder->parts->containers->sweeper);
    build_unref(o->build);
}

/* What a worker changes belongs to the whole build, so no deadline may leave it alone there. */
static const struct op_step step_steps[] = {
    {"say", ON_LOOP, say, NULL, 0},
    {"expand", ON_WORKER, expand, NULL, -1},
    {"plan-sources", ON_LOOP, plan_sources, NULL, 0, is_digested},
    {"await-sources", ON_EVENT, await_sources, stop_sources, -1, has_sources},
    {"make-folder", ON_DISK, make_remote_folder, NULL, -1, names_urls},
    {"fetch", ON_EVENT, fetch_remote, stop_remote, -1, names_urls},
    {"plan-copy", ON_LOOP, plan_copy, NULL, 0, is_copy},
    {"digest", ON_DISK, digest, NULL, -1, is_digested},
    {"look-up", ON_EVENT, look_up, forget_look_up, -1},
    {"name-folders", ON_LOOP, name_folders, NULL, 0, must_mount},
    {"hold-folders", ON_EVENT, step_run_hold_folders, step_run_let_folders_go, -1, must_hold},
    {"open-mounts", ON_DISK, step_run_open_mounts, step_run_close_mounts, -1, must_mount},
    {"create", ON_EVENT, step_run_create, step_run_remove, -1, must_run},
    {"put-script", ON_DISK, step_run_put_script, NULL, -1, has_script},
    {"attach", ON_LOOP, step_run_attach, step_run_detach, 0, must_run},
    {"start", ON_EVENT, step_run_start, NULL, -1, must_run},
    {"await-exit", ON_EVENT, step_run_await_exit, NULL, -1, must_run},
    {"judge-exit", ON_LOOP, step_run_judge_exit, NULL, 0, must_run},
    {"take-script", ON_DISK, step_run_take_script, NULL, -1, has_script},
    {"clean-mounts", ON_DISK, step_run_clean_mounts, NULL, -1, must_mount},
    {"write-files", ON_DISK, write_files, remove_files, -1, must_write},
    {"make-image", ON_EVENT, make_image, cancel_image, -1, is_missing},
    {"remember", ON_LOOP, remember, NULL, 0, is_missing},
    {"let-container-go", ON_LOOP, step_run_let_go, NULL, 0, must_run},
    {"drop-files", ON_DISK, drop_files, NULL, -1, must_write},
    {"step-on", ON_LOOP, step_on, NULL, 0},
    {0},
};
static const struct op_type step_type = {"build/step", OP_MUTATING, sizeof(struct build_step),
                                         step_steps, finish};
OP_LISTED(step_type);

static void on_done(struct op *op, struct err *err, void *ctx)
{
    stage_step_ended(ctx, err, ((struct build_step *)op)->exit_code);
}

struct op *step_create(struct build_stage *s, const struct instruction *in, size_t number)
{
    struct build_step *o =
        (struct build_step *)op_create(s->build->builder->parts->ops, &step_type);

    o->build = build_ref(s->build);
    o->stage = s;
    o->in = in;
    o->number = number;
    o->op.subject = arena_strndup(o->op.arena, in->text, 100);
    return &o->op;
}

void step_start(struct op *op)
{
    op_start(op, on_done, ((struct build_step *)op)->stage);
}
