/* SPDX-License-Identifier: Apache-2.0 */
/* The lint: how it is shown, what an image's variables change, its bound. The rules are in
 * tests/build/constructs/. */
/* links: build */
#include "build/lint.h"

#include "test.h"

static struct dockerfile parsed;
static struct source source;
static struct source_range where;

static struct lint_result lint(const char *text, struct lint_input *in)
{
    static const struct scope_options o = {.target_platform = "linux/amd64"};
    struct lint_result r;

    source = (struct source){"Dockerfile", text, strlen(text)};
    CHECK_OK(dockerfile_parse(test_arena, &source, &parsed, &where));
    in->scope = &o;
    CHECK_OK(dockerfile_lint(test_arena, &parsed, in, &r, &where));
    return r;
}

TEST(lint_is_shown_as_docker_does)
{
    struct lint_input in = {0};
    struct lint_result r = lint("FROM scratch AS Big\nCOPY a /\nCMD x\n", &in);

    CHECK_STR(lint_show(test_arena, &source, &r),
              "\nWARNING: StageNameCasing - "
              "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n"
              "Stage name 'Big' should be lowercase\n"
              "Dockerfile:1\n"
              "--------------------\n"
              "   1 | >>> FROM scratch AS Big\n"
              "   2 |     COPY a /\n"
              "   3 |     CMD x\n"
              "--------------------\n"
              "\nWARNING: JSONArgsRecommended - "
              "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
              "JSON arguments recommended for CMD to prevent unintended behavior related to OS "
              "signals\n"
              "Dockerfile:3\n"
              "--------------------\n"
              "   1 |     FROM scratch AS Big\n"
              "   2 |     COPY a /\n"
              "   3 | >>> CMD x\n"
              "   4 |     \n"
              "--------------------\n");
}

static const struct strs *image_env(void *ctx, const char *image)
{
    return strcmp(image, "known") ? NULL : ctx;
}

TEST(lint_knows_variables_of_images)
{
    struct strs env = {0};
    struct lint_input in = {.image_env = image_env, .ctx = &env};
    struct lint_result r;

    strs_add(test_arena, &env, "SET=1");
    r = lint("FROM known\nLABEL a=$SET b=$UNSET\nFROM other\nLABEL a=$SET b=$UNSET\n", &in);
    CHECK_INT(r.n, 1);
    CHECK_INT(r.warnings[0].where.first.line, 2);
    CHECK_STR(r.warnings[0].text, "Usage of undefined variable '$UNSET' (did you mean $SET?)");
}

TEST(lint_has_a_bound)
{
    autobuf struct buf text = {0};
    struct lint_input in = {0};

    buf_puts(&text, "FROM a\n");
    for (int i = 0; i < 3000; i++)
        buf_puts(&text, "MAINTAINER x\n");
    CHECK_INT(lint(text.data, &in).n, LINT_WARNINGS_MAX);
}

TEST(lint_says_where_an_expansion_fails)
{
    static const struct scope_options o = {0};
    struct lint_input in = {.scope = &o};
    struct lint_result r = lint("FROM a AS X\n", &in);
    struct err *e;

    source = (struct source){"D", "FROM a AS X\nLABEL a=${x\n", 24};
    CHECK_OK(dockerfile_parse(test_arena, &source, &parsed, &where));
    e = dockerfile_lint(test_arena, &parsed, &in, &r, &where);
    CHECK(e && strstr(err_text(e), "missing '}'"));
    err_drop(e);
    CHECK_INT(where.first.line, 2);
    CHECK_INT(r.n, 1);
}
