/* SPDX-License-Identifier: Apache-2.0 */
/* What a login makes of config.json, what helpers print, and what registries are called. */
/* links: cli image */
#include "auth_env.h"
#include "config_json.h"
#include "credential_helper.h"
#include "server_name.h"

#include "test.h"

static char *edited(const char *text, const struct config_edit *e, bool *is_changed)
{
    autobuf struct buf b = {0};
    const struct json *doc = NULL;

    if (text)
        CHECK_OK(json_parse(test_arena, text, strlen(text), &doc));
    CHECK_OK(config_json_edit(&b, test_arena, doc, e, is_changed));
    return arena_strndup(test_arena, b.data, b.len);
}

TEST(config_json_begins_with_a_login)
{
    bool is_changed;

    CHECK_STR(edited(NULL, &(struct config_edit){.key = "reg.lan", .auth = "dTpw"}, &is_changed),
              "{\n\t\"auths\": {\n\t\t\"reg.lan\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n");
    CHECK(is_changed);
}

TEST(config_json_keeps_what_it_does_not_know)
{
    const char *had =
        "{\"z\":[1.50,[],{}],\"auths\":{\"b\":{\"auth\":\"x\",\"email\":\"e\"},\"a\":{}},"
        "\"a\":\"\\u00e9\",\"n\":12345678901234567890}";
    struct config_edit set = {.key = "b", .identity = "t"};
    bool is_changed;

    CHECK_STR(
        edited(had, &set, &is_changed),
        "{\n\t\"z\": [\n\t\t1.50,\n\t\t[],\n\t\t{}\n\t],\n\t\"auths\": {\n\t\t\"b\": {\n"
        "\t\t\t\"identitytoken\": \"t\",\n\t\t\t\"email\": \"e\"\n\t\t},\n\t\t\"a\": {}\n\t},\n"
        "\t\"a\": \"\\u00e9\",\n\t\"n\": 12345678901234567890\n}\n");
}

TEST(config_json_takes_entries_away)
{
    struct config_edit e = {0};
    bool is_changed;

    strs_add(test_arena, &e.removed, "a");
    CHECK_STR(edited("{\"auths\":{\"a\":{},\"b\":{}}}", &e, &is_changed),
              "{\n\t\"auths\": {\n\t\t\"b\": {}\n\t}\n}\n");
    CHECK(is_changed);
    edited("{\"auths\":{\"b\":{}}}", &e, &is_changed);
    CHECK(!is_changed);
    edited(NULL, &e, &is_changed);
    CHECK(!is_changed);
}

TEST(config_json_is_refused_when_it_is_none)
{
    static const char *const bad[] = {"[]", "1", "{\"auths\":[]}", "{\"credsStore\":1}",
                                      "{\"credHelpers\":\"x\"}"};
    const struct json *doc;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_OK(json_parse(test_arena, bad[i], strlen(bad[i]), &doc));
        CHECK_ERR(config_json_check(doc), ERR_INVALID);
    }
    CHECK_OK(json_parse(test_arena, "{\"auths\":null}", 14, &doc));
    CHECK_OK(config_json_check(doc));
}

TEST(helper_says_who_we_are)
{
    const char *user = "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}",
               *token = "{\"Username\":\"<token>\",\"Secret\":\"s\"}";
    struct credential c;

    CHECK_OK(helper_read_get(test_arena, user, strlen(user), &c));
    CHECK_STR(c.user, "u");
    CHECK_STR(c.password, "s");
    CHECK(!c.identity_token);
    CHECK_OK(helper_read_get(test_arena, token, strlen(token), &c));
    CHECK(!c.user && !c.password);
    CHECK_STR(c.identity_token, "s");
    CHECK_ERR(helper_read_get(test_arena, "<html>", 6, &c), ERR_INVALID);
}

TEST(helper_lists_registries)
{
    struct strs keys = {0};

    CHECK_OK(helper_read_list(test_arena, "{\"a\":\"u\",\"b\":\"v\"}", 17, &keys));
    CHECK_INT(keys.n, 2);
    CHECK_STR(keys.v[1], "b");
    CHECK_ERR(helper_read_list(test_arena, "[\"a\"]", 5, &keys), ERR_INVALID);
}

TEST(server_name_becomes_a_host)
{
    static const struct {
        const char *server, *domain;
    } names[] = {
        {NULL, "docker.io"},
        {"", "docker.io"},
        {"https://index.docker.io/v1/", "docker.io"},
        {"registry-1.docker.io", "docker.io"},
        {"Reg.LAN:5000", "reg.lan:5000"},
        {"http://10.0.0.1/v2/x", "10.0.0.1"},
        {"[::1]:5000", "[::1]:5000"},
    };
    static const char *const bad[] = {"u:p@host", "https://u:p@host/",
                                      "a b",      "a:",
                                      "a:70000",  "a:5x",
                                      "[::1",     "[::1]x",
                                      "a?b",      "a#b",
                                      "a%2fb",    "ftp://a"};
    char *domain;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_OK(server_name_domain(test_arena, names[i].server, &domain));
        CHECK_STR(domain, names[i].domain);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(server_name_domain(test_arena, bad[i], &domain), ERR_INVALID);
}

TEST(choice_of_a_context)
{
    struct config_edit use = {.context = "lab"}, none = {.context = ""};
    bool is_changed;

    CHECK_STR(edited(NULL, &use, &is_changed), "{\n\t\"currentContext\": \"lab\"\n}\n");
    CHECK(is_changed);
    CHECK_STR(
        edited("{\"currentcontext\":\"a\",\"z\":1.0,\"currentContext\":\"b\"}", &use, &is_changed),
        "{\n\t\"currentcontext\": \"lab\",\n\t\"z\": 1.0\n}\n");
    CHECK(is_changed);
    CHECK_STR(edited("{\"currentContext\":\"b\",\"z\":[]}", &none, &is_changed),
              "{\n\t\"z\": []\n}\n");
    CHECK(is_changed);
    edited("{\"currentContext\":\"lab\"}", &use, &is_changed);
    CHECK(!is_changed);
    edited("{\"z\":1}", &none, &is_changed);
    CHECK(!is_changed);
    edited("{\"currentContext\":\"lab\"}", &(struct config_edit){0}, &is_changed);
    CHECK(!is_changed);
}

TEST(credentials_of_the_environment)
{
    struct auth_env env = {0};

    CHECK_OK(auth_env_parse(test_arena, "", &env));
    CHECK_OK(auth_env_parse(test_arena, " \n", &env));
    CHECK_OK(auth_env_parse(test_arena, "{}", &env));
    CHECK_OK(auth_env_parse(test_arena, "{\"auths\":null}", &env));
    CHECK_INT(env.keys.n, 0);
    CHECK_OK(auth_env_parse(test_arena,
                            "{\"auths\":{\"reg.lan:5000\":{\"auth\":\"dTpwOng=\"},"
                            "\"b\":{\"Auth\":\"YTpi\"}}}",
                            &env));
    CHECK_INT(env.keys.n, 2);
    CHECK_STR(env.keys.v[0], "reg.lan:5000");
    CHECK_STR(env.v[0].user, "u");
    CHECK_STR(env.v[0].password, "p:x"); /* the first colon counts */
    CHECK_STR(env.v[1].user, "a");
}

TEST(wrong_credentials_of_the_environment)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{", "not one JSON object"},
        {"[]", "not one JSON object"},
        {"{} {}", "not one JSON object"},
        {"{\"auths\":[]}", "is no object"},
        {"{\"auths\":{},\"credsStore\":\"x\"}", "unknown field \"credsStore\""},
        {"{\"auths\":{\"r\":{}}}", "is missing key `auth` for r"},
        {"{\"auths\":{\"r\":\"dTpw\"}}", "is missing key `auth` for r"},
        {"{\"auths\":{\"r\":{\"auth\":1}}}", "is missing key `auth` for r"},
        {"{\"auths\":{\"r\":{\"auth\":\"dTpw\",\"email\":\"e\"}}}", "unknown field \"email\""},
        {"{\"auths\":{\"r\":{\"auth\":\"%%\"}}}", "Invalid auth configuration file"},
        {"{\"auths\":{\"r\":{\"auth\":\"dXA=\"}}}", "Invalid auth configuration file"},
        {"{\"auths\":{\"r\":{\"auth\":\"OnA=\"}}}", "Invalid auth configuration file"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct auth_env env = {0};
        struct err *e = auth_env_parse(test_arena, cases[i].text, &env);

        CHECK(e && strstr(err_text(e), cases[i].says));
        CHECK(e && !strstr(err_text(e), "dTpw"));
        err_drop(e);
        CHECK_INT(env.keys.n, 0);
    }
}
