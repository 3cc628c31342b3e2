/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .dockerignore. A pattern is compiled to elements, which are matched by the set of places that it
 * may be at; what has no wild element is compared. Pure, any thread.
 * Trap: as in moby, "**x" at a pattern's beginning matches every path that ends with x, also in the
 * middle of a name, when nothing else in the pattern is wild.
 */
#include "build/ignore.h"

#include "build/go_glob.h"

#include "reader.h"

#include <string.h>

enum { PATTERN_BYTES_MAX = 4096 };

enum element_kind { RUNE, ANY_ONE, ANY_MANY, CLASS, FOLDERS, REST };
struct ignore_element {
    enum element_kind kind; /* FOLDERS: "" or "…/"; REST: all that is left */
    uint32_t rune;
    const char *class; /* its "[…]" */
};
enum pattern_kind { EXACT, PREFIX, SUFFIX, WILD };
struct ignore_pattern {
    enum pattern_kind kind;
    bool is_exception; /* ! */
    char *text;        /* clean, without '!' */
    char *literal;     /* EXACT, PREFIX, SUFFIX: what is compared */
    struct ignore_element *v;
    size_t n;
};
struct ignore {
    struct ignore_pattern *v;
    size_t n, n_exceptions;
};

/* ---- compiling ---- */

/* Behind the ']' of a class, which is valid. */
static const char *class_end(const char *p)
{
    for (p++; *p && *p != ']'; p++)
        p += *p == '\\' && p[1];
    return *p ? p + 1 : p;
}

static const char *compile_stars(struct ignore_element *e, const char *s)
{
    if (s[1] != '*') {
        e->kind = ANY_MANY;
        return s + 1;
    }
    s += s[2] == '/' ? 3 : 2;
    e->kind = *s ? FOLDERS : REST;
    return s;
}

static const char *compile_one(struct arena *a, struct ignore_element *e, const char *s)
{
    switch (*s) {
    case '*':
        return compile_stars(e, s);
    case '?':
        e->kind = ANY_ONE;
        return s + 1;
    case '[':
        e->kind = CLASS;
        e->class = arena_strndup(a, s, (size_t)(class_end(s) - s));
        return class_end(s);
    case '\\':
        s += s[1] ? 1 : 0;
        break;
    default:
        break;
    }
    e->kind = RUNE;
    return s + rune_at(s, &e->rune);
}

/* Patterns that a comparison decides: none wild, or "x**", or "**x". */
static void find_kind(struct arena *a, struct ignore_pattern *p)
{
    size_t n_wild = 0, len = strlen(p->text);

    p->kind = WILD;
    for (size_t i = 0; i < p->n; i++)
        n_wild += p->v[i].kind != RUNE;
    if (!n_wild) {
        p->kind = EXACT;
        p->literal = go_glob_literal(a, p->text);
    } else if (strchr(p->text, '\\')) {
        return;
    } else if (n_wild == 1 && p->v[p->n - 1].kind == REST && p->n > 1) {
        p->kind = PREFIX;
        p->literal = arena_strndup(a, p->text, strcspn(p->text, "*"));
    } else if (n_wild == 1 && p->v[0].kind == FOLDERS && len > 2) {
        p->kind = SUFFIX;
        p->literal = arena_strdup(a, p->text + 2);
    }
}

static void compile(struct arena *a, struct ignore_pattern *p)
{
    const char *s = p->text;

    p->v = arena_array(a, strlen(s) + 1, sizeof(*p->v));
    while (*s)
        s = compile_one(a, &p->v[p->n++], s);
    find_kind(a, p);
}

/* ---- matching ---- */

static bool class_takes(const struct ignore_element *e, const char *s, size_t n)
{
    char rune[5] = {0};

    memcpy(rune, s, n < 4 ? n : 4);
    return text_glob(e->class, rune);
}

static bool takes(const struct ignore_element *e, const char *s, size_t n, uint32_t rune)
{
    switch (e->kind) {
    case RUNE:
        return rune == e->rune;
    case CLASS:
        return class_takes(e, s, n);
    case REST:
    case FOLDERS:
        return true;
    default:
        return rune != '/';
    }
}

/* Behind a place in front of what may be nothing is the place after it, too. */
static void add_place(const struct ignore_pattern *p, bool *places, size_t i)
{
    while (!places[i]) {
        places[i] = true;
        if (i == p->n ||
            (p->v[i].kind != ANY_MANY && p->v[i].kind != FOLDERS && p->v[i].kind != REST))
            break;
        i++;
    }
}

/* In the middle of FOLDERS: entered without the way around it, which only a '/' opens again. */
struct places {
    bool *at, *in_folders;
};

static bool step(const struct ignore_pattern *p, struct places was, struct places now,
                 const char *s, size_t n)
{
    bool is_alive = false;
    uint32_t rune;

    rune_at(s, &rune);
    memset(now.at, 0, p->n + 1);
    memset(now.in_folders, 0, p->n + 1);
    for (size_t i = 0; i < p->n; i++) {
        const struct ignore_element *e = &p->v[i];

        if (e->kind == FOLDERS) {
            if (!was.at[i] && !was.in_folders[i])
                continue;
            now.in_folders[i] = true;
            if (rune == '/')
                add_place(p, now.at, i + 1);
        } else {
            if (!was.at[i] || !takes(e, s, n, rune))
                continue;
            add_place(p, now.at, e->kind == ANY_MANY || e->kind == REST ? i : i + 1);
        }
        is_alive = true;
    }
    return is_alive;
}

static bool match_wild(const struct ignore_pattern *p, const char *path)
{
    unwritten bool room[4][PATTERN_BYTES_MAX + 1];
    struct places was = {room[0], room[1]}, now = {room[2], room[3]}, swap;
    size_t n;
    uint32_t rune;

    memset(was.at, 0, p->n + 1);
    memset(was.in_folders, 0, p->n + 1);
    add_place(p, was.at, 0);
    for (; *path; path += n) {
        n = rune_at(path, &rune);
        if (!step(p, was, now, path, n))
            return false;
        swap = was;
        was = now;
        now = swap;
    }
    return was.at[p->n];
}

static bool matches(const struct ignore_pattern *p, const char *path)
{
    switch (p->kind) {
    case EXACT:
        return !strcmp(path, p->literal);
    case PREFIX:
        return text_starts(path, p->literal);
    case SUFFIX:
        return text_ends(path, p->literal) || (*p->literal == '/' && !strcmp(path, p->literal + 1));
    default:
        return match_wild(p, path);
    }
}

/* ---- the file ---- */

char *ignore_file_name(struct arena *a, const char *dockerfile)
{
    return arena_printf(a, "%s.dockerignore", dockerfile);
}

/* Go's filepath.Clean for a pattern; '/' at the beginning means nothing. */
static char *clean(struct arena *a, const char *s)
{
    struct strs parts = text_split(a, s, '/'), kept = {0};
    bool is_rooted = *s == '/';

    for (size_t i = 0; i < parts.n; i++) {
        const char *part = parts.v[i];

        if (!*part || !strcmp(part, "."))
            continue;
        if (strcmp(part, "..") != 0) {
            strs_add(a, &kept, part);
        } else if (kept.n && strcmp(kept.v[kept.n - 1], "..") != 0) {
            kept.v[--kept.n] = NULL;
        } else if (!is_rooted) {
            strs_add(a, &kept, part);
        }
    }
    return kept.n ? strs_join(a, &kept, "/") : arena_strdup(a, is_rooted ? "/" : ".");
}

struct ignore_parsing {
    struct arena *a;
    struct ignore *g;
    size_t room, line;
    const char *name;
};

static struct err *add_pattern(struct ignore_parsing *t, const char *text)
{
    struct arena *a = t->a;
    struct ignore_pattern p = {.is_exception = *text == '!'};

    if (p.is_exception)
        text = trimmed(a, text + 1, strlen(text + 1));
    if (!*text)
        return p.is_exception ? err_new(ERR_INVALID, "%s:%zu: illegal exclusion pattern: \"!\"",
                                        t->name, t->line)
                              : NULL;
    p.text = clean(a, text);
    if (p.text[0] == '/' && p.text[1])
        p.text++;
    if (strlen(p.text) > PATTERN_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "%s:%zu: the pattern has more than %d bytes", t->name,
                       t->line, PATTERN_BYTES_MAX);
    if (!go_glob_is_valid(p.text))
        return err_new(ERR_INVALID, "%s:%zu: syntax error in pattern: %s", t->name, t->line,
                       quoted(a, text));
    if (t->g->n == IGNORE_PATTERNS_MAX)
        return err_new(ERR_TOO_LARGE, "%s has more than %d patterns", t->name, IGNORE_PATTERNS_MAX);
    compile(a, &p);
    t->g->v = arena_grow(a, t->g->v, t->g->n, &t->room, sizeof(p));
    t->g->v[t->g->n++] = p;
    t->g->n_exceptions += p.is_exception;
    return NULL;
}

struct err *ignore_parse(struct arena *a, const char *name, const char *text, size_t size,
                         struct ignore **out)
{
    struct ignore_parsing t = {.a = a, .g = arena_new(a, struct ignore), .name = name};
    const struct source src = {name, text, size};
    struct line_reader r = {.src = &src, .next = text, .end = text + size};
    struct line line;

    if (size > IGNORE_SIZE_MAX)
        return err_new(ERR_TOO_LARGE, "%s has more than %u bytes", name, IGNORE_SIZE_MAX);
    if (size && memchr(text, '\0', size))
        return err_new(ERR_INVALID, "%s has a NUL byte: it is text in UTF-8", name);
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        r.next += 3;
    while (reader_next(&r, &line)) {
        t.line = line.number;
        if (line.len && *line.text != '#')
            TRY(add_pattern(&t, trimmed(a, line.text, line.len)));
    }
    *out = t.g;
    return NULL;
}

struct err *ignore_from_list(struct arena *a, const struct strs *patterns, struct ignore **out)
{
    struct ignore_parsing t = {.a = a, .g = arena_new(a, struct ignore), .name = "--exclude"};

    for (size_t i = 0; i < patterns->n; i++) {
        t.line = i + 1;
        TRY(add_pattern(&t, trimmed(a, patterns->v[i], strlen(patterns->v[i]))));
    }
    *out = t.g;
    return NULL;
}

/* ---- asking ---- */

/* The pattern matches the path or one of the folders it is in. */
static bool meets(const struct ignore_pattern *p, char *path)
{
    if (matches(p, path))
        return true;
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        bool is_met;

        *slash = '\0';
        is_met = matches(p, path);
        *slash = '/';
        if (is_met)
            return true;
    }
    return false;
}

bool ignore_excludes(const struct ignore *g, const char *path)
{
    autofree char *copy = mem_strdup(path);
    bool is_out = false;

    if (!*path)
        return false;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].is_exception == is_out && meets(&g->v[i], copy))
            is_out = !is_out;
    return is_out;
}

/* Whether the pattern can match something below the folder that does not match by the folder. */
static bool reaches_below(const struct ignore_pattern *p, const char *folder)
{
    autoarena struct arena *a = arena_create();
    struct strs parts = text_split(a, p->text, '/');

    for (size_t i = 0; i < parts.n; i++) {
        size_t n = strcspn(folder, "/");

        /* a class may take a '/' */
        if (strstr(parts.v[i], "**") || strchr(parts.v[i], '[') || strchr(parts.v[i], '\\'))
            return true;
        if (!*folder)
            return true;
        if (!text_glob(parts.v[i], arena_strndup(a, folder, n)))
            return false;
        folder += n;
        folder += *folder == '/';
    }
    return false;
}

bool ignore_skips_folder(const struct ignore *g, const char *folder)
{
    if (!*folder || !ignore_excludes(g, folder))
        return false;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].is_exception && reaches_below(&g->v[i], folder))
            return false;
    return true;
}

bool ignore_has_exceptions(const struct ignore *g)
{
    return g->n_exceptions;
}

bool ignore_excludes_root(const struct ignore *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (!g->v[i].is_exception && (!strcmp(g->v[i].text, "*") || !strcmp(g->v[i].text, "**") ||
                                      !strcmp(g->v[i].text, "**/*")))
            return true;
    return false;
}
