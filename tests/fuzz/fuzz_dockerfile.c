/* SPDX-License-Identifier: Apache-2.0 */
/* links: build */
/*
 * Any bytes as a Dockerfile: what parses is inside its source, is expanded, linted and shown; a
 * second reading of an instruction's own text gives the same instruction.
 */
#include "build/lint.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(struct source_range r, size_t n_lines)
{
    ASSERT(r.first.line && r.first.column);
    ASSERT(r.first.line <= r.last.line && r.last.line <= n_lines);
    ASSERT(r.first.line < r.last.line || r.first.column <= r.last.column);
}

/* Joined lines are one line: read again they must mean the same. */
static void check_again(struct arena *a, const struct dockerfile *d, const struct instruction *in)
{
    struct instruction again;
    struct err *e;

    if (in->n_heredocs || d->escape != '\\' || in->type == INS_MAINTAINER ||
        in->type == INS_ONBUILD || text_ends(in->text, "\\"))
        return;
    e = dockerfile_parse_trigger(a, in->text, &again);
    ASSERT(!e);
    ASSERT(again.type == in->type && again.is_json == in->is_json);
    ASSERT(again.args.n == in->args.n && again.n_assignments == in->n_assignments);
    for (size_t i = 0; i < in->args.n; i++)
        ASSERT(!strcmp(again.args.v[i], in->args.v[i]));
}

static void check_instruction(struct arena *a, const struct dockerfile *d,
                              const struct instruction *in, size_t n_lines)
{
    struct run_command c;

    check_range(in->where, n_lines);
    for (size_t i = 0; i < in->n_heredocs; i++)
        (void)heredoc_text(a, &in->heredocs[i]);
    if (in->type == INS_RUN)
        instruction_run_command(a, in, &c);
    check_again(a, d, in);
}

static void lint(struct arena *a, const struct source *src, const struct dockerfile *d)
{
    const struct scope_options o = {.target_platform = "linux/amd64"};
    const struct lint_input in = {.scope = &o};
    struct lint_result r;
    struct source_range where;

    err_drop(dockerfile_lint(a, d, &in, &r, &where));
    (void)lint_show(a, src, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    const struct source src = {"D", (const char *)data, size};
    struct source_range where;
    struct dockerfile d;
    struct err *e;
    size_t n_lines = 1;

    for (size_t i = 0; i < size; i++)
        n_lines += data[i] == '\n';
    e = dockerfile_parse(a, &src, &d, &where);
    if (e) {
        if (where.first.line)
            check_range(where, n_lines);
        (void)source_show(a, &src, where);
        err_drop(e);
        return 0;
    }
    for (size_t i = 0; i < d.n_stages; i++)
        for (size_t k = 0; k < d.stages[i].n; k++)
            check_instruction(a, &d, &d.stages[i].instructions[k], n_lines);
    if (size < 8192)
        lint(a, &src, &d);
    return 0;
}
