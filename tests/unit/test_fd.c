/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int open_test_dir(void)
{
    int fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CHECK(fd >= 0);
    return fd;
}

static void make_file(int dir, const char *name)
{
    CHECK_OK(file_write_atomic(dir, name, "x", 1, 0644, false));
}

static bool exists(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

TEST(path_join_has_one_slash)
{
    CHECK_STR(path_join(test_arena, "/a", "b"), "/a/b");
    CHECK_STR(path_join(test_arena, "/a//", "//b"), "/a/b");
    CHECK_STR(path_join(test_arena, "/", "b"), "/b");
}

TEST(path_clean_is_lexical)
{
    static const char *const rows[][2] = {
        {"", "/"},
        {"/", "/"},
        {"a", "/a"},
        {"/a/../..", "/"},
        {"//a///b/", "/a/b"},
        {"/a/./b/.", "/a/b"},
        {"/a/b/../c", "/a/c"},
        {"../../x", "/x"},
        {"/...", "/..."},
        {"/a/..b", "/a/..b"},
        {"..", "/"},
        {"/ab/cd/../..", "/"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(path_clean(test_arena, rows[i][0]), rows[i][1]);
}

TEST(dir_make_all_makes_parents)
{
    char *path = path_join(test_arena, test_dir(), "a/b//c/");
    autoclose int dir = open_test_dir();

    CHECK_OK(dir_make_all(path, 0755));
    CHECK_OK(dir_make_all(path, 0755));
    CHECK(exists(dir, "a/b/c"));
    make_file(dir, "file");
    CHECK_ERR(dir_make_all(path_join(test_arena, test_dir(), "file"), 0755), ERR_INTERNAL);
    CHECK_ERR(dir_make_all(path_join(test_arena, test_dir(), "file/x"), 0755), ERR_INTERNAL);
}

TEST(file_reads_are_bounded)
{
    autoclose int dir = open_test_dir();
    char *text;
    size_t n;

    CHECK_OK(file_write_atomic(dir, "f", "12345", 5, 0600, true));
    CHECK_OK(file_read(test_arena, dir, "f", 5, &text, &n));
    CHECK_STR(text, "12345");
    CHECK_INT(n, 5);
    CHECK_ERR(file_read(test_arena, dir, "f", 4, &text, &n), ERR_TOO_LARGE);
    CHECK_ERR(file_read(test_arena, dir, "absent", 4, &text, &n), ERR_NOT_FOUND);
    CHECK_ERR(file_read(test_arena, dir, "f/x", 4, &text, &n), ERR_NOT_FOUND);
    CHECK_ERR(file_read(test_arena, dir, ".", 4, &text, &n), ERR_INTERNAL);
    CHECK_OK(file_read(test_arena, AT_FDCWD, "/proc/self/status", 1 << 20, &text, &n));
    CHECK(n > 100 && strlen(text) == n);
    CHECK_ERR(file_read(test_arena, AT_FDCWD, "/dev/zero", 1 << 20, &text, &n), ERR_TOO_LARGE);
    CHECK_OK(file_read(test_arena, AT_FDCWD, "/dev/null", 0, &text, NULL));
    CHECK_STR(text, "");
}

TEST(file_write_replaces_and_leaves_nothing)
{
    autoclose int dir = open_test_dir();
    struct stat st;
    char *text;
    int entries = 0;
    DIR *d;

    umask(077);
    CHECK_OK(file_write_atomic(dir, "f", "old", 3, 0644, false));
    CHECK_OK(
        file_write_atomic(AT_FDCWD, path_join(test_arena, test_dir(), "f"), "new", 3, 0640, true));
    CHECK_OK(file_read(test_arena, dir, "f", 10, &text, NULL));
    CHECK_STR(text, "new");
    CHECK(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0640);
    CHECK(mkdirat(dir, "d", 0755) == 0);
    CHECK_ERR(file_write_atomic(dir, "d", "x", 1, 0644, false), ERR_INTERNAL);
    CHECK_ERR(file_write_atomic(dir, "no/f", "x", 1, 0644, false), ERR_INTERNAL);
    d = opendir(test_dir());
    while (readdir(d))
        entries++;
    closedir(d);
    CHECK_INT(entries, 4); /* . .. f d */
}

TEST(file_put_needs_the_file)
{
    autoclose int dir = open_test_dir();
    char *text;

    CHECK_ERR(file_put(dir, "knob", "1"), ERR_NOT_FOUND);
    make_file(dir, "knob");
    CHECK_OK(file_put(dir, "knob", "12"));
    CHECK_OK(file_read(test_arena, dir, "knob", 10, &text, NULL));
    CHECK_STR(text, "12");
}

TEST(open_beneath_and_in_root_stay_inside)
{
    autoclose int dir = open_test_dir();
    int fd;

    make_file(dir, "f");
    CHECK(symlinkat("f", dir, "link") == 0);
    CHECK(symlinkat("/etc/passwd", dir, "out") == 0);
    CHECK(symlinkat("../../../../f", dir, "up") == 0);
    CHECK(fd_open_beneath(dir, "../x", O_RDONLY, 0) < 0 && errno == EXDEV);
    CHECK(fd_open_beneath(dir, "/f", O_RDONLY, 0) < 0 && errno == EXDEV);
    CHECK(fd_open_beneath(dir, "link", O_RDONLY, 0) < 0 && errno == ELOOP);
    CHECK(fd_open_in_root(dir, "out", O_RDONLY, 0) < 0 && errno == ENOENT);
    fd = fd_open_in_root(dir, "up", O_RDONLY, 0);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    fd = fd_open_in_root(dir, "/../../link", O_RDONLY, 0644);
    CHECK(fd >= 0);
    close(fd);
    fd = fd_open_beneath(dir, "new", O_WRONLY | O_CREAT, 0640);
    CHECK(fd >= 0);
    close(fd);
}

TEST(remove_tree_takes_any_entry)
{
    autoclose int dir = open_test_dir();
    int before = count_fds();

    CHECK_OK(dir_remove_tree(dir, "absent"));
    CHECK_OK(dir_remove_tree(dir, "no/such"));
    make_file(dir, "keep");
    make_file(dir, "file");
    CHECK_OK(dir_remove_tree(dir, "file"));
    CHECK(symlinkat("keep", dir, "link") == 0);
    CHECK_OK(dir_remove_tree(dir, "link"));
    CHECK(!exists(dir, "file") && !exists(dir, "link") && exists(dir, "keep"));
    CHECK_ERR(dir_remove_tree(dir, "."), ERR_INVALID);
    CHECK_ERR(dir_remove_tree(dir, "a/.."), ERR_INVALID);
    CHECK_ERR(dir_remove_tree(dir, "a/"), ERR_INVALID);
    CHECK_ERR(dir_remove_tree(dir, ""), ERR_INVALID);
    CHECK_INT(count_fds(), before);
}

TEST(remove_tree_does_not_follow_links)
{
    autoclose int dir = open_test_dir();

    CHECK(mkdirat(dir, "outside", 0755) == 0 && mkdirat(dir, "tree", 0755) == 0);
    CHECK(mkdirat(dir, "tree/sub", 0) == 0);
    make_file(dir, "outside/f");
    make_file(dir, "tree/sub/f");
    CHECK(symlinkat("../outside", dir, "tree/link") == 0);
    CHECK(symlinkat("../../outside", dir, "tree/sub/link") == 0);
    CHECK(mknodat(dir, "tree/fifo", S_IFIFO | 0600, 0) == 0);
    CHECK_OK(dir_remove_tree(AT_FDCWD, path_join(test_arena, test_dir(), "tree")));
    CHECK(!exists(dir, "tree") && exists(dir, "outside/f"));
}

/* `depth` levels, three files in each, built without long paths. */
static void make_deep(int root, const char *name, int depth)
{
    int at = dup(root);

    for (int i = 0; i < depth; i++) {
        int next;

        CHECK(mkdirat(at, name, 0755) == 0);
        next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(next >= 0);
        close(at);
        at = next;
        close(openat(at, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        close(openat(at, "z", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        CHECK(mkdirat(at, "side", 0755) == 0);
    }
    close(at);
}

TEST(remove_tree_is_bounded_in_stack_and_fds)
{
    struct rlimit few = {60, 60};
    autoclose int dir = open_test_dir();
    int before = count_fds();

    make_deep(dir, "d", 3000);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK_OK(dir_remove_tree(dir, "d"));
    CHECK(!exists(dir, "d"));
    CHECK_INT(count_fds(), before);
}

TEST(remove_tree_wide)
{
    autoclose int dir = open_test_dir();

    CHECK(mkdirat(dir, "w", 0755) == 0);
    for (int i = 0; i < 3000; i++)
        CHECK(mkdirat(dir, arena_printf(test_arena, "w/%d", i), 0755) == 0);
    CHECK_OK(dir_remove_tree(dir, "w"));
    CHECK(!exists(dir, "w"));
}

static void make_pair(int out[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) == 0);
}

TEST(messages_carry_fds)
{
    int pair[2], ends[2], got[4];
    char text[16];
    size_t n = 4;

    make_pair(pair);
    CHECK_OK(fd_pipe(ends, 0));
    CHECK_INT(fd_send_msg(pair[0], "hello", 5, ends, 2), 5);
    CHECK_INT(fd_recv_msg(pair[1], text, sizeof(text), got, &n), 5);
    CHECK_INT(n, 2);
    CHECK(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
    CHECK(write(got[1], "x", 1) == 1 && read(ends[0], text, 1) == 1);
    n = 4;
    CHECK(fd_recv_msg(pair[1], text, sizeof(text), got, &n) < 0 && errno == EAGAIN);
    CHECK_INT(fd_send_msg(pair[0], "p", 1, NULL, 0), 1);
    CHECK_INT(fd_recv_msg(pair[1], text, sizeof(text), got, &n), 1);
    CHECK_INT(n, 0);
    close(pair[0]);
    CHECK_INT(fd_recv_msg(pair[1], text, sizeof(text), got, &n), 0);
    CHECK(fd_send_msg(pair[1], "x", 1, NULL, 0) < 0 && errno == EPIPE);
}

TEST(truncated_messages_close_their_fds)
{
    int pair[2], ends[2], got[4];
    char text[16];
    size_t n;
    int before;

    make_pair(pair);
    CHECK_OK(fd_pipe(ends, 0));
    before = count_fds();
    CHECK_INT(fd_send_msg(pair[0], "hello", 5, ends, 2), 5);
    n = 1;
    CHECK(fd_recv_msg(pair[1], text, sizeof(text), got, &n) < 0 && errno == EMSGSIZE);
    CHECK_INT(fd_send_msg(pair[0], "hello", 5, ends, 2), 5);
    n = 4;
    CHECK(fd_recv_msg(pair[1], text, 4, got, &n) < 0 && errno == EMSGSIZE);
    CHECK_INT(count_fds(), before);
}

TEST(fd_write_all_writes_all)
{
    autoclose int dir = open_test_dir();
    autoclose int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int ends[2];
    char *text;

    CHECK_OK(fd_write_all(fd, "abc", 3));
    CHECK_OK(file_read(test_arena, dir, "f", 10, &text, NULL));
    CHECK_STR(text, "abc");
    CHECK_ERR(fd_write_all(-1, "abc", 3), ERR_INTERNAL);
    CHECK_OK(fd_pipe(ends, 0));
    CHECK_OK(fd_set_nonblock(ends[0]));
    CHECK(read(ends[0], text, 1) < 0 && errno == EAGAIN);
}

TEST(only_what_it_should_be_is_opened_for_good)
{
    autoclose int dir = open_test_dir();
    autoclose int file = -1, fifo = -1, node = -1, again = -1;
    char c = 0;

    make_file(dir, "file");
    CHECK(mkfifoat(dir, "fifo", 0600) == 0);
    file = openat(dir, "file", O_PATH | O_CLOEXEC);
    fifo = openat(dir, "fifo", O_PATH | O_CLOEXEC);
    node = open("/dev/null", O_PATH | O_CLOEXEC);
    CHECK(fd_reopen(fifo, S_IFREG, O_RDONLY) == -1 && errno == EINVAL); /* and does not wait */
    CHECK(fd_reopen(node, S_IFREG, O_RDONLY) == -1 && errno == EINVAL);
    CHECK(fd_reopen(dir, S_IFREG, O_RDONLY) == -1 && errno == EINVAL);
    again = fd_reopen(file, S_IFREG, O_RDONLY);
    CHECK(again >= 0 && read(again, &c, 1) == 1 && c == 'x');
    CHECK(fcntl(again, F_GETFD) & FD_CLOEXEC);
}
