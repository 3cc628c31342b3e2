/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an instruction's text falls into words, by the rules of BuildKit's line parsers. Pure.
 * Trap: flags are unquoted here with '\\', whatever the file's escape character is, as there.
 */
#include "words.h"

#include <string.h>

struct splitter {
    struct arena *a;
    struct text_words *out;
    size_t room;
    struct buf text;
    const char *first; /* of the word; NULL between words */
    char quote;        /* that is open; 0 */
    bool had_quote;    /* an empty word counts when it was "" */
};

static void add_word(struct splitter *sp, const char *end)
{
    if (sp->text.len || sp->had_quote) {
        struct text_words *w = sp->out;

        w->v = arena_grow(sp->a, w->v, w->n, &sp->room, sizeof(*w->v));
        w->v[w->n++] = (struct text_word){
            .text = arena_strndup(sp->a, sp->text.data ? sp->text.data : "", sp->text.len),
            .at = sp->first,
            .n = (size_t)(end - sp->first),
        };
    }
    buf_drop_front(&sp->text, sp->text.len);
    sp->first = NULL;
    sp->had_quote = false;
}

/* The escape character and what it escapes; at the end of all it is dropped. */
static const char *take_escaped(struct splitter *sp, const char *s, bool keeps)
{
    if (!s[1]) {
        sp->quote = 0;
        return s + 1;
    }
    buf_add(&sp->text, keeps ? s : s + 1, keeps ? 2 : 1);
    return s + 2;
}

static const char *take_quoted(struct splitter *sp, const char *s, char escape, bool keeps)
{
    if (*s == sp->quote) {
        sp->quote = 0;
        if (keeps)
            buf_putc(&sp->text, *s);
        return s + 1;
    }
    /* Flags know escapes in both kinds of quotes. */
    if (*s == escape && (sp->quote != '\'' || !keeps))
        return take_escaped(sp, s, keeps);
    buf_putc(&sp->text, *s);
    return s + 1;
}

static const char *take_bare(struct splitter *sp, const char *s, char escape, bool keeps)
{
    if (*s == escape)
        return take_escaped(sp, s, keeps);
    if (*s == '\'' || *s == '"') {
        sp->quote = *s;
        sp->had_quote = true;
        if (keeps)
            buf_putc(&sp->text, *s);
        return s + 1;
    }
    buf_putc(&sp->text, *s);
    return s + 1;
}

struct text_words words_quoted(struct arena *a, const char *s, char escape)
{
    struct text_words out = {0};
    struct splitter sp = {.a = a, .out = &out};

    while (*s) {
        size_t blank = sp.quote ? 0 : space_length(s);

        if (blank) {
            if (sp.first)
                add_word(&sp, s);
            s += blank;
            continue;
        }
        if (!sp.first)
            sp.first = s;
        s = sp.quote ? take_quoted(&sp, s, escape, true) : take_bare(&sp, s, escape, true);
    }
    if (sp.first)
        add_word(&sp, s);
    buf_finish(&sp.text);
    return out;
}

const char *words_flags(struct arena *a, const char *s, struct text_words *out)
{
    struct splitter sp = {.a = a, .out = out};
    bool is_end = false;

    *out = (struct text_words){0};
    while (*s && !is_end) {
        size_t blank = sp.quote ? 0 : space_length(s);

        if (blank && sp.first) {
            is_end = sp.text.len == 2 && !memcmp(sp.text.data, "--", 2);
            if (!is_end)
                add_word(&sp, s);
            continue;
        }
        if (blank) {
            s += blank;
            continue;
        }
        if (!sp.first && !text_starts(s, "--"))
            break;
        if (!sp.first)
            sp.first = s;
        s = sp.quote ? take_quoted(&sp, s, '\\', false) : take_bare(&sp, s, '\\', false);
    }
    if (!*s && sp.first && !(sp.text.len == 2 && !memcmp(sp.text.data, "--", 2)))
        add_word(&sp, s);
    buf_finish(&sp.text);
    return skip_spaces(s);
}

struct text_words words_plain(struct arena *a, const char *s)
{
    struct text_words out = {0};
    size_t room = 0;

    while (*s) {
        size_t n = strcspn(s, "\t\v\f\r ");

        if (n) {
            out.v = arena_grow(a, out.v, out.n, &room, sizeof(*out.v));
            out.v[out.n++] = (struct text_word){.text = arena_strndup(a, s, n), .at = s, .n = n};
        }
        s += n;
        s += strspn(s, "\t\v\f\r ");
    }
    return out;
}

struct strs words_texts(struct arena *a, const struct text_words *w)
{
    struct strs out = {0};

    for (size_t i = 0; i < w->n; i++)
        strs_add(a, &out, w->v[i].text);
    return out;
}
