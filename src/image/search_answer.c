/* SPDX-License-Identifier: Apache-2.0 */
#include "search_answer.h"

#include "base/ref.h"

#include <string.h>

enum { NAME_MAX_BYTES = 255, DESCRIPTION_MAX = 1024 };

struct found {
    char *name, *description;
    int64_t stars;
    bool is_official, is_automated;
};
static const struct jfield found_fields[] = {
    J(J_STR, struct found, name, "name"),
    J(J_STR, struct found, description, "description"),
    J(J_I64, struct found, stars, "star_count"),
    J(J_BOOL, struct found, is_official, "is_official"),
    J(J_BOOL, struct found, is_automated, "is_automated"),
    J_END,
};
static const struct jtable found_json = {sizeof(struct found), found_fields};

static bool is_name(struct arena *a, const char *name)
{
    struct ref r;
    struct err *e;

    if (text_is_empty(name) || strlen(name) > NAME_MAX_BYTES)
        return false;
    e = ref_parse(a, name, &r);
    err_drop(e);
    return !e && !r.tag && !r.digest;
}

static bool is_wanted(const struct found *f, const struct ask_search *s)
{
    return (!s->is_official || f->is_official == (s->is_official > 0)) &&
           (!s->is_automated || f->is_automated == (s->is_automated > 0)) && f->stars >= s->stars;
}

/* At most DESCRIPTION_MAX bytes, of whole characters. */
static char *shortened(struct arena *a, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (n > DESCRIPTION_MAX)
        for (n = DESCRIPTION_MAX; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    return arena_strndup(a, text ? text : "", n);
}

static void write_found(struct jw *w, const struct found *f)
{
    jw_obj(w, NULL);
    jw_int(w, "star_count", f->stars);
    jw_bool(w, "is_official", f->is_official);
    jw_str(w, "name", f->name);
    jw_bool(w, "is_automated", f->is_automated);
    jw_str(w, "description", f->description);
    jw_obj_end(w);
}

struct err *search_answer_write(struct arena *a, const char *text, size_t len,
                                const struct ask_search *s, struct jw *w)
{
    const struct json *doc, *results;
    int n = 0;
    struct err *e = json_parse(a, text, len, &doc);

    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "the answer to the search is no JSON");
    results = json_get(doc, "results");
    if (json_type(results) != JSON_ARRAY && json_type(results) != JSON_NULL)
        return err_new(ERR_INVALID, "the answer to the search has no list of results");
    if (!results && !json_get(doc, "num_results"))
        return err_new(ERR_INVALID, "the answer to the search is none");
    jw_arr(w, NULL);
    for (const struct json *i = json_first(results); i && n < s->limit; i = json_next(i)) {
        struct found f = {0};

        e = json_type(i) == JSON_OBJECT ? json_fill(a, i, &found_json, &f) : NULL;
        err_drop(e);
        if (e || !is_name(a, f.name))
            continue;
        n++;
        if (f.stars < 0)
            f.stars = 0;
        f.description = shortened(a, f.description);
        if (is_wanted(&f, s))
            write_found(w, &f);
    }
    jw_arr_end(w);
    return NULL;
}

struct catalog {
    struct strs repositories;
};
static const struct jfield catalog_fields[] = {
    J(J_STRS, struct catalog, repositories, "repositories"),
    J_END,
};
static const struct jtable catalog_json = {sizeof(struct catalog), catalog_fields};

struct err *catalog_page_read(struct arena *a, const char *text, size_t len, const char *words,
                              size_t max, struct strs *names, const char **out_last)
{
    struct catalog page = {0};
    struct err *e = json_decode(a, text, len, &catalog_json, &page);

    if (e)
        return err_wrap(err_as(e, ERR_INVALID), "invalid catalog of the registry");
    *out_last = NULL;
    for (size_t i = 0; i < page.repositories.n; i++) {
        const char *name = page.repositories.v[i];

        if (!is_name(a, name))
            continue;
        *out_last = name; /* names are in small letters, so `words` is, too */
        if (names->n < max && strstr(name, words))
            strs_add(a, names, name);
    }
    return NULL;
}

void catalog_write(const char *domain, const struct strs *names, const struct ask_search *s,
                   struct jw *w)
{
    jw_arr(w, NULL);
    for (size_t i = 0; i < names->n; i++) {
        autofree char *name = mem_printf("%s/%s", domain, names->v[i]);
        struct found f = {
            .name = name,
            .description = (char *)"listed by the registry's catalog: it has no search",
        };

        if (is_wanted(&f, s))
            write_found(w, &f);
    }
    jw_arr_end(w);
}
