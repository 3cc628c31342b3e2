/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RUN: a container of this engine, created, started and looked at as any other, which step.c makes
 * a layer of as a commit does. Loop thread, but for the script's steps.
 * Trap: the container may come when nobody waits for it any more: the carrier takes it back.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"
#include "container/object.h"
#include "container/wait.h"
#include "core/settings.h"
#include "run/commands.h"
#include "storage/rootfs.h"

#include "step_inner.h"

#define RUN_API_VERSION 141 /* of the create request that a RUN is */

struct step_carrier *step_carrier_create(struct build_step *o)
{
    struct step_carrier *k = mem_new(struct step_carrier);

    k->parts = o->build->builder->parts;
    k->c = o->c ? container_ref(o->c) : NULL;
    k->ticket = op_wait(&o->op);
    return k;
}

void step_carrier_end(struct step_carrier *k, struct err *err)
{
    struct ticket *t = k->ticket;

    if (k->c)
        container_unref(k->c);
    free(k);
    ticket_answer(t, err);
}

/* ---- mounts ---- */

struct run_mounts_places step_run_places(const struct build_step *o)
{
    const struct builder *b = o->build->builder;

    return (struct run_mounts_places){
        .store = b->parts->layers,
        .context = build_context_dir(o->build->context),
        .caches = cache_folders_dir(b->folders),
        .exec_root = b->parts->settings->exec_root,
        .is_cancelled = &o->build->is_cancelled,
    };
}

static void ask_folders(struct folder_wait *w)
{
    struct build_step *o = container_of(w, struct build_step, folder_wait);

    if (cache_folders_hold(o->build->builder->folders, o->mounts.folders, o->mounts.n_folders, w))
        ticket_answer(steal_ptr(&o->ticket), NULL);
}

struct err *step_run_hold_folders(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    TRY(build_check_cancelled(o->build));
    o->folder_wait.fn = ask_folders;
    o->ticket = op_wait(op);
    ask_folders(&o->folder_wait);
    return NULL;
}

void step_run_let_folders_go(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    cache_folders_leave(&o->folder_wait);
    cache_folders_let_go(o->build->builder->folders, o->mounts.folders, o->mounts.n_folders);
    if (!o->ticket)
        return;
    op_recall_ticket(op);
    o->ticket = NULL;
}

struct err *step_run_open_mounts(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    const struct run_mounts_places places = step_run_places(o);

    TRY(build_check_cancelled(o->build));
    return run_mounts_open(&o->mounts, op->arena, &places);
}

void step_run_close_mounts(struct op *op)
{
    run_mounts_close(&((struct build_step *)op)->mounts);
}

/* ---- the container ---- */

static const char *create_body(struct build_step *o)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct arena *a = o->op.arena;
    struct health_config no_health = {0};
    struct host_config host = o->build->options.host;
    struct config c = {
        .image = (char *)o->parent,
        .cmd = o->argv,
        .env = o->env,
        .attach_stdout = true,
        .attach_stderr = true,
        .healthcheck = &no_health,
    };

    strs_add(a, &c.entrypoint, ""); /* the image's does not count */
    strs_add(a, &no_health.test, "NONE");
    host.log = (struct log_config){.type = "none"};
    if (!text_is_empty(o->x.run.network))
        host.network_mode = o->x.run.network;
    jw_obj(&w, NULL);
    jw_fields(&w, &config_json, &c);
    jw_struct(&w, "HostConfig", &host_config_json, &host);
    jw_obj_end(&w);
    return arena_strdup(a, b.data);
}

static void on_created(void *ctx, struct err *err, const struct create_result *r)
{
    struct step_carrier *k = ctx;
    struct build_step *o = (struct build_step *)ticket_op(k->ticket);
    struct container *c = NULL;

    if (!err)
        err = container_find(k->parts->containers, r->id, &c);
    if (c && !o)
        container_remove(c, true, true, false, NULL, NULL);
    if (c && o) {
        o->c = container_ref(c);
        o->container_id = arena_strdup(o->op.arena, r->id);
        for (size_t i = 0; i < r->warnings.n; i++)
            stage_say(o->stage, " ---> [Warning] %s\n", r->warnings.v[i]);
        stage_say(o->stage, " ---> Running in %.*s\n", ID_SHORT, r->id);
    }
    step_carrier_end(k, err);
}

struct err *step_run_create(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    const struct build_options *options = &o->build->options;
    struct create_call call = {
        .api_version = RUN_API_VERSION,
        .permit = options->permit.policy ? &options->permit : NULL,
        .risk_warnings = "serious",
        .is_of_build = true,
        .own_mounts = &o->mounts.points,
        .image_names = &o->stage->names,
    };

    TRY(build_check_cancelled(o->build));
    if (!o->stage->image)
        return err_new(ERR_INVALID, "there is nothing to run in: the stage is FROM scratch, and "
                                    "nothing has been copied into it");
    call.body = create_body(o);
    call.body_len = strlen(call.body);
    container_create(o->build->builder->parts->containers, &call, on_created,
                     step_carrier_create(o));
    return NULL;
}

struct folder_return {
    struct build *build;
    struct folder_use *v;
    size_t n;
};

static void on_gone(void *ctx, struct err *err)
{
    struct folder_return *r = ctx;

    err_drop(err); /* it is in the log */
    cache_folders_let_go(r->build->builder->folders, r->v, r->n);
    build_unref(r->build);
    free(r->v);
    free(r);
}

/* A command that was cut off may still write: nobody else has its folders before it is gone. */
static struct folder_return *take_folders(struct build_step *o)
{
    struct folder_return *r = mem_new(struct folder_return);

    r->build = build_ref(o->build);
    r->n = o->mounts.n_folders;
    r->v = mem_array(r->n + 1, sizeof(*r->v));
    if (r->n)
        memcpy(r->v, o->mounts.folders, r->n * sizeof(*r->v));
    o->mounts.n_folders = 0;
    return r;
}

/* The user may look at what has failed, and removes it himself. */
static void leave_container(struct container *c)
{
    c->doc.is_of_build = false;
    if (!c->is_gone)
        container_save(c);
}

static void give_container_up(struct build_step *o)
{
    struct container *c = steal_ptr(&o->c);

    if (!c)
        return;
    if (o->keeps_container)
        leave_container(c);
    else if (!c->is_gone)
        container_remove(c, true, true, false, on_gone, take_folders(o));
    container_unref(c);
}

void step_run_remove(struct op *op)
{
    give_container_up((struct build_step *)op);
}

/* The part of its root that is written to, while nothing is mounted over it. */
static struct err *open_upper(struct build_step *o, int *out)
{
    char *dir = rootfs_dir(o->build->builder->parts->layers, o->op.arena, o->container_id);

    *out =
        open(path_join(o->op.arena, dir, "upper"), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out < 0 ? err_sys("open the files of container %.12s", o->container_id) : NULL;
}

struct err *step_run_put_script(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    autoclose int upper = -1;

    ASSERT_WORKER();
    TRY(open_upper(o, &upper));
    TRY(file_write_atomic(upper, SCRIPT_NAME, o->script, strlen(o->script), 0700, false));
    return fchmodat(upper, SCRIPT_NAME, 0755, 0) < 0 ? err_sys("make the script executable") : NULL;
}

/* Whatever the command has put there. */
struct err *step_run_take_script(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    autoclose int upper = -1;

    ASSERT_WORKER();
    TRY(open_upper(o, &upper));
    return dir_remove_tree(upper, SCRIPT_NAME);
}

struct err *step_run_clean_mounts(struct op *op)
{
    struct build_step *o = (struct build_step *)op;
    const struct run_mounts_places places = step_run_places(o);
    autoclose int upper = -1;

    ASSERT_WORKER();
    TRY(open_upper(o, &upper));
    return run_mounts_clean(&o->mounts, &places, upper, &o->chain);
}

struct err *step_run_attach(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    for (size_t i = 0; i < ARRAY_LEN(o->voices); i++)
        TRY(voice_open(&o->voices[i], o->stage, o->c, i == 1));
    return NULL;
}

void step_run_detach(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    for (size_t i = 0; i < ARRAY_LEN(o->voices); i++)
        voice_close(&o->voices[i]);
}

static void on_started(void *ctx, struct err *err)
{
    step_carrier_end(ctx, err);
}

struct err *step_run_start(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    TRY(build_check_cancelled(o->build));
    container_start(o->c, on_started, step_carrier_create(o));
    return NULL;
}

struct err *step_run_await_exit(struct op *op)
{
    container_settle_for(((struct build_step *)op)->c, op);
    return NULL;
}

struct err *step_run_judge_exit(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    step_run_detach(op);
    TRY(build_check_cancelled(o->build));
    if (o->c->is_gone || o->c->doc.state.status == STATUS_REMOVING)
        return err_new(ERR_CONFLICT, "container %.*s was removed while the build ran in it",
                       ID_SHORT, o->c->doc.id);
    o->exit_code = o->c->doc.state.exit_code;
    if (!o->exit_code)
        return NULL;
    o->keeps_container = !o->build->options.drops_failed;
    return err_new(ERR_INVALID, "The command '%s' returned a non-zero code: %d",
                   strs_join(op->arena, &o->argv, " "), o->exit_code);
}

struct err *step_run_let_go(struct op *op)
{
    struct build_step *o = (struct build_step *)op;

    o->keeps_container = o->build->options.keeps_containers;
    if (!o->keeps_container)
        stage_say(o->stage, "Removing intermediate container %.*s\n", ID_SHORT, o->c->doc.id);
    give_container_up(o);
    return NULL;
}
