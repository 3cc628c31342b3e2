/* SPDX-License-Identifier: Apache-2.0 */
/* links: tar base */
/* Small files are made several at once: that shows in nothing but the time. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tar/header.h"
#include "tar/place.h"

enum { MANY = 300 };

static char dir[] = "/dev/shm/test-place-XXXXXX"; /* in memory: it is not the disk that is tested */
static int top = -1;
static struct buf tar;
static size_t piece = SIZE_MAX, given;
static void (*on_more)(void);

static void begin(void)
{
    ASSERT(mkdtemp(dir));
    top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(top >= 0);
}

static void over(void)
{
    err_drop(dir_remove_tree(AT_FDCWD, dir));
    close(top);
    buf_finish(&tar);
}

static void add(const char *name, const char *text, mode_t mode)
{
    struct tar_file f = {.name = name,
                         .mode = mode,
                         .size = (int64_t)strlen(text),
                         .mtime = {1700000000, 123456789}};

    tar_header_add(&tar, &f);
    buf_puts(&tar, text);
    tar_header_pad(&tar, f.size);
}

static void add_link(const char *name, const char *to, bool is_hard)
{
    struct tar_file f = {.name = name, .link = to, .is_hard_link = is_hard};

    f.mode = is_hard ? S_IFREG | 0644 : S_IFLNK | 0777;
    tar_header_add(&tar, &f);
}

static void add_many(const char *format, const char *text)
{
    for (int i = 0; i < MANY; i++) {
        char name[64], content[64];

        snprintf(name, sizeof(name), format, i);
        snprintf(content, sizeof(content), "%s %d", text, i);
        add(name, content, S_IFREG | 0640);
    }
}

static struct err *more(void *ctx, const void **p, size_t *n)
{
    (void)ctx;
    if (on_more)
        on_more();
    *p = tar.data + given;
    *n = tar.len - given < piece ? tar.len - given : piece;
    given += *n;
    return NULL;
}

static struct err *put(void)
{
    struct tar_place_plan plan = {.dir = top,
                                  .root = -1,
                                  .leaves_owner = true,
                                  .keeps_kind = true,
                                  .max_bytes = 1 << 30,
                                  .max_entries = 10000,
                                  .more = more};

    given = 0;
    return tar_place(-1, &plan);
}

static const char *text_of(const char *name)
{
    static char text[4096];
    autoclose int fd = openat(top, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    return n < 0 ? "nothing" : text;
}

static void check_many(const char *format, const char *text)
{
    for (int i = 0; i < MANY; i++) {
        char name[64], content[64];
        struct stat st;

        snprintf(name, sizeof(name), format, i);
        snprintf(content, sizeof(content), "%s %d", text, i);
        CHECK_STR(text_of(name), content);
        CHECK_INT(fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        CHECK_INT(st.st_mode, S_IFREG | 0640);
        CHECK_INT(st.st_mtim.tv_sec, 1700000000);
        CHECK_INT(st.st_mtim.tv_nsec, 123456789);
    }
}

static size_t count_names(void)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    CHECK_OK(dir_names(a, top, &names));
    return names.n;
}

TEST(files_of_several_directories)
{
    begin();
    add("a/", "", S_IFDIR | 0750);
    add_many("a/%d", "first");
    add_many("%d", "second");
    add_many("b/c/%d", "third");
    tar_header_end(&tar);
    CHECK_OK(put());
    check_many("a/%d", "first");
    check_many("%d", "second");
    check_many("b/c/%d", "third");
    over();
}

TEST(the_last_of_a_name_stays)
{
    begin();
    for (int i = 0; i < MANY; i++) {
        char text[32];

        snprintf(text, sizeof(text), "time %d", i);
        add("x", text, S_IFREG | 0600);
        add(i % 2 ? "y" : "z", text, S_IFREG | 0600);
    }
    add("Y", "large", S_IFREG | 0600);
    tar_header_end(&tar);
    CHECK_OK(put());
    CHECK_STR(text_of("x"), "time 299");
    CHECK_STR(text_of("y"), "time 299");
    CHECK_STR(text_of("z"), "time 298");
    CHECK_STR(text_of("Y"), "large");
    CHECK_INT(count_names(), 4);
    over();
}

TEST(what_has_the_name_is_replaced)
{
    begin();
    add_many("%d", "old");
    add_many("%d", "new");
    tar_header_end(&tar);
    CHECK_OK(put());
    CHECK_OK(put());
    check_many("%d", "new");
    CHECK_INT(count_names(), MANY);
    over();
}

TEST(other_entries_keep_their_place)
{
    struct stat x, y;

    begin();
    add("d/x", "1", S_IFREG | 0600);
    add_link("d/y", "d/x", true);
    add_link("l", "d", false);
    add("d/z", "2", S_IFREG | 0600);
    add("z", "3", S_IFREG | 0600);
    add_link("z", "d/z", false);
    add("d/w", "4", S_IFREG | 0600);
    add_link("v", "w", true); /* there is none */
    tar_header_end(&tar);
    CHECK_ERR(put(), ERR_INVALID);
    CHECK_INT(count_names(), 1); /* what replaced something stays */
    CHECK_INT(unlinkat(top, "z", 0), 0);
    buf_finish(&tar);
    add("d/x", "1", S_IFREG | 0600);
    add_link("d/y", "d/x", true);
    add("z", "3", S_IFREG | 0600);
    add_link("z", "d/x", false);
    tar_header_end(&tar);
    CHECK_OK(put());
    CHECK_INT(fstatat(top, "d/x", &x, 0), 0);
    CHECK_INT(fstatat(top, "d/y", &y, 0), 0);
    CHECK(x.st_ino == y.st_ino);
    CHECK_INT(fstatat(top, "z", &y, AT_SYMLINK_NOFOLLOW), 0);
    CHECK(S_ISLNK(y.st_mode));
    over();
}

/* A file is no directory, also when it has not been made yet. */
TEST(what_fails_takes_all_back)
{
    begin();
    add_many("%d", "one");
    add("f", "", S_IFREG | 0600);
    add("f/g", "", S_IFREG | 0600);
    add_many("h/%d", "two");
    tar_header_end(&tar);
    CHECK_ERR(put(), ERR_INVALID);
    CHECK_INT(count_names(), 0);
    buf_finish(&tar);
    add_many("%d", "one");
    tar.len -= 700; /* it ends within a file */
    CHECK_ERR(put(), ERR_INVALID);
    CHECK_INT(count_names(), 0);
    over();
}

TEST(what_holds_a_name_of_another_kind)
{
    begin();
    CHECK_INT(mkdirat(top, "7", 0700), 0);
    add_many("%d", "one");
    tar_header_end(&tar);
    CHECK_ERR(put(), ERR_INVALID);
    CHECK_INT(count_names(), 1);
    over();
}

static void look_for_what_came(void)
{
    char name[24];
    size_t whole = given / (4 * TAR_BLOCK); /* two headers, records, content */

    if (!whole || whole > MANY)
        return;
    snprintf(name, sizeof(name), "%zu", whole - 1);
    CHECK(strcmp(text_of(name), "nothing"));
}

TEST(a_slow_client_sees_what_it_has_sent)
{
    begin();
    add_many("%d", "one");
    piece = 1024;
    on_more = look_for_what_came;
    CHECK_OK(put());
    check_many("%d", "one");
    over();
}

TEST(sizes_are_mixed)
{
    autofree char *large = mem_alloc((2 << 20) + 1);

    begin();
    memset(large, 'x', 2 << 20);
    add_many("%d", "one");
    add("large", large, S_IFREG | 0600);
    large[1 << 20] = '\0';
    add("small", large, S_IFREG | 0600);
    large[700000] = '\0';
    add("p", large, S_IFREG | 0600);
    add("q", large, S_IFREG | 0600);
    add("empty", "", S_IFREG | 0600);
    tar_header_end(&tar);
    CHECK_OK(put());
    check_many("%d", "one");
    for (size_t i = 0; i < 5; i++) {
        static const char *const names[] = {"large", "small", "p", "q", "empty"};
        static const int sizes[] = {2 << 20, 1 << 20, 700000, 700000, 0};
        struct stat st;

        CHECK_INT(fstatat(top, names[i], &st, 0), 0);
        CHECK_INT(st.st_size, sizes[i]);
    }
    over();
}
