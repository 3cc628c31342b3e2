/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <string.h>

struct point {
    int x, y;
};

struct sample {
    char *name, *raw;
    bool is_on;
    int tri, small;
    int64_t big;
    int64_t *maybe;
    double ratio;
    struct strs args, ports;
    struct pairs labels;
    struct point inner, *pointed;
    struct jlist points;
    struct jdict by_name, lists;
};

static const struct jfield point_fields[] = {
    J(J_INT, struct point, x, "X"),
    J(J_INT, struct point, y, "Y"),
    J_END,
};
static const struct jtable point_json = {sizeof(struct point), point_fields};

static const struct jfield sample_fields[] = {
    J(J_STR, struct sample, name, "Name"),
    J(J_RAW, struct sample, raw, "Raw"),
    J(J_BOOL, struct sample, is_on, "On"),
    J(J_TRI, struct sample, tri, "Tri"),
    J(J_INT, struct sample, small, "Small"),
    J(J_I64, struct sample, big, "Big"),
    J(J_PTR_I64, struct sample, maybe, "Maybe"),
    J(J_F64, struct sample, ratio, "Ratio"),
    J(J_STRS, struct sample, args, "Args", .flags = J_OR_STR | J_NULL_LIST),
    J(J_SET, struct sample, ports, "Ports"),
    J(J_PAIRS, struct sample, labels, "Labels"),
    J(J_OBJ, struct sample, inner, "Inner", .sub = &point_json),
    J(J_PTR, struct sample, pointed, "Pointed", .sub = &point_json),
    J(J_LIST, struct sample, points, "Points", .sub = &point_json),
    J(J_DICT, struct sample, by_name, "ByName", .sub = &point_json),
    J(J_DICT, struct sample, lists, "Lists", .sub = &point_json,
      .flags = J_DICT_LIST | J_NULL_ITEM),
    J_END,
};
static const struct jtable sample_json = {sizeof(struct sample), sample_fields};

static struct err *decode(const char *text, struct sample *out)
{
    *out = (struct sample){0};
    return json_decode(test_arena, text, strlen(text), &sample_json, out);
}

static const struct json *parse(const char *text)
{
    const struct json *j = NULL;

    CHECK_OK(json_parse(test_arena, text, strlen(text), &j));
    return j;
}

static struct err *parse_error(const char *text)
{
    const struct json *j;

    return json_parse(test_arena, text, strlen(text), &j);
}

static char *repeat(const char *what, size_t n)
{
    autobuf struct buf b = {0};

    while (n--)
        buf_puts(&b, what);
    return arena_strndup(test_arena, b.data, b.len);
}

TEST(json_decodes_every_type)
{
    struct sample s;

    CHECK_OK(decode("{\"Name\":\"n\",\"Raw\":{ \"a\" : [1, 2.50]},\"On\":true,\"Tri\":false,"
                    "\"Small\":-3,\"Big\":9,\"Maybe\":0,\"Ratio\":1.5,\"Args\":[\"a\",\"b\"],"
                    "\"Ports\":{\"80/tcp\":{},\"81/tcp\":null},\"Labels\":{\"k\":\"v\"},"
                    "\"Inner\":{\"X\":1},\"Pointed\":{\"Y\":2},\"Points\":[{\"X\":3},null],"
                    "\"ByName\":{\"one\":{\"X\":4},\"two\":null},"
                    "\"Lists\":{\"l\":[{\"X\":5},{\"X\":6}],\"m\":null}}",
                    &s));
    CHECK_STR(s.name, "n");
    CHECK_STR(s.raw, "{ \"a\" : [1, 2.50]}");
    CHECK(s.is_on);
    CHECK_INT(s.tri, -1);
    CHECK_INT(s.small, -3);
    CHECK_INT(s.big, 9);
    CHECK(s.maybe && *s.maybe == 0);
    CHECK(s.ratio == 1.5);
    CHECK_INT(s.args.n, 2);
    CHECK_STR(s.args.v[1], "b");
    CHECK(!s.args.v[2]);
    CHECK_INT(s.ports.n, 2);
    CHECK_STR(s.ports.v[1], "81/tcp");
    CHECK_STR(pairs_get(&s.labels, "k"), "v");
    CHECK_INT(s.inner.x, 1);
    CHECK_INT(s.pointed->y, 2);
    CHECK_INT(s.points.n, 2);
    CHECK_INT(((struct point *)s.points.v)[0].x, 3);
    CHECK_STR(s.by_name.keys[1], "two");
    CHECK_INT(((struct point *)s.by_name.v)[0].x, 4);
    CHECK_INT(((struct point *)s.by_name.v)[1].x, 0);
    CHECK_INT(((struct jlist *)s.lists.v)[0].n, 2);
    CHECK(!((struct jlist *)s.lists.v)[1].v);
}

TEST(json_encode_and_decode_agree)
{
    static const char text[] =
        "{\"Name\":\"n\",\"Raw\":[1],\"On\":true,\"Tri\":true,\"Small\":-3,"
        "\"Big\":-9223372036854775808,\"Maybe\":9223372036854775807,\"Ratio\":0.1,"
        "\"Args\":[],\"Ports\":{\"a\":{}},\"Labels\":{\"k\":\"v\"},\"Inner\":{\"X\":1,\"Y\":2},"
        "\"Pointed\":{\"X\":0,\"Y\":0},\"Points\":[{\"X\":3,\"Y\":0}],"
        "\"ByName\":{\"q\\\"\":{\"X\":1,\"Y\":0}},\"Lists\":{\"l\":[],\"m\":null}}";
    struct sample s;

    CHECK_OK(decode(text, &s));
    CHECK_STR(json_encode(test_arena, &sample_json, &s), text);
}

TEST(json_zero_struct_encodes_defaults)
{
    struct sample s = {0};

    CHECK_STR(json_encode(test_arena, &sample_json, &s),
              "{\"Name\":\"\",\"Raw\":null,\"On\":false,\"Tri\":null,\"Small\":0,\"Big\":0,"
              "\"Maybe\":null,\"Ratio\":0,\"Args\":null,\"Ports\":{},\"Labels\":{},"
              "\"Inner\":{\"X\":0,\"Y\":0},\"Pointed\":null,\"Points\":[],\"ByName\":{},"
              "\"Lists\":{}}");
}

TEST(json_omit_leaves_out_what_is_empty)
{
    static const struct jfield fields[] = {
        J(J_STR, struct sample, name, "Name", .flags = J_OMIT),
        J(J_INT, struct sample, small, "Small", .flags = J_OMIT),
        J(J_TRI, struct sample, tri, "Tri", .flags = J_OMIT),
        J(J_STRS, struct sample, args, "Args", .flags = J_OMIT),
        J(J_OBJ, struct sample, inner, "Inner", .sub = &point_json, .flags = J_OMIT),
        J(J_PTR_I64, struct sample, maybe, "Maybe", .flags = J_OMIT),
        J(J_STR, struct sample, raw, "Null", .flags = J_NULL_STR),
        J_END,
    };
    static const struct jtable table = {sizeof(struct sample), fields};
    int64_t zero = 0;
    struct sample s = {0};

    CHECK_STR(json_encode(test_arena, &table, &s), "{\"Null\":null}");
    s.tri = -1;
    s.maybe = &zero;
    s.inner.y = 1;
    CHECK_STR(json_encode(test_arena, &table, &s),
              "{\"Tri\":false,\"Inner\":{\"X\":0,\"Y\":1},\"Maybe\":0,\"Null\":null}");
}

TEST(json_empty_lists_differ_from_null)
{
    struct sample s;

    CHECK_OK(decode("{\"Args\":[],\"Ports\":{},\"Labels\":{},\"Points\":[],\"ByName\":{}}", &s));
    CHECK(s.args.v && !s.args.n && !s.args.v[0]);
    CHECK(s.ports.v && !s.ports.n);
    CHECK(s.labels.v && !s.labels.n);
    CHECK(s.points.v && !s.points.n);
    CHECK(s.by_name.v && !s.by_name.n);
    CHECK_OK(decode("{\"Args\":null,\"Ports\":null,\"Labels\":null,\"Points\":null,"
                    "\"ByName\":null,\"Pointed\":null,\"Name\":null,\"Big\":null,\"On\":null,"
                    "\"Inner\":null,\"Raw\":null,\"Tri\":null,\"Maybe\":null}",
                    &s));
    CHECK(!s.args.v && !s.ports.v && !s.labels.v && !s.points.v && !s.by_name.v && !s.pointed);
    CHECK(!s.name && !s.raw && !s.tri && !s.maybe);
    CHECK_OK(decode("{}", &s));
    CHECK(!s.args.v);
    CHECK_OK(decode(" null ", &s));
}

TEST(json_decoded_lists_can_grow)
{
    struct sample s;

    CHECK_OK(decode("{\"Args\":[\"a\",\"b\",\"c\"],\"Labels\":{\"a\":\"1\",\"b\":\"2\"}}", &s));
    for (int i = 0; i < 40; i++) {
        strs_add(test_arena, &s.args, "more");
        pairs_set(test_arena, &s.labels, arena_printf(test_arena, "k%d", i), "v");
    }
    CHECK_INT(s.args.n, 43);
    CHECK(!s.args.v[43]);
    CHECK_INT(s.labels.n, 42);
    CHECK_STR(pairs_get(&s.labels, "b"), "2");
}

TEST(json_keys_match_in_any_case_and_the_last_counts)
{
    struct sample s;

    CHECK_OK(decode("{\"name\":\"a\",\"SMALL\":1,\"unknown\":[{}],\"labels\":{\"K\":\"v\"}}", &s));
    CHECK_STR(s.name, "a");
    CHECK_INT(s.small, 1);
    CHECK(!pairs_get(&s.labels, "k"));
    CHECK_OK(decode("{\"Name\":\"a\",\"name\":\"b\",\"NAME\":null}", &s));
    CHECK_STR(s.name, "b");
    CHECK_OK(
        decode("{\"Labels\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"},\"labels\":{\"b\":\"4\"}}", &s));
    CHECK_INT(s.labels.n, 2);
    CHECK_STR(s.labels.v[0].value, "3");
    CHECK_STR(s.labels.v[1].value, "4");
    CHECK_OK(decode("{\"Inner\":{\"x\":1},\"inner\":{\"y\":2},\"Ports\":{\"a\":{},\"a\":{}},"
                    "\"ByName\":{\"a\":{\"X\":1},\"b\":{\"X\":2},\"a\":{\"Y\":3}}}",
                    &s));
    CHECK_INT(s.inner.x, 1);
    CHECK_INT(s.inner.y, 2);
    CHECK_INT(s.ports.n, 1);
    CHECK_INT(s.by_name.n, 2);
    CHECK_INT(((struct point *)s.by_name.v)[0].x, 0);
    CHECK_INT(((struct point *)s.by_name.v)[0].y, 3);
}

TEST(json_wrong_types_name_the_field)
{
    struct sample s;
    struct err *e = decode("{\"Inner\":{\"x\":\"1\"}}", &s);

    CHECK(e);
    CHECK_STR(err_text(e),
              "invalid JSON: json: cannot unmarshal string into Go struct field Inner.X of "
              "type int");
    CHECK_ERR(e, ERR_INVALID);
    e = decode("{\"Labels\":{\"k\":1}}", &s);
    CHECK(e && strstr(err_text(e),
                      "cannot unmarshal number into Go struct field Labels.k of type string"));
    CHECK_ERR(e, ERR_INVALID);
    CHECK_ERR(decode("{\"Name\":1}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"On\":1}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"On\":\"true\"}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Tri\":\"true\"}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Small\":1.5}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Small\":2147483648}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Big\":true}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Maybe\":\"1\"}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Ratio\":\"1\"}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Ratio\":1e999}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Args\":{}}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Args\":[1]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Ports\":[]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Ports\":{\"a\":1}}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Labels\":[]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Inner\":[]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Pointed\":1}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Points\":{}}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Points\":[1]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"ByName\":[]}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Lists\":{\"a\":{}}}", &s), ERR_INVALID);
    CHECK_ERR(decode("[]", &s), ERR_INVALID);
    CHECK_ERR(decode("", &s), ERR_INVALID);
}

TEST(json_lone_string_for_a_list)
{
    struct sample s;

    CHECK_OK(decode("{\"Args\":\"sh -c\"}", &s));
    CHECK_INT(s.args.n, 1);
    CHECK_STR(s.args.v[0], "sh -c");
    CHECK_OK(decode("{\"Args\":[\"a\",null]}", &s));
    CHECK_STR(s.args.v[1], "");
}

TEST(json_int64_is_exact)
{
    struct sample s;

    CHECK_OK(decode("{\"Big\":9223372036854775807}", &s));
    CHECK(s.big == INT64_MAX);
    CHECK_OK(decode("{\"Big\":-9223372036854775808}", &s));
    CHECK(s.big == INT64_MIN);
    CHECK_OK(decode("{\"Big\":9007199254740993}", &s));
    CHECK(s.big == 9007199254740993);
    CHECK_OK(decode("{\"Small\":-2147483648}", &s));
    CHECK(s.small == INT_MIN);
    CHECK_ERR(decode("{\"Big\":9223372036854775808}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Big\":-9223372036854775809}", &s), ERR_INVALID);
    CHECK_ERR(decode("{\"Big\":1e3}", &s), ERR_INVALID);
    CHECK_INT(json_int(parse("99999999999999999999")), INT64_MAX);
    CHECK_INT(json_int(parse("-99999999999999999999")), INT64_MIN);
    CHECK_INT(json_int(parse("-1e300")), INT64_MIN);
    CHECK_INT(json_int(parse("12.9")), 12);
    CHECK_INT(json_int(parse("\"5\"")), 0);
    CHECK_INT(json_int(NULL), 0);
}

TEST(json_depth_is_bounded)
{
    size_t deep = 200000;
    struct sample s;

    parse(arena_printf(test_arena, "%s%s", repeat("[", 64), repeat("]", 64)));
    CHECK_ERR(parse_error(arena_printf(test_arena, "%s%s", repeat("[", 65), repeat("]", 65))),
              ERR_INVALID);
    CHECK_ERR(parse_error(repeat("[", deep)), ERR_INVALID);
    CHECK_ERR(parse_error(repeat("{\"a\":", deep)), ERR_INVALID);
    CHECK_ERR(decode(repeat("{\"Inner\":", deep), &s), ERR_INVALID);
}

TEST(json_size_is_bounded)
{
    const struct json *j;
    size_t n = JSON_TEXT_MAX + 1;
    autofree char *text = mem_alloc(n);

    memset(text, ' ', n);
    CHECK_ERR(json_parse(test_arena, text, n, &j), ERR_TOO_LARGE);
    CHECK_ERR(parse_error(arena_printf(test_arena, "[%s0]", repeat("0,", 1 << 20))), ERR_TOO_LARGE);
}

TEST(json_rejects_what_is_not_json)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "[1 2]",
        "[1}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x10",
        "nul",
        "truex",
        "True",
        "NaN",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "1 2",
        "{} {}",
        "[]x",
        "'a'",
        "\"\\u0000\"",
        "\xef\xbb\xbf{}",
        "{\"a\":1 \"b\":2}",
        "[\"a\":1]",
        "{\"a\",1}",
        "{1:2}",
        "// c\n1",
        "[1,\f2]",
        "\x01{}",
        "-01",
        "[1-2]",
        "\"\\ud83d\\uzz00\"",
        "\"\\",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(parse_error(bad[i]), ERR_INVALID);
}

TEST(json_errors_say_where)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"{\"a\":1", "unexpected EOF"},
        {"[1,2", "unexpected EOF"},
        {"\"abc", "unexpected EOF"},
        {"[1 2]", "invalid character '2' after array element"},
        {"{\"a\" 1}", "invalid character '1' after object key"},
        {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
        {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
        {"[\xc3\xa4]", "invalid character '\xc3\x83' looking for beginning of value"},
        {"{} x", "invalid character 'x' after top-level value"},
        {"[1.]", "invalid character ']' after decimal point in numeric literal"},
        {"[\"\\x\"]", "invalid character 'x' in string escape code"},
        {"{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"},
        {"{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')"},
        {"[nil]", "invalid character 'i' in literal null (expecting 'u')"},
        {"[\"\\u12g4\"]", "invalid character 'g' in \\u hexadecimal character escape"},
        {"[\"a\tb\"]", "invalid character '\\t' in string literal"},
        {"[-]", "invalid character ']' in numeric literal"},
        {"[1e]", "invalid character ']' in exponent of numeric literal"},
        {"[01]", "invalid character '1' after array element"},
        {"'", "invalid character '\\'' looking for beginning of value"},
        {"]", "invalid character ']' looking for beginning of value"},
        {"[1}", "invalid character '}' after array element"},
        {"", "unexpected EOF"},
        {"[\"\\u0000\"]", "a NUL in a string is not allowed at byte 8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err *e = parse_error(bad[i].text);

        CHECK_STR(err_text(e), arena_printf(test_arena, "invalid JSON: %s", bad[i].error));
        err_drop(e);
    }
}

TEST(json_strings_decode_escapes)
{
    CHECK_STR(json_str(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")), "\"\\/\b\f\n\r\t");
    CHECK_STR(json_str(parse("\"\\u0041\\u00e9\\u20ac\"")), "A\xc3\xa9\xe2\x82\xac");
    CHECK_STR(json_str(parse("\"\\ud83d\\ude00\"")), "\xf0\x9f\x98\x80");
    CHECK_STR(json_str(parse("\"\\ud83d!\"")), "\xef\xbf\xbd!");
    CHECK_STR(json_str(parse("\"\\ud83d\\u0041\"")), "\xef\xbf\xbd"
                                                     "A");
    CHECK_STR(json_str(parse("\"\\ude00\"")), "\xef\xbf\xbd");
    CHECK_STR(json_str(parse("\"a\xff"
                             "b\xc0\x80\"")),
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(json_output_is_always_valid)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    const struct json *j;

    jw_obj(&w, NULL);
    jw_strn(&w, "bytes\xff", "a\0\x1f\x7f\"\\\n\xed\xa0\x80\xf8</script>", 20);
    jw_f64(&w, "nan", NAN);
    jw_f64(&w, "third", 1.0 / 3);
    jw_f64(&w, "ten", 10);
    jw_null(&w, "null");
    jw_arr(&w, "list");
    jw_int(&w, NULL, INT64_MIN);
    jw_obj(&w, NULL);
    jw_obj_end(&w);
    jw_bool(&w, NULL, true);
    jw_arr_end(&w);
    jw_time(&w, "time", 0);
    jw_obj_end(&w);
    CHECK(text_is_utf8(b.data, b.len));
    CHECK(strstr(b.data, "\"a\\u0000\\u001f\x7f\\\"\\\\\\n\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                         "\xef\xbf\xbd</script"));
    /* the parser refuses NUL, so look at the rest of it */
    CHECK(strstr(b.data, "\"nan\":null,\"third\":0.3333333333333333,\"ten\":10,\"null\":null,"
                         "\"list\":[-9223372036854775808,{},true],"
                         "\"time\":\"0001-01-01T00:00:00Z\"}"));
    CHECK_ERR(json_parse(test_arena, b.data, b.len, &j), ERR_INVALID);
}

TEST(json_raw_is_repaired_to_utf8)
{
    struct sample s;

    CHECK_OK(decode("{\"Raw\":{\"a\":\"\xff\"}}", &s));
    CHECK_STR(s.raw, "{\"a\":\"\xef\xbf\xbd\"}");
    CHECK_OK(decode("{\"Raw\": \"text\" }", &s));
    CHECK_STR(s.raw, "\"text\"");
}

TEST(json_documents_are_walked)
{
    autofree char *text = mem_strdup("{\"A\":[1,\"x\",{\"b\":true}],\"a\":2.5,\"n\":null}");
    const struct json *j = parse(text), *it;
    struct strs strings;
    struct point p = {0};

    memset(text, '!', strlen(text)); /* the document keeps its own copy */
    CHECK_INT(json_type(j), JSON_OBJECT);
    CHECK_INT(json_len(j), 3);
    CHECK_STR(json_key(json_first(j)), "A");
    CHECK(json_num(json_get(j, "a")) == 2.5);
    CHECK_INT(json_len(json_get(j, "A")), 3);
    CHECK_INT(json_type(json_get(j, "N")), JSON_NULL);
    it = json_next(json_next(json_first(json_get(j, "A"))));
    CHECK(json_bool(json_get(it, "B")));
    CHECK_STR(json_text(test_arena, it), "{\"b\":true}");
    CHECK(!json_next(it));
    strings = json_strs(test_arena, json_get(j, "A"));
    CHECK_INT(strings.n, 1);
    CHECK(!json_get(json_get(json_get(j, "no"), "such"), "key"));
    CHECK(!json_str(NULL) && !json_len(NULL) && !json_first(NULL) && !json_bool(NULL));
    CHECK_OK(json_fill(test_arena, parse("{\"x\":7}"), &point_json, &p));
    CHECK_INT(p.x, 7);
}

TEST(json_fill_outlives_the_document)
{
    autoarena struct arena *short_lived = arena_create();
    struct sample s = {0};
    const struct json *j;

    CHECK_OK(json_parse(short_lived, "{\"Name\":\"n\",\"Args\":[\"a\"]}", 25, &j));
    CHECK_OK(json_fill(test_arena, j, &sample_json, &s));
    arena_destroy(steal_ptr(&short_lived));
    CHECK_STR(s.name, "n");
    CHECK_STR(s.args.v[0], "a");
}

TEST(json_many_keys_take_linear_time)
{
    autobuf struct buf b = {0};
    struct sample s;

    buf_puts(&b, "{\"Labels\":{\"first\":\"\"");
    for (int i = 0; i < 50000; i++)
        buf_printf(&b, ",\"k%d\":\"\"", i);
    buf_puts(&b, "}}");
    CHECK_OK(decode(b.data, &s));
    CHECK_INT(s.labels.n, 50001);
    CHECK_STR(s.labels.v[50000].key, "k49999");
}

/* The quick way is taken eight bytes at a time: each byte at each place in and behind such words.
 */
TEST(a_quoted_text_is_read_back_whatever_byte_is_where)
{
    for (int c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < 19; at++) {
            char text[20] = "~~~~~~~~~~~~~~~~~~~";
            autobuf struct buf b = {0};
            const struct json *doc;

            text[at] = (char)c;
            json_quote(&b, text, strlen(text));
            CHECK(b.len >= strlen(text) + 2);
            CHECK((c >= ' ' && c != '"' && c != '\\') == (b.len == strlen(text) + 2));
            CHECK_OK(json_parse(test_arena, b.data, b.len, &doc));
            CHECK_STR(json_str(doc), text);
        }
    }
}

TEST(json_lists_are_counted_by_their_table)
{
    static const char text[] = "{\"Args\":[\"a\",\"b\",\"c\"],\"Labels\":{\"a\":\"\"},"
                               "\"Points\":[{},{}],\"Lists\":{\"x\":[{},{}],\"y\":[{},{}]}}";
    struct sample s = {0};
    struct err *e;

    CHECK_OK(json_decode(test_arena, text, strlen(text), &sample_json, &s));
    CHECK_OK(json_check_sizes(&sample_json, &s, 4));
    e = json_check_sizes(&sample_json, &s, 2);
    CHECK_STR(err_text(e), "Args has 3 entries, at most 2 work");
    err_drop(e);
    CHECK_ERR(json_check_sizes(&sample_json, &s, 3), ERR_INVALID); /* Lists, 4 together */
}

TEST(json_members_come_again_a_few_times)
{
    static const char part[] = "\"Labels\":{\"a\":\"1\"},", end[] = "\"Name\":\"x\"}";
    autobuf struct buf b = {0};
    struct sample s = {0};

    buf_puts(&b, "{");
    for (int i = 0; i < JSON_AGAIN_MAX; i++)
        buf_puts(&b, part);
    buf_puts(&b, end);
    CHECK_OK(json_decode(test_arena, b.data, b.len, &sample_json, &s));
    b.len -= strlen(end);
    buf_puts(&b, part);
    buf_puts(&b, end);
    CHECK_ERR(json_decode(test_arena, b.data, b.len, &sample_json, &s), ERR_INVALID);
}

TEST(json_two_numbers)
{
    struct box {
        uint32_t size[2];
    } b = {0};
    static const struct jfield fields[] = {
        J(J_U32X2, struct box, size, "Size", .flags = J_OMIT),
        J_END,
    };
    static const struct jtable table = {sizeof(struct box), fields};

#define DECODE(text) json_decode(test_arena, text, strlen(text), &table, &b)
    CHECK_STR(json_encode(test_arena, &table, &b), "{}");
    CHECK_OK(DECODE("{\"Size\":[7,4294967295,9]}"));
    CHECK_STR(json_encode(test_arena, &table, &b), "{\"Size\":[7,4294967295]}");
    CHECK_OK(DECODE("{\"Size\":[null]}"));
    CHECK_INT(b.size[0] | b.size[1], 0);
    CHECK_ERR(DECODE("{\"Size\":[-1,2]}"), ERR_INVALID);
    CHECK_ERR(DECODE("{\"Size\":[1.5]}"), ERR_INVALID);
    CHECK_ERR(DECODE("{\"Size\":[4294967296]}"), ERR_INVALID);
    CHECK_ERR(DECODE("{\"Size\":\"10\"}"), ERR_INVALID);
#undef DECODE
}

static void note_member(void *ctx, const char *path, bool is_known)
{
    buf_printf(ctx, "%s%s ", is_known ? "" : "!", path);
}

TEST(json_visit_names_what_is_said)
{
    static const char text[] =
        "{\"name\":\"n\",\"Small\":0,\"On\":false,\"Args\":[],\"Odd\":1,\"Odder\":{\"X\":1},"
        "\"Null\":null,\"Inner\":{\"X\":1,\"Z\":2},\"Points\":[{\"Y\":1},{\"W\":1}],"
        "\"ByName\":{\"q\":{\"X\":1,\"V\":1}},\"Lists\":{\"l\":[{\"U\":1}]},"
        "\"Labels\":{\"k\":\"v\"},\"Zeros\":[0,0.0]}";
    const struct jtable *const tables[] = {&sample_json, NULL};
    const struct json *doc;
    autobuf struct buf said = {0};

    CHECK_OK(json_parse(test_arena, text, strlen(text), &doc));
    json_visit(doc, tables, note_member, &said);
    CHECK_STR(said.data, "Name !Odd !Odder Inner Inner.X !Inner.Z Points Points.Y !Points.W ByName "
                         "ByName.X !ByName.V Lists !Lists.U Labels ");
}

TEST(json_wrong_numbers_are_named)
{
    struct sample s;
    struct err *e = decode("{\"Small\":1.5}", &s);

    CHECK(e && strstr(err_text(e),
                      "cannot unmarshal number 1.5 into Go struct field Small of type int"));
    err_drop(e);
    e = decode("[]", &s);
    CHECK(e && strstr(err_text(e), "cannot unmarshal array into Go value of type struct"));
    err_drop(e);
}

/* What Go's encoding/json does with the same text. */
TEST(json_equal_members_as_in_go)
{
    static const struct {
        const char *text, *same_as;
    } same[] = {
        {"{\"On\":true,\"on\":false}", "{}"},
        {"{\"on\":false,\"ON\":true}", "{\"On\":true}"},
        {"{\"On\":true,\"on\":null}", "{\"On\":true}"},
        {"{\"Name\":\"a\",\"NAME\":null}", "{\"Name\":\"a\"}"},
        {"{\"Tri\":true,\"tri\":null}", "{}"},
        {"{\"Maybe\":1,\"maybe\":null}", "{}"},
        {"{\"Raw\":[1],\"raw\":null}", "{}"},
        {"{\"Pointed\":{\"X\":1},\"pointed\":null}", "{}"},
        {"{\"Inner\":{\"X\":1},\"inner\":null}", "{\"Inner\":{\"X\":1}}"},
        {"{\"Inner\":{\"X\":1},\"inner\":{\"Y\":2}}", "{\"Inner\":{\"X\":1,\"Y\":2}}"},
        {"{\"Pointed\":{\"X\":1},\"pointed\":{\"Y\":2}}", "{\"Pointed\":{\"X\":1,\"Y\":2}}"},
        {"{\"Points\":[{\"X\":1},{\"X\":2}],\"points\":[{\"Y\":3}]}",
         "{\"Points\":[{\"X\":1,\"Y\":3}]}"},
        {"{\"Points\":[{\"X\":1}],\"points\":null}", "{}"},
        {"{\"Labels\":{\"a\":\"1\"},\"labels\":{\"b\":\"2\"}}",
         "{\"Labels\":{\"a\":\"1\",\"b\":\"2\"}}"},
        {"{\"Labels\":{\"a\":\"1\"},\"labels\":null}", "{}"},
        {"{\"Ports\":{\"a\":{}},\"ports\":null}", "{}"},
        {"{\"ByName\":{\"q\":{\"X\":1}},\"byname\":{\"q\":{\"Y\":2}}}",
         "{\"ByName\":{\"q\":{\"Y\":2}}}"},
        {"{\"ByName\":{\"q\":{\"X\":1}},\"byname\":null}", "{}"},
        {"{\"Label\xc5\xbf\":{\"a\":\"1\"}}", "{\"Labels\":{\"a\":\"1\"}}"}, /* U+017F is an s */
        {"{\"Label\xc5\xbf\xc5\xbf\":{\"a\":\"1\"}}", "{}"},
        {"{\"Labels\":{\"a\":\"1\"},\"label\":{\"a\":\"2\"}}", "{\"Labels\":{\"a\":\"1\"}}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct sample a, b;

        CHECK_OK(decode(same[i].text, &a));
        CHECK_OK(decode(same[i].same_as, &b));
        CHECK_STR(json_encode(test_arena, &sample_json, &a),
                  json_encode(test_arena, &sample_json, &b));
    }
}

TEST(json_rows_that_are_not_kept)
{
    struct box {
        int kept;
        struct {
            int x, y;
        } object;
    } b = {0};
    static const struct jfield fields[] = {
        J(J_INT, struct box, kept, "Kept"),
        {.key = "Shown", .type = J_STRS, .flags = J_UNKEPT},
        J(J_OBJ, struct box, object, "Object", .flags = J_NULL_OBJ, .sub = &point_json),
        J_END,
    };
    static const struct jtable table = {sizeof(struct box), fields};

#define DECODE(text) json_decode(test_arena, text, strlen(text), &table, &b)
    CHECK_OK(DECODE("{\"Kept\":1,\"Shown\":[\"a\"],\"Object\":{\"X\":1}}"));
    CHECK_STR(json_encode(test_arena, &table, &b), "{\"Kept\":1,\"Object\":{\"X\":1,\"Y\":0}}");
    CHECK_ERR(DECODE("{\"Shown\":\"a\"}"), ERR_INVALID);
    CHECK_OK(DECODE("{\"Object\":null}"));
    CHECK_INT(b.object.x, 0);
#undef DECODE
}
