/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/* Containers' directories, without mounting (tests/system/storage_probe.c does that). */
#include "storage/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"

#include "storage/tree.h"
#include "store.h"
#include "trash.h"

#include "test.h"

static struct layer_store *store;

static void set_up(void)
{
    CHECK_OK(layer_store_open(path_join(test_arena, test_dir(), "root"), &store));
}

static void put(const char *path, const char *text)
{
    CHECK_OK(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0640, false));
}

TEST(rootfs_directories_come_and_go)
{
    char id[ID_MAX];
    struct strs list;
    struct stat st;

    set_up();
    id_random(id);
    CHECK_OK(rootfs_create(store, id));
    CHECK_ERR(rootfs_create(store, id), ERR_CONFLICT);
    CHECK(stat(path_join(test_arena, rootfs_dir(store, test_arena, id), "upper"), &st) == 0);
    CHECK_INT(st.st_mode & 07777, 0755);
    CHECK_OK(rootfs_list(store, test_arena, &list));
    CHECK_INT(list.n, 1);
    CHECK_STR(list.v[0], id);
    CHECK_OK(rootfs_remove(store, id));
    CHECK_OK(rootfs_remove(store, id));
    CHECK_OK(rootfs_list(store, test_arena, &list));
    CHECK_INT(list.n, 0);
    CHECK_OK(dir_names(test_arena, store->trash, &list));
    CHECK_INT(list.n, 1);
    rootfs_empty_trash(store);
    CHECK_OK(dir_names(test_arena, store->trash, &list));
    CHECK_INT(list.n, 0);
    layer_store_close(store);
}

TEST(rootfs_ids_are_checked)
{
    struct strs none = {0};
    int fd;

    set_up();
    CHECK_ERR(rootfs_create(store, "../layers"), ERR_INVALID);
    CHECK_ERR(rootfs_remove(store, ""), ERR_INVALID);
    CHECK_ERR(rootfs_mount(store, "..", &none, false, NULL, &fd), ERR_INVALID);
    layer_store_close(store);
}

TEST(rootfs_mount_names_the_missing_layer)
{
    char *chain[] = {"sha256:1111111111111111111111111111111111111111111111111111111111111111",
                     NULL};
    struct strs layers = {chain, 1};
    char id[ID_MAX];
    int fd;

    set_up();
    id_random(id);
    CHECK_OK(rootfs_create(store, id));
    CHECK_ERR(rootfs_mount(store, id, &layers, false, NULL, &fd), ERR_NOT_FOUND);
    layer_store_close(store);
}

TEST(rootfs_usage_counts_upper)
{
    struct strs none = {0};
    int64_t rw, all;
    char id[ID_MAX], *upper;

    set_up();
    id_random(id);
    CHECK_OK(rootfs_create(store, id));
    upper = path_join(test_arena, rootfs_dir(store, test_arena, id), "upper");
    CHECK_OK(dir_make_all(path_join(test_arena, upper, "a/b"), 0755));
    put(path_join(test_arena, upper, "a/b/f"), "12345");
    put(path_join(test_arena, upper, "g"), "123");
    CHECK(link(path_join(test_arena, upper, "g"), path_join(test_arena, upper, "h")) == 0);
    CHECK(symlink("/etc", path_join(test_arena, upper, "l")) == 0);
    CHECK_OK(rootfs_usage(store, id, &none, &rw, &all));
    CHECK_INT(rw, 5 + 2); /* 3 / 2 links, rounded down for each */
    CHECK_INT(all, rw);
    layer_store_close(store);
}

TEST(rootfs_trees_are_copied)
{
    const char *from = path_join(test_arena, test_dir(), "from");
    const char *to = path_join(test_arena, test_dir(), "to");
    autoclose int a = -1, b = -1;
    struct stat st;
    char target[64] = {0};

    CHECK_OK(dir_make_all(path_join(test_arena, from, "d/e"), 0755));
    CHECK_OK(dir_make_all(to, 0700));
    CHECK(chmod(from, 01751) == 0);
    put(path_join(test_arena, from, "d/e/f"), "text");
    CHECK(chmod(path_join(test_arena, from, "d/e/f"), 04711) == 0);
    CHECK(symlink("../../etc", path_join(test_arena, from, "d/l")) == 0);
    CHECK(mkfifo(path_join(test_arena, from, "p"), 0600) == 0);
    a = open(from, O_RDONLY | O_DIRECTORY);
    b = open(to, O_RDONLY | O_DIRECTORY);
    CHECK(tree_is_empty(b));
    CHECK_OK(tree_copy(a, b));
    CHECK(!tree_is_empty(b));
    CHECK(stat(to, &st) == 0);
    CHECK_INT(st.st_mode & 07777, 01751);
    CHECK(stat(path_join(test_arena, to, "d/e/f"), &st) == 0);
    CHECK_INT(st.st_mode & 07777, 04711);
    CHECK_INT(st.st_size, 4);
    CHECK(readlinkat(b, "d/l", target, sizeof(target)) > 0);
    CHECK_STR(target, "../../etc");
    CHECK(fstatat(b, "p", &st, 0) == 0 && S_ISFIFO(st.st_mode));
}
