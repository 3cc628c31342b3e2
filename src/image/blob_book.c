/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of blobs. Loop thread; it is written without waiting, since what is lost of it costs a
 * push some time and nothing else.
 */
#include "blob_book.h"

#include "base/log.h"

#include <string.h>

#define BLOB_KIND "blob"

struct page { /* of one layer */
    size_t holders;
    struct arena *arena; /* replaced with each change; NULL: there are no facts */
    struct blob_fact facts[BLOB_FACTS_MAX];
    size_t n;
};

struct blob_book {
    struct db *db;
    struct map *pages; /* by diff id */
};

static const struct jfield fact_fields[] = {
    J(J_STR, struct blob_fact, repository, "repository"),
    J(J_STR, struct blob_fact, digest, "digest"),
    J(J_STR, struct blob_fact, media_type, "mediaType"),
    J(J_I64, struct blob_fact, size_bytes, "size"),
    J_END,
};
static const struct jtable fact_json = {sizeof(struct blob_fact), fact_fields};

struct page_file {
    struct jlist facts;
};
static const struct jfield page_fields[] = {
    J(J_LIST, struct page_file, facts, "blobs", .sub = &fact_json),
    J_END,
};
static const struct jtable page_json = {sizeof(struct page_file), page_fields};

static struct page *page_of(struct blob_book *b, const char *diff_id)
{
    struct page *p = map_get(b->pages, diff_id);

    if (!p) {
        p = mem_new(struct page);
        map_put(b->pages, diff_id, p);
    }
    return p;
}

static void page_free(struct page *p)
{
    arena_destroy(p->arena);
    free(p);
}

static bool is_fact(const struct blob_fact *f)
{
    return !text_is_empty(f->repository) && !text_is_empty(f->digest) &&
           digest_is_valid(f->digest) && !text_is_empty(f->media_type) && f->size_bytes >= 0;
}

/* These facts and no other; they may be the page's own. */
static void set_facts(struct page *p, const struct blob_fact *v, size_t n)
{
    struct arena *a = arena_create(), *before = p->arena;
    struct blob_fact facts[BLOB_FACTS_MAX];
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < BLOB_FACTS_MAX; i++)
        if (is_fact(&v[i]))
            facts[kept++] = (struct blob_fact){
                .repository = arena_strdup(a, v[i].repository),
                .digest = arena_strdup(a, v[i].digest),
                .media_type = arena_strdup(a, v[i].media_type),
                .size_bytes = v[i].size_bytes,
            };
    memcpy(p->facts, facts, kept * sizeof(*facts));
    p->n = kept;
    p->arena = a;
    arena_destroy(before);
}

static void save(struct blob_book *b, const char *diff_id, const struct page *p)
{
    autoarena struct arena *a = arena_create();
    const struct page_file f = {{(void *)p->facts, p->n}};

    if (p->n)
        db_put(b->db, BLOB_KIND, diff_id, json_encode(a, &page_json, &f), NULL, NULL);
    else
        db_delete(b->db, BLOB_KIND, diff_id, NULL, NULL);
}

/* ---- start-up ---- */

static struct err *on_document(void *ctx, const char *id, const char *json)
{
    struct blob_book *b = ctx;
    autoarena struct arena *a = arena_create();
    struct page_file f = {0};
    autoerr struct err *e = json_decode(a, json, strlen(json), &page_json, &f);

    if (e || !digest_is_valid(id)) {
        log_warn("what registries have of a layer is forgotten", KV("diff-id", id),
                 KV("error", e ? err_text(e) : "its name is no digest"));
        db_delete(b->db, BLOB_KIND, id, NULL, NULL);
        return NULL;
    }
    set_facts(page_of(b, id), f.facts.v, f.facts.n);
    return NULL;
}

struct err *blob_book_open(struct db *db, struct blob_book **out)
{
    struct blob_book *b = mem_new(struct blob_book);
    struct err *e;

    b->db = db;
    b->pages = map_create();
    e = db_each(db, BLOB_KIND, on_document, b);
    if (e) {
        blob_book_close(b);
        return e;
    }
    *out = b;
    return NULL;
}

static void drop_unheld(struct blob_book *b, const char *diff_id, struct page *p)
{
    if (p->holders)
        return;
    if (p->n)
        db_delete(b->db, BLOB_KIND, diff_id, NULL, NULL);
    map_take(b->pages, diff_id);
    page_free(p);
}

void blob_book_sweep(struct blob_book *b)
{
    size_t cursor = 0;
    const char *id;
    void *p;

    while (map_next(b->pages, &cursor, &id, &p)) {
        autofree char *diff_id = mem_strdup(id); /* the map's own goes with the entry */

        drop_unheld(b, diff_id, p);
    }
}

void blob_book_close(struct blob_book *b)
{
    size_t cursor = 0;
    void *p;

    if (!b)
        return;
    while (map_next(b->pages, &cursor, NULL, &p))
        page_free(p);
    map_destroy(b->pages);
    free(b);
}

/* ---- holders and facts ---- */

void blob_book_hold(struct blob_book *b, const char *diff_id)
{
    ASSERT_LOOP();
    page_of(b, diff_id)->holders++;
}

void blob_book_let_go(struct blob_book *b, const char *diff_id)
{
    struct page *p = map_get(b->pages, diff_id);

    ASSERT_LOOP();
    ASSERT(p && p->holders);
    p->holders--;
    drop_unheld(b, diff_id, p);
}

const struct blob_fact *blob_book_of(const struct blob_book *b, const char *diff_id, size_t *n)
{
    const struct page *p = map_get(b->pages, diff_id);

    *n = p ? p->n : 0;
    return p ? p->facts : NULL;
}

static bool is_same(const struct blob_fact *l, const struct blob_fact *r)
{
    return !strcmp(l->repository, r->repository) && !strcmp(l->digest, r->digest);
}

void blob_book_note(struct blob_book *b, const char *diff_id, const struct blob_fact *f)
{
    struct page *p = map_get(b->pages, diff_id);
    struct blob_fact v[BLOB_FACTS_MAX + 1] = {*f};
    size_t n = 1;

    ASSERT_LOOP();
    if (!p || !is_fact(f))
        return;
    for (size_t i = 0; i < p->n; i++) {
        if (is_same(&p->facts[i], f) && p->facts[i].size_bytes == f->size_bytes)
            return;
        if (!is_same(&p->facts[i], f))
            v[n++] = p->facts[i];
    }
    set_facts(p, v, n);
    save(b, diff_id, p);
}

void blob_book_forget(struct blob_book *b, const char *diff_id, const char *repository,
                      const char *digest)
{
    struct page *p = map_get(b->pages, diff_id);
    struct blob_fact gone = {.repository = (char *)repository, .digest = (char *)digest};
    struct blob_fact v[BLOB_FACTS_MAX];
    size_t n = 0;

    for (size_t i = 0; p && i < p->n; i++)
        if (!is_same(&p->facts[i], &gone))
            v[n++] = p->facts[i];
    if (!p || n == p->n)
        return;
    set_facts(p, v, n);
    save(b, diff_id, p);
}
