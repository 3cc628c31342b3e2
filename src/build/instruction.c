/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instruction: its word, its flags, what its type makes of the rest. Pure, any thread.
 */
#include "instruction.h"

#include <string.h>
#include <strings.h>

static const char *const names[INS_TYPES] = {
    [INS_ADD] = "ADD",
    [INS_ARG] = "ARG",
    [INS_CMD] = "CMD",
    [INS_COPY] = "COPY",
    [INS_ENTRYPOINT] = "ENTRYPOINT",
    [INS_ENV] = "ENV",
    [INS_EXPOSE] = "EXPOSE",
    [INS_FROM] = "FROM",
    [INS_HEALTHCHECK] = "HEALTHCHECK",
    [INS_LABEL] = "LABEL",
    [INS_MAINTAINER] = "MAINTAINER",
    [INS_ONBUILD] = "ONBUILD",
    [INS_RUN] = "RUN",
    [INS_SHELL] = "SHELL",
    [INS_STOPSIGNAL] = "STOPSIGNAL",
    [INS_USER] = "USER",
    [INS_VOLUME] = "VOLUME",
    [INS_WORKDIR] = "WORKDIR",
};

const char *instruction_name(enum instruction_type type)
{
    ASSERT(type < INS_TYPES);
    return names[type];
}

enum instruction_type instruction_type_of(const char *word)
{
    size_t i = 0;

    while (i < INS_TYPES && strcasecmp(word, names[i]) != 0)
        i++;
    return (enum instruction_type)i;
}

static struct ins_flag *flags_of(struct arena *a, const struct text_words *w)
{
    struct ins_flag *v = arena_array(a, w->n + 1, sizeof(*v));

    for (size_t i = 0; i < w->n; i++) {
        char *name = w->v[i].text + (text_starts(w->v[i].text, "--") ? 2 : 0);
        char *value = strchr(name, '=');

        v[i].name = value ? arena_strndup(a, name, (size_t)(value - name)) : name;
        v[i].value = value ? value + 1 : NULL;
    }
    return v;
}

static struct err *unknown_instruction(const struct reading *g, size_t n)
{
    const char *word = arena_strndup(g->r->a, g->rest, n);

    return parse_error(g->r, g->j, g->rest, n, "unknown instruction: %s%s", word,
                       suggestion(g->r->a, word, names, INS_TYPES, false));
}

struct err *instruction_parse(struct line_reader *r, const struct joined_text *j, const char *s,
                              struct instruction *out)
{
    struct reading g = {.r = r, .j = j, .in = out, .rest = s};
    size_t n = strcspn(s, "\t\v\f\r ");

    *out = (struct instruction){.where = j->where};
    out->word = arena_strndup(r->a, s, n);
    out->type = instruction_type_of(out->word);
    if (out->type == INS_TYPES)
        return unknown_instruction(&g, n);
    out->text = arena_strdup(r->a, s);
    g.rest = words_flags(r->a, s + n, &g.flags);
    out->flags = flags_of(r->a, &g.flags);
    out->n_flags = g.flags.n;
    TRY(ins_flags_apply(&g));
    return instruction_parse_args(&g);
}
