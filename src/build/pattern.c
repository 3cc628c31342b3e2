/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of substitutions, matched by the set of places that the pattern may be at: no way is
 * tried twice, and the steps are counted. Pure, any thread.
 * Trap: a suffix is found from the text's end with the pattern's elements in reverse order.
 */
#include "pattern.h"

#include "reader.h"

#include <string.h>

enum { LITERAL, ANY_ONE, ANY_MANY };

struct pattern_element {
    int kind;
    uint32_t rune;
};
struct pattern {
    struct pattern_element *v;
    size_t n;
};

struct err *pattern_compile(struct arena *a, const char *text, struct pattern **out)
{
    struct pattern *p = arena_new(a, struct pattern);
    const char *s = text;

    if (strlen(text) > PATTERN_MAX)
        return err_new(ERR_TOO_LARGE, "the pattern of a substitution has more than %d bytes",
                       PATTERN_MAX);
    p->v = arena_array(a, strlen(text) + 1, sizeof(*p->v));
    while (*s) {
        struct pattern_element *e = &p->v[p->n];

        if (*s == '*' || *s == '?') {
            e->kind = *s++ == '*' ? ANY_MANY : ANY_ONE;
            p->n++;
            continue;
        }
        if (*s == '\\' && (s[1] == '}' || s[1] == '/')) {
            s++;
        } else if (*s == '\\') {
            s++;
            if (!*s)
                return err_new(ERR_INVALID, "it ends with an escape");
            if (!strchr("*?\\", *s))
                return err_new(ERR_INVALID, "invalid escape '\\%.*s'", (int)rune_at(s, &e->rune),
                               s);
        }
        s += rune_at(s, &e->rune);
        p->n++;
    }
    *out = p;
    return NULL;
}

/* The text as runes, each with where it begins. */
struct runes {
    uint32_t *v;
    size_t *at, n;
};

static struct runes runes_of(struct arena *a, const char *s)
{
    size_t len = strlen(s), i = 0;
    struct runes r = {.v = arena_array(a, len + 1, sizeof(*r.v)),
                      .at = arena_array(a, len + 1, sizeof(*r.at))};

    while (i < len) {
        r.at[r.n] = i;
        i += rune_at(s + i, &r.v[r.n++]);
    }
    r.at[r.n] = len;
    return r;
}

struct match {
    const struct pattern *p;
    const struct runes *text;
    bool is_backward;
    bool *now, *next; /* by place in the pattern */
    size_t steps;
};

static const struct pattern_element *element_at(const struct match *m, size_t i)
{
    return &m->p->v[m->is_backward ? m->p->n - 1 - i : i];
}

/* Behind a place in front of '*' is the place after it, too. */
static void add_place(const struct match *m, bool *places, size_t i)
{
    while (!places[i]) {
        places[i] = true;
        if (i == m->p->n || element_at(m, i)->kind != ANY_MANY)
            break;
        i++;
    }
}

/* One rune on; false when no place is left. */
static bool step(struct match *m, uint32_t rune)
{
    bool is_alive = false, *was = m->now;

    memset(m->next, 0, m->p->n + 1);
    for (size_t i = 0; i < m->p->n; i++) {
        const struct pattern_element *e = element_at(m, i);

        if (!was[i] || (e->kind == LITERAL ? rune != e->rune : rune == '\n'))
            continue;
        add_place(m, m->next, e->kind == ANY_MANY ? i : i + 1);
        is_alive = true;
    }
    m->now = m->next;
    m->next = was;
    m->steps += m->p->n + 1;
    return is_alive;
}

/* How many runes from `from` on match, counted backward where the match is; -1: none do. */
static struct err *match_from(struct match *m, size_t from, bool is_longest, ptrdiff_t *out)
{
    size_t room = m->is_backward ? from : m->text->n - from;

    *out = -1;
    memset(m->now, 0, m->p->n + 1);
    add_place(m, m->now, 0);
    for (size_t n = 0;; n++) {
        if (m->now[m->p->n])
            *out = (ptrdiff_t)n;
        if (n == room || (*out >= 0 && !is_longest))
            return NULL;
        if (!step(m, m->text->v[m->is_backward ? from - 1 - n : from + n]))
            return NULL;
        if (m->steps > PATTERN_STEPS_MAX)
            return err_new(ERR_TOO_LARGE, "the pattern of a substitution takes too many steps on a "
                                          "long value");
    }
}

static struct match match_begin(struct arena *a, const struct pattern *p, const struct runes *text)
{
    return (struct match){
        .p = p, .text = text, .now = arena_alloc(a, p->n + 1), .next = arena_alloc(a, p->n + 1)};
}

struct err *pattern_trim(struct arena *a, const struct pattern *p, const char *value, bool at_end,
                         bool is_longest, char **out)
{
    struct runes text = runes_of(a, value);
    struct match m = match_begin(a, p, &text);
    ptrdiff_t n;

    m.is_backward = at_end;
    TRY(match_from(&m, at_end ? text.n : 0, is_longest, &n));
    if (n < 0)
        n = 0;
    *out = at_end ? arena_strndup(a, value, text.at[text.n - (size_t)n])
                  : arena_strdup(a, value + text.at[n]);
    return NULL;
}

struct err *pattern_replace(struct arena *a, const struct pattern *p, const char *value,
                            const char *replacement, bool is_all, char **out)
{
    struct runes text = runes_of(a, value);
    struct match m = match_begin(a, p, &text);
    autobuf struct buf result = {0};
    ptrdiff_t n = -1, behind = -1; /* where the last match that was not empty ends */

    for (size_t i = 0; i <= text.n;) {
        n = -1;
        if (behind < 0 || is_all)
            TRY(match_from(&m, i, true, &n));
        if (n > 0 || (n == 0 && behind != (ptrdiff_t)i)) {
            if (result.len + strlen(replacement) > PATTERN_STEPS_MAX)
                return err_new(ERR_TOO_LARGE, "a substitution makes a value too long");
            buf_puts(&result, replacement);
            i += (size_t)n;
            behind = (ptrdiff_t)i;
            if (n > 0)
                continue;
        }
        if (i < text.n)
            buf_add(&result, value + text.at[i], text.at[i + 1] - text.at[i]);
        i++;
    }
    *out = arena_strdup(a, result.data ? result.data : "");
    return NULL;
}
