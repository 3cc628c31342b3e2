/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Dockerfile as lines, the way back from a joined instruction to its lines, and errors that say
 * where. Pure, any thread.
 */
#include "reader.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

enum { BRIEF_MAX = 300 };

bool reader_next(struct line_reader *r, struct line *out)
{
    const char *end;

    if (r->next >= r->end)
        return false;
    end = memchr(r->next, '\n', (size_t)(r->end - r->next));
    out->text = r->next;
    out->len_with_end = (size_t)((end ? end + 1 : r->end) - r->next);
    out->len = out->len_with_end;
    while (out->len && (out->text[out->len - 1] == '\n' || out->text[out->len - 1] == '\r'))
        out->len--;
    out->number = ++r->number;
    r->next += out->len_with_end;
    return true;
}

static struct source_place joined_place(const struct joined_text *j, size_t at)
{
    size_t low = 0, high = j->n_pieces;
    struct source_place p;

    if (!high)
        return j->where.first;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (j->pieces[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    p = j->pieces[low].place;
    p.column += at - j->pieces[low].at;
    return p;
}

const char *brief(struct arena *a, const char *s)
{
    size_t n = BRIEF_MAX;

    if (strlen(s) <= BRIEF_MAX)
        return s;
    while ((s[n] & 0xc0) == 0x80) /* not inside a rune */
        n--;
    return arena_printf(a, "%.*s…", (int)n, s);
}

/* `line`: the one that is named, where the instruction begins, as Docker does. */
static struct err *error_at(const struct line_reader *r, struct source_range where, size_t line,
                            enum err_kind kind, const char *fmt, va_list ap)
{
    const char *text = brief(r->a, arena_vprintf(r->a, fmt, ap));

    if (r->where)
        *r->where = where;
    if (!line)
        return err_new(kind, "%s", text);
    return err_new(kind, "dockerfile parse error on line %zu: %s", line, text);
}

struct err *parse_error(const struct line_reader *r, const struct joined_text *j, const char *at,
                        size_t n, const char *fmt, ...)
{
    struct source_range where = j->where;
    struct err *e;
    va_list ap;

    if (n && at >= j->text && at < j->text + j->len) {
        where.first = joined_place(j, (size_t)(at - j->text));
        where.last = joined_place(j, (size_t)(at - j->text) + n - 1);
    }
    va_start(ap, fmt);
    e = error_at(r, where, j->where.first.line, ERR_INVALID, fmt, ap);
    va_end(ap);
    return e;
}

struct err *parse_error_at(const struct line_reader *r, struct source_range where, const char *fmt,
                           ...)
{
    struct err *e;
    va_list ap;

    va_start(ap, fmt);
    e = error_at(r, where, where.first.line, ERR_INVALID, fmt, ap);
    va_end(ap);
    return e;
}

struct err *parse_too_much(const struct line_reader *r, struct source_range where, const char *fmt,
                           ...)
{
    struct err *e;
    va_list ap;

    va_start(ap, fmt);
    e = error_at(r, where, where.first.line, ERR_TOO_LARGE, fmt, ap);
    va_end(ap);
    return e;
}

static size_t count_lines(const struct source *src)
{
    size_t n = 0;

    for (size_t i = 0; i < src->size; i++)
        n += src->text[i] == '\n';
    return n + 1;
}

/* Two lines around several, four around one, as many before as behind while there are any. */
static void widen(size_t *first, size_t *last, size_t n_lines)
{
    int wanted = *first == *last ? 4 : 2;

    for (int given = 0; given < wanted; given++) {
        if (*first > 1) {
            --*first;
            given++;
        }
        if (*last < n_lines) {
            ++*last;
            given++;
        }
    }
}

void source_excerpt(struct buf *out, const struct source *src, struct source_range where)
{
    size_t first = where.first.line, last = where.last.line, n_lines = count_lines(src);
    struct line_reader r = {.src = src, .next = src->text, .end = src->text + src->size};
    struct line line;

    if (!first || first > n_lines)
        return;
    if (last < first)
        last = first;
    if (last > n_lines)
        last = n_lines;
    where.last.line = last;
    widen(&first, &last, n_lines);
    buf_puts(out, "--------------------\n");
    for (size_t i = 1; i <= last; i++) {
        bool is_meant = i >= where.first.line && i <= where.last.line;

        if (!reader_next(&r, &line))
            line = (struct line){.text = ""};
        if (i >= first)
            buf_printf(out, " %3zu | %s %.*s\n", i, is_meant ? ">>>" : "   ", (int)line.len,
                       line.text);
    }
    buf_puts(out, "--------------------\n");
}

char *source_show(struct arena *a, const struct source *src, struct source_range where)
{
    autobuf struct buf out = {0};

    if (!where.first.line)
        return arena_strdup(a, "");
    buf_printf(&out, "%s:%zu:%zu\n", src->name, where.first.line, where.first.column);
    source_excerpt(&out, src, where);
    return arena_strdup(a, out.data);
}

size_t space_length(const char *s)
{
    static const char *const wide[] = {"\xc2\x85", "\xc2\xa0", "\u1680", "\u2000", "\u2001",
                                       "\u2002",   "\u2003",   "\u2004", "\u2005", "\u2006",
                                       "\u2007",   "\u2008",   "\u2009", "\u200a", "\u2028",
                                       "\u2029",   "\u202f",   "\u205f", "\u3000"};

    if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
        return 1;
    if (!(*s & 0x80))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (text_starts(s, wide[i]))
            return strlen(wide[i]);
    return 0;
}

const char *skip_spaces(const char *s)
{
    for (size_t n; (n = space_length(s)); s += n)
        ;
    return s;
}

/* A blank of several bytes is not longer than three. */
size_t trimmed_length(const char *s)
{
    size_t n = strlen(s);

    for (bool is_done = false; n && !is_done;) {
        is_done = true;
        for (size_t back = 1; back <= 3 && back <= n; back++) {
            if (space_length(s + n - back) == back) {
                n -= back;
                is_done = false;
                break;
            }
        }
    }
    return n;
}

char *trimmed(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_strndup(a, s, n), *first = (char *)skip_spaces(copy);

    first[trimmed_length(first)] = '\0';
    return first;
}

const char *quoted(struct arena *a, const char *s)
{
    autobuf struct buf out = {0};

    json_quote(&out, s, strlen(s));
    return arena_strdup(a, out.data);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void sort_texts(struct strs *s)
{
    if (s->n)
        qsort(s->v, s->n, sizeof(char *), compare_texts);
}

size_t rune_at(const char *s, uint32_t *out)
{
    size_t len = utf8_length(s, strnlen(s, 4));

    *out = len ? utf8_value(s, len) : (unsigned char)*s | 0x80000000u;
    return len ? len : 1;
}
