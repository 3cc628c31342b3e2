/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/text.h"

TEST(buf_grows_and_stays_terminated)
{
    autobuf struct buf b = {0};
    autofree char *stolen = NULL;

    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    CHECK_INT(b.len, strlen(b.data));
    buf_drop_front(&b, 4);
    CHECK(text_starts(b.data, "2,3,"));
    buf_drop_front(&b, b.len);
    CHECK_STR(b.data, "");
    buf_add(&b, "a\0b", 3);
    CHECK_INT(b.len, 3);
    stolen = buf_steal(&b);
    CHECK(!memcmp(stolen, "a\0b", 4));
    CHECK(!b.data && !b.len);
    free(stolen);
    stolen = buf_steal(&b);
    CHECK_STR(stolen, "");
}

TEST(buf_prints_long_texts)
{
    autobuf struct buf b = {0};
    autofree char *big = mem_alloc(10001);

    memset(big, 'x', 10000);
    buf_printf(&b, "<%s>", big);
    CHECK_INT(b.len, 10002);
    CHECK_INT(b.data[10001], '>');
}

TEST(strs_are_argv)
{
    struct strs s = {0}, copy;

    for (int i = 0; i < 100; i++) {
        strs_add(test_arena, &s, arena_printf(test_arena, "%d", i));
        CHECK(!s.v[s.n]);
    }
    copy = strs_copy(test_arena, &s);
    strs_add(test_arena, &copy, "new");
    CHECK_INT(copy.n, 101);
    CHECK(strs_has(&copy, "new") && !strs_has(&s, "new"));
    CHECK(!strs_copy(test_arena, &(struct strs){0}).v);
}

TEST(text_splits_and_joins)
{
    struct strs s = text_split(test_arena, "a,,b,", ',');

    CHECK_INT(s.n, 4);
    CHECK_STR(s.v[1], "");
    CHECK_STR(s.v[3], "");
    CHECK_STR(strs_join(test_arena, &s, "+"), "a++b+");
    s = text_split(test_arena, "", ',');
    CHECK(s.v && !s.n);
    CHECK_INT(text_split(test_arena, ",", ',').n, 2);
    CHECK_STR(strs_join(test_arena, &(struct strs){0}, ","), "");
}

TEST(pairs_keep_order)
{
    struct pairs p = {0}, copy;

    for (int i = 0; i < 20; i++)
        pairs_set(test_arena, &p, arena_printf(test_arena, "k%d", i), "v");
    pairs_set(test_arena, &p, "k3", "new");
    copy = pairs_copy(test_arena, &p);
    CHECK_INT(copy.n, 20);
    CHECK_STR(copy.v[3].value, "new");
    CHECK_STR(pairs_get(&copy, "k19"), "v");
    CHECK(!pairs_get(&copy, "k"));
}

TEST(text_integers)
{
    static const char *const bad[] = {"",    "-",   "+",   " 1",  "1 ", "0x1",
                                      "1.0", "1e3", "--1", "+-1", "٣",  "9223372036854775808"};
    uint32_t u = 7;
    int64_t i = 7;

    for (size_t n = 0; n < ARRAY_LEN(bad); n++)
        CHECK(!text_to_i64(bad[n], &i) && i == 7);
    CHECK(text_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
    CHECK(!text_to_i64("-9223372036854775809", &i));
    CHECK(text_to_i64("9223372036854775807", &i) && i == INT64_MAX);
    CHECK(text_to_i64("+007", &i) && i == 7);
    CHECK(text_to_u32("4294967295", &u) && u == UINT32_MAX);
    CHECK(!text_to_u32("4294967296", &u) && !text_to_u32("-1", &u) && !text_to_u32("+1", &u));
    CHECK(!text_to_u32("", &u) && !text_to_u32("99999999999999999999999", &u));
}

TEST(text_bools_as_go_reads_them)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    static const char *const junk[] = {"", "2", "yes", "tRue", "true ", "truer", "on"};
    bool value;

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        CHECK(text_to_bool(yes[i], &value) && value);
        CHECK(text_to_bool(no[i], &value) && !value);
    }
    for (size_t i = 0; i < ARRAY_LEN(junk); i++)
        CHECK(!text_to_bool(junk[i], &value));
}

TEST(text_floats)
{
    static const char *const bad[] = {"",    ".",  "-",  "inf",   "nan", "0x1p3", "1e",
                                      "1e+", "1 ", " 1", "1.2.3", "e5",  "1e999"};
    double d;

    for (size_t n = 0; n < ARRAY_LEN(bad); n++)
        CHECK(!text_to_f64(bad[n], &d));
    CHECK(text_to_f64("1.5", &d) && d == 1.5);
    CHECK(text_to_f64("-.5e1", &d) && d == -5);
    CHECK(text_to_f64("3.", &d) && d == 3);
}

TEST(text_predicates)
{
    char upper[] = "AbC-\xc3\x84", spaced[] = " \t a b \n", blank[] = "  ";

    CHECK(text_starts("abc", "ab") && !text_starts("a", "ab") && text_starts("a", ""));
    CHECK(text_ends("abc", "bc") && !text_ends("c", "bc") && text_ends("a", ""));
    CHECK(text_same(NULL, "") && text_same("a", "a") && !text_same("a", NULL));
    CHECK(text_is_empty(NULL) && text_is_empty("") && !text_is_empty(" "));
    CHECK(text_is_hex("0af", 3) && !text_is_hex("0aF", 3) && !text_is_hex("0a", 3));
    CHECK(!text_is_hex("0aff", 3));
    text_lower(upper);
    CHECK_STR(upper, "abc-\xc3\x84");
    CHECK_STR(text_trim(spaced), "a b");
    CHECK_STR(text_trim(blank), "");
}

TEST(text_truth_is_dockers)
{
    CHECK(!text_is_true(NULL) && !text_is_true("") && !text_is_true("0"));
    CHECK(!text_is_true("No") && !text_is_true(" FALSE ") && !text_is_true("none"));
    CHECK(text_is_true("1") && text_is_true("true") && text_is_true("x") && text_is_true("nope"));
}

/* ASCII is skipped in words of eight. */
TEST(text_utf8_is_strict_at_every_place)
{
    for (size_t at = 0; at < 20; at++) {
        char text[21] = "aaaaaaaaaaaaaaaaaaaa";

        text[at] = '\xc3';
        CHECK(!text_is_utf8(text, 20));
        CHECK(text_is_utf8(text, at));
        text[at + 1] = '\xa9';
        CHECK(text_is_utf8(text, at + 2));
        CHECK(!text_is_utf8(text, at + 1));
    }
}

TEST(text_utf8_is_strict)
{
    CHECK(text_is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
    CHECK(text_is_utf8("", 0));
    CHECK(!text_is_utf8("\xc0\x80", 2));
    CHECK(!text_is_utf8("\xe0\x80\x80", 3));
    CHECK(!text_is_utf8("\xed\xa0\x80", 3));
    CHECK(!text_is_utf8("\xf4\x90\x80\x80", 4));
    CHECK(!text_is_utf8("\xf0\x8f\xbf\xbf", 4));
    CHECK(!text_is_utf8("\xe2\x82", 2));
    CHECK(!text_is_utf8("\x80", 1));
}

TEST(text_glob_is_gos_path_match)
{
    static const struct {
        const char *pattern, *s;
        bool does_match;
    } rows[] = {
        {"abc", "abc", true},
        {"*", "abc", true},
        {"*c", "abc", true},
        {"a*", "a", true},
        {"a*", "abc", true},
        {"a*", "ab/c", false},
        {"a*/b", "abc/b", true},
        {"a*/b", "a/c/b", false},
        {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
        {"a*b*c*d*e*/f", "axbxcxdxexxx/f", true},
        {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false},
        {"a*b?c*x", "abxbbxdbxebxczzx", true},
        {"a*b?c*x", "abxbbxdbxebxczzy", false},
        {"ab[c]", "abc", true},
        {"ab[b-d]", "abc", true},
        {"ab[e-g]", "abc", false},
        {"ab[^c]", "abc", false},
        {"ab[^e-g]", "abc", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "ab", false},
        {"a?b",
         "a\xe2\x98\xba"
         "b",
         true},
        {"a[^a]b",
         "a\xe2\x98\xba"
         "b",
         true},
        {"a???b",
         "a\xe2\x98\xba"
         "b",
         false},
        {"[a-\xce\xb6]*", "\xce\xb1", true},
        {"*[a-\xce\xb6]", "A", false},
        {"a?b", "a/b", false},
        {"a*b", "a/b", false},
        {"[\\]a]", "]", true},
        {"[\\-]", "-", true},
        {"[x\\-]", "x", true},
        {"[x\\-]", "z", false},
        {"[]a]", "]", false},
        {"[-]", "-", false},
        {"[x-]", "x", false},
        {"[-x]", "x", false},
        {"[a-b-c]", "a", false},
        {"[", "a", false},
        {"[^", "a", false},
        {"[^bc", "a", false},
        {"a[", "ab", false},
        {"*x", "xxx", true},
        {"", "", true},
        {"", "a", false},
        {"**", "ab", true},
        {"a\\", "a", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (text_glob(rows[i].pattern, rows[i].s) != rows[i].does_match)
            test_fail(__FILE__, __LINE__, "%s against %s", rows[i].pattern, rows[i].s);
}

TEST(text_glob_is_not_exponential)
{
    autobuf struct buf pattern = {0}, s = {0};

    for (int i = 0; i < 2000; i++) {
        buf_puts(&pattern, "*a");
        buf_puts(&s, "aa");
    }
    buf_puts(&pattern, "b");
    CHECK(!text_glob(pattern.data, s.data));
}

TEST(text_sizes_are_written_decimal)
{
    CHECK_STR(text_size(test_arena, 0), "0B");
    CHECK_STR(text_size(test_arena, 999), "999B");
    CHECK_STR(text_size(test_arena, 1000), "1kB");
    CHECK_STR(text_size(test_arena, 4260000), "4.26MB");
    CHECK_STR(text_size(test_arena, 187654321), "188MB");
    CHECK_STR(text_size(test_arena, 999999), "1MB");
    CHECK_STR(text_size(test_arena, INT64_MAX), "9.22EB");
}

TEST(text_sizes_are_read_binary)
{
    static const char *const bad[] = {"",
                                      "m",
                                      "-1",
                                      "1x",
                                      "1bb",
                                      "1mm",
                                      "1 2",
                                      "0x1",
                                      ".5",
                                      "1..5",
                                      "1.",
                                      "1bi",
                                      "9223372036854775808",
                                      "9000000000g",
                                      "1e3"};
    int64_t n = 7;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (text_to_bytes(bad[i], &n) || n != 7)
            test_fail(__FILE__, __LINE__, "%s was read", bad[i]);
    CHECK(text_to_bytes("64m", &n) && n == 64 << 20);
    CHECK(text_to_bytes("1.5G", &n) && n == 3LL << 29);
    CHECK(text_to_bytes("2kb", &n) && n == 2048);
    CHECK(text_to_bytes("2KiB", &n) && n == 2048);
    CHECK(text_to_bytes("12 b", &n) && n == 12);
    CHECK(text_to_bytes("12", &n) && n == 12);
    CHECK(text_to_bytes("9223372036854775807", &n) && n == INT64_MAX);
    CHECK(text_to_bytes("8191p", &n) && n == 8191LL << 50);
    CHECK(!text_to_bytes("8192p", &n));
    CHECK(text_to_decimal_bytes("10m", &n) && n == 10000000);
    CHECK(text_to_decimal_bytes("1.5gb", &n) && n == 1500000000);
    CHECK(text_to_decimal_bytes("2KiB", &n) && n == 2000);
    CHECK(!text_to_decimal_bytes("9224p", &n));
}

TEST(text_ages_are_dockers)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "Less than a second"}, {1, "1 second"},         {59, "59 seconds"},
        {60, "About a minute"},    {119, "About a minute"}, {120, "2 minutes"},
        {3599, "59 minutes"},      {3600, "About an hour"}, {5399, "About an hour"},
        {5400, "2 hours"},         {172799, "2 days"},      {1209600, "2 weeks"},
        {5184000, "2 months"},     {63072000, "2 years"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(text_ago(test_arena, rows[i].seconds), rows[i].text);
}

TEST(text_macs)
{
    static const char *const bad[] = {"",
                                      "02:42:ac:11:00",
                                      "02:42:ac:11:00:2",
                                      "02:42:ac:11:00:02:",
                                      "2:42:ac:11:00:02",
                                      "+2:42:ac:11:00:02",
                                      "02:42:ac:11:00:0g",
                                      "0242.ac11.0002",
                                      "02 42:ac:11:00:02"};
    uint8_t mac[6];

    CHECK(text_to_mac("02:42:ac:11:00:Fe", mac));
    CHECK(!memcmp(mac, "\x02\x42\xac\x11\x00\xfe", 6));
    CHECK(text_to_mac("02-42-ac-11-00-02", mac));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!text_to_mac(bad[i], mac));
}

TEST(pairs_match_a_key_or_a_value)
{
    struct pairs p = {0};

    pairs_set_text(test_arena, &p, "a=b=c");
    pairs_set_text(test_arena, &p, "empty");
    CHECK(pairs_match(&p, "a") && pairs_match(&p, "a=b=c") && pairs_match(&p, "empty="));
    CHECK(!pairs_match(&p, "a=b") && !pairs_match(&p, "a=") && !pairs_match(&p, "aa"));
    CHECK(!pairs_match(&p, "") && pairs_match(&p, "empty"));
}

TEST(base64_both_ways)
{
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    size_t n;
    char *s;

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        CHECK_STR(text_to_base64(test_arena, plain[i], i, false), coded[i]);
        CHECK_OK(text_from_base64(test_arena, coded[i], &s, &n));
        CHECK_STR(s, plain[i]);
        CHECK_INT(n, i);
    }
    CHECK_OK(text_from_base64(test_arena, "Zg", &s, &n));
    CHECK_STR(s, "f");
    CHECK_OK(text_from_base64(test_arena, "-_-_", &s, &n));
    CHECK_STR(text_to_base64(test_arena, s, n, true), "-_-_");
    CHECK_STR(text_to_base64(test_arena, s, n, false), "+/+/");
}

TEST(base64_rejects_junk)
{
    static const char *const bad[] = {"Z",     "Zg=",  "Zg===",    "Z===",      "=",
                                      "Zm9v=", "Zm 9", "Zg==Zg==", "Z\xc3\xa9", "Zm9v\n"};
    size_t n;
    char *s;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(text_from_base64(test_arena, bad[i], &s, &n), ERR_INVALID);
}

TEST(query_both_ways)
{
    char *s;

    CHECK_OK(text_from_query(test_arena, "a+b%20c%2Fd%c3%A9", 17, &s));
    CHECK_STR(s, "a b c/d\xc3\xa9");
    CHECK_STR(text_to_query(test_arena, "a b/\xc3\xa9~-._="), "a%20b%2F%C3%A9~-._%3D");
    CHECK_OK(text_from_query(test_arena, "", 0, &s));
    CHECK_STR(s, "");
    CHECK_ERR(text_from_query(test_arena, "%", 1, &s), ERR_INVALID);
    CHECK_ERR(text_from_query(test_arena, "%2", 2, &s), ERR_INVALID);
    CHECK_ERR(text_from_query(test_arena, "%20", 2, &s), ERR_INVALID);
    CHECK_ERR(text_from_query(test_arena, "%zz", 3, &s), ERR_INVALID);
    CHECK_ERR(text_from_query(test_arena, "a%00b", 5, &s), ERR_INVALID);
    CHECK_ERR(text_from_query(test_arena, "a\0b", 3, &s), ERR_INVALID);
}

TEST(merges_are_what_one_by_one_gives)
{
    struct strs s = text_split(test_arena, "a,b", ','),
                more = text_split(test_arena, "c,a,c,d", ',');
    struct pairs p = {0}, from = {0};

    strs_merge(test_arena, &s, &more);
    CHECK_STR(strs_join(test_arena, &s, ","), "a,b,c,d");
    CHECK(s.v[s.n] == NULL);
    pairs_set_text(test_arena, &p, "a=1");
    pairs_set_text(test_arena, &p, "b=2");
    pairs_add(test_arena, &from, "c", "3");
    pairs_add(test_arena, &from, "a", "4");
    pairs_add(test_arena, &from, "c", "5");
    pairs_merge(test_arena, &p, &from);
    CHECK_INT(p.n, 3);
    CHECK_STR(p.v[0].value, "4");
    CHECK_STR(p.v[1].key, "b");
    CHECK_STR(pairs_get(&p, "c"), "5");
}

/* Few are compared, many are looked up: the answer is the same. */
TEST(many_labels_match_as_few_do)
{
    for (int n = 4; n < 4000; n *= 10) {
        struct pairs p = {0};
        struct strs wanted = {0}, none = {0};

        for (int i = 0; i < n; i++) {
            pairs_add(test_arena, &p, arena_printf(test_arena, "k%d", i), "v");
            strs_add(test_arena, &wanted, arena_printf(test_arena, i % 2 ? "k%d" : "k%d=v", i));
            strs_add(test_arena, &none, arena_printf(test_arena, i % 2 ? "x%d" : "k%d=x", i));
        }
        CHECK(pairs_match_all(&p, &wanted) && pairs_match_any(&p, &wanted));
        CHECK(!pairs_match_any(&p, &none) && !pairs_match_all(&p, &none));
        strs_add(test_arena, &wanted, "k1=x");
        CHECK(!pairs_match_all(&p, &wanted));
        strs_add(test_arena, &none, "k3");
        CHECK(pairs_match_any(&p, &none));
        CHECK(pairs_match_all(&p, &(struct strs){0}) && !pairs_match_any(&p, &(struct strs){0}));
    }
}
