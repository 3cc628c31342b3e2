/* SPDX-License-Identifier: Apache-2.0 */
/* links: image */
/* What a registry says it has, and what a registry is called: all that we tell on is sane. */
#include "search_answer.h"
#include "server_name.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A list of at most `limit`, each with a name. */
static void check_list(struct arena *a, const struct buf *b, int limit)
{
    const struct json *list;
    struct err *e = json_parse(a, b->data, b->len, &list);

    ASSERT(!e && json_type(list) == JSON_ARRAY && json_len(list) <= (size_t)limit);
    for (const struct json *i = json_first(list); i; i = json_next(i))
        ASSERT(!text_is_empty(json_str(json_get(i, "name"))) &&
               json_int(json_get(i, "star_count")) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *text = arena_alloc(a, size + 1), *domain;
    struct ask_search s = {.term = "x", .limit = 5, .stars = size % 3};
    autobuf struct buf found = {0}, listed = {0};
    struct jw w = {.out = &found}, v = {.out = &listed};
    struct strs names = {0};
    const char *last;
    struct err *e;

    memcpy(text, data, size);
    e = search_answer_write(a, text, size, &s, &w);
    if (!e)
        check_list(a, &found, s.limit);
    err_drop(e);
    err_drop(catalog_page_read(a, text, size, "a", (size_t)s.limit, &names, &last));
    s.stars = 0;
    catalog_write("reg.lan", &names, &s, &v);
    check_list(a, &listed, s.limit);
    e = server_name_domain(a, text, &domain);
    ASSERT(e || (*domain && !strpbrk(domain, "/@?#% \r\n")));
    err_drop(e);
    return 0;
}
