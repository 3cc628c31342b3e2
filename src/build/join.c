/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to instructions, as BuildKit's parser joins them: comments and empty lines inside an
 * instruction are left out, and an escaped escape at a line's end does not continue it. Pure.
 * Trap: a directive is one only above everything else, a comment that is none included.
 */
#include "join.h"

#include <ctype.h>
#include <string.h>

static const char *skip_in(const char *s, const char *end)
{
    while (s < end) {
        size_t n = space_length(s);

        if (!n || s + n > end)
            break;
        s += n;
    }
    return s;
}

static struct source_range range_of(const struct line *line, const char *first)
{
    size_t column = (size_t)(first - line->text) + 1;
    size_t last = line->len > column ? line->len : column;

    return (struct source_range){{line->number, column}, {line->number, last}};
}

static struct err *check_line(const struct line_reader *r, const struct line *line)
{
    if (line->len_with_end <= DOCKERFILE_LINE_MAX)
        return NULL;
    return parse_too_much(r, range_of(line, line->text),
                          "dockerfile line greater than max allowed size of %d",
                          DOCKERFILE_LINE_MAX);
}

/* ---- directives ---- */

/* "# name = value" */
static bool split_directive(struct arena *a, const struct line *line, const char *s, char **name,
                            char **value)
{
    const char *end = line->text + line->len, *from;

    s = skip_in(s + 1, end);
    from = s;
    while (s < end && isalnum((unsigned char)*s))
        s++;
    if (s == from || isdigit((unsigned char)*from))
        return false;
    *name = arena_strndup(a, from, (size_t)(s - from));
    s = skip_in(s, end);
    if (s == end || *s != '=')
        return false;
    *value = trimmed(a, s + 1, (size_t)(end - s - 1));
    return **value;
}

static struct err *set_directive(struct joiner *t, const char *name, char *value,
                                 struct source_range where, struct directive *to)
{
    if (to->value)
        return parse_error_at(&t->r, where, "only one %s parser directive can be used", name);
    *to = (struct directive){.value = value, .where = where};
    return NULL;
}

/* A comment at `s`: *is_one when it is a directive. */
static struct err *take_directive(struct joiner *t, const struct line *line, const char *s,
                                  bool *is_one)
{
    struct source_range where = range_of(line, s);
    char *name, *value;

    *is_one = false;
    if (t->is_past_directives)
        return NULL;
    *is_one = split_directive(t->r.a, line, s, &name, &value);
    if (*is_one) {
        text_lower(name);
        if (!strcmp(name, "syntax"))
            return set_directive(t, name, value, where, &t->d->syntax);
        if (!strcmp(name, "check"))
            return set_directive(t, name, value, where, &t->d->check);
        *is_one = !strcmp(name, "escape");
    }
    if (!*is_one) {
        t->is_past_directives = true;
        return NULL;
    }
    TRY(set_directive(t, name, value, where, &t->d->escape_directive));
    if (strcmp(value, "`") != 0 && strcmp(value, "\\") != 0)
        return parse_error_at(&t->r, where, "invalid escape token '%s' does not match ` or \\",
                              value);
    t->d->escape = t->r.escape = *value;
    return NULL;
}

/* ---- continuations ---- */

/* How much of the line is text; *goes_on when the next line belongs to it. */
static size_t without_continuation(const struct line *line, const char *s, char escape,
                                   bool *goes_on)
{
    size_t n = (size_t)(line->text + line->len - s), end = n;

    while (end && (s[end - 1] == ' ' || s[end - 1] == '\t'))
        end--;
    *goes_on = end && s[end - 1] == escape && (end == 1 || s[end - 2] != escape);
    return *goes_on ? end - 1 : n;
}

struct joining {
    struct joiner *t;
    struct joined_text *out;
    struct buf text;
    bool had_empty;
};

static void add_piece(struct joining *g, const struct line *line, const char *s, size_t n)
{
    struct joined_text *j = g->out;

    j->pieces = arena_grow(g->t->r.a, j->pieces, j->n_pieces, &j->room, sizeof(*j->pieces));
    j->pieces[j->n_pieces++] = (struct piece){
        .at = g->text.len,
        .place = {line->number, (size_t)(s - line->text) + 1},
    };
    buf_add(&g->text, s, n);
    if (n)
        j->where.last = (struct source_place){line->number, (size_t)(s - line->text) + n};
}

static struct err *join_rest(struct joining *g)
{
    struct line line;
    bool goes_on = true;

    while (goes_on && reader_next(&g->t->r, &line)) {
        const char *end = line.text + line.len, *first = skip_in(line.text, end);
        size_t n;

        TRY(check_line(&g->t->r, &line));
        g->had_empty |= first == end;
        if (first == end || *first == '#')
            continue;
        n = without_continuation(&line, line.text, g->t->r.escape, &goes_on);
        add_piece(g, &line, line.text, n);
    }
    return NULL;
}

static void note_empty(struct joining *g)
{
    struct dockerfile *d = g->t->d;

    if (!g->had_empty)
        return;
    d->empty_continuations = arena_grow(g->t->r.a, d->empty_continuations, d->n_empty_continuations,
                                        &g->t->empty_room, sizeof(*d->empty_continuations));
    d->empty_continuations[d->n_empty_continuations++] = (struct source_range){
        .first = {g->t->r.number, 1},
        .last = {g->t->r.number, 1},
    };
}

static struct err *join(struct joining *g, const struct line *line, const char *first)
{
    struct joined_text *j = g->out;
    bool goes_on;
    size_t n = without_continuation(line, first, g->t->r.escape, &goes_on);

    *j = (struct joined_text){.where = range_of(line, first)};
    add_piece(g, line, first, n);
    if (goes_on)
        TRY(join_rest(g));
    note_empty(g);
    j->text = arena_strdup(g->t->r.a, g->text.data ? g->text.data : "");
    j->len = trimmed_length(j->text);
    j->text[j->len] = '\0';
    return NULL;
}

/* ---- what stands between ---- */

static void take_comment(struct joiner *t, const struct line *line, const char *s)
{
    char *text = trimmed(t->r.a, s + 1, (size_t)(line->text + line->len - s - 1));

    if (!*text)
        t->comments = (struct strs){0};
    else if (t->comments.n < DOCKERFILE_WORDS_MAX)
        strs_add(t->r.a, &t->comments, text);
}

struct err *joiner_next(struct joiner *t, struct joined_text *out)
{
    struct joining g = {.t = t, .out = out};
    struct line line;

    t->comments = (struct strs){0};
    while (reader_next(&t->r, &line)) {
        const char *end = line.text + line.len, *first = skip_in(line.text, end);
        struct err *e;
        bool is_directive = false;

        TRY(check_line(&t->r, &line));
        if (first < end && *first == '#') {
            TRY(take_directive(t, &line, first, &is_directive));
            if (!is_directive)
                take_comment(t, &line, first);
            continue;
        }
        t->is_past_directives = true;
        if (first == end) {
            t->comments = (struct strs){0};
            continue;
        }
        e = join(&g, &line, first);
        buf_finish(&g.text);
        return e;
    }
    out->text = NULL;
    return NULL;
}
