/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heredocs. Which words of a line begin one is asked of the shell lexer, with nothing set and all
 * quotes kept, so that "<<EOF" in quotes, and arithmetic, begin none. Pure, any thread.
 */
#include "heredoc.h"

#include "build/expand.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool lex(struct arena *a, const char *text, unsigned bits, struct strs *out)
{
    struct expansion x = {.a = a, .escape = '\\', .bits = bits | EXPAND_KEEP_UNSET};
    struct err *e = expand_words(&x, text, out);

    err_drop(e);
    return !e;
}

static size_t count_quotes(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += *s == '\'' || *s == '"';
    return n;
}

bool heredoc_parse_word(struct arena *a, const char *word, struct heredoc *out)
{
    const char *p = word + strspn(word, "0123456789");
    struct strs plain = {0}, raw = {0};
    struct heredoc h = {.fd = (unsigned)strtoul(word, NULL, 10)};

    if (!text_starts(p, "<<"))
        return false;
    p += 2;
    h.strips = *p == '-';
    p += h.strips;
    if (!*p || strchr(p, '<') || strchr(p, '\n'))
        return false;
    if (!lex(a, p, 0, &plain) || plain.n != 1 || !lex(a, p, EXPAND_KEEP_QUOTES, &raw) || raw.n != 1)
        return false;
    h.name = plain.v[0];
    h.expands = count_quotes(plain.v[0]) == count_quotes(raw.v[0]);
    *out = h;
    return true;
}

static bool is_end(const struct heredoc *h, const struct line *line)
{
    const char *s = line->text;
    size_t n = line->len;

    while (h->strips && n && *s == '\t') {
        s++;
        n--;
    }
    return n == strlen(h->name) && !memcmp(s, h->name, n);
}

static struct err *read_body(struct line_reader *r, const struct joined_text *j, struct heredoc *h)
{
    const char *first = r->next;
    struct line line;

    h->where.first = (struct source_place){r->number + 1, 1};
    while (reader_next(r, &line)) {
        if (line.len_with_end > DOCKERFILE_LINE_MAX)
            return parse_too_much(r, (struct source_range){{line.number, 1}, {line.number, 1}},
                                  "dockerfile line greater than max allowed size of %d",
                                  DOCKERFILE_LINE_MAX);
        if (is_end(h, &line)) {
            h->body = arena_strndup(r->a, first, (size_t)(line.text - first));
            h->where.last = (struct source_place){line.number, line.len ? line.len : 1};
            return NULL;
        }
    }
    return parse_error(r, j, NULL, 0, "unterminated heredoc");
}

struct err *heredoc_read_all(struct line_reader *r, const struct joined_text *j,
                             struct heredoc **out, size_t *out_n)
{
    struct strs words = {0};
    size_t room = 0;

    if (!strstr(j->text, "<<") ||
        !lex(r->a, j->text, EXPAND_KEEP_QUOTES | EXPAND_KEEP_ESCAPES, &words))
        return NULL;
    for (size_t i = 0; i < words.n; i++) {
        struct heredoc h;

        if (!heredoc_parse_word(r->a, words.v[i], &h))
            continue;
        if (*out_n == DOCKERFILE_HEREDOCS_MAX)
            return parse_too_much(r, j->where, "an instruction has more than %d heredocs",
                                  DOCKERFILE_HEREDOCS_MAX);
        TRY(read_body(r, j, &h));
        *out = arena_grow(r->a, *out, *out_n, &room, sizeof(**out));
        (*out)[(*out_n)++] = h;
    }
    return NULL;
}

char *heredoc_text(struct arena *a, const struct heredoc *h)
{
    char *out = arena_strdup(a, h->body), *to = out;
    bool is_start = true;

    if (!h->strips)
        return out;
    for (const char *from = h->body; *from; from++) {
        if (is_start && *from == '\t')
            continue;
        is_start = *from == '\n';
        *to++ = *from;
    }
    *to = '\0';
    return out;
}
