/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* "user[:group]" against an image's passwd and group files. */
#include "runtime/users.h"

#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "test.h"

static struct user_files files = {
    .passwd = (char *)"root:x:0:0:root:/root:/bin/sh\n"
                      "# comment\n"
                      "\n"
                      "broken line\n"
                      "huge:x:4294967296:0::/huge:/bin/sh\n"
                      "4294967296:x:0:0:trap:/trap:/bin/sh\n"
                      "1234:x:0:0:trap:/trap:/bin/sh\n"
                      "bob:x:1000:1001:Bob:/home/bob:/bin/sh\n"
                      "nohome:x:1002:1002",
    .group = (char *)"root:x:0:\n"
                     "wheel:x:10:root,bob\n"
                     "bobs:x:1001:\n"
                     "audio:x:29:alice,bob,carol\n"
                     "bobby:x:77:bobb,obob\n"
                     "last:x:5",
};

static struct sandbox_user resolve(const char *spec, const char *add)
{
    struct strs group_add = text_split(test_arena, add, ' ');
    struct sandbox_user u;

    CHECK_OK(user_resolve(test_arena, &files, spec, &group_add, &u));
    return u;
}

static void refuses(const char *spec, const char *add, const char *text)
{
    struct strs group_add = text_split(test_arena, add, ' ');
    struct sandbox_user u;
    struct err *e = user_resolve(test_arena, &files, spec, &group_add, &u);

    CHECK(e != NULL);
    CHECK_INT(err_kind(e), ERR_INVALID);
    CHECK_STR(err_text(e), text);
    err_drop(e);
}

TEST(user_default_is_root_of_the_image)
{
    struct sandbox_user u = resolve(NULL, "");

    CHECK_INT(u.uid, 0);
    CHECK_INT(u.gid, 0);
    CHECK_STR(u.home, "/root");
    CHECK_INT(u.n_groups, 2); /* the primary one and wheel */
    CHECK_INT(u.groups[0], 0);
    CHECK_INT(u.groups[1], 10);
}

TEST(user_by_name_has_its_groups)
{
    struct sandbox_user u = resolve("bob", "");

    CHECK_INT(u.uid, 1000);
    CHECK_INT(u.gid, 1001);
    CHECK_STR(u.home, "/home/bob");
    CHECK_INT(u.n_groups, 3);
    CHECK_INT(u.groups[0], 1001);
    CHECK_INT(u.groups[1], 10);
    CHECK_INT(u.groups[2], 29);
}

TEST(user_explicit_group_has_no_memberships)
{
    struct sandbox_user u = resolve("bob:audio", "");

    CHECK_INT(u.gid, 29);
    CHECK_INT(u.n_groups, 1);
    u = resolve("bob:", "");
    CHECK_INT(u.gid, 1001);
    u = resolve(":wheel", "last 4000 wheel");
    CHECK_INT(u.uid, 0);
    CHECK_INT(u.gid, 10);
    CHECK_INT(u.n_groups, 3);
    CHECK_INT(u.groups[1], 5);
    CHECK_INT(u.groups[2], 4000);
}

TEST(user_by_number)
{
    struct sandbox_user u = resolve("4000", "");

    CHECK_INT(u.uid, 4000);
    CHECK_INT(u.gid, 0);
    CHECK_STR(u.home, "/");
    u = resolve("1000:7", "");
    CHECK_INT(u.gid, 7);
    CHECK_STR(u.home, "/home/bob");
    u = resolve("1002", "");
    CHECK_STR(u.home, "/");
    u = resolve("2147483647", "");
    CHECK(u.uid == 2147483647u);
}

TEST(user_digits_are_never_a_name)
{
    struct user_files files_of_foe = {0};
    struct sandbox_user u = resolve("1234", ""); /* an image maps that name to root */

    CHECK_INT(u.uid, 1234);
    CHECK_ERR(user_resolve(test_arena, &files, "2147483648", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "0:2147483648", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "4294967296", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "4294967295", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "0:4294967295", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "99999999999999999999999", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "+0", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "0x0", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files, "-1", NULL, &u), ERR_INVALID);
    /* nor does a name that looks like another way to write a number */
    files_of_foe.passwd = "-1:x:0:0::/:\n+5:x:0:0::/:\n0x0:x:0:0::/:\n0xy:x:7:7::/:\n";
    files_of_foe.group = files_of_foe.passwd;
    CHECK_ERR(user_resolve(test_arena, &files_of_foe, "-1", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files_of_foe, "+5", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files_of_foe, "0x0", NULL, &u), ERR_INVALID);
    CHECK_ERR(user_resolve(test_arena, &files_of_foe, "1:0X0", NULL, &u), ERR_INVALID);
    CHECK_OK(user_resolve(test_arena, &files_of_foe, "0xy", NULL, &u));
    CHECK_INT(u.uid, 7);
}

TEST(user_refuses_in_dockers_words)
{
    refuses("eve", "", "unable to find user eve: no matching entries in passwd file");
    refuses("huge", "", "unable to find user huge: no matching entries in passwd file");
    refuses("bob:eves", "", "unable to find group eves: no matching entries in group file");
    refuses("bob", "eves", "unable to find group eves: no matching entries in group file");
}

TEST(user_without_files)
{
    struct user_files none = {0};
    struct sandbox_user u;

    CHECK_OK(user_resolve(test_arena, &none, "5:6", NULL, &u));
    CHECK_INT(u.uid, 5);
    CHECK_ERR(user_resolve(test_arena, &none, "root", NULL, &u), ERR_INVALID);
}

TEST(user_files_stay_inside_the_root)
{
    const char *dir = test_dir();
    int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct user_files f;

    CHECK_OK(user_files_read(test_arena, root, &f));
    CHECK(f.passwd == NULL && f.group == NULL);
    CHECK_INT(mkdirat(root, "etc", 0755), 0);
    CHECK_INT(symlinkat("/../../../../../../../../etc/passwd", root, "etc/passwd"), 0);
    CHECK_OK(user_files_read(test_arena, root, &f)); /* the link points at itself in there */
    CHECK(f.passwd == NULL);
    CHECK_INT(mkfifoat(root, "etc/group", 0644), 0);
    CHECK_ERR(user_files_read(test_arena, root, &f), ERR_INVALID); /* and does not hang */
    close(root);
}
