/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/* A layer's tar is given back byte by byte, or it is said what is in the way. */
#include "storage/layer_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "storage/layer.h"

#include "store.h"
#include "tar_record.h"
#include "test_unpack_tar.h"
#include "trash.h"

#include "test.h"

static struct layer_store *store;
static struct buf tar;
static struct unpack_result result;

static void set_up(void)
{
    CHECK_OK(layer_store_open(path_join(test_arena, test_dir(), "root"), &store));
}

static void tear_down(void)
{
    layer_store_close(store);
    buf_finish(&tar);
}

#define ADD(...) tar_add(&tar, (struct tar_file){__VA_ARGS__})

/* As a layer without a parent: its chain id is its diff id. */
static void unpack_bytes(const void *p, size_t n)
{
    autoclose int fd = tar_open(p, n);
    struct layer_draft *d;

    CHECK_OK(layer_unpack(store, fd, NULL, NULL, NULL, &result, &d));
    CHECK_OK(layer_commit(d, NULL, result.diff_id, &result));
}

/* In pieces of odd sizes. */
static struct err *read_all(struct layer_tar *t, struct buf *out)
{
    static const size_t sizes[] = {1, 511, 513, 70000, 3};
    size_t n = 1;

    for (size_t i = 0; n; i++) {
        size_t size = sizes[i % ARRAY_LEN(sizes)];

        buf_reserve(out, size);
        TRY(layer_tar_read(t, out->data + out->len, size, &n));
        out->len += n;
    }
    return NULL;
}

static struct err *give_back(struct buf *out)
{
    struct layer_tar *t;
    struct err *e;

    TRY(layer_tar_open(store, result.diff_id, &t));
    e = read_all(t, out);
    layer_tar_close(t);
    return e;
}

static void check_same(void)
{
    autobuf struct buf back = {0};
    struct layer_tar *t;

    CHECK_OK(layer_tar_open(store, result.diff_id, &t));
    CHECK_INT(layer_tar_size(t), (int64_t)tar.len);
    CHECK_STR(layer_tar_diff_id(t), result.diff_id);
    layer_tar_close(t);
    CHECK_OK(give_back(&back));
    CHECK_INT(back.len, tar.len);
    CHECK(!memcmp(back.data, tar.data, tar.len));
}

static void round_trip(void)
{
    unpack_bytes(tar.data, tar.len);
    check_same();
}

static size_t count_names(int dir)
{
    struct strs names;

    CHECK_OK(dir_names(test_arena, dir, &names));
    return names.n;
}

/* How many bytes of the tar are in its record, and not in files. */
static int64_t raw_bytes(void)
{
    autofree char *path = mem_printf("%s/" TAR_RECORD_NAME, digest_hex(result.diff_id));
    autoclose int fd = openat(store->layers, path, O_RDONLY);
    struct tar_record_reader *r;
    struct tar_step s;
    int64_t n = 0;

    CHECK_OK(tar_record_open(fd, &r));
    do {
        CHECK_OK(tar_record_next(r, &s));
        n += s.kind == TAR_STEP_RAW ? s.n : 0;
    } while (s.kind != TAR_STEP_END);
    tar_record_close(r);
    return n;
}

static int64_t record_bytes(void)
{
    autofree char *path = mem_printf("%s/" TAR_RECORD_NAME, digest_hex(result.diff_id));
    struct stat st = {0};

    CHECK(fstatat(store->layers, path, &st, 0) == 0);
    return st.st_size;
}

/* ---- what comes back ---- */

TEST(layer_tar_of_every_kind_comes_back)
{
    set_up();
    ADD("./", '5');
    ADD("etc/", '5', .mode = 01777);
    ADD("etc/file", '0', .data = "content", .mode = 04755);
    ADD("etc/old-style", '\0', .data = "as in v7");
    ADD("etc/empty", '0');
    ADD("etc/link", '2', .link = "file");
    ADD("etc/hard", '1', .link = "etc/file");
    ADD("etc/null", '3', .major = 1, .minor = 3);
    ADD("etc/pipe", '6');
    ADD("usr/.wh.gone", '0');
    ADD("var/.wh..wh..opq", '0');
    ADD(".wh..wh.plnk/1.2", '0', .data = "AUFS's own");
    ADD("/abs/./path//x", '0', .data = "cleaned");
    ADD("made/on/the/way", '0', .data = "parents that no entry names");
    tar_end(&tar);
    round_trip();
    CHECK_INT(raw_bytes(), (int64_t)tar.len - (int64_t)strlen("contentas in v7cleanedparents that "
                                                              "no entry names"));
    tear_down();
}

TEST(layer_tar_of_nothing_comes_back)
{
    set_up();
    round_trip();
    tar_end(&tar);
    round_trip();
    tear_down();
}

TEST(layer_tar_keeps_long_names_and_pax)
{
    char *path = arena_alloc(test_arena, 1001);

    set_up();
    for (int i = 0; i < 1000; i++)
        path[i] = i % 200 == 199 ? '/' : 'p';
    path[999] = 'e';
    tar_raw_header(&tar, &(struct tar_file){.name = "././@LongLink", .type = 'L'}, 1001);
    buf_add(&tar, path, 1001);
    tar_pad(&tar);
    ADD("cut", '0', .data = "a GNU long name");
    tar_raw_header(&tar, &(struct tar_file){.name = "././@LongLink", .type = 'K'}, 1001);
    buf_add(&tar, path, 1001);
    tar_pad(&tar);
    ADD("to-it", '1', .link = "cut");
    tar_pax(&tar, "path", "pax/name", 8);
    ADD("other", '0', .data = "a pax name");
    tar_pax(&tar, "size", "5", 1);
    tar_raw_header(&tar, &(struct tar_file){.name = "size-in-pax", .type = '0'}, 0);
    buf_add(&tar, "12345", 5);
    tar_pad(&tar);
    tar_add(&tar, (struct tar_file){"global", 'g', .data = "19 comment=for all\n"});
    ADD("last", '0', .data = "x");
    tar_end(&tar);
    round_trip();
    CHECK_INT(raw_bytes(), (int64_t)tar.len - 15 - 10 - 5 - 1);
    tear_down();
}

/* GNU 1.0, as test_unpack.c has it; and the old one, whose map is in the header. */
TEST(layer_tar_keeps_holes)
{
    static const char records[] = "22 GNU.sparse.major=1\n"
                                  "22 GNU.sparse.minor=0\n"
                                  "26 GNU.sparse.name=sparse\n"
                                  "31 GNU.sparse.realsize=2097152\n";
    char *body = arena_alloc(test_arena, 2048), *h;
    unsigned sum = 0;

    set_up();
    tar_add(&tar, (struct tar_file){"PaxHeaders/x", 'x', .data = records});
    snprintf(body, 512, "2\n1048576\n2\n1500000\n1000\n");
    memcpy(body + 512, "hi", 2);
    memset(body + 514, 'z', 1000);
    tar_raw_header(&tar, &(struct tar_file){.name = "GNUSparseFile.0/sparse", .type = '0'}, 1514);
    buf_add(&tar, body, 1514);
    tar_pad(&tar);
    tar_raw_header(&tar, &(struct tar_file){.name = "old", .type = 'S'}, 512);
    h = tar.data + tar.len - 512;
    memcpy(h + 257, "ustar  ", 8);
    memset(h + 329, 0, 512 - 329);
    snprintf(h + 386, 12, "%011o", 65536u);
    snprintf(h + 398, 12, "%011o", 512u);
    snprintf(h + 483, 12, "%011o", 1u << 20);
    memset(h + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    memset(body, 'o', 512);
    buf_add(&tar, body, 512);
    tar_end(&tar);
    round_trip();
    CHECK_INT(raw_bytes(), (int64_t)tar.len - 1002 - 512);
    tear_down();
}

/* Nobody reads them, and they are in the digest. */
TEST(layer_tar_keeps_padding_and_what_follows)
{
    set_up();
    ADD("a", '0', .data = "padded with");
    memset(tar.data + tar.len - 100, 'G', 100);
    ADD("b", '0', .data = "x");
    tar_pax(&tar, "comment", "x", 1);
    ADD("link-with-data", '1', .link = "a", .data = "some writers put it again");
    tar_end(&tar);
    for (int i = 0; i < 300000; i++)
        buf_putc(&tar, (char)(i * i % 251));
    round_trip();
    buf_finish(&tar);
    ADD("no", '0', .data = "end"); /* not one zero block */
    round_trip();
    tear_down();
}

/* What has lost its name is kept beside the layer. */
TEST(layer_tar_keeps_files_that_were_replaced)
{
    set_up();
    ADD("twice", '0', .data = "the first");
    ADD("other", '0', .data = "between");
    ADD("linked", '1', .link = "twice");
    ADD("twice", '0', .data = "the second one");
    ADD("twice", '0', .data = "the third");
    ADD("to-link", '0', .data = "becomes a link");
    ADD("to-link", '2', .link = "twice");
    ADD("to-dir", '0', .data = "becomes a folder");
    ADD("to-dir", '5');
    ADD("to-dir/in", '0', .data = "inside");
    ADD("to-hard", '0', .data = "becomes a hard link");
    ADD("to-hard", '1', .link = "other");
    ADD("again", '0', .data = "x");
    ADD("again", '2', .link = "nowhere");
    ADD("again", '0', .data = "y");
    tar_end(&tar);
    round_trip();
    CHECK_OK(layer_remove(store, result.diff_id));
    CHECK_INT(count_names(store->tmp), 0);
    tear_down();
}

/* "bin" is one folder, and then another. */
TEST(layer_tar_follows_the_links_of_its_own_time)
{
    set_up();
    ADD("a/", '5');
    ADD("b/", '5');
    ADD("bin", '2', .link = "a");
    ADD("bin/x", '0', .data = "in a");
    ADD("bin", '2', .link = "b");
    ADD("bin/x", '0', .data = "in b");
    ADD("bin/new/y", '0', .data = "in b/new");
    ADD("bin", '2', .link = ".");
    ADD("bin/z", '0', .data = "in the root");
    tar_end(&tar);
    round_trip();
    tear_down();
}

TEST(layer_tar_of_a_compressed_layer_is_the_tar)
{
    struct archive *gz = archive_write_new();
    char *packed = arena_alloc(test_arena, 1 << 20);
    size_t n = 0;

    set_up();
    ADD("f", '0', .data = "in gzip");
    tar_end(&tar);
    archive_write_set_format_raw(gz);
    archive_write_add_filter_gzip(gz);
    CHECK(archive_write_open_memory(gz, packed, 1 << 20, &n) == ARCHIVE_OK);
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_filetype(e, AE_IFREG);
    archive_write_header(gz, e);
    archive_write_data(gz, tar.data, tar.len);
    archive_entry_free(e);
    archive_write_free(gz);
    unpack_bytes(packed, n);
    check_same();
    tear_down();
}

/* ---- the size of the record ---- */

static void add_files(int n, size_t size, const char *dir)
{
    char *body = arena_alloc(test_arena, size + 1), name[100];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "usr/share/%s/%d/file-%d", dir, i / 100, i);
        for (size_t k = 0; k < size; k++)
            body[k] = (char)('a' + (k * 7 + (size_t)i) % 26);
        ADD(name, '0', .data = body);
    }
}

TEST(layer_tar_record_of_small_files_is_small)
{
    set_up();
    add_files(10000, 3000, "doc");
    tar_end(&tar);
    round_trip();
    CHECK(record_bytes() * 100 < (int64_t)tar.len);
    tear_down();
}

/* A tar whose bytes are in no file: the record does not grow with it. */
TEST(layer_tar_record_is_bounded)
{
    uint64_t x = 88172645463325252ull;
    struct err *e;

    set_up();
    ADD("f", '0', .data = "x");
    tar_end(&tar);
    buf_reserve(&tar, TAR_RECORD_MAX + (1 << 20));
    for (size_t i = 0; i < (TAR_RECORD_MAX + (1 << 20)) / sizeof(x); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        buf_add(&tar, &x, sizeof(x));
    }
    unpack_bytes(tar.data, tar.len);
    CHECK(record_bytes() < 1000);
    e = give_back(&(struct buf){0});
    CHECK(e && err_kind(e) == ERR_CONFLICT && strstr(err_text(e), "in none of its files"));
    err_drop(e);
    tear_down();
}

TEST(layer_tar_of_a_directory_that_was_replaced_is_refused)
{
    struct err *e;

    set_up();
    ADD("d/in", '0', .data = "goes with it");
    ADD("d", '0', .data = "a file now");
    tar_end(&tar);
    unpack_bytes(tar.data, tar.len);
    e = give_back(&(struct buf){0});
    CHECK(e && err_kind(e) == ERR_CONFLICT && strstr(err_text(e), "whole directory"));
    err_drop(e);
    tear_down();
}

/* ---- what was changed ---- */

static void check_named(const char *file, const char *how)
{
    autobuf struct buf out = {0};
    autoerr struct err *e = give_back(&out);

    if (!e)
        test_fail(__FILE__, __LINE__, "given back, though %s %s", file, how);
    if (err_kind(e) != ERR_CONFLICT || !strstr(err_text(e), file) || !strstr(err_text(e), how) ||
        !strstr(err_text(e), "pull or load it"))
        test_fail(__FILE__, __LINE__, "wanted \"%s\" and \"%s\", got: %s", file, how, err_text(e));
}

static int open_in_layer(const char *path, int flags)
{
    autofree char *full = mem_printf("%s/%s", digest_hex(result.diff_id), path);
    int fd = openat(store->layers, full, flags | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    return fd;
}

static void make_changed_layer(const char *text)
{
    set_up();
    ADD("etc/first", '0', .data = "left alone");
    ADD("etc/conf", '0', .data = text);
    tar_end(&tar);
    round_trip();
}

TEST(layer_tar_names_the_file_that_was_written)
{
    int fd;

    make_changed_layer("the right content");
    fd = open_in_layer("diff/etc/conf", O_WRONLY);
    CHECK(pwrite(fd, "wrong", 5, 4) == 5);
    close(fd);
    check_named("etc/conf", "has got other content");
    tear_down();
}

TEST(layer_tar_names_the_file_that_was_cut)
{
    make_changed_layer("the right content");
    close(open_in_layer("diff/etc/conf", O_WRONLY | O_TRUNC));
    check_named("etc/conf", "has become shorter");
    tear_down();
}

/* By a link to a file with the right content, even: it is not followed. */
TEST(layer_tar_names_the_file_that_has_gone)
{
    int dir;

    make_changed_layer("left alone");
    dir = open_in_layer("diff/etc", O_DIRECTORY);
    CHECK(unlinkat(dir, "conf", 0) == 0);
    check_named("etc/conf", "has gone");
    CHECK(symlinkat("first", dir, "conf") == 0);
    check_named("etc/conf", "has become no file");
    CHECK(unlinkat(dir, "conf", 0) == 0 && mkfifoat(dir, "conf", 0600) == 0);
    check_named("etc/conf", "has become no file");
    close(dir);
    dir = open_in_layer("diff", O_DIRECTORY);
    CHECK(renameat(dir, "etc", dir, "elsewhere") == 0 && symlinkat("elsewhere", dir, "etc") == 0);
    check_named("etc/first", "has gone");
    close(dir);
    tear_down();
}

/* ---- records that are none ---- */

TEST(layer_tar_without_a_record_is_refused)
{
    int dir;

    make_changed_layer("x");
    dir = open_in_layer("", O_DIRECTORY);
    CHECK(unlinkat(dir, TAR_RECORD_NAME, 0) == 0);
    close(dir);
    check_named("older engine", "pull or load its image again");
    CHECK_ERR(give_back(&(struct buf){0}), ERR_CONFLICT);
    CHECK_OK(layer_remove(store, result.diff_id));
    CHECK_ERR(give_back(&(struct buf){0}), ERR_NOT_FOUND);
    tear_down();
}

/* The same layer comes again: the one that is there gets its record, and what was replaced. */
TEST(layer_tar_of_an_older_engine_gets_its_record)
{
    int dir;

    set_up();
    ADD("twice", '0', .data = "the first");
    ADD("twice", '0', .data = "the second one");
    tar_end(&tar);
    round_trip();
    CHECK(layer_has_record(store, result.diff_id));
    dir = open_in_layer("", O_DIRECTORY);
    CHECK(unlinkat(dir, TAR_RECORD_NAME, 0) == 0);
    CHECK_OK(dir_remove_tree(dir, TAR_REPLACED_NAME));
    close(dir);
    CHECK(!layer_has_record(store, result.diff_id));
    round_trip();
    CHECK(layer_has_record(store, result.diff_id));
    round_trip();
    CHECK_INT(count_names(store->tmp), 0);
    tear_down();
}

/* Each byte of it in turn: it is never taken for something else. */
TEST(layer_tar_with_a_damaged_record_is_refused)
{
    int64_t size;
    int fd;

    make_changed_layer("the right content");
    size = record_bytes();
    fd = open_in_layer(TAR_RECORD_NAME, O_RDWR);
    for (int64_t at = 0; at < size; at++) {
        autobuf struct buf back = {0};
        unsigned char is, was;
        struct err *e;

        CHECK(pread(fd, &was, 1, at) == 1);
        is = was ^ (unsigned char)(1u << at % 8);
        CHECK(pwrite(fd, &is, 1, at) == 1);
        e = give_back(&back);
        /* some bits mean nothing: gzip's time, deflate's codes that nobody uses */
        CHECK(e ? err_kind(e) == ERR_CONFLICT
                : back.len == tar.len && !memcmp(back.data, tar.data, tar.len));
        err_drop(e);
        CHECK(pwrite(fd, &was, 1, at) == 1);
    }
    while (size-- > 0) {
        CHECK(ftruncate(fd, size) == 0);
        CHECK_ERR(give_back(&(struct buf){0}), ERR_CONFLICT);
    }
    close(fd);
    tear_down();
}

/* The bytes are one layer's, the record another one's. */
TEST(layer_tar_with_the_record_of_another_is_refused)
{
    char other[DIGEST_MAX];
    autofree char *from = NULL, *to = NULL;

    make_changed_layer("the right content");
    memcpy(other, result.diff_id, sizeof(other));
    buf_finish(&tar);
    ADD("etc/first", '0', .data = "left alone");
    ADD("etc/conf", '0', .data = "the right content", .mode = 0600);
    tar_end(&tar);
    round_trip();
    from = mem_printf("%s/" TAR_RECORD_NAME, digest_hex(other));
    to = mem_printf("%s/" TAR_RECORD_NAME, digest_hex(result.diff_id));
    CHECK(renameat(store->layers, from, store->layers, to) == 0);
    check_named("digest", "pull or load it again");
    tear_down();
}
