/* SPDX-License-Identifier: Apache-2.0 */
/* links: storage */
/*
 * Unpacking, friendly and hostile. Every hostile archive must end in ERR_INVALID, with the data
 * root as it was and the folder beside it untouched.
 */
#include "storage/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

#include "draft.h"
#include "test_unpack_tar.h"

#include "test.h"

static struct layer_store *store;
static struct buf tar;
static struct unpack_result result;
static struct layer_draft *draft;

static char *data_root(void)
{
    return path_join(test_arena, test_dir(), "root");
}

static void set_up(void)
{
    CHECK_OK(layer_store_open(data_root(), &store));
}

static void tear_down(void)
{
    layer_abort(draft);
    layer_store_close(store);
    buf_finish(&tar);
}

/* Every path below the test's directory, one a line. */
static void list_below(const char *dir, struct buf *out)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char *path = path_join(test_arena, dir, e->d_name);

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        buf_printf(out, "%s\n", path);
        if (e->d_type == DT_DIR)
            list_below(path, out);
    }
    closedir(d);
}

static char *listing(void)
{
    autobuf struct buf b = {0};

    list_below(test_dir(), &b);
    return arena_strdup(test_arena, b.data ? b.data : "");
}

static struct err *unpack_bytes(const void *p, size_t n)
{
    autoclose int fd = tar_open(p, n);

    return layer_unpack(store, fd, NULL, NULL, NULL, &result, &draft);
}

static struct err *unpack(void)
{
    tar_end(&tar);
    return unpack_bytes(tar.data, tar.len);
}

static struct stat stat_of(const char *path)
{
    struct stat st = {0};

    CHECK(fstatat(draft->diff, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
    return st;
}

static bool has(const char *path)
{
    return faccessat(draft->diff, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static const char *text_of(const char *path)
{
    char *text;
    size_t len;

    CHECK_OK(file_read(test_arena, draft->diff, path, 1 << 20, &text, &len));
    return text;
}

/* The archive made so far is refused and leaves no trace; then starts a new one. */
static void check_refused(const char *why)
{
    char *before = listing(), *after;
    struct err *e = unpack();

    if (!e)
        test_fail(__FILE__, __LINE__, "accepted: %s", why);
    if (err_kind(e) != ERR_INVALID || !strstr(err_text(e), why))
        test_fail(__FILE__, __LINE__, "wanted \"%s\", got: %s", why, err_text(e));
    err_drop(e);
    after = listing();
    CHECK_STR(after, before);
    buf_finish(&tar);
}

#define FILE_ENTRY(...) tar_add(&tar, (struct tar_file){__VA_ARGS__})

/* ---- friendly ---- */

TEST(unpack_makes_all_kinds)
{
    set_up();
    FILE_ENTRY("./", '5', .mode = 0711);
    FILE_ENTRY("bin/", '5', .mode = 0750);
    FILE_ENTRY("bin/su", '0', .data = "suid", .mode = 04755);
    FILE_ENTRY("bin/link", '2', .link = "../../../etc/passwd");
    FILE_ENTRY("bin/hard", '1', .link = "bin/su");
    FILE_ENTRY("bin/pipe", '6', .mode = 0622);
    FILE_ENTRY("/abs/deep/file", '0', .data = "x");
    FILE_ENTRY("empty", '0');
    CHECK_OK(unpack());
    CHECK_INT(stat_of(".").st_mode, S_IFDIR | 0711);
    CHECK_INT(stat_of("bin").st_mode, S_IFDIR | 0750);
    CHECK_INT(stat_of("bin").st_mtime, 1000000000);
    CHECK_INT(stat_of(".").st_mtime, 1000000000);
    CHECK_INT(stat_of("bin/su").st_mode, S_IFREG | 04755);
    CHECK_INT(stat_of("bin/su").st_mtime, 1000000000);
    CHECK_INT(stat_of("bin/hard").st_ino, stat_of("bin/su").st_ino);
    CHECK_INT(stat_of("bin/pipe").st_mode, S_IFIFO | 0622);
    CHECK(S_ISLNK(stat_of("bin/link").st_mode));
    CHECK_INT(stat_of("bin/link").st_size, 19);
    CHECK_INT(stat_of("abs/deep").st_mode, S_IFDIR | 0755);
    CHECK_STR(text_of("abs/deep/file"), "x");
    CHECK_INT(stat_of("empty").st_size, 0);
    CHECK_INT(result.entries, 8);
    CHECK_INT(result.file_bytes, 5);
    CHECK_INT(result.tar_bytes, tar.len);
    CHECK_STR(result.blob_digest, result.diff_id);
    tear_down();
}

TEST(unpack_digests_all_bytes)
{
    char digest[DIGEST_MAX];

    set_up();
    FILE_ENTRY("a", '0', .data = "x");
    tar_end(&tar);
    buf_puts(&tar, "what follows the end is part of the blob");
    digest_of(tar.data, tar.len, digest);
    CHECK_OK(unpack_bytes(tar.data, tar.len));
    CHECK_STR(result.diff_id, digest);
    CHECK_STR(result.blob_digest, digest);
    tear_down();
}

/* The bytes compressed by libarchive. */
static void *compress(int (*filter)(struct archive *), size_t *len)
{
    struct archive *ar = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    char *out = arena_alloc(test_arena, tar.len + (1 << 20));

    CHECK(archive_write_set_format_raw(ar) == ARCHIVE_OK && filter(ar) == ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(ar, 1);
    CHECK(archive_write_open_memory(ar, out, tar.len + (1 << 20), len) == ARCHIVE_OK);
    archive_entry_set_filetype(e, AE_IFREG);
    CHECK(archive_write_header(ar, e) == ARCHIVE_OK);
    CHECK_INT(archive_write_data(ar, tar.data, tar.len), tar.len);
    CHECK(archive_write_close(ar) == ARCHIVE_OK);
    archive_write_free(ar);
    archive_entry_free(e);
    return out;
}

static void fill_random(size_t n)
{
    char *text = arena_alloc(test_arena, n + 1);
    unsigned x = 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 1103515245 + 12345;
        text[i] = (char)('a' + (x >> 16) % 26);
    }
    FILE_ENTRY("big", '0', .data = text);
}

TEST(unpack_reads_every_compression)
{
    int (*const add[])(struct archive *) = {
        archive_write_add_filter_gzip,
        archive_write_add_filter_zstd,
        archive_write_add_filter_bzip2,
        archive_write_add_filter_xz,
    };
    char diff_id[DIGEST_MAX], blob[DIGEST_MAX];

    set_up();
    fill_random(700 << 10);
    tar_end(&tar);
    digest_of(tar.data, tar.len, diff_id);
    for (size_t i = 0; i < ARRAY_LEN(add); i++) {
        size_t len;
        char *p = compress(add[i], &len);

        digest_of(p, len, blob);
        CHECK_OK(unpack_bytes(p, len));
        CHECK_STR(result.diff_id, diff_id);
        CHECK_STR(result.blob_digest, blob);
        CHECK_INT(result.blob_bytes, len);
        CHECK_INT(result.tar_bytes, tar.len);
        CHECK_INT(stat_of("big").st_size, 700 << 10);
        layer_abort(draft);
    }
    draft = NULL;
    tear_down();
}

TEST(unpack_takes_empty_archives)
{
    set_up();
    CHECK_OK(unpack());
    CHECK_INT(result.entries, 0);
    layer_abort(draft);
    draft = NULL;
    CHECK_OK(unpack_bytes("", 0));
    CHECK_INT(result.tar_bytes, 0);
    tear_down();
}

TEST(unpack_reads_from_a_pipe)
{
    int ends[2];

    set_up();
    FILE_ENTRY("a", '0', .data = "x");
    tar_end(&tar);
    CHECK_OK(fd_pipe(ends, 0));
    CHECK_OK(fd_write_all(ends[1], tar.data, tar.len));
    close(ends[1]);
    CHECK_OK(layer_unpack(store, ends[0], NULL, NULL, NULL, &result, &draft));
    CHECK_STR(text_of("a"), "x");
    close(ends[0]);
    tear_down();
}

TEST(unpack_keeps_names_byte_by_byte)
{
    char *name = arena_alloc(test_arena, 2000);

    set_up();
    memset(name, 'x', 1408);
    for (int i = 200; i < 1408; i += 201)
        name[i] = '/';
    tar_pax(&tar, "path", "caf\xc3\xa9", 5);
    FILE_ENTRY("short", '0', .data = "utf8");
    tar_pax(&tar, "path", "caf\xe9", 4);
    FILE_ENTRY("short", '0', .data = "latin1");
    FILE_ENTRY("na\xefve", '0', .data = "raw");
    tar_pax(&tar, "path", name, strlen(name));
    FILE_ENTRY("short", '0', .data = "pax");
    FILE_ENTRY("././@LongLink", 'L', .data = "gnu/long");
    FILE_ENTRY("short", '0', .data = "gnu");
    tar_pax(&tar, "linkpath", "\xc3\xa9", 2);
    FILE_ENTRY("link", '2', .link = "x");
    CHECK_OK(unpack());
    CHECK_STR(text_of("caf\xc3\xa9"), "utf8");
    CHECK_STR(text_of("caf\xe9"), "latin1");
    CHECK_STR(text_of("na\xefve"), "raw");
    CHECK_STR(text_of(name), "pax");
    CHECK_STR(text_of("gnu/long"), "gnu");
    CHECK_INT(stat_of("link").st_size, 2);
    CHECK(!has("short"));
    tear_down();
}

TEST(unpack_later_entries_replace_earlier)
{
    set_up();
    FILE_ENTRY("f", '0', .data = "old");
    FILE_ENTRY("f", '0', .data = "new");
    FILE_ENTRY("l", '2', .link = "f");
    FILE_ENTRY("l", '0', .data = "not through the link");
    FILE_ENTRY("d/x", '0', .data = "x");
    FILE_ENTRY("d", '0', .data = "file over folder");
    FILE_ENTRY("e/", '5');
    FILE_ENTRY("e/kept", '0', .data = "x");
    FILE_ENTRY("e/", '5', .mode = 0700);
    FILE_ENTRY("g", '2', .link = "nowhere");
    FILE_ENTRY("g/", '5');
    FILE_ENTRY("h/a/b", '0', .data = "x");
    FILE_ENTRY("h", '0', .data = "file");
    FILE_ENTRY("f", '1', .link = "f");
    CHECK_OK(unpack());
    CHECK_STR(text_of("f"), "new");
    CHECK_STR(text_of("l"), "not through the link");
    CHECK(S_ISREG(stat_of("d").st_mode));
    CHECK_INT(stat_of("e").st_mode, S_IFDIR | 0700);
    CHECK(has("e/kept"));
    CHECK(S_ISDIR(stat_of("g").st_mode));
    CHECK_STR(text_of("h"), "file");
    tear_down();
}

TEST(unpack_parents_that_are_links_stay_inside)
{
    set_up();
    FILE_ENTRY("usr/bin/", '5');
    FILE_ENTRY("bin", '2', .link = "usr/bin");
    FILE_ENTRY("bin/sh", '0', .data = "relative");
    FILE_ENTRY("sbin", '2', .link = "/usr/bin");
    FILE_ENTRY("sbin/init", '0', .data = "absolute");
    FILE_ENTRY("up", '2', .link = "../../../../../../../usr/bin");
    FILE_ENTRY("up/deeper/x", '0', .data = "climbing");
    CHECK_OK(unpack());
    CHECK_STR(text_of("usr/bin/sh"), "relative");
    CHECK_STR(text_of("usr/bin/init"), "absolute");
    CHECK_STR(text_of("usr/bin/deeper/x"), "climbing");
    CHECK(S_ISLNK(stat_of("bin").st_mode));
    tear_down();
}

/* "bin" is one folder, and then another one. */
TEST(unpack_follows_the_links_of_the_moment)
{
    set_up();
    FILE_ENTRY("a/", '5');
    FILE_ENTRY("b/", '5');
    FILE_ENTRY("bin", '2', .link = "a");
    FILE_ENTRY("bin/x", '0', .data = "in a");
    FILE_ENTRY("bin", '2', .link = "b");
    FILE_ENTRY("bin/x", '0', .data = "in b");
    CHECK_OK(unpack());
    CHECK_STR(text_of("a/x"), "in a");
    CHECK_STR(text_of("b/x"), "in b");
    tear_down();
}

TEST(unpack_makes_whiteouts)
{
    struct stat st;

    set_up();
    FILE_ENTRY("a/.wh.gone", '0');
    FILE_ENTRY(".wh.top", '0');
    FILE_ENTRY(".wh..wh.aufs", '0');
    FILE_ENTRY(".wh..wh.plnk/x", '0');
    FILE_ENTRY("same", '0', .data = "stays");
    FILE_ENTRY(".wh.same", '0');
    FILE_ENTRY(".wh.back", '0');
    FILE_ENTRY("back", '0', .data = "again");
    CHECK_OK(unpack());
    st = stat_of("a/gone");
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
    st = stat_of("top");
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
    CHECK(!has(".wh.top") && !has("a/.wh.gone"));
    CHECK(!has(".wh..wh.aufs") && !has(".wh..wh.plnk"));
    CHECK_STR(text_of("same"), "stays");
    CHECK_STR(text_of("back"), "again");
    tear_down();
}

static bool is_opaque(const char *path)
{
    autoclose int fd = openat(draft->diff, path, O_RDONLY | O_DIRECTORY);
    char value[8] = {0};

    CHECK(fd >= 0);
    return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

TEST(unpack_makes_opaque_folders)
{
    if (geteuid() != 0)
        return; /* trusted.* needs CAP_SYS_ADMIN */
    set_up();
    FILE_ENTRY("a/", '5');
    FILE_ENTRY("a/.wh..wh..opq", '0');
    FILE_ENTRY("b/.wh..wh..opq", '0');
    FILE_ENTRY(".wh.c", '0');
    FILE_ENTRY("c/x", '0', .data = "hidden below, new here");
    FILE_ENTRY("d/x", '0', .data = "x");
    FILE_ENTRY(".wh.d", '0');
    FILE_ENTRY("e/", '5');
    CHECK_OK(unpack());
    CHECK(is_opaque("a"));
    CHECK(is_opaque("b"));
    CHECK(is_opaque("c"));
    CHECK(has("c/x"));
    CHECK(is_opaque("d"));
    CHECK(has("d/x"));
    CHECK(!is_opaque("e"));
    tear_down();
}

TEST(unpack_sets_only_harmless_attributes)
{
    char value[16] = {0};
    autoclose int fd = -1;

    set_up();
    tar_pax(&tar, "SCHILY.xattr.user.note", "hi", 2);
    FILE_ENTRY("f", '0', .data = "x");
    tar_pax(&tar, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
    FILE_ENTRY("d", '5');
    tar_pax(&tar, "SCHILY.xattr.user.overlay.opaque", "y", 1);
    FILE_ENTRY("e", '5');
    tar_pax(&tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
    FILE_ENTRY("r", '5');
    CHECK_OK(unpack());
    fd = openat(draft->diff, "f", O_RDONLY);
    if (fgetxattr(fd, "user.note", value, sizeof(value)) >= 0)
        CHECK_STR(value, "hi");
    else
        CHECK_INT(errno, EOPNOTSUPP);
    CHECK(!is_opaque("d"));
    close(fd);
    fd = openat(draft->diff, "e", O_RDONLY);
    CHECK(fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) < 0);
    close(fd);
    fd = openat(draft->diff, "r", O_RDONLY);
    CHECK(fgetxattr(fd, "trusted.overlay.redirect", value, sizeof(value)) < 0);
    tear_down();
}

TEST(unpack_keeps_capabilities)
{
    static const char cap[20] = {1, 0, 0, 2, 0, 4}; /* v2, effective, cap_net_bind_service */
    autoclose int fd = -1;
    char value[32];

    if (geteuid() != 0)
        return;
    set_up();
    tar_pax(&tar, "SCHILY.xattr.security.capability", cap, sizeof(cap));
    FILE_ENTRY("ping", '0', .data = "x", .mode = 0755);
    CHECK_OK(unpack());
    fd = openat(draft->diff, "ping", O_RDONLY);
    CHECK_INT(fgetxattr(fd, "security.capability", value, sizeof(value)), sizeof(cap));
    CHECK(!memcmp(value, cap, sizeof(cap)));
    tear_down();
}

/* GNU 1.0: the map is the first block of the data: one piece "hi" at 1 MiB of 2 MiB */
TEST(unpack_reads_sparse_files)
{
    static const char records[] = "22 GNU.sparse.major=1\n"
                                  "22 GNU.sparse.minor=0\n"
                                  "26 GNU.sparse.name=sparse\n"
                                  "31 GNU.sparse.realsize=2097152\n";
    char *body = arena_alloc(test_arena, 1024);

    set_up();
    tar_add(&tar, (struct tar_file){"PaxHeaders/x", 'x', .data = records});
    snprintf(body, 512, "1\n1048576\n2\n");
    memcpy(body + 512, "hi", 2);
    tar_raw_header(&tar, &(struct tar_file){.name = "GNUSparseFile.0/sparse", .type = '0'}, 514);
    buf_add(&tar, body, 514);
    tar_pad(&tar);
    CHECK_OK(unpack());
    CHECK_INT(stat_of("sparse").st_size, 2097152);
    CHECK(stat_of("sparse").st_blocks < 100);
    tear_down();
}

/* ---- hostile ---- */

TEST(unpack_refuses_paths_that_leave)
{
    set_up();
    FILE_ENTRY("../evil", '0', .data = "x");
    check_refused("leaves the archive");
    FILE_ENTRY("a/../../evil", '0', .data = "x");
    check_refused("leaves the archive");
    FILE_ENTRY("/../evil", '2', .link = "x");
    check_refused("leaves the archive");
    FILE_ENTRY("a/.wh...", '0');
    check_refused("whiteout without a name");
    FILE_ENTRY("../.wh.x", '0');
    check_refused("leaves the archive");
    FILE_ENTRY(".wh.", '0');
    check_refused("whiteout without a name");
    FILE_ENTRY(".wh.a/b", '0');
    check_refused("below a whiteout");
    FILE_ENTRY(".", '2', .link = "/etc");
    check_refused("root is not a directory");
    FILE_ENTRY("./", '1', .link = "x");
    check_refused("root is not a directory");
    tear_down();
}

/* The oldest trick: a link out of the layer, then a write through it. */
TEST(unpack_never_writes_through_links_to_the_outside)
{
    char *outside;
    struct stat st;

    set_up();
    outside = path_join(test_arena, test_dir(), "outside");
    CHECK(mkdir(outside, 0755) == 0);
    CHECK(symlink("/etc", path_join(test_arena, outside, "etc")) == 0);
    FILE_ENTRY("l", '2', .link = outside);
    FILE_ENTRY("l/evil", '0', .data = "x");
    check_refused("parent that is no directory");
    FILE_ENTRY("l", '2', .link = "../../../outside");
    FILE_ENTRY("l/evil", '0', .data = "x");
    check_refused("parent that is no directory");
    FILE_ENTRY("l", '2', .link = outside);
    FILE_ENTRY("l/.wh.etc", '0');
    check_refused("parent that is no directory");
    FILE_ENTRY("l", '2', .link = outside);
    FILE_ENTRY("l/.wh..wh..opq", '0');
    check_refused("parent that is no directory");
    FILE_ENTRY("l", '2', .link = outside);
    FILE_ENTRY("l", '5', .mode = 0777); /* replaces the link */
    FILE_ENTRY("m", '2', .link = outside);
    FILE_ENTRY("m", '0', .data = "x");
    CHECK_OK(unpack());
    CHECK(stat(outside, &st) == 0 && (st.st_mode & 07777) == 0755);
    tear_down();
}

TEST(unpack_refuses_hard_links_to_the_outside)
{
    set_up();
    FILE_ENTRY("h", '1', .link = "/etc/passwd");
    check_refused("refers to \"etc/passwd\"");
    FILE_ENTRY("h", '1', .link = "../../../../layers/tmp");
    check_refused("leaves the archive");
    FILE_ENTRY("l", '2', .link = "/etc");
    FILE_ENTRY("h", '1', .link = "l/passwd");
    check_refused("refers to");
    FILE_ENTRY("d/", '5');
    FILE_ENTRY("h", '1', .link = "d");
    check_refused("no file of it");
    FILE_ENTRY("h", '1', .link = "h");
    FILE_ENTRY("h2", '1', .link = ".");
    check_refused("links to nothing");
    /* a link to a link is a link, never what it points to */
    FILE_ENTRY("l", '2', .link = "/etc/passwd");
    FILE_ENTRY("h", '1', .link = "l");
    FILE_ENTRY("h", '0', .data = "x");
    CHECK_OK(unpack());
    CHECK_STR(text_of("h"), "x");
    CHECK(S_ISLNK(stat_of("l").st_mode));
    tear_down();
}

TEST(unpack_refuses_a_file_as_a_parent)
{
    set_up();
    FILE_ENTRY("f", '0', .data = "x");
    FILE_ENTRY("f/x", '0', .data = "x");
    check_refused("parent that is no directory");
    FILE_ENTRY("loop", '2', .link = "loop");
    FILE_ENTRY("loop/x", '0', .data = "x");
    check_refused("parent that is no directory");
    tear_down();
}

TEST(unpack_refuses_impossible_owners)
{
    set_up();
    tar_pax(&tar, "uid", "4294967296", 10);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("impossible owner");
    tar_pax(&tar, "gid", "4294967295", 10);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("impossible owner");
    tear_down();
}

TEST(unpack_refuses_truncated_streams)
{
    char *p, *before;
    size_t len;

    set_up();
    fill_random(1 << 20);
    tar_end(&tar);
    before = listing();
    CHECK_ERR(unpack_bytes(tar.data, tar.len / 2), ERR_INVALID);
    CHECK_ERR(unpack_bytes(tar.data, 700), ERR_INVALID);
    p = compress(archive_write_add_filter_gzip, &len);
    CHECK_ERR(unpack_bytes(p, len / 2), ERR_INVALID);
    CHECK_ERR(unpack_bytes(p, len - 4), ERR_INVALID);
    memset(p + 1000, 0, 5000);
    CHECK_ERR(unpack_bytes(p, len), ERR_INVALID);
    p = compress(archive_write_add_filter_zstd, &len);
    CHECK_ERR(unpack_bytes(p, len / 2), ERR_INVALID);
    memset(p + 4, 0xff, 5000);
    CHECK_ERR(unpack_bytes(p, len), ERR_INVALID);
    CHECK_ERR(unpack_bytes("this is no archive at all", 25), ERR_INVALID);
    CHECK_STR(listing(), before);
    tear_down();
}

TEST(unpack_refuses_lies_about_size)
{
    set_up();
    FILE_ENTRY("f", '0', .data = "x", .size = 1LL << 32);
    check_refused("");
    tar_pax(&tar, "size", "9223372036854775807", 19);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("");
    tar_pax(&tar, "size", "-1", 2);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("");
    /* a sparse file of 8 EiB, backed by nothing */
    tar_pax(&tar, "GNU.sparse.realsize", "9223372036854775807", 19);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("");
    tear_down();
}

static struct err *unpack_limited(struct unpack_limits limits)
{
    autoclose int fd = -1;

    tar_end(&tar);
    fd = tar_open(tar.data, tar.len);
    return layer_unpack(store, fd, &limits, NULL, NULL, &result, &draft);
}

TEST(unpack_keeps_to_its_limits)
{
    char *before;

    set_up();
    before = listing();
    for (int i = 0; i < 20; i++)
        FILE_ENTRY(arena_printf(test_arena, "f%d", i), '0', .data = "x");
    CHECK_ERR(unpack_limited((struct unpack_limits){.max_entries = 19}), ERR_INVALID);
    CHECK_ERR(unpack_limited((struct unpack_limits){.max_bytes = 4096}), ERR_INVALID);
    CHECK_ERR(unpack_limited((struct unpack_limits){.max_bytes = 19}), ERR_INVALID);
    CHECK_STR(listing(), before);
    CHECK_OK(unpack_limited((struct unpack_limits){.max_entries = 20, .max_bytes = 1 << 20}));
    tear_down();
}

/* 200 MiB of zeros in a few kilobytes of zstd. */
TEST(unpack_refuses_bombs)
{
    struct archive *ar = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    char *out = arena_alloc(test_arena, 1 << 20), *zeros = arena_alloc(test_arena, 1 << 20);
    struct err *err;
    char *before;
    size_t len;

    set_up();
    before = listing();
    CHECK(archive_write_set_format_ustar(ar) == ARCHIVE_OK);
    CHECK(archive_write_add_filter_zstd(ar) == ARCHIVE_OK);
    CHECK(archive_write_open_memory(ar, out, 1 << 20, &len) == ARCHIVE_OK);
    archive_entry_set_pathname(e, "zeros");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, 200 << 20);
    CHECK(archive_write_header(ar, e) == ARCHIVE_OK);
    for (int i = 0; i < 200; i++)
        CHECK_INT(archive_write_data(ar, zeros, 1 << 20), 1 << 20);
    CHECK(archive_write_close(ar) == ARCHIVE_OK);
    archive_write_free(ar);
    archive_entry_free(e);
    err = unpack_bytes(out, len);
    CHECK(err && strstr(err_text(err), "1000-fold"));
    CHECK_ERR(err, ERR_INVALID);
    CHECK_STR(listing(), before);
    tear_down();
}

TEST(unpack_refuses_too_many_attributes)
{
    autobuf struct buf records = {0};

    set_up();
    for (int i = 0; i < 70; i++)
        buf_printf(&records, "27 SCHILY.xattr.user.x%02d=1\n", i);
    FILE_ENTRY("PaxHeaders/x", 'x', .data = records.data);
    FILE_ENTRY("f", '0', .data = "x");
    check_refused("attributes");
    tear_down();
}

static bool refuse_progress(void *ctx, int64_t bytes)
{
    (void)bytes;
    return ++*(int *)ctx < 2;
}

/* Nothing more ever comes: progress is asked all the same, and its refusal ends the wait. */
TEST(unpack_of_a_silent_pipe_can_be_cancelled)
{
    int ends[2], calls = 0;
    char *before;

    set_up();
    before = listing();
    CHECK_OK(fd_pipe(ends, 0));
    CHECK_ERR(layer_unpack(store, ends[0], NULL, refuse_progress, &calls, &result, &draft),
              ERR_CANCELLED);
    CHECK_INT(calls, 2);
    CHECK_STR(listing(), before);
    close(ends[0]);
    close(ends[1]);
    tear_down();
}

/* ---- document archives ---- */

static struct err *on_member(void *ctx, struct member *m)
{
    struct buf *out = ctx;
    char text[16] = {0};

    if (m->link)
        buf_printf(out, "%s->%s;", m->path, m->link);
    else if (strcmp(m->path, "skipped"))
        buf_printf(out, "%s=%.*s;", m->path, (int)m->read(m, text, sizeof(text)), text);
    return strcmp(m->path, "stop") ? NULL : err_new(ERR_CONFLICT, "stopped");
}

static struct err *each(struct buf *out)
{
    autoclose int fd = tar_open(tar.data, tar.len);
    int64_t packed = 0;
    struct err *e = archive_each(fd, on_member, out, &packed);

    CHECK(e || packed == (int64_t)tar.len);
    return e;
}

TEST(archive_each_gives_members)
{
    autobuf struct buf out = {0};

    FILE_ENTRY("./manifest.json", '0', .data = "[]");
    FILE_ENTRY("abc/", '5');
    FILE_ENTRY("skipped", '0', .data = "never read");
    FILE_ENTRY("abc/layer.tar", '2', .link = "../def/layer.tar");
    FILE_ENTRY("abc/hard", '1', .link = "manifest.json");
    FILE_ENTRY("abc/dev", '3');
    FILE_ENTRY("abc/json", '0', .data = "{}");
    tar_end(&tar);
    CHECK_OK(each(&out));
    CHECK_STR(out.data, "manifest.json=[];abc/layer.tar->def/layer.tar;"
                        "abc/hard->manifest.json;abc/json={};");
    buf_finish(&tar);
}

TEST(archive_each_refuses_and_stops)
{
    autobuf struct buf out = {0};

    FILE_ENTRY("a/../../x", '0', .data = "x");
    CHECK_ERR(each(&out), ERR_INVALID);
    buf_finish(&tar);
    FILE_ENTRY("a", '2', .link = "../../x");
    CHECK_ERR(each(&out), ERR_INVALID);
    buf_finish(&tar);
    FILE_ENTRY("stop", '0', .data = "x");
    FILE_ENTRY("after", '0', .data = "x");
    CHECK_ERR(each(&out), ERR_CONFLICT);
    CHECK_STR(out.data, "stop=x;");
    buf_finish(&tar);
    buf_puts(&tar, "no archive");
    CHECK_ERR(each(&out), ERR_INVALID);
    buf_finish(&tar);
}
