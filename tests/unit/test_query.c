/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Query strings and filters as clients send them. */
#include "query.h"

#include "test.h"
#include "view/filters.h"

static struct query parse(const char *text)
{
    struct query q;

    CHECK_OK(query_parse(test_arena, text, &q));
    return q;
}

TEST(query_reads_names_values_and_escapes)
{
    struct query q = parse("a=1&b=x%20y+z&c&&d=%2Fp%3D");

    CHECK_INT(q.n, 4);
    CHECK_STR(query_get(&q, "a"), "1");
    CHECK_STR(query_get(&q, "b"), "x y z");
    CHECK_STR(query_get(&q, "c"), "");
    CHECK_STR(query_get(&q, "d"), "/p=");
    CHECK_STR(query_get(&q, "absent"), "");
}

TEST(query_get_gives_the_first_and_all_gives_all)
{
    struct query q = parse("t=1&type=image&t=2&type=volume");
    struct strs all = query_all(test_arena, &q, "type");

    CHECK_STR(query_get(&q, "t"), "1");
    CHECK_INT(all.n, 2);
    CHECK_STR(all.v[1], "volume");
}

TEST(query_has_one_separator)
{
    struct query q;

    CHECK_ERR(query_parse(test_arena, "a=1;b=2", &q), ERR_INVALID);
    CHECK_OK(query_parse(test_arena, "a=1%3Bb=2", &q));
    CHECK_STR(query_get(&q, "a"), "1;b=2");
}

TEST(query_booleans_follow_docker)
{
    struct query q = parse("a=1&b=0&c=False&d=True&e=&f=no&g=none&h=%20FALSE%20&i=yes");
    const char *yes[] = {"a", "d", "i"}, *no[] = {"b", "c", "e", "f", "g", "h", "absent"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        CHECK(query_is_true(&q, yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CHECK(!query_is_true(&q, no[i]));
}

TEST(query_numbers_and_times)
{
    struct query q = parse("n=-1&bad=x1&since=1700000000.5&zero=0&worse=yesterday");
    int64_t n;

    CHECK_OK(query_i64(&q, "n", 7, &n));
    CHECK_INT(n, -1);
    CHECK_OK(query_i64(&q, "absent", 7, &n));
    CHECK_INT(n, 7);
    CHECK_ERR(query_i64(&q, "bad", 7, &n), ERR_INVALID);
    CHECK_OK(query_time(&q, "since", &n));
    CHECK_INT(n, 1700000000500000000);
    CHECK_OK(query_time(&q, "zero", &n));
    CHECK_INT(n, 0);
    CHECK_ERR(query_time(&q, "worse", &n), ERR_INVALID);
}

TEST(query_refuses_bad_escapes_nul_and_floods)
{
    autobuf struct buf flood = {0};
    struct query q;

    CHECK_ERR(query_parse(test_arena, "a=%zz", &q), ERR_INVALID);
    CHECK_ERR(query_parse(test_arena, "a=%00", &q), ERR_INVALID);
    for (int i = 0; i < QUERY_PARAMS_MAX + 1; i++)
        buf_puts(&flood, "a&");
    CHECK_ERR(query_parse(test_arena, flood.data, &q), ERR_INVALID);
}

static const char *const known[] = {"label", "label!", "dangling", "id", NULL};

TEST(filters_have_two_forms)
{
    struct filters f;

    CHECK_OK(filters_parse(test_arena, "{\"id\":[\"a\",\"b\"]}", known, &f));
    CHECK(filters_has(&f, "id", "b") && !filters_has(&f, "id", "c"));
    CHECK_OK(filters_parse(test_arena, "{\"id\":{\"a\":true,\"b\":false}}", known, &f));
    CHECK(filters_has(&f, "id", "a") && !filters_has(&f, "id", "b"));
    CHECK(filters_has(&f, "label", "whatever"));
    CHECK_OK(filters_parse(test_arena, "", known, &f));
    CHECK_INT(f.n, 0);
    CHECK_OK(filters_parse(test_arena, "null", known, &f));
    CHECK_INT(f.n, 0);
}

TEST(filters_take_the_last_of_equal_keys)
{
    struct filters f;

    CHECK_OK(filters_parse(test_arena, "{\"id\":[\"a\"],\"id\":[\"b\",null]}", known, &f));
    CHECK(!filters_has(&f, "id", "a") && filters_has(&f, "id", "b") && filters_has(&f, "id", ""));
}

TEST(filters_refuse_what_they_do_not_know)
{
    struct filters f;
    struct err *e = filters_parse(test_arena, "{\"x\":[\"1\"]}", known, &f);

    CHECK_STR(err_text(e), "invalid filter 'x'");
    CHECK_ERR(e, ERR_INVALID);
    CHECK_ERR(filters_parse(test_arena, "[]", known, &f), ERR_INVALID);
    CHECK_ERR(filters_parse(test_arena, "{\"id\":\"a\"}", known, &f), ERR_INVALID);
    CHECK_ERR(filters_parse(test_arena, "{\"id\":[5]}", known, &f), ERR_INVALID);
    CHECK_ERR(filters_parse(test_arena, "{\"id\":{\"a\":1}}", known, &f), ERR_INVALID);
    CHECK_ERR(filters_parse(test_arena, "{", known, &f), ERR_INVALID);
}

TEST(filters_match_all_labels)
{
    struct pairs labels = {0};
    struct filters f;

    pairs_set(test_arena, &labels, "a", "1");
    pairs_set(test_arena, &labels, "ab", "");
    CHECK_OK(filters_parse(test_arena, "{\"label\":[\"a=1\",\"ab\"]}", known, &f));
    CHECK(filters_match_labels(&f, &labels));
    CHECK_OK(filters_parse(test_arena, "{\"label\":[\"a=1\",\"b\"]}", known, &f));
    CHECK(!filters_match_labels(&f, &labels));
    CHECK_OK(filters_parse(test_arena, "{\"label!\":[\"a\"]}", known, &f));
    CHECK(!filters_match_labels(&f, &labels));
}

TEST(filters_booleans)
{
    struct filters f;
    bool b = true;

    CHECK_OK(filters_parse(test_arena, "{\"dangling\":[\"false\"]}", known, &f));
    CHECK_OK(filters_bool(&f, "dangling", &b));
    CHECK(!b);
    CHECK_OK(filters_parse(test_arena, "{\"dangling\":[\"perhaps\"]}", known, &f));
    CHECK_ERR(filters_bool(&f, "dangling", &b), ERR_INVALID);
}
