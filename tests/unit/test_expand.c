/* SPDX-License-Identifier: Apache-2.0 */
/* Words with variables, and the scopes they are looked up in. More is in tests/build/constructs/.
 */
/* links: build */
#include "build/expand.h"

#include "test.h"

static const char *variable(void *ctx, const char *name)
{
    return pairs_get(ctx, name);
}

static struct pairs usual(void)
{
    struct pairs p = {0};

    pairs_set(test_arena, &p, "X", "foo");
    pairs_set(test_arena, &p, "B", "a  b");
    pairs_set(test_arena, &p, "E", "");
    pairs_set(test_arena, &p, "L", "ab\ncd");
    pairs_set(test_arena, &p, "Q", "\"q\" $X");
    return p;
}

static struct expansion expansion(struct pairs *p, unsigned bits)
{
    return (struct expansion){
        .a = test_arena, .escape = '\\', .bits = bits, .variable = variable, .ctx = p};
}

static const struct word_case {
    const char *word, *value;
    unsigned bits;
} words[] = {
    {"", "", 0},
    {"a b", "a b", 0},
    {"$X", "foo", 0},
    {"a${X}b", "afoob", 0},
    {"\"$X\"", "foo", 0},
    {"'$X'", "$X", 0},
    {"\"a'b'\"", "a'b'", 0},
    {"'a\"b'", "a\"b", 0},
    {"\\$X", "$X", 0},
    {"a\\", "a", 0},
    {"\"a\\\\\"", "a\\", 0},
    {"$Q", "\"q\" $X", 0},
    {"\"$X\"", "\"foo\"", EXPAND_KEEP_QUOTES},
    {"'$X'", "'$X'", EXPAND_KEEP_QUOTES},
    {"\\$X", "\\$X", EXPAND_KEEP_ESCAPES},
    {"$N", "$N", EXPAND_KEEP_UNSET},
    {"${N}", "${N}", EXPAND_KEEP_UNSET},
    {"${N:-$X}", "${N:-foo}", EXPAND_KEEP_UNSET},
    {"${N/a/b}", "${N/a/b}", EXPAND_KEEP_UNSET},
    {"${N//a/b}", "${N//a/b}", EXPAND_KEEP_UNSET},
    {"${N#a}", "${N#a}", EXPAND_KEEP_UNSET},
    {"${L##*}", "\ncd", 0},
    {"${L%%?*}", "ab\n", 0},
    {"'$X' \"$X\"", "'foo' \"foo\"", EXPAND_NO_QUOTES},
    {"it's $X", "it's foo", EXPAND_NO_QUOTES},
    {"${X:-'}", "foo", EXPAND_NO_QUOTES},
};

TEST(expand_word_gives_values)
{
    struct pairs p = usual();

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct expansion x = expansion(&p, words[i].bits);
        char *is;

        CHECK_OK(expand_word(&x, words[i].word, &is));
        CHECK_STR(is, words[i].value);
    }
}

static const struct split_case {
    const char *word, *parts; /* each in brackets */
    unsigned bits;
} splits[] = {
    {"", "", 0},
    {"  ", "", 0},
    {"a", "[a]", 0},
    {" a  b ", "[a][b]", 0},
    {"a\tb\nc", "[a][b][c]", 0},
    {"$B", "[a][b]", 0},
    {"\"$B\"", "[a  b]", 0},
    {"x$B", "[xa][b]", 0},
    {"$B$B", "[a][ba][b]", 0},
    {"'a b' c", "[a b][c]", 0},
    {"a\\ b", "[a b]", 0},
    {"$E", "", 0},
    {"\"\"", "", 0},
    {"a\"\"b", "[ab]", 0},
    {"$N a", "[a]", 0},
    {"${N:-a b}", "[a][b]", 0},
    {"a\xc2\xa0"
     "b",
     "[a][b]", 0},
    {"\"a b\" c", "[\"a b\"][c]", EXPAND_KEEP_QUOTES},
};

TEST(expand_words_splits)
{
    struct pairs p = usual();

    for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
        struct expansion x = expansion(&p, splits[i].bits);
        struct strs is = {0};
        autobuf struct buf shown = {0};

        CHECK_OK(expand_words(&x, splits[i].word, &is));
        for (size_t k = 0; k < is.n; k++)
            buf_printf(&shown, "[%s]", is.v[k]);
        CHECK_STR(shown.data ? shown.data : "", splits[i].parts);
    }
}

TEST(expand_tells_names)
{
    struct pairs p = usual();
    struct expansion x = expansion(&p, 0);
    char *is;

    CHECK_OK(expand_word(&x, "$X $N ${M:-$X} $X '$Y'", &is));
    CHECK_STR(strs_join(test_arena, &x.used, ","), "X");
    CHECK_STR(strs_join(test_arena, &x.missing, ","), "N,M");
}

static char *nested(size_t n, const char *innermost)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < n; i++)
        buf_puts(&b, "${N:-");
    buf_puts(&b, innermost);
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, "}");
    return arena_strdup(test_arena, b.data);
}

TEST(expand_bounds_depth)
{
    struct pairs p = usual();
    struct expansion x = expansion(&p, 0);
    struct err *e;
    char *is;

    CHECK_OK(expand_word(&x, nested(63, "$X"), &is));
    CHECK_STR(is, "foo");
    e = expand_word(&x, nested(64, "$X"), &is);
    CHECK(strstr(err_text(e), "its variables are nested deeper than 63"));
    CHECK_ERR(e, ERR_TOO_LARGE);
}

/* ENV A=$A$A…: each line ten times what was before. */
TEST(expand_bounds_growth)
{
    autobuf struct buf text = {0};
    struct source src = {.name = "D"};
    const struct scope_options o = {.target_platform = "linux/amd64"};
    struct source_range where;
    struct scope *global, *s;
    struct dockerfile d;
    struct err *e = NULL;
    size_t i = 0;

    buf_puts(&text, "FROM a\nENV A=0123456789\n");
    for (int n = 0; n < 100; n++)
        buf_puts(&text, "ENV A=$A$A$A$A$A$A$A$A$A$A\n");
    src.text = text.data;
    src.size = text.len;
    CHECK_OK(dockerfile_parse(test_arena, &src, &d, &where));
    CHECK_OK(scope_open(test_arena, &d, &o, &global));
    s = scope_enter_stage(global, NULL, NULL);
    for (; !e && i < d.stages[0].n; i++) {
        struct instruction in;

        e = scope_expand(s, &d.stages[0].instructions[i], &in);
    }
    CHECK(e && i < 8);
    CHECK(strstr(err_text(e), "its value has more than 1048576 bytes"));
    CHECK_ERR(e, ERR_TOO_LARGE);
    CHECK(arena_size(test_arena) < (64u << 20));
}

TEST(expand_bounds_all_values_together)
{
    autobuf struct buf text = {0};
    struct source src = {.name = "D"};
    const struct scope_options o = {0};
    struct source_range where;
    struct scope *global, *s;
    struct dockerfile d;
    struct err *e = NULL;

    buf_puts(&text, "FROM a\nENV A=");
    for (int n = 0; n < 60000; n++)
        buf_putc(&text, 'x');
    for (int n = 0; n < 2000; n++)
        buf_printf(&text, "\nENV B%d=$A$A", n);
    src.text = text.data;
    src.size = text.len;
    CHECK_OK(dockerfile_parse(test_arena, &src, &d, &where));
    CHECK_OK(scope_open(test_arena, &d, &o, &global));
    s = scope_enter_stage(global, NULL, NULL);
    for (size_t i = 0; !e && i < d.stages[0].n; i++) {
        struct instruction in;

        e = scope_expand(s, &d.stages[0].instructions[i], &in);
    }
    CHECK(e && strstr(err_text(e), "the values of all variables have more than 16777216 bytes"));
    CHECK_ERR(e, ERR_TOO_LARGE);
}

TEST(expand_bounds_patterns)
{
    struct pairs p = {0};
    struct expansion x = expansion(&p, 0);
    char *value = arena_alloc(test_arena, 500001), *pattern = arena_alloc(test_arena, 4001);
    struct err *e;
    char *is;

    memset(value, 'a', 500000);
    for (int i = 0; i < 4000; i += 2)
        memcpy(pattern + i, "*a", 2);
    pairs_set(test_arena, &p, "V", value);
    pairs_set(test_arena, &p, "P", pattern);
    e = expand_word(&x, "${V//${P}b/c}", &is);
    CHECK(e && strstr(err_text(e), "takes too many steps"));
    CHECK_ERR(e, ERR_TOO_LARGE);
    e = expand_word(&x, "${V#$V}", &is);
    CHECK(e && strstr(err_text(e), "has more than 4096 bytes") && strlen(err_text(e)) < 1000);
    err_drop(e);
}

/* ---- scopes ---- */

static struct dockerfile parsed(const char *text)
{
    const struct source src = {"D", text, strlen(text)};
    struct source_range where;
    struct dockerfile d;

    CHECK_OK(dockerfile_parse(test_arena, &src, &d, &where));
    return d;
}

static void run(struct scope *s, const struct stage *st)
{
    struct instruction in;

    for (size_t i = 0; i < st->n; i++)
        CHECK_OK(scope_expand(s, &st->instructions[i], &in));
}

static const char *joined(struct strs s)
{
    return s.n ? strs_join(test_arena, &s, " ") : "";
}

TEST(scope_keeps_env_and_args_apart)
{
    struct dockerfile d = parsed("ARG G=1\nFROM a\nARG G Z=zz A=2 N\nENV E=$A P=$P:x\nARG E=3\n");
    struct pairs given = {0};
    const struct scope_options o = {.build_args = &given, .target_platform = "linux/arm64"};
    struct strs env = {0};
    struct scope *global, *s;

    pairs_set(test_arena, &given, "http_proxy", "http://p");
    pairs_set(test_arena, &given, "A", "given");
    pairs_set(test_arena, &given, "NOBODY", "x");
    pairs_set(test_arena, &given, "AGAIN", "y");
    strs_add(test_arena, &env, "P=/bin");
    strs_add(test_arena, &env, "Z=base");
    strs_add(test_arena, &env, "ODD");
    CHECK_OK(scope_open(test_arena, &d, &o, &global));
    s = scope_enter_stage(global, NULL, &env);
    run(s, &d.stages[0]);
    CHECK_STR(joined(scope_env(s, test_arena)), "P=/bin:x Z=base ODD= E=given");
    CHECK_STR(joined(scope_run_args(s, test_arena)), "A=given G=1");
    CHECK_STR(joined(scope_run_env(s, test_arena)),
              "P=/bin:x Z=base ODD= E=given G=1 A=given http_proxy=http://p");
    CHECK_STR(joined(scope_unconsumed(global, test_arena)), "AGAIN NOBODY");
}

TEST(scope_of_child_stage_does_not_change_its_base)
{
    struct dockerfile d = parsed("FROM x AS a\nARG V=1\nENV E=1\nFROM a\nARG V=2\nENV E=2 F=3\n");
    const struct scope_options o = {0};
    struct scope *global, *a, *b, *c;

    CHECK_OK(scope_open(test_arena, &d, &o, &global));
    a = scope_enter_stage(global, NULL, NULL);
    run(a, &d.stages[0]);
    b = scope_enter_stage(global, a, NULL);
    run(b, &d.stages[1]);
    c = scope_enter_stage(global, a, NULL);
    CHECK_STR(joined(scope_env(a, test_arena)), "E=1");
    CHECK_STR(joined(scope_env(b, test_arena)), "E=2 F=3");
    CHECK_STR(joined(scope_run_args(b, test_arena)), "V=2");
    CHECK_STR(joined(scope_env(c, test_arena)), "E=1");
    CHECK_STR(joined(scope_run_args(c, test_arena)), "V=1");
}

TEST(scope_takes_many_names)
{
    autobuf struct buf text = {0};
    const struct scope_options o = {0};
    struct dockerfile d;
    struct scope *global, *s;

    buf_puts(&text, "FROM a\n");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "ENV K%d=%d\n", i, i);
    buf_puts(&text, "LABEL a=$K0$K4999\n");
    d = parsed(text.data);
    CHECK_OK(scope_open(test_arena, &d, &o, &global));
    s = scope_enter_stage(global, NULL, NULL);
    run(s, &d.stages[0]);
    CHECK_INT(scope_env(s, test_arena).n, 5000);
    CHECK_INT(scope_missing(s)->n, 0);
    CHECK_INT(scope_used(s)->n, 2);
}
