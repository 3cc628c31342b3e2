/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Paths to routes, and versions in front of them. */
#include "router.h"

#include "test.h"

static void a(struct request *r)
{
    (void)r;
}

static const struct route table[] = {
    {"GET", "/images/json", a, 1},
    {"GET", "/images/{*}/json", a, 2},
    {"POST", "/images/{*}/tag", a, 3},
    {"DELETE", "/images/{*}", a, 4},
    {"GET", "/containers/{}/json", a, 5},
    {"GET", "/containers/{}/attach/ws", a, 6},
    {"DELETE", "/containers/{}/checkpoints/{}", a, 7},
    {"DELETE", "/containers/{}", a, 8},
    {0},
};

/* The route's number, 0 for none. */
static unsigned find(const char *method, const char *path, struct route_match *m)
{
    *m = (struct route_match){0};
    return router_match(test_arena, table, method, path, m) ? m->route->flags : 0;
}

TEST(router_captures_segments)
{
    struct route_match m;

    CHECK_INT(find("GET", "/containers/web/json", &m), 5);
    CHECK_STR(m.args[0], "web");
    CHECK_INT(find("GET", "/containers/web/attach/ws", &m), 6);
    CHECK_INT(find("DELETE", "/containers/a/checkpoints/b", &m), 7);
    CHECK_STR(m.args[1], "b");
    CHECK_INT(find("DELETE", "/containers/a", &m), 8);
}

TEST(router_takes_image_names_with_slashes)
{
    struct route_match m;

    CHECK_INT(find("GET", "/images/json", &m), 1);
    CHECK_INT(find("GET", "/images/192.168.1.110:5000/busybox/json", &m), 2);
    CHECK_STR(m.args[0], "192.168.1.110:5000/busybox");
    CHECK_INT(find("GET", "/images/a/json/json", &m), 2);
    CHECK_STR(m.args[0], "a/json");
    CHECK_INT(find("POST", "/images/x/y:1/tag", &m), 3);
    CHECK_INT(find("DELETE", "/images/x@sha256:00", &m), 4);
}

TEST(router_refuses_what_no_row_has)
{
    struct route_match m;
    const char *paths[] = {"",
                           "/",
                           "/images",
                           "/images//json",
                           "/containers//json",
                           "/containers/a/b/json",
                           "/containers/a/json/",
                           "/containers/json/"};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        CHECK_INT(find("GET", paths[i], &m), 0);
    CHECK_INT(find("PUT", "/images/json", &m), 0);
    CHECK_INT(find("get", "/images/json", &m), 0);
}

static void check_version(const char *path, const char *rest, int wanted)
{
    int version;

    CHECK_OK(router_version(&path, 124, 151, &version));
    CHECK_STR(path, rest);
    CHECK_INT(version, wanted);
}

TEST(router_takes_the_version_off)
{
    check_version("/v1.41/info", "/info", 141);
    check_version("/v1.24/info", "/info", 124);
    check_version("/info", "/info", 151);
    check_version("/version", "/version", 151);
    check_version("/v1.41", "/v1.41", 151);
    check_version("/v1.41x/info", "/v1.41x/info", 151);
    check_version("/volumes", "/volumes", 151);
}

TEST(router_refuses_versions_in_dockers_words)
{
    const char *path = "/v1.9/info";
    int version;
    struct err *e = router_version(&path, 124, 151, &version);

    CHECK_INT(version, 109);
    CHECK_STR(err_text(e), "client version 1.9 is too old. Minimum supported API version is 1.24, "
                           "please upgrade your client to a newer version");
    CHECK_ERR(e, ERR_INVALID);
    path = "/v1.52/info";
    e = router_version(&path, 124, 151, &version);
    CHECK_STR(err_text(e), "client version 1.52 is too new. Maximum supported API version is 1.51");
    CHECK_ERR(e, ERR_INVALID);
    path = "/v99999999999999999999.1/info";
    CHECK_ERR(router_version(&path, 124, 151, &version), ERR_INVALID);
    path = "/v1.9999999999/info";
    CHECK_ERR(router_version(&path, 124, 151, &version), ERR_INVALID);
}
