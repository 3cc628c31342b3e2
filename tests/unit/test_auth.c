/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a registry, and where it is: X-Registry-Auth, challenges, endpoints. */
/* links: image */
#include "challenge.h"

#include "fetch.h"
#include "registry_endpoint.h"

#include "test.h"

static struct registry_auth read_auth(const char *json, bool url, bool pad)
{
    char *text = text_to_base64(test_arena, json, strlen(json), url);
    struct registry_auth a;

    if (!pad)
        text[strcspn(text, "=")] = '\0';
    registry_auth_parse(test_arena, text, &a);
    return a;
}

TEST(auth_takes_every_base64)
{
    static const char json[] = "{\"username\":\"us\",\"password\":\"p?>~\"}";

    for (int i = 0; i < 4; i++) {
        struct registry_auth a = read_auth(json, i & 1, i & 2);

        CHECK_STR(a.username, "us");
        CHECK_STR(a.password, "p?>~");
    }
}

TEST(auth_other_forms)
{
    struct registry_auth a = read_auth("{\"auth\":\"dXNlcjpzZTpjcmV0\"}", false, true);

    CHECK_STR(a.username, "user");
    CHECK_STR(a.password, "se:cret");
    a = read_auth("{\"identitytoken\":\"t\",\"serveraddress\":\"h\"}", true, true);
    CHECK_STR(a.identity_token, "t");
    CHECK_STR(a.server, "h");
    a = read_auth("{\"registrytoken\":\"t\\r\\nX: y\"}", true, true);
    CHECK(!a.registry_token);
}

TEST(auth_ignores_nonsense)
{
    static const char *const bads[] = {"", "e30=", "!!!", "bm8=", "W10=", "eyJ1c2VybmFtZSI6NX0="};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct registry_auth a;

        registry_auth_parse(test_arena, bads[i], &a);
        CHECK(!a.username && !a.password && !a.identity_token && !a.registry_token);
    }
}

static struct challenge challenge(const char *header)
{
    struct challenge c;

    challenge_parse(test_arena, header, &c);
    return c;
}

TEST(challenge_bearer)
{
    struct challenge c = challenge("Bearer realm=\"https://auth.docker.io/token\",service=\"reg\","
                                   "scope=\"repository:a/b:pull,push\",error=\"invalid_token\"");

    CHECK_INT(c.scheme, CHALLENGE_BEARER);
    CHECK_STR(c.realm, "https://auth.docker.io/token");
    CHECK_STR(c.service, "reg");
    CHECK_STR(c.scope, "repository:a/b:pull,push");
    CHECK_STR(c.error, "invalid_token");
}

TEST(challenge_forms)
{
    CHECK_INT(challenge("Basic realm=\"x\"").scheme, CHALLENGE_BASIC);
    CHECK_INT(challenge("basic").scheme, CHALLENGE_BASIC);
    CHECK_STR(challenge("bEaReR Realm = https://x , service=y").realm, "https://x");
    CHECK_STR(challenge("Bearer realm=\"a\\\"b\"").realm, "a\"b");
    CHECK_STR(challenge("Basic realm=\"x\", Bearer realm=\"y\"").realm, "y");
    CHECK_STR(challenge("Bearer realm=\"y\", Basic realm=\"x\"").realm, "y");
    CHECK_STR(challenge("Negotiate, Bearer realm=\"y\"").realm, "y");
    CHECK_INT(challenge("Negotiate abc==, Basic realm=\"y\"").scheme, CHALLENGE_BASIC);
}

TEST(challenge_nonsense)
{
    static const char *const bads[] = {
        "",
        ",",
        "=",
        "Bearer",
        "Bearer realm=",
        "Bearer realm=\"",
        "Bearer realm=\"x",
        "\"",
        "Bearer service=\"x\"",
        "Digest realm=\"x\"",
        "Bearer realm",
        ",,,",
        "Bearer,realm",
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        CHECK_INT(challenge(bads[i]).scheme, CHALLENGE_NONE);
}

/* ---- endpoints ---- */

TEST(endpoint_loopback)
{
    static const char *const yes[] = {"localhost", "localhost:5000", "127.0.0.1",  "127.3.2.1:1",
                                      "[::1]",     "[::1]:5000",     "LOCALHOST:5"};
    static const char *const no[] = {"localhost.com", "128.0.0.1", "127.example.com",
                                     "[::2]",         "docker.io", "0.0.0.0:5000"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        CHECK(domain_is_loopback(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CHECK(!domain_is_loopback(no[i]));
}

TEST(endpoint_insecure)
{
    struct strs list =
        text_split(test_arena, "10.0.0.0/8,reg:5000,plain,fd00::/16,bad/x,1.2.3.4/33", ',');

    CHECK(domain_is_insecure("10.1.2.3:5000", &list));
    CHECK(domain_is_insecure("reg:5000", &list));
    CHECK(!domain_is_insecure("reg:5001", &list));
    CHECK(domain_is_insecure("plain:7", &list));
    CHECK(domain_is_insecure("[fd00::5]:5000", &list));
    CHECK(!domain_is_insecure("11.1.2.3", &list));
    CHECK(!domain_is_insecure("1.2.3.4", &list));
    CHECK(!domain_is_insecure("docker.io", &list));
}

TEST(endpoint_order)
{
    struct settings s = {0};
    struct registry_endpoints e;

    e = registry_endpoints_of(test_arena, "example.com", &s);
    CHECK_INT(e.n, 1);
    CHECK_STR(e.v[0].base, "https://example.com");
    CHECK(!e.v[0].is_insecure);
    e = registry_endpoints_of(test_arena, "localhost:5000", &s);
    CHECK_INT(e.n, 2);
    CHECK_STR(e.v[0].base, "http://localhost:5000");
    CHECK_STR(e.v[1].base, "https://localhost:5000");
    strs_add(test_arena, &s.insecure_registries, "example.com");
    e = registry_endpoints_of(test_arena, "example.com", &s);
    CHECK_STR(e.v[0].base, "https://example.com");
    CHECK(e.v[0].is_insecure);
    CHECK_STR(e.v[1].base, "http://example.com");
    strs_add(test_arena, &s.registry_mirrors, "https://mirror.example/");
    e = registry_endpoints_of(test_arena, "docker.io", &s);
    CHECK_INT(e.n, 2);
    CHECK_STR(e.v[0].base, "https://mirror.example");
    CHECK(e.v[0].is_mirror);
    CHECK_STR(e.v[1].base, "https://registry-1.docker.io");
}

TEST(mirrors_are_of_any_registry)
{
    struct settings s = {0};
    struct registry_endpoints e;

    strs_add(test_arena, &s.registry_mirrors, "ghcr.io=http://m.lan/ghcr/");
    strs_add(test_arena, &s.registry_mirrors, "hub.lan:5000");
    strs_add(test_arena, &s.certs_dirs, "/c");
    strs_add(test_arena, &s.certs_dirs, "/d");
    e = registry_endpoints_of(test_arena, "ghcr.io", &s);
    CHECK_INT(e.n, 2);
    CHECK_STR(e.v[0].base, "http://m.lan/ghcr");
    CHECK(e.v[0].is_mirror && e.v[0].certs.n == 0);
    CHECK_STR(e.v[1].base, "https://ghcr.io");
    CHECK(!e.v[1].is_mirror);
    CHECK_STR(strs_join(test_arena, &e.v[1].certs, " "), "/c/ghcr.io /d/ghcr.io");
    e = registry_endpoints_of(test_arena, "docker.io", &s);
    CHECK_INT(e.n, 2);
    CHECK_STR(e.v[0].base, "https://hub.lan:5000");
    CHECK_STR(e.v[0].certs.v[0], "/c/hub.lan:5000");
    e = registry_endpoints_of(test_arena, "quay.io", &s);
    CHECK_INT(e.n, 1);
}

/* ---- refusals ---- */

static void check_refusal(int status, const char *body, const char *text, const char *code)
{
    struct buf b = {.data = (char *)body, .len = strlen(body)};
    const char *is_code;
    struct err *e = registry_err(test_arena, status, "http://h/v2/x", &b, &is_code);

    CHECK_STR(err_text(e), text);
    CHECK_STR(is_code, code);
    err_drop(e);
}

TEST(registry_refusals)
{
    check_refusal(404,
                  "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
                  "manifest unknown: manifest unknown", "MANIFEST_UNKNOWN");
    check_refusal(403, "", "denied: requested access to the resource is denied", "DENIED");
    check_refusal(401, "{\"details\":\"incorrect username or password\"}",
                  "unauthorized: incorrect username or password", "UNAUTHORIZED");
    check_refusal(401, "<html>", "unauthorized: authentication required", "UNAUTHORIZED");
    check_refusal(500, "{\"errors\":[]}",
                  "received unexpected HTTP status from \"http://h/v2/x\": 500", "");
    check_refusal(500, "{\"errors\":[{\"code\":\"A\\nB\",\"message\":\"x\\u0007y\"}]}", "a b: x y",
                  "A B");
}
