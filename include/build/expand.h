/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables: how a word is expanded, and which variables an instruction sees. Pure; one scope
 * belongs to one thread at a time.
 *
 * Words, by Docker's own shell lexer: $x ${x} ${x:-y} ${x-y} ${x:+y} ${x+y} ${x:?e} ${x?e} ${x#p}
 * ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}; y, e and r are expanded themselves. "…" keeps blanks,
 * '…' keeps everything, the escape character (of the file's directive) takes a '$', a quote or
 * itself literally. In p, '*' and '?' are wild. Names are letters, digits and '_'.
 *
 * Scopes:
 *   - ARG before the first FROM: seen by FROM, and by a stage that says ARG x without a value;
 *   - ARG in a stage: from there to its end, and in stages that are FROM it; --build-arg wins over
 *     its value;
 *   - ENV, and the base image's Env: wins over an ARG of the same name;
 *   - TARGETPLATFORM and the like: as if ARG before the first FROM had set them;
 *   - HTTP_PROXY and the like as --build-arg: in the environment of RUN without any ARG, in no
 *     expansion, and in no key of the cache unless an ARG names them.
 */
#pragma once

#include "build/dockerfile.h"

#define EXPANDED_MAX (1u << 20) /* bytes of one word's value */
#define EXPANDED_TOTAL_MAX                                                                         \
    (16u << 20) /* bytes that all words of one scope and its children have                         \
                 */

enum {
    EXPAND_KEEP_QUOTES = 1,  /* quotes stay, and still quote */
    EXPAND_KEEP_ESCAPES = 2, /* so does the escape character */
    EXPAND_KEEP_UNSET = 4,   /* $x stays where x is not set */
    EXPAND_NO_QUOTES = 8,    /* quotes are characters like others: bodies of heredocs */
};
/* NULL: not set. */
typedef const char *variable_fn(void *ctx, const char *name);
struct expansion {
    struct arena *a;
    char escape;
    unsigned bits;
    variable_fn *variable; /* NULL: none is set */
    void *ctx;
    size_t
        *left; /* what may still be spent of EXPANDED_TOTAL_MAX; NULL: only each word is bounded */
    struct strs used, missing; /* out: names that were looked up, each once */
};
/* The value of a word as one text. ERR_INVALID in Docker's words: "failed to process \"${x\":
 * syntax error: missing '}'". ERR_TOO_LARGE when a bound of the above is met. */
struct err *expand_word(struct expansion *x, const char *word, char **out) must_check;
/* The same, split at blanks that are not quoted, whether written or of a value. */
struct err *expand_words(struct expansion *x, const char *word, struct strs *out) must_check;

struct scope_options {
    const struct pairs *build_args; /* --build-arg; a value of NULL is "not given" */
    const char *target_platform;    /* "linux/arm64/v8" */
    const char *build_platform;     /* that of this machine */
    const char *target_stage;       /* --target; "" or NULL: the last stage */
};
struct scope; /* of an arena: nothing to destroy */

/* The variables that FROM sees: the ARGs before it are evaluated. */
struct err *scope_open(struct arena *a, const struct dockerfile *d, const struct scope_options *o,
                       struct scope **out) must_check;
/* The base and the platform (NULL where none is given) of a stage, expanded. */
struct err *scope_expand_from(struct scope *global, const struct stage *st, char **out_base,
                              char **out_platform) must_check;
/* The variables of a stage. `base`: the scope of the stage it is FROM as that one ended, NULL when
 * it is FROM an image; base_env: "k=v" of the image's configuration, for scratch its PATH; NULL
 * when it is FROM a stage. Parents are not changed by what a child does. */
struct scope *scope_enter_stage(struct scope *global, const struct scope *base,
                                const struct strs *base_env);

/*
 * An instruction with its variables expanded, by the rules of its type; what ARG and ENV set is set
 * in the scope, for the next instruction. `out` is a copy; its texts and flags are as written.
 *
 *   ARG           values, from left to right; out's are what counts (NULL: not set)
 *   ENV LABEL     keys and values, all by what was set before
 *   ADD COPY      sources, dest, --chown, --chmod, --checksum, --exclude; bodies of heredocs
 *   EXPOSE        words, split; out's args are "80/tcp"
 *   RUN           values in --mount
 *   USER WORKDIR STOPSIGNAL VOLUME   words
 *   others        nothing: the shell of the container does it, or nobody
 *
 * COPY --from and RUN --mount=from with a variable are ERR_INVALID, as in Docker.
 */
struct err *scope_expand(struct scope *s, const struct instruction *in, struct instruction *out)
    must_check;
/* The names that the last scope_expand or scope_expand_from looked up in vain, and those it found.
 */
const struct strs *scope_missing(const struct scope *s);
const struct strs *scope_used(const struct scope *s);

#define SCOPE_NAMES_MAX 1000
/* What is set, the last stage's first: to find what was meant by a misspelt name. */
struct strs scope_names(const struct scope *s, struct arena *a);

/* "k=v": ENV and the base image's, in their order: what the image's configuration gets. */
struct strs scope_env(const struct scope *s, struct arena *a);
/* "k=v" of a RUN: the above, then ARGs, then the proxies. */
struct strs scope_run_env(const struct scope *s, struct arena *a);
/* "k=v" of the ARGs that a RUN sees, sorted: they are part of its cache key, and of its history
 * ("|2 a=1 b=2 /bin/sh -c …"). What other instructions see of ARGs is in their expanded words. */
struct strs scope_run_args(const struct scope *s, struct arena *a);
/* --build-arg that no ARG of any stage consumed: "[Warning] One or more build-args [x] were not
 * consumed". Sorted; asked after all stages are through. */
struct strs scope_unconsumed(const struct scope *global, struct arena *a);
