/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A build from within: its stages and what they share. It outlives its operation as long as a step
 * of a stage is at work, which holds a reference. Loop thread, but for what a lock is named for.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "build/expand.h"
#include "builder/builder.h"
#include "container/parts.h"
#include "core/op.h"

#include "cache.h"
#include "cache_folders.h"
#include "context.h"

struct builder {
    struct parts *parts;
    struct build_cache *cache;
    struct cache_folders *folders;
    struct list builds; /* struct build.link */
};

enum build_stage_state { STAGE_IDLE, STAGE_RUNNING, STAGE_DONE };

/* One FROM and what follows it. Its steps are operations, one after the other. */
struct build_stage {
    struct build *build;
    const struct stage *def;
    size_t index;
    size_t first_number; /* of its FROM: "Step 3/9" */
    enum build_stage_state state;
    bool is_wanted;
    struct list waiting; /* tickets of steps that want its image */

    struct scope *scope;              /* made by its FROM; see build.scopes */
    struct instruction *instructions; /* what follows FROM, with those of --label */
    size_t n;
    struct instruction *triggers; /* ONBUILD of the base; before the others */
    size_t n_triggers;
    size_t at;       /* the next: triggers, then instructions */
    struct op *step; /* NULL: none runs */

    struct image *image;  /* kept; NULL: nothing yet, as of FROM scratch */
    char *config_text;    /* heap: what its next image has, but for the step's change */
    const char *platform; /* "": the host's */
    struct strs names;    /* of the base image, for the policy */
    const char *author;
    bool has_cmd; /* of this stage: ENTRYPOINT does not take it back */

    struct buf held; /* lines, while stages before it are heard */
    bool is_clipped;
};

struct build {
    int refs;
    struct arena *arena;
    struct builder *builder;
    struct list link;
    struct build_options options;
    struct build_op *op; /* NULL: it is over */
    struct build_context *context;
    struct source source;
    struct dockerfile file;
    /* Workers of stages that run side by side expand by one set of variables, in one arena. */
    pthread_mutex_t scopes;
    struct arena *scope_arena;
    struct scope *global;

    struct build_stage *stages;
    size_t n_stages;
    struct build_stage *target;
    size_t n_steps; /* "of 9" */
    size_t n_running;
    struct ticket *ticket; /* of run-stages; NULL: nobody waits for them */
    struct err *err;       /* of the first stage that failed */
    int exit_code;
    _Atomic bool is_cancelled;

    build_line_fn line;
    build_done_fn done;
    void *ctx;
    struct timer cancel_timer;
    struct buf quiet;  /* what a quiet build says only if it fails */
    size_t held_bytes; /* of all stages */
};

/* ---- build.c ---- */
struct build *build_ref(struct build *b);
void build_unref(struct build *b);
struct err *build_check_cancelled(const struct build *b) must_check;

/* ---- stages.c ---- */
/* What the target needs is found, and begun; b->ticket is answered at their end. */
struct err *stages_plan(struct build *b) must_check;
void stages_begin(struct build *b);
void stages_cancel(struct build *b);
void stages_finish(struct build *b); /* at the end of the build */
/* The wait of an ON_EVENT step, which ends when the stage is through. Begins it, if nobody has. */
void stage_want(struct build_stage *s, struct op *op);
void stage_set_image(struct build_stage *s, struct image *i);                 /* NULL: none */
void stage_step_ended(struct build_stage *s, struct err *err, int exit_code); /* takes err */

/* ---- from.c, step.c: end with stage_step_ended ---- */
struct op *from_create(struct build_stage *s);
/* number 0: of a trigger, which has none */
struct op *step_create(struct build_stage *s, const struct instruction *in, size_t number);
void from_start(struct op *op);
void step_start(struct op *op);

/* ---- output.c ---- */
void stage_say(struct build_stage *s, const char *fmt, ...) like_printf(2, 3);
/* What a command has said. */
void stage_say_bytes(struct build_stage *s, const char *p, size_t n, bool is_stderr);
void stage_say_json(struct build_stage *s, const char *json); /* an object of a pull */
void stage_say_image(struct build_stage *s);                  /* " ---> 0123456789ab" */
void stage_say_id(struct build_stage *s);                     /* "aux" */
void build_say(struct build *b, const char *fmt, ...) like_printf(2, 3);
void build_say_result(struct build *b, const char *id); /* all that a quiet one says */
/* Stages are heard in their order: what the next ones have said meanwhile follows. */
void build_hear(struct build *b);
/* It has failed: all that is held. */
void build_hear_all(struct build *b);
