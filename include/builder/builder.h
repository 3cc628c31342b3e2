/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds: a Dockerfile and its context become an image (docs/BUILD.md). Loop thread.
 */
#pragma once

#include "base/text.h"
#include "image/image.h"
#include "runtime/config.h"
#include "runtime/policy.h"

struct builder;
struct build;
struct parts;

/* Start-up: reads the cache, which takes hold of its images, and removes the containers of builds
 * that an engine before has left. */
struct err *builder_open(struct parts *p, struct builder **out) must_check;
/* Shutdown, before the images' stop: ends all builds without a callback. */
void builder_stop(struct builder *b);
void builder_close(struct builder *b);

struct build_auth {
    char *server;
    struct registry_auth auth;
};
/* For RUN --mount=type=secret. */
struct build_secret {
    char *id;
    char *value;
    size_t n;
};
/* In the arena of its build. */
struct build_options {
    const char *id;          /* for build_cancel_id; may be "" */
    const char *dockerfile;  /* in the context */
    const char *target;      /* "": the last stage */
    const char *remote;      /* an address of the context, or of a Dockerfile alone; "": in_fd */
    const char *platform;    /* "": the host's */
    struct strs tags;        /* full names */
    struct pairs build_args; /* a value of NULL is "not given" */
    struct pairs labels;
    struct host_config host; /* of the containers that RUN makes */
    bool no_cache, pulls, keeps_containers, drops_failed, is_quiet;
    struct strs warnings; /* of what was asked and has no effect: the stream begins with them */
    struct build_auth *auths;
    size_t n_auths;
    struct build_secret *secrets;
    size_t n_secrets;
    struct permit permit; /* policy NULL: everything is allowed; taken */
};

/* One JSON object of the stream that clients read. may_drop: what a command has said, which is left
 * out rather than kept for a client that does not read. */
typedef void (*build_line_fn)(void *ctx, const char *json, bool may_drop);
/* exit_code: of the command that failed; 0: the error is another one. */
typedef void (*build_done_fn)(void *ctx, struct err *err, int exit_code);
/* First the options are filled; then it is started, or destroyed. */
struct build *build_create(struct builder *b);
struct build_options *build_options(struct build *b);
struct arena *build_arena(struct build *b);
void build_destroy_unstarted(struct build *b);
/* in_fd: the blocking read end of the context's tar, taken; -1 with a remote one. Neither function
 * is called before it returns. */
void build_start(struct build *b, int in_fd, build_line_fn line, build_done_fn done, void *ctx);
/* The client is gone, or has asked for it: done is still called, once. False: no build has the id.
 */
void build_cancel(struct build *b);
bool build_cancel_id(struct builder *b, const char *id);

/* ---- the cache ---- */
struct jw;
struct build_prune {
    bool all;           /* also what images in the list are made of */
    int64_t keep_bytes; /* stop when no more are left; 0: remove all */
    int64_t until_ns;   /* only what was not used since; 0: everything */
    struct strs ids;    /* only these (prefixes); n 0: everything */
};
void builder_prune(struct builder *b, struct arena *a, const struct build_prune *p,
                   struct strs *deleted, int64_t *bytes);
/* Items of "BuildCache" in GET /system/df. */
void builder_write_cache(const struct builder *b, struct jw *w, int api_version);
