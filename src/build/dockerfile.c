/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Dockerfile: instructions into stages, and what is asked of them. Pure, any thread.
 */
#include "build/dockerfile.h"

#include "instruction.h"
#include "join.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct file_parsing {
    struct joiner t;
    struct dockerfile *d;
    struct stage *stage; /* the one that instructions go to; NULL before the first FROM */
    size_t stage_room, room, global_room, n_instructions;
};

/* ---- stages ---- */

static bool is_stage_name(const char *s)
{
    if (!islower((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && !strchr("-_.", *s))
            return false;
    return true;
}

/* "# NAME what it is" above the instruction: what it is. */
static char *comment_about(struct arena *a, const struct strs *comments, const char *name)
{
    size_t n = name ? strlen(name) : 0;

    for (size_t i = 0; n && i < comments->n; i++)
        if (text_starts(comments->v[i], name) && comments->v[i][n] == ' ')
            return arena_strdup(a, comments->v[i] + n + 1);
    return NULL;
}

static struct err *open_stage(struct file_parsing *p, const struct joined_text *j,
                              const struct instruction *from)
{
    struct arena *a = p->t.r.a;
    const char *platform = ins_flag_value(from, "platform");
    struct stage st = {.from = *from, .base = from->args.v[0]};

    if (p->d->n_stages == DOCKERFILE_STAGES_MAX)
        return parse_too_much(&p->t.r, from->where, "the Dockerfile has more than %d stages",
                              DOCKERFILE_STAGES_MAX);
    if (from->args.n == 3) {
        st.name = arena_strdup(a, from->args.v[2]);
        text_lower(st.name);
        if (!is_stage_name(st.name))
            return parse_error(&p->t.r, j, NULL, 0,
                               "invalid name for build stage: %s, name can't start with a number "
                               "or contain symbols",
                               quoted(a, from->args.v[2]));
    }
    st.platform = text_is_empty(platform) ? NULL : arena_strdup(a, platform);
    st.comment = comment_about(a, &from->comments, st.name);
    p->d->stages = arena_grow(a, p->d->stages, p->d->n_stages, &p->stage_room, sizeof(st));
    p->stage = &p->d->stages[p->d->n_stages++];
    *p->stage = st;
    p->room = 0;
    return NULL;
}

static struct err *take_instruction(struct file_parsing *p, const struct joined_text *j,
                                    const struct instruction *in)
{
    struct arena *a = p->t.r.a;

    if (++p->n_instructions > DOCKERFILE_INSTRUCTIONS_MAX)
        return parse_too_much(&p->t.r, in->where, "the Dockerfile has more than %d instructions",
                              DOCKERFILE_INSTRUCTIONS_MAX);
    if (in->type == INS_FROM)
        return open_stage(p, j, in);
    if (p->stage) {
        struct stage *st = p->stage;

        st->instructions = arena_grow(a, st->instructions, st->n, &p->room, sizeof(*in));
        st->instructions[st->n++] = *in;
        return NULL;
    }
    if (in->type != INS_ARG)
        return parse_error(&p->t.r, j, NULL, 0, "no build stage in current context");
    p->d->global_args =
        arena_grow(a, p->d->global_args, p->d->n_global_args, &p->global_room, sizeof(*in));
    p->d->global_args[p->d->n_global_args++] = *in;
    return NULL;
}

/* ---- the file ---- */

static struct err *check_bytes(struct line_reader *r)
{
    const char *nul = memchr(r->src->text, '\0', r->src->size);
    struct line line;

    if (!r->src->size)
        return parse_error_at(r, (struct source_range){0}, "the Dockerfile (%s) cannot be empty",
                              r->src->name);
    if (r->src->size > DOCKERFILE_SIZE_MAX)
        return parse_too_much(r, (struct source_range){0}, "%s has more than %u bytes",
                              r->src->name, DOCKERFILE_SIZE_MAX);
    while (nul && reader_next(r, &line)) {
        struct source_place at = {line.number, (size_t)(nul - line.text) + 1};

        if (nul < r->next)
            return parse_error_at(r, (struct source_range){at, at},
                                  "the line has a NUL byte: a Dockerfile is text in UTF-8");
    }
    return NULL;
}

static struct line_reader reader_of(struct arena *a, const struct source *src,
                                    struct source_range *where)
{
    struct line_reader r = {.a = a,
                            .src = src,
                            .next = src->text,
                            .end = src->text + src->size,
                            .where = where,
                            .escape = '\\'};

    if (src->size >= 3 && !memcmp(src->text, "\xef\xbb\xbf", 3))
        r.next += 3;
    return r;
}

static struct err *parse_all(struct file_parsing *p)
{
    struct joined_text j;
    struct instruction in;

    for (;;) {
        TRY(joiner_next(&p->t, &j));
        if (!j.text)
            return NULL;
        TRY(instruction_parse(&p->t.r, &j, j.text, &in));
        in.where = j.where;
        in.comments = p->t.comments;
        if (in.n_heredocs)
            in.where.last = in.heredocs[in.n_heredocs - 1].where.last;
        TRY(take_instruction(p, &j, &in));
    }
}

struct err *dockerfile_parse(struct arena *a, const struct source *src, struct dockerfile *out,
                             struct source_range *where)
{
    /* Looking behind a byte needs no look at the end. */
    const struct source copy = {src->name, arena_strndup(a, src->text, src->size), src->size};
    struct dockerfile d = {.escape = '\\'};
    struct file_parsing p = {.d = &d};
    struct line_reader r = reader_of(a, src, where);

    *where = (struct source_range){0};
    TRY(check_bytes(&r));
    p.t = (struct joiner){.r = reader_of(a, &copy, where), .d = &d};
    TRY(parse_all(&p));
    if (!p.n_instructions)
        return parse_error_at(&p.t.r, (struct source_range){0}, "file with no instructions");
    if (!d.n_stages)
        return parse_error_at(&p.t.r, d.global_args[0].where,
                              "dockerfile contains no stages to build");
    *out = d;
    return NULL;
}

struct err *dockerfile_parse_trigger(struct arena *a, const char *text, struct instruction *out)
{
    const struct source src = {"ONBUILD", arena_strdup(a, text), strlen(text)};
    struct dockerfile d = {0};
    struct source_range where;
    struct joiner t = {.r = reader_of(a, &src, &where), .d = &d, .is_past_directives = true};
    struct joined_text j, more;

    TRY(joiner_next(&t, &j));
    if (!j.text)
        return err_new(ERR_INVALID, "onbuild trigger should be a single expression");
    TRY(instruction_parse(&t.r, &j, j.text, out));
    TRY(joiner_next(&t, &more));
    if (more.text)
        return err_new(ERR_INVALID, "onbuild trigger should be a single expression");
    if (out->type == INS_ONBUILD)
        return err_new(ERR_INVALID, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (out->type == INS_FROM || out->type == INS_MAINTAINER)
        return err_new(ERR_INVALID, "%s isn't allowed as an ONBUILD trigger",
                       instruction_name(out->type));
    return NULL;
}

/* ---- looking up ---- */

const struct stage *dockerfile_find_base(const struct dockerfile *d, const char *name,
                                         size_t before)
{
    for (size_t i = before < d->n_stages ? before : d->n_stages; i-- > 0;)
        if (d->stages[i].name && !strcasecmp(d->stages[i].name, name))
            return &d->stages[i];
    return NULL;
}

const struct stage *dockerfile_find_stage(const struct dockerfile *d, const char *name,
                                          size_t before)
{
    const struct stage *found = dockerfile_find_base(d, name, before);
    uint32_t number;

    if (found || !text_to_u32(name, &number) || number >= d->n_stages || number >= before)
        return found;
    return &d->stages[number];
}

struct err *dockerfile_find_target(const struct dockerfile *d, const char *target,
                                   const struct stage **out)
{
    autoarena struct arena *a = arena_create();
    const char **names = arena_array(a, d->n_stages + 1, sizeof(*names));
    const struct stage *found = &d->stages[d->n_stages - 1];
    size_t n = 0;

    if (!text_is_empty(target))
        found = dockerfile_find_stage(d, target, d->n_stages);
    if (found) {
        *out = found;
        return NULL;
    }
    for (size_t i = 0; i < d->n_stages; i++)
        if (d->stages[i].name)
            names[n++] = d->stages[i].name;
    return err_new(ERR_NOT_FOUND, "target stage %s could not be found%s", quoted(a, target),
                   suggestion(a, target, names, n, true));
}

/* ---- RUN ---- */

/* A RUN that is one heredoc and nothing else is a script; others leave the heredocs to the shell.
 */
void instruction_run_command(struct arena *a, const struct instruction *in, struct run_command *out)
{
    const char *line = in->args.n ? in->args.v[0] : "";
    autobuf struct buf script = {0};
    struct heredoc h;

    *out = (struct run_command){0};
    if (in->is_json) {
        out->argv = in->args;
        return;
    }
    if (in->n_heredocs && heredoc_parse_word(a, line, &h)) {
        out->script = heredoc_text(a, &in->heredocs[0]);
        if (text_starts(out->script, "#!"))
            out->file = in->heredocs[0].name;
        return;
    }
    buf_puts(&script, line);
    for (size_t i = 0; i < in->n_heredocs; i++)
        buf_printf(&script, "\n%s%s", in->heredocs[i].body, in->heredocs[i].name);
    out->script = arena_strdup(a, script.data);
}
