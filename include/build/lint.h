/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `docker build --check` warns of: BuildKit's rules, in its words. Pure, any thread.
 */
#pragma once

#include "build/expand.h"
#include "build/ignore.h"

#define LINT_WARNINGS_MAX 1000 /* more are not told */

struct lint_rule {
    const char *name, *description, *url;
    bool is_experimental; /* only when `# check=experimental=…` names it */
};
struct lint_warning {
    const struct lint_rule *rule;
    char *text;
    struct source_range where;
};
struct lint_result {
    struct lint_warning *warnings; /* by line */
    size_t n;
    bool is_error; /* `# check=error=true` and there are some: the build fails */
};
struct lint_input {
    const struct scope_options *scope;
    const struct ignore *ignore; /* NULL: not known */
    /* "k=v" of an image's configuration. NULL, or when it answers NULL: the image is not known, and
     * what its variables might be is not warned of. */
    const struct strs *(*image_env)(void *ctx, const char *image);
    void *ctx;
};
/* All stages are looked at. ERR_INVALID: the options of `# check=` are wrong, or an instruction
 * cannot be expanded (out holds what was found before). */
struct err *dockerfile_lint(struct arena *a, const struct dockerfile *d,
                            const struct lint_input *in, struct lint_result *out,
                            struct source_range *where) must_check;
/* As `docker build --check` prints it. */
char *lint_show(struct arena *a, const struct source *src, const struct lint_result *r);
