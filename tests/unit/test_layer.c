/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/* The layer store: names, records, removal, what a crash leaves. */
#include "storage/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

#include "layer_record.h"
#include "store.h"
#include "test_unpack_tar.h"
#include "trash.h"

#include "test.h"

static struct layer_store *store;

static const char *data_root(void)
{
    return path_join(test_arena, test_dir(), "data/root");
}

static struct err *unpack_one(const char *text, struct unpack_result *r, struct layer_draft **d)
{
    struct buf tar = {0};
    struct err *e;
    int fd;

    tar_add(&tar, (struct tar_file){"f", '0', .data = text});
    tar_end(&tar);
    fd = tar_open(tar.data, tar.len);
    buf_finish(&tar);
    e = layer_unpack(store, fd, NULL, NULL, NULL, r, d);
    close(fd);
    return e;
}

static void add_layer(const char *text, const char *parent, char chain[DIGEST_MAX])
{
    struct unpack_result r;
    struct layer_draft *d;

    CHECK_OK(unpack_one(text, &r, &d));
    layer_chain_id(parent, r.diff_id, chain);
    CHECK_OK(layer_commit(d, parent, chain, &r));
}

static size_t count_names(int dir)
{
    struct strs names;

    CHECK_OK(dir_names(test_arena, dir, &names));
    return names.n;
}

TEST(layer_chain_id_is_as_specified)
{
    static const char one[] =
        "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    static const char two[] =
        "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    char chain[DIGEST_MAX], wanted[DIGEST_MAX];
    char *text = arena_printf(test_arena, "%s %s", one, two);

    layer_chain_id(NULL, one, chain);
    CHECK_STR(chain, one);
    layer_chain_id("", one, chain);
    CHECK_STR(chain, one);
    layer_chain_id(one, two, chain);
    digest_of(text, strlen(text), wanted);
    CHECK_STR(chain, wanted);
}

TEST(layer_commit_names_and_records)
{
    char base[DIGEST_MAX], top[DIGEST_MAX];
    struct layer_record r = {0};
    struct strs list;

    CHECK_OK(layer_store_open(data_root(), &store));
    add_layer("12345", NULL, base);
    add_layer("1234567", base, top);
    CHECK(layer_exists(store, base) && layer_exists(store, top));
    CHECK_INT(layer_size(store, base), 5);
    CHECK_INT(layer_size(store, top), 7);
    CHECK_OK(layer_record_read(test_arena, store->layers, digest_hex(top), &r));
    CHECK_STR(r.chain, top);
    CHECK_STR(r.parent, base);
    CHECK_STR(r.blob, r.diff_id);
    CHECK_INT(r.entries, 1);
    CHECK_OK(layer_list(store, test_arena, &list));
    CHECK_INT(list.n, 2);
    CHECK(strs_has(&list, base) && strs_has(&list, top));
    CHECK_INT(count_names(store->tmp), 0);
    layer_store_close(store);
}

TEST(layer_commit_of_a_known_layer_succeeds)
{
    char first[DIGEST_MAX], second[DIGEST_MAX];

    CHECK_OK(layer_store_open(data_root(), &store));
    add_layer("x", NULL, first);
    add_layer("x", NULL, second);
    CHECK_STR(first, second);
    CHECK_INT(count_names(store->tmp), 0);
    layer_store_close(store);
}

/* A file system check after a power cut took layer.json away: pulling again heals it. */
TEST(layer_commit_replaces_a_damaged_layer)
{
    char chain[DIGEST_MAX];

    CHECK_OK(layer_store_open(data_root(), &store));
    add_layer("x", NULL, chain);
    CHECK(unlinkat(store->layers, arena_printf(test_arena, "%s/layer.json", digest_hex(chain)),
                   0) == 0);
    CHECK(!layer_exists(store, chain));
    add_layer("x", NULL, chain);
    CHECK(layer_exists(store, chain));
    CHECK_INT(count_names(store->trash), 1);
    layer_store_close(store);
}

TEST(layer_commit_refuses_bad_ids)
{
    struct unpack_result r;
    struct layer_draft *d;

    CHECK_OK(layer_store_open(data_root(), &store));
    CHECK_OK(unpack_one("x", &r, &d));
    CHECK_ERR(layer_commit(d, NULL, "sha256:../../../etc", &r), ERR_INVALID);
    CHECK_INT(count_names(store->tmp), 0);
    CHECK(!layer_exists(store, "../.."));
    CHECK_INT(layer_size(store, "init"), -1);
    CHECK_ERR(layer_remove(store, "tmp"), ERR_INVALID);
    layer_store_close(store);
}

TEST(layer_remove_leaves_nothing)
{
    char chain[DIGEST_MAX];
    struct strs list;

    CHECK_OK(layer_store_open(data_root(), &store));
    add_layer("x", NULL, chain);
    CHECK_OK(layer_remove(store, chain));
    CHECK(!layer_exists(store, chain));
    CHECK_INT(layer_size(store, chain), -1);
    CHECK_OK(layer_remove(store, chain));
    CHECK_OK(layer_list(store, test_arena, &list));
    CHECK_INT(list.n, 0);
    CHECK_INT(count_names(store->tmp), 0);
    layer_store_close(store);
}

/* An engine that died between unpack and commit. */
TEST(layer_store_open_puts_leftovers_aside)
{
    struct unpack_result r;
    struct layer_draft *d;

    CHECK_OK(layer_store_open(data_root(), &store));
    CHECK_OK(unpack_one("x", &r, &d));
    CHECK_INT(count_names(store->tmp), 1);
    layer_store_close(store);
    CHECK_OK(layer_store_open(data_root(), &store));
    CHECK_INT(count_names(store->tmp), 0);
    CHECK_INT(count_names(store->trash), 1);
    rootfs_empty_trash(store);
    CHECK_INT(count_names(store->trash), 0);
    free(d); /* its fds go with the process */
    layer_store_close(store);
}

/* CVE-2021-41091: other users must not reach set-id files in layers. */
TEST(layer_store_is_closed_to_others)
{
    static const char *const paths[] = {"layers", "layers/tmp", "containers", "trash"};
    char chain[DIGEST_MAX];
    struct stat st;

    CHECK_OK(layer_store_open(data_root(), &store));
    add_layer("x", NULL, chain);
    CHECK(stat(data_root(), &st) == 0 && (st.st_mode & 07) == 0);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CHECK(stat(path_join(test_arena, data_root(), paths[i]), &st) == 0);
        CHECK_INT(st.st_mode & 07777, 0700);
    }
    CHECK(fstatat(store->layers, digest_hex(chain), &st, 0) == 0);
    CHECK_INT(st.st_mode & 07777, STORE_NEW_MODE);
    layer_store_close(store);
}

TEST(layer_store_refuses_relative_roots)
{
    CHECK_ERR(layer_store_open("data", &store), ERR_INVALID);
}
