/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words with variables, as Docker's shell lexer reads them. What is open ("…", ${x:-…) stands on a
 * stack of frames, each with the text it has so far; closing one hands its text to the frame below.
 * Only the lowest frame is split into words. Pure, any thread.
 * Trap: a value is never read again: what looks like a variable or a quote in it is text.
 */
#include "build/expand.h"

#include "pattern.h"
#include "reader.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 64, NAMES_MAX = 1000 };

enum frame_kind { BARE, QUOTE, WORD, PATTERN, REPLACEMENT };

struct frame {
    enum frame_kind kind;
    struct buf text;
    bool keeps_escapes;
    char *name;       /* WORD, PATTERN, REPLACEMENT: of the variable */
    char op;          /* WORD: - + ? # % */
    bool null_counts; /* ${x:-…: an empty value is as none */
    bool is_all;      /* ${x//…: every match */
    char *pattern;    /* REPLACEMENT */
};
struct lexer {
    struct expansion *x;
    const char *s; /* what is still to be read */
    struct frame frames[DEPTH_MAX];
    size_t depth;    /* of the frame on top; frames[0] is BARE */
    struct buf word; /* the one that is being split off */
    bool in_word;
    struct strs *words; /* NULL: not asked for */
};

static void lexer_finish(struct lexer *l)
{
    for (size_t i = 0; i <= l->depth; i++)
        buf_finish(&l->frames[i].text);
    buf_finish(&l->word);
}

static struct frame *top(struct lexer *l)
{
    return &l->frames[l->depth];
}

static struct err *check_bounds(struct lexer *l, size_t more)
{
    if (top(l)->text.len + more > EXPANDED_MAX)
        return err_new(ERR_TOO_LARGE, "its value has more than %u bytes", EXPANDED_MAX);
    if (!l->x->left)
        return NULL;
    if (more > *l->x->left)
        return err_new(ERR_TOO_LARGE,
                       "the values of all variables have more than %u bytes together",
                       EXPANDED_TOTAL_MAX);
    *l->x->left -= more;
    return NULL;
}

/* ---- words ---- */

static void end_word(struct lexer *l)
{
    if (l->word.len)
        strs_add(l->x->a, l->words, l->word.data);
    buf_drop_front(&l->word, l->word.len);
    l->in_word = false;
}

static void add_to_word(struct lexer *l, const char *s, size_t n)
{
    if (!l->words || l->depth)
        return;
    buf_add(&l->word, s, n);
    l->in_word = true;
}

/* Text in which blanks split. */
static void split(struct lexer *l, const char *s, size_t n)
{
    if (!l->words || l->depth)
        return;
    for (size_t i = 0; i < n;) {
        size_t blank = space_length(s + i);

        if (!blank) {
            add_to_word(l, s + i, 1);
            i++;
            continue;
        }
        if (l->in_word)
            end_word(l);
        i += blank;
    }
}

/* ---- frames ---- */

static struct err *add(struct lexer *l, const char *s, size_t n)
{
    TRY(check_bounds(l, n));
    buf_add(&top(l)->text, s, n);
    return NULL;
}

static struct err *push(struct lexer *l, enum frame_kind kind, bool keeps_escapes)
{
    if (l->depth + 1 == DEPTH_MAX)
        return err_new(ERR_TOO_LARGE, "its variables are nested deeper than %d", DEPTH_MAX - 1);
    l->frames[++l->depth] = (struct frame){.kind = kind, .keeps_escapes = keeps_escapes};
    return NULL;
}

/* The text of the frame on top, which is gone then. */
static char *pop(struct lexer *l)
{
    struct frame *f = top(l);
    char *text = arena_strdup(l->x->a, f->text.data ? f->text.data : "");

    buf_finish(&f->text);
    l->depth--;
    return text;
}

/* A variable's outcome: its blanks split, in the lowest frame. */
static struct err *add_value(struct lexer *l, const char *value)
{
    size_t n = strlen(value);

    TRY(add(l, value, n));
    split(l, value, n);
    return NULL;
}

static const char *look_up(struct lexer *l, const char *name)
{
    const char *value = l->x->variable ? l->x->variable(l->x->ctx, name) : NULL;
    struct strs *list = value ? &l->x->used : &l->x->missing;

    if (!strs_has(list, name) && list->n < NAMES_MAX)
        strs_add(l->x->a, list, name);
    return value;
}

static bool keeps_unset(const struct lexer *l)
{
    return l->x->bits & EXPAND_KEEP_UNSET;
}

/* ---- ${…} ---- */

static char *take_name(struct lexer *l)
{
    const char *first = l->s;

    if (isdigit((unsigned char)*first)) {
        while (isdigit((unsigned char)*l->s))
            l->s++;
    } else if (*first && strchr("@*#?-$!", *first)) {
        l->s++;
    } else {
        while (isalnum((unsigned char)*l->s) || *l->s == '_')
            l->s++;
    }
    return arena_strndup(l->x->a, first, (size_t)(l->s - first));
}

static struct err *unset_error(const struct frame *f, const char *value, const char *word)
{
    if (*word)
        return err_new(ERR_INVALID, "%s: %s", f->name, word);
    return err_new(ERR_INVALID, "%s: is not allowed to be %s", f->name, value ? "empty" : "unset");
}

static struct err *bad_pattern(struct lexer *l, struct err *e, const char *pattern)
{
    if (err_kind(e) == ERR_TOO_LARGE)
        return e;
    return err_wrap(e, "invalid pattern (%s) in substitution", brief(l->x->a, pattern));
}

static struct err *trim(struct lexer *l, const struct frame *f, const char *value, char *word,
                        char **out)
{
    bool is_longest = *word == f->op;
    struct pattern *p;
    struct err *e = pattern_compile(l->x->a, word + is_longest, &p);

    if (e)
        return bad_pattern(l, e, word + is_longest);
    return pattern_trim(l->x->a, p, value, f->op == '%', is_longest, out);
}

/* `word` is what stood behind the operator of f, which is popped already. */
static struct err *close_word(struct lexer *l, const struct frame *f, char *word)
{
    const char *value = look_up(l, f->name);
    bool is_absent = !value || (f->null_counts && !*value);
    char *cut;

    if (!value && keeps_unset(l))
        return add_value(l, arena_printf(l->x->a, "${%s%s%c%s}", f->name, f->null_counts ? ":" : "",
                                         f->op, word));
    switch (f->op) {
    case '-':
        return add_value(l, is_absent ? word : value);
    case '+':
        return add_value(l, is_absent ? "" : word);
    case '?':
        return is_absent ? unset_error(f, value, word) : add_value(l, value);
    default:
        TRY(trim(l, f, value ? value : "", word, &cut));
        return add_value(l, cut);
    }
}

static struct err *close_replacement(struct lexer *l, const struct frame *f, const char *word)
{
    const char *value = look_up(l, f->name);
    struct pattern *p;
    struct err *e;
    char *changed;

    if (!value && keeps_unset(l))
        return add_value(l, arena_printf(l->x->a, "${%s/%s%s/%s}", f->name, f->is_all ? "/" : "",
                                         f->pattern, word));
    e = pattern_compile(l->x->a, f->pattern, &p);
    if (e)
        return bad_pattern(l, e, f->pattern);
    TRY(pattern_replace(l->x->a, p, value ? value : "", word, f->is_all, &changed));
    return add_value(l, changed);
}

/* The frame on top ends here, at its '}' or '/'. */
static struct err *close_brace(struct lexer *l)
{
    struct frame f = *top(l);
    char *text = pop(l);

    f.text = (struct buf){0};
    if (f.kind == WORD)
        return close_word(l, &f, text);
    if (f.kind == REPLACEMENT)
        return close_replacement(l, &f, text);
    TRY(push(l, REPLACEMENT, true));
    top(l)->name = f.name;
    top(l)->is_all = f.is_all;
    top(l)->pattern = text;
    return NULL;
}

/* Behind "${name": what the variable is asked for. */
static struct err *open_operator(struct lexer *l, char *name)
{
    bool null_counts = *l->s == ':';
    char op;

    l->s += null_counts;
    op = *l->s;
    if (!op)
        return err_new(ERR_INVALID, "syntax error: missing '}'");
    if (op == '/' && !null_counts) {
        l->s++;
        TRY(push(l, PATTERN, true));
        top(l)->is_all = *l->s == '/';
        l->s += top(l)->is_all;
    } else if (strchr("-+?#%", op)) {
        l->s++;
        TRY(push(l, WORD, op == '#' || op == '%'));
        top(l)->op = op;
        top(l)->null_counts = null_counts;
    } else {
        return err_new(ERR_INVALID, "unsupported modifier (%s%c) in substitution",
                       null_counts ? ":" : "", iscntrl((unsigned char)op) ? '?' : op);
    }
    top(l)->name = name;
    return NULL;
}

static struct err *read_brace(struct lexer *l)
{
    const char *value;
    char *name;

    l->s++;
    if (!*l->s)
        return err_new(ERR_INVALID, "syntax error: missing '}'");
    if (strchr("{}:", *l->s))
        return err_new(ERR_INVALID, "syntax error: bad substitution");
    name = take_name(l);
    if (*l->s != '}')
        return open_operator(l, name);
    l->s++;
    value = look_up(l, name);
    if (!value && keeps_unset(l))
        return add_value(l, arena_printf(l->x->a, "${%s}", name));
    return add_value(l, value ? value : "");
}

static struct err *read_dollar(struct lexer *l)
{
    const char *value;
    char *name;

    l->s++;
    if (*l->s == '{')
        return read_brace(l);
    name = take_name(l);
    if (!*name)
        return add_value(l, "$");
    value = look_up(l, name);
    if (!value && keeps_unset(l))
        return add_value(l, arena_printf(l->x->a, "$%s", name));
    return add_value(l, value ? value : "");
}

/* ---- quotes and characters ---- */

static struct err *read_single_quotes(struct lexer *l)
{
    bool keeps = l->x->bits & EXPAND_KEEP_QUOTES;
    const char *first = ++l->s, *end = strchr(first, '\'');
    size_t n;

    if (!end)
        return err_new(ERR_INVALID,
                       "unexpected end of statement while looking for matching single-quote");
    n = (size_t)(end - first);
    first -= keeps;
    n += keeps ? 2 : 0;
    TRY(add(l, first, n));
    add_to_word(l, first, n);
    l->s = end + 1;
    return NULL;
}

static struct err *open_quotes(struct lexer *l)
{
    bool keeps_escapes = top(l)->keeps_escapes;

    l->s++;
    TRY(push(l, QUOTE, keeps_escapes));
    return l->x->bits & EXPAND_KEEP_QUOTES ? add(l, "\"", 1) : NULL;
}

static struct err *close_quotes(struct lexer *l)
{
    char *text;

    l->s++;
    if (l->x->bits & EXPAND_KEEP_QUOTES)
        TRY(add(l, "\"", 1));
    text = pop(l);
    TRY(add(l, text, strlen(text)));
    add_to_word(l, text, strlen(text));
    return NULL;
}

/* In quotes the escape character stays in front of what needs no escape. */
static struct err *read_quoted(struct lexer *l)
{
    char c = *l->s++;

    if (c == l->x->escape) {
        if (top(l)->keeps_escapes)
            TRY(add(l, &c, 1));
        if (!*l->s)
            return NULL;
        if (*l->s == '"' || *l->s == '$' || *l->s == l->x->escape)
            c = *l->s++;
    }
    return add(l, &c, 1);
}

static struct err *read_bare(struct lexer *l)
{
    size_t n = space_length(l->s);
    const char *c = l->s;

    if (*c != l->x->escape) {
        n = n ? n : 1;
        l->s += n;
        TRY(add(l, c, n));
        split(l, c, n);
        return NULL;
    }
    if (top(l)->keeps_escapes) {
        TRY(add(l, c, 1));
        add_to_word(l, c, 1);
    }
    c = ++l->s;
    if (!*c)
        return NULL;
    n = space_length(c);
    n = n ? n : 1;
    l->s += n;
    TRY(add(l, c, n));
    add_to_word(l, c, n);
    return NULL;
}

static struct err *read_one(struct lexer *l)
{
    enum frame_kind kind = top(l)->kind;
    bool has_quotes = !(l->x->bits & EXPAND_NO_QUOTES);

    if (*l->s == '$')
        return read_dollar(l);
    if (kind == QUOTE)
        return *l->s == '"' ? close_quotes(l) : read_quoted(l);
    if (*l->s == (kind == PATTERN ? '/' : '}') && kind != BARE) {
        l->s++;
        return close_brace(l);
    }
    if (has_quotes && *l->s == '\'')
        return read_single_quotes(l);
    if (has_quotes && *l->s == '"')
        return open_quotes(l);
    return read_bare(l);
}

/* The text is at its end, and something is open: the outermost brace is missed, else the quote. */
static struct err *open_end(const struct lexer *l)
{
    for (size_t i = 1; i <= l->depth; i++) {
        if (l->frames[i].kind == PATTERN)
            return err_new(ERR_INVALID, "syntax error: missing '/' in ${}");
        if (l->frames[i].kind != QUOTE)
            return err_new(ERR_INVALID, "syntax error: missing '}'");
    }
    return err_new(ERR_INVALID,
                   "unexpected end of statement while looking for matching double-quote");
}

static struct err *read_all(struct lexer *l)
{
    while (*l->s)
        TRY(read_one(l));
    return l->depth ? open_end(l) : NULL;
}

/* In Docker's words, which name what was written; a long text is not repeated to people. */
static struct err *failed(struct arena *a, struct err *e, const char *word)
{
    struct err *told = err_new(err_kind(e), "failed to process %s: %s", brief(a, quoted(a, word)),
                               brief(a, err_text(e)));

    err_drop(e);
    return told;
}

static struct err *expand(struct expansion *x, const char *word, struct strs *words, char **out)
{
    struct lexer l = {.x = x, .s = word, .words = words};
    struct err *e;

    l.frames[0].keeps_escapes = x->bits & EXPAND_KEEP_ESCAPES;
    e = read_all(&l);
    if (!e && words)
        end_word(&l);
    if (!e && out)
        *out = arena_strdup(x->a, l.frames[0].text.data ? l.frames[0].text.data : "");
    lexer_finish(&l);
    return e ? failed(x->a, e, word) : NULL;
}

struct err *expand_word(struct expansion *x, const char *word, char **out)
{
    return expand(x, word, NULL, out);
}

struct err *expand_words(struct expansion *x, const char *word, struct strs *out)
{
    struct strs words = {0};

    TRY(expand(x, word, &words, NULL));
    for (size_t i = 0; i < words.n; i++)
        strs_add(x->a, out, words.v[i]);
    return NULL;
}
