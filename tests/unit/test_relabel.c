/* SPDX-License-Identifier: Apache-2.0 */
/* links: run exec place container image storage runtime cgroup net stream core base */
/* SELinux labels of files: which are asked for, and what no container may have relabelled. */
#include "base/fd.h"
#include "storage/rootfs.h"

#include "mount_spec.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

TEST(mount_label_word_is_found_in_a_mode)
{
    CHECK_INT(mount_label_word("z"), 'z');
    CHECK_INT(mount_label_word("ro,Z"), 'Z');
    CHECK_INT(mount_label_word("Z,rslave"), 'Z');
    CHECK_INT(mount_label_word("ro,rslave"), 0);
    CHECK_INT(mount_label_word("rz,zr,zZ"), 0);
    CHECK_INT(mount_label_word(""), 0);
    CHECK_INT(mount_label_word(NULL), 0);
}

static struct err *judge(const char *path)
{
    autoclose int place = open(path, O_PATH | O_CLOEXEC);

    CHECK(place >= 0);
    return relabel_check(place, path);
}

/* A name is nothing, the inode counts. */
TEST(relabel_check_knows_the_hosts_folders)
{
    static const char *const bad[] = {
        "/", "/etc", "/etc/../etc/.", "/usr", "/proc/self/root", "/var/lib", "/etc/passwd", "/tmp"};
    char folder[] = "/tmp/test_relabel.XXXXXX", *link;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(judge(bad[i]), ERR_INVALID);
    CHECK(mkdtemp(folder));
    CHECK_OK(judge(folder));
    link = arena_printf(test_arena, "%s/link", folder);
    CHECK(symlink("/etc", link) == 0);
    CHECK_ERR(judge(link), ERR_INVALID);
    CHECK(unlink(link) == 0 && rmdir(folder) == 0);
}
