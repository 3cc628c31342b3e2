/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/* Names inside archives: cleaning, whiteouts, links. */
#include "tar/tar_name.h"

#include "test.h"

static struct tar_name n, m;

static const char *clean(const char *raw)
{
    CHECK_OK(tar_name_clean(raw, &n));
    return n.path;
}

static enum tar_name_kind kind(const char *raw)
{
    enum tar_name_kind k;

    clean(raw);
    CHECK_OK(tar_name_classify(&n, &k));
    return k;
}

static void check_refused(const char *raw)
{
    enum tar_name_kind k;

    clean(raw);
    CHECK_ERR(tar_name_classify(&n, &k), ERR_INVALID);
}

TEST(tar_name_is_cleaned)
{
    CHECK_STR(clean("a/b/c"), "a/b/c");
    CHECK_STR(n.base, "c");
    CHECK_INT(n.parent_len, 3);
    CHECK_STR(clean("/etc//./passwd/"), "etc/passwd");
    CHECK_STR(clean("./"), "");
    CHECK_STR(clean("."), "");
    CHECK_STR(clean(""), "");
    CHECK_STR(clean("///"), "");
    CHECK_STR(clean("x"), "x");
    CHECK_INT(n.parent_len, 0);
    CHECK_STR(clean("..."), "...");
    CHECK_STR(clean("..x/x.."), "..x/x..");
}

TEST(tar_name_refuses_parents)
{
    CHECK_ERR(tar_name_clean("..", &n), ERR_INVALID);
    CHECK_ERR(tar_name_clean("../x", &n), ERR_INVALID);
    CHECK_ERR(tar_name_clean("a/../b", &n), ERR_INVALID);
    CHECK_ERR(tar_name_clean("a/..", &n), ERR_INVALID);
    CHECK_ERR(tar_name_clean("/../etc", &n), ERR_INVALID);
}

TEST(tar_name_refuses_long_ones)
{
    char *part = arena_alloc(test_arena, 300), *name = arena_alloc(test_arena, 5000);

    memset(part, 'x', 255);
    CHECK_STR(clean(part), part);
    part[255] = 'x';
    CHECK_ERR(tar_name_clean(part, &n), ERR_INVALID);
    for (int i = 0; i < 4096; i++)
        name[i] = i % 2 ? '/' : 'x';
    name[4095] = 'x';
    CHECK_OK(tar_name_clean(name, &n));
    memcpy(name + 4096, "/x/x", 5);
    CHECK_ERR(tar_name_clean(name, &n), ERR_INVALID);
}

TEST(tar_name_knows_whiteouts)
{
    CHECK_INT(kind("a/b"), TAR_NAME_PLAIN);
    CHECK_INT(kind("a/.wh"), TAR_NAME_PLAIN);
    CHECK_INT(kind("a/x.wh.y"), TAR_NAME_PLAIN);
    CHECK_INT(kind(".wh.x"), TAR_NAME_WHITEOUT);
    CHECK_INT(kind("a/.wh.b"), TAR_NAME_WHITEOUT);
    CHECK_STR(tar_name_hidden(&n), "b");
    CHECK_INT(kind("a/.wh..hidden"), TAR_NAME_WHITEOUT);
    CHECK_STR(tar_name_hidden(&n), ".hidden");
    CHECK_INT(kind("a/.wh..wh..opq"), TAR_NAME_OPAQUE);
    CHECK_INT(kind(".wh..wh.plnk/17.3"), TAR_NAME_IGNORED);
    CHECK_INT(kind(".wh..wh.aufs"), TAR_NAME_IGNORED);
    check_refused("a/.wh.");
    check_refused(".wh..");
    check_refused("a/.wh...");
    check_refused(".wh.x/y");
}

TEST(tar_name_follows_links_inside)
{
    clean("abc/layer.tar");
    CHECK_OK(tar_name_follow(&n, "../def/layer.tar", &m));
    CHECK_STR(m.path, "def/layer.tar");
    CHECK_OK(tar_name_follow(&n, "other", &m));
    CHECK_STR(m.path, "abc/other");
    CHECK_OK(tar_name_follow(&n, "/top", &m));
    CHECK_STR(m.path, "top");
    CHECK_ERR(tar_name_follow(&n, "../../x", &m), ERR_INVALID);
    CHECK_ERR(tar_name_follow(&n, "/../x", &m), ERR_INVALID);
    clean("top");
    CHECK_ERR(tar_name_follow(&n, "../x", &m), ERR_INVALID);
}
