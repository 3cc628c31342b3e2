/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The language of Dockerfiles, as BuildKit's frontend 1.7 reads it: bytes in, stages of
 * instructions out. Variables are as written: build/expand.h has their rules, build/lint.h the
 * warnings. Pure, any thread; everything that comes out lives in the arena.
 *
 *     struct source src = {.name = "Dockerfile", .text = bytes, .size = n};
 *     struct source_range where;
 *     struct dockerfile d;
 *     struct err *e = dockerfile_parse(a, &src, &d, &where);
 *     if (e)
 *         show err_text(e), then source_show(a, &src, where)
 */
#pragma once

#include "base/text.h"

#define DOCKERFILE_SIZE_MAX (2u << 20)
#define DOCKERFILE_LINE_MAX 65535 /* Docker's */
#define DOCKERFILE_INSTRUCTIONS_MAX 10000
#define DOCKERFILE_STAGES_MAX 1000
#define DOCKERFILE_WORDS_MAX 10000  /* of one instruction */
#define DOCKERFILE_HEREDOCS_MAX 100 /* of one instruction */
#define DOCKERFILE_PORTS_MAX 65536  /* of one EXPOSE */

/* Bytes under a name that people are told. */
struct source {
    const char *name;
    const char *text;
    size_t size;
};
struct source_place {
    size_t line, column; /* both from 1; the column counts bytes */
};
/* first.line == 0: nowhere. last is the last byte. */
struct source_range {
    struct source_place first, last;
};
/* The lines around the range, those of it marked with ">>>", as BuildKit shows them:
 *
 *     Dockerfile:3:1
 *     --------------------
 *        1 |     FROM scratch
 *        3 | >>> FORM debian
 *     --------------------
 */
char *source_show(struct arena *a, const struct source *src, struct source_range where);

enum instruction_type {
    INS_ADD,
    INS_ARG,
    INS_CMD,
    INS_COPY,
    INS_ENTRYPOINT,
    INS_ENV,
    INS_EXPOSE,
    INS_FROM,
    INS_HEALTHCHECK,
    INS_LABEL,
    INS_MAINTAINER,
    INS_ONBUILD,
    INS_RUN,
    INS_SHELL,
    INS_STOPSIGNAL,
    INS_USER,
    INS_VOLUME,
    INS_WORKDIR,
    INS_TYPES,
};
const char *instruction_name(enum instruction_type type); /* "RUN" */

struct heredoc {
    char *name;  /* the word that ends it, without quotes */
    char *body;  /* as written, every line with its end; tabs of <<- are still there */
    unsigned fd; /* of 3<<EOF; 0 where none is written */
    bool
        expands; /* no part of its word is quoted: COPY and ADD expand it, RUN leaves it as it is */
    bool strips; /* <<-: leading tabs are dropped */
    struct source_range where; /* its lines, with the one that ends it */
};
/* The body as it is used: tabs stripped where the heredoc asks for it. */
char *heredoc_text(struct arena *a, const struct heredoc *h);

/* --name=value and --name, in their order, as they were written. */
struct ins_flag {
    char *name, *value; /* value is NULL for --name */
};
/* Of ARG, ENV and LABEL. */
struct assignment {
    char *key, *value; /* value is NULL for ARG key */
    bool is_legacy;    /* ENV key value */
};
struct copy_args {
    struct strs sources;       /* paths, globs, URLs */
    struct heredoc **contents; /* heredocs among the sources: each is a file of its name */
    size_t n_contents;
    char *dest;
    char *from, *chown, *chmod; /* NULL where not given */
    char *checksum;             /* ADD */
    struct strs excludes;       /* --exclude, once for each */
    bool link, parents;         /* parents: COPY */
    bool keep_git_dir;          /* ADD */
    int unpack;                 /* ADD: 1 --unpack, -1 --unpack=false, 0 as ADD always did */
};
struct run_args {
    struct strs mounts;  /* the text of each --mount: run_mount_parse, after expansion */
    struct strs devices; /* --device */
    char *network;       /* "default", "none", "host" */
    char *security;      /* "sandbox", "insecure" */
};
struct health_args {
    bool is_none;
    struct strs test; /* ["CMD-SHELL", "…"], ["CMD", …], ["NONE"] */
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int retries;
};

struct instruction {
    enum instruction_type type;
    char *word; /* as written: "Run" */
    char *text; /* all of it, lines joined, without the bodies of heredocs */
    struct source_range where;
    struct ins_flag *flags;
    size_t n_flags;
    /* RUN, CMD, ENTRYPOINT, SHELL: the vector when is_json, else one line for the shell (CMD and
     * the like without anything: none). ADD, COPY, EXPOSE, VOLUME, FROM: words. USER, WORKDIR,
     * STOPSIGNAL, MAINTAINER: one. HEALTHCHECK: what follows its CMD. */
    struct strs args;
    bool is_json;
    struct heredoc *heredocs; /* RUN, ADD, COPY, and what ONBUILD delays */
    size_t n_heredocs;
    struct strs comments; /* the lines right above it, without '#' */

    struct assignment *assignments; /* ARG, ENV, LABEL */
    size_t n_assignments;
    union {
        struct copy_args copy;     /* ADD, COPY */
        struct run_args run;       /* RUN */
        struct health_args health; /* HEALTHCHECK */
        char *trigger;             /* ONBUILD: the instruction it delays, heredocs and all */
    };
};

struct stage {
    char *name;     /* lower case; NULL without AS */
    char *base;     /* "debian:12", "scratch", the name of an earlier stage, "${x}" */
    char *platform; /* NULL without --platform */
    char *comment;  /* "# NAME what it is" above it; NULL */
    struct instruction from;
    struct instruction *instructions;
    size_t n;
};

struct directive {
    char *value; /* NULL where absent */
    struct source_range where;
};
struct dockerfile {
    struct directive syntax, check, escape_directive;
    char escape;                     /* '\\' or '`' */
    struct instruction *global_args; /* ARG before the first FROM */
    size_t n_global_args;
    struct stage *stages;
    size_t n_stages;
    struct source_range *empty_continuations; /* where an instruction ends that has an empty line */
    size_t n_empty_continuations;
};

/* ERR_INVALID in Docker's words: "dockerfile parse error on line 3: unknown instruction: FORM (did
 * you mean FROM?)"; `where` is written then, too, and may be nowhere. ERR_TOO_LARGE names a bound
 * of the above. */
struct err *dockerfile_parse(struct arena *a, const struct source *src, struct dockerfile *out,
                             struct source_range *where) must_check;
/* One trigger of a base image's OnBuild. FROM, MAINTAINER and ONBUILD are refused. */
struct err *dockerfile_parse_trigger(struct arena *a, const char *text, struct instruction *out)
    must_check;

/* What COPY --from and RUN --mount=from mean by a name or number: a stage before the one of number
 * `before`, the last of equal names; NULL: it is an image. Names are compared without case. */
const struct stage *dockerfile_find_stage(const struct dockerfile *d, const char *name,
                                          size_t before);
/* The same of FROM: numbers mean no stage. */
const struct stage *dockerfile_find_base(const struct dockerfile *d, const char *name,
                                         size_t before);
/* ERR_NOT_FOUND "target stage \"x\" could not be found (did you mean y?)". "": the last stage. */
struct err *dockerfile_find_target(const struct dockerfile *d, const char *target,
                                   const struct stage **out) must_check;

/* What a RUN does: a vector, or a text for the shell, or a script that is a file of its own. */
struct run_command {
    struct strs argv; /* exec form; absent otherwise */
    char *script;     /* for `SHELL… script`; or what is in `file` */
    char *file;       /* "EOF": a heredoc that begins with #! is run as a file of this name */
};
void instruction_run_command(struct arena *a, const struct instruction *in,
                             struct run_command *out);

/* RUN --mount=type=…, after its variables are expanded. */
enum mount_type {
    RUN_MOUNT_BIND,
    RUN_MOUNT_CACHE,
    RUN_MOUNT_TMPFS,
    RUN_MOUNT_SECRET,
    RUN_MOUNT_SSH
};
enum cache_sharing { SHARING_SHARED, SHARING_PRIVATE, SHARING_LOCKED };
struct run_mount {
    enum mount_type type;
    char *from, *source, *target, *id; /* NULL where not given */
    char *env;                         /* secret: the variable that holds it */
    bool is_read_only, is_required;
    enum cache_sharing sharing;
    int64_t size_bytes;     /* tmpfs; 0: no limit of its own */
    int64_t mode, uid, gid; /* -1 where not given */
};
/* ERR_INVALID in Docker's words. */
struct err *run_mount_parse(struct arena *a, const char *text, struct run_mount *out) must_check;

/* "8000-8002/udp" → "8000/udp" "8001/udp" "8002/udp", added to `out`. A published form is taken as
 * Docker takes it: "127.0.0.1:80:8080" is "8080/tcp". ERR_INVALID in Docker's words. */
struct err *expose_parse(struct arena *a, const char *spec, struct strs *out) must_check;
