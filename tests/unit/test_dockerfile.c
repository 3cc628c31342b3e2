/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dockerfiles: bounds, places of errors, what is shown of them, stages by name. What each construct
 * means is in tests/build/constructs/.
 */
/* links: build */
#include "build/dockerfile.h"

#include "base/text.h"

#include "test.h"

static struct source_range where;

static struct err *parse(const char *text, struct dockerfile *out)
{
    const struct source src = {"Dockerfile", text, strlen(text)};

    return dockerfile_parse(test_arena, &src, out, &where);
}

static void check_fails(const char *text, enum err_kind kind, const char *says)
{
    struct dockerfile d;
    struct err *e = parse(text, &d);

    if (!e)
        test_fail(__FILE__, __LINE__, "%.60s was parsed", text);
    if (err_kind(e) != kind || !strstr(err_text(e), says))
        test_fail(__FILE__, __LINE__, "\"%s\", wanted \"%s\"", err_text(e), says);
    err_drop(e);
}

static char *repeat(const char *head, const char *s, size_t n)
{
    autobuf struct buf b = {0};

    buf_puts(&b, head);
    while (n--)
        buf_puts(&b, s);
    return arena_strdup(test_arena, b.data);
}

TEST(dockerfile_has_bounds)
{
    check_fails(repeat("FROM a\n", "# 45678901234567890123456789012\n", 1u << 16), ERR_TOO_LARGE,
                "has more than 2097152 bytes");
    check_fails(repeat("FROM a\nRUN ", "x", 65536), ERR_TOO_LARGE,
                "dockerfile line greater than max allowed size of 65535");
    check_fails(repeat("FROM a\n#", "x", 65536), ERR_TOO_LARGE, "max allowed size of 65535");
    check_fails(repeat("FROM a\nRUN <<E\n", "x", 65536), ERR_TOO_LARGE,
                "max allowed size of 65535");
    check_fails(repeat("FROM a\n", "RUN x\n", 10000), ERR_TOO_LARGE,
                "the Dockerfile has more than 10000 instructions");
    check_fails(repeat("", "FROM a\n", 1001), ERR_TOO_LARGE,
                "the Dockerfile has more than 1000 stages");
    check_fails(repeat("FROM a\nENV", " \\\n a=b", 10001), ERR_TOO_LARGE,
                "ENV has more than 10000 words");
    check_fails(repeat("FROM a\nEXPOSE", " 1", 10001), ERR_TOO_LARGE,
                "EXPOSE has more than 10000 words");
    check_fails(repeat("FROM a\nCOPY", " a", 10001), ERR_TOO_LARGE,
                "COPY has more than 10000 words");
    check_fails(repeat("FROM a\nRUN", " \\\n --device=x", 10001), ERR_TOO_LARGE,
                "RUN has more than 10000 flags");
    check_fails(repeat("FROM a\nCOPY /", " <<a", 101), ERR_INVALID, "unterminated heredoc");
}

TEST(dockerfile_bounds_heredocs)
{
    char *line = repeat("FROM a\nRUN x", " <<a", 101);

    check_fails(arena_printf(test_arena, "%s%s", line, repeat("\n", "a\n", 101)), ERR_TOO_LARGE,
                "an instruction has more than 100 heredocs");
}

TEST(dockerfile_takes_what_is_just_within_bounds)
{
    struct dockerfile d;

    CHECK_OK(parse(repeat("FROM a\n", "RUN x\n", 9999), &d));
    CHECK_INT(d.stages[0].n, 9999);
    CHECK_OK(parse(repeat("", "FROM a\n", 1000), &d));
    CHECK_INT(d.n_stages, 1000);
    CHECK_OK(parse(repeat("FROM a\nRUN ", "x", 65530), &d));
    CHECK_OK(parse(repeat("FROM a\nENV", " \\\n a=b", 10000), &d));
    CHECK_INT(d.stages[0].instructions[0].n_assignments, 10000);
}

TEST(dockerfile_says_where_in_continued_lines)
{
    check_fails("FROM a\nCOPY --from=b \\\n  # x\n  --chmd=1 \\\n a b\n", ERR_INVALID,
                "on line 2: unknown flag: --chmd (did you mean chmod?)");
    CHECK_INT(where.first.line, 4);
    CHECK_INT(where.first.column, 3);
    CHECK_INT(where.last.line, 4);
    CHECK_INT(where.last.column, 10);
}

TEST(dockerfile_says_where_behind_a_byte_order_mark)
{
    check_fails("\xef\xbb\xbf"
                "FORM a\n",
                ERR_INVALID, "on line 1: unknown instruction: FORM");
    CHECK_INT(where.first.line, 1);
    CHECK_INT(where.first.column, 1);
}

static const struct shown {
    const char *text;
    size_t first, last;
    const char *is;
} shown[] = {
    {"a\nb\nc\nd\ne\nf\ng", 4, 4,
     "D:4:1\n--------------------\n   2 |     b\n   3 |     c\n   4 | >>> d\n   5 |     e\n"
     "   6 |     f\n--------------------\n"},
    {"a\nb\nc\nd\ne\nf\ng", 1, 1,
     "D:1:1\n--------------------\n   1 | >>> a\n   2 |     b\n   3 |     c\n"
     "--------------------\n"},
    {"a\nb\nc\nd\ne\nf\ng", 3, 4,
     "D:3:1\n--------------------\n   2 |     b\n   3 | >>> c\n   4 | >>> d\n   5 |     e\n"
     "--------------------\n"},
    {"only", 1, 1, "D:1:1\n--------------------\n   1 | >>> only\n--------------------\n"},
    {"a\r\nb\r\n", 2, 9,
     "D:2:1\n--------------------\n   1 |     a\n   2 | >>> b\n   3 | >>> \n"
     "--------------------\n"},
    {"a", 5, 5, "D:5:1\n"},
    {"a", 0, 0, ""},
};

TEST(dockerfile_shows_lines_around)
{
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        const struct source src = {"D", shown[i].text, strlen(shown[i].text)};
        const struct source_range r = {{shown[i].first, 1}, {shown[i].last, 1}};

        CHECK_STR(source_show(test_arena, &src, r), shown[i].is);
    }
}

TEST(dockerfile_does_not_repeat_long_texts)
{
    struct dockerfile d;
    struct err *e = parse(repeat("FROM a\n", "ä", 20000), &d);

    CHECK(e && strlen(err_text(e)) < 400 && text_ends(err_text(e), "ä…"));
    err_drop(e);
}

TEST(dockerfile_finds_stages)
{
    struct dockerfile d;

    CHECK_OK(parse("FROM a AS one\nFROM b\nFROM c AS Two\nFROM d AS one\n", &d));
    CHECK(dockerfile_find_stage(&d, "one", 4) == &d.stages[3]);
    CHECK(dockerfile_find_stage(&d, "ONE", 3) == &d.stages[0]);
    CHECK(dockerfile_find_stage(&d, "two", 4) == &d.stages[2]);
    CHECK(dockerfile_find_stage(&d, "1", 4) == &d.stages[1]);
    CHECK(!dockerfile_find_stage(&d, "1", 1));
    CHECK(!dockerfile_find_stage(&d, "4", 4));
    CHECK(!dockerfile_find_stage(&d, "-1", 4));
    CHECK(!dockerfile_find_stage(&d, "", 4));
    CHECK(!dockerfile_find_stage(&d, "b", 4));
    CHECK(!dockerfile_find_base(&d, "1", 4));
    CHECK(dockerfile_find_base(&d, "One", 2) == &d.stages[0]);
}

TEST(dockerfile_finds_the_target)
{
    const struct stage *st;
    struct dockerfile d;
    struct err *e;

    CHECK_OK(parse("FROM a AS build\nFROM b\n", &d));
    CHECK_OK(dockerfile_find_target(&d, "", &st));
    CHECK(st == &d.stages[1]);
    CHECK_OK(dockerfile_find_target(&d, NULL, &st));
    CHECK_OK(dockerfile_find_target(&d, "BUILD", &st));
    CHECK(st == &d.stages[0]);
    CHECK_OK(dockerfile_find_target(&d, "0", &st));
    CHECK(st == &d.stages[0]);
    e = dockerfile_find_target(&d, "biuld", &st);
    CHECK_STR(err_text(e), "target stage \"biuld\" could not be found (did you mean build?)");
    CHECK_ERR(e, ERR_NOT_FOUND);
    e = dockerfile_find_target(&d, "other", &st);
    CHECK_STR(err_text(e), "target stage \"other\" could not be found");
    err_drop(e);
}

static const struct trigger {
    const char *text, *says; /* NULL: it is one */
} triggers[] = {
    {"RUN make", NULL},
    {"COPY <<EOF /x\nbody\nEOF", NULL},
    {"run a \\\n  b", NULL},
    {"# escape=`\nRUN a", NULL},
    {"", "onbuild trigger should be a single expression"},
    {"RUN a\nRUN b", "onbuild trigger should be a single expression"},
    {"FROM x", "FROM isn't allowed as an ONBUILD trigger"},
    {"MAINTAINER x", "MAINTAINER isn't allowed as an ONBUILD trigger"},
    {"ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"},
    {"COPY a", "COPY requires at least two arguments"},
    {"RUNN a", "unknown instruction: RUNN (did you mean RUN?)"},
};

TEST(dockerfile_parses_triggers)
{
    for (size_t i = 0; i < ARRAY_LEN(triggers); i++) {
        struct instruction in;
        struct err *e = dockerfile_parse_trigger(test_arena, triggers[i].text, &in);

        if (!triggers[i].says)
            CHECK_OK(e);
        else if (!e || !strstr(err_text(e), triggers[i].says))
            test_fail(__FILE__, __LINE__, "%s: %s", triggers[i].text, e ? err_text(e) : "parsed");
        else
            err_drop(e);
    }
}

TEST(dockerfile_needs_no_end_of_text)
{
    const char text[] = {'F', 'R', 'O', 'M', ' ', 'a', '\n', 'R', 'U', 'N', ' ', 'b', ' ', '\\'};
    char *exact = malloc(sizeof(text));
    const struct source src = {"D", exact, sizeof(text)};
    struct dockerfile d;

    memcpy(exact, text, sizeof(text));
    CHECK_OK(dockerfile_parse(test_arena, &src, &d, &where));
    free(exact);
    CHECK_STR(d.stages[0].instructions[0].args.v[0], "b");
}
