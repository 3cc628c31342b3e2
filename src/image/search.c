/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker search: Docker Hub's /v1/search, or the same of the registry that the term begins with.
 * One that has no search is asked for its catalog (/v2/_catalog), page by page, and what has the
 * words in its name is listed. Loop thread.
 */
#include "ask_inner.h"

#include "search_answer.h"
#include "server_name.h"

#include <string.h>

enum { ANSWER_MAX = 2 << 20, PAGE_NAMES = 1000, PAGES_MAX = 50, TERM_MAX = 512 };

struct search {
    struct ask_search s;
    char *domain; /* as it is pulled from */
    char *words;
    struct strs names; /* of the catalog */
    int n_pages;
};

static void fetch_page(struct ask *k, const char *last);

static void catalog_end(struct ask *k)
{
    const struct search *s = k->what;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    catalog_write(s->domain, &s->names, &s->s, &w);
    ask_set_json(k, &b);
    ask_end(k, NULL);
}

static void on_page(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct ask *k = ctx;
    struct search *s = k->what;
    const char *last = NULL;

    k->fetch = NULL;
    if (!err)
        err = catalog_page_read(k->job.op.arena, r->body, r->len, s->words, (size_t)s->s.limit,
                                &s->names, &last);
    if (err) {
        ask_end(k, s->n_pages ? err
                              : err_wrap(err, "%s has no search, and its catalog cannot be read",
                                         s->domain));
        return;
    }
    s->n_pages++;
    if (r->link && last && s->names.n < (size_t)s->s.limit && s->n_pages < PAGES_MAX)
        fetch_page(k, last);
    else
        catalog_end(k);
}

static void fetch_page(struct ask *k, const char *last)
{
    struct arena *a = k->job.op.arena;
    const struct fetch_plan plan = {
        .path = arena_printf(a, "/v2/_catalog?n=%d%s%s", PAGE_NAMES, last ? "&last=" : "",
                             last ? text_to_query(a, last) : ""),
        .max_bytes = ANSWER_MAX,
        .size_bytes = -1,
        .done = on_page,
    };

    k->fetch = registry_ask(k->registry, &plan, k);
}

/* What does not know the path, or answers with a page for people, has no search. */
static bool has_no_search(const struct fetch_result *r, const struct err *err)
{
    if (err)
        return r->status == 404 || r->status == 405;
    return r->content_type && text_starts(r->content_type, "text/html");
}

static void on_found(void *ctx, const struct fetch_result *r, struct err *err)
{
    struct ask *k = ctx;
    const struct search *s = k->what;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    k->fetch = NULL;
    if (strcmp(s->domain, "docker.io") != 0 && has_no_search(r, err)) {
        err_drop(err);
        fetch_page(k, NULL);
        return;
    }
    if (!err)
        err = search_answer_write(k->job.op.arena, r->body, r->len, &s->s, &w);
    if (!err)
        ask_set_json(k, &b);
    ask_end(k, err);
}

static void begin(struct ask *k)
{
    struct arena *a = k->job.op.arena;
    const struct search *s = k->what;
    const struct fetch_plan plan = {
        .path = arena_printf(a, "/v1/search?q=%s&n=%d", text_to_query(a, s->words), s->s.limit),
        .max_bytes = ANSWER_MAX,
        .size_bytes = -1,
        .done = on_found,
    };

    k->fetch = registry_ask(k->registry, &plan, k);
}

/* "registry.lan:5000/x y" is asked of that registry; anything else, with or without "library/", of
 * Docker Hub. As Docker, by the first part: a host has a dot, a colon, or is localhost. */
static struct err *split_term(struct arena *a, const char *term, struct search *s)
{
    const char *slash = strchr(term, '/');
    char *first = arena_strndup(a, term, slash ? (size_t)(slash - term) : 0);

    if (strlen(term) > TERM_MAX)
        return err_new(ERR_INVALID, "the search term is longer than %d bytes", TERM_MAX);
    if (strstr(term, "://"))
        return err_new(ERR_INVALID,
                       "invalid repository name (ex: \"registry.domain.tld/myrepos\")");
    if (strpbrk(first, ".:") || !strcmp(first, "localhost")) {
        TRY(server_name_domain(a, first, &s->domain));
        s->words = arena_strdup(a, slash + 1);
    } else {
        s->domain = arena_strdup(a, "docker.io");
        s->words = arena_strdup(a, text_starts(term, "library/") ? slash + 1 : term);
    }
    if (!*s->words && !strcmp(s->domain, "docker.io"))
        return err_new(ERR_INVALID, "a search term is needed");
    text_lower(s->words);
    return NULL;
}

static struct err *open_registry(struct ask *k)
{
    struct image_table *t = k->job.table;
    struct search *s = k->what;
    bool is_hub;

    TRY(split_term(k->job.op.arena, s->s.term, s));
    is_hub = !strcmp(s->domain, "docker.io");
    k->registry =
        registry_open_domain(t->loop, t->pools, t->settings, is_hub ? "index.docker.io" : s->domain,
                             is_hub ? "registry:catalog:search" : "registry:catalog:*", &k->auth);
    return NULL;
}

static const struct ask_kind search_kind = {open_registry, begin};

struct image_job *ask_search(struct image_table *t, const struct ask_search *search,
                             const struct registry_auth *auth, ask_done_fn done, void *ctx)
{
    struct ask *k = ask_create(t, &search_kind, search->term, auth);
    struct search *s = arena_new(k->job.op.arena, struct search);

    ASSERT(search->limit >= 1 && search->limit <= SEARCH_LIMIT_MAX);
    s->s = *search;
    s->s.term = arena_strdup(k->job.op.arena, search->term);
    k->what = s;
    return ask_start(k, done, ctx);
}
