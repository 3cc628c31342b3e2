/* SPDX-License-Identifier: Apache-2.0 */
/* links: tar base */
/* Headers that we write, as libarchive reads them. */
#include "test.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "tar/decoder.h"
#include "tar/header.h"

static struct buf out;
static struct archive *ar;
static struct utf8_scope scope;

/* The first entry of what was written. */
static struct archive_entry *read_back(void)
{
    struct archive_entry *e = NULL;

    tar_header_end(&out);
    scope = utf8_begin();
    CHECK_OK(decoder_open(DECODER_TAR, &ar));
    CHECK_INT(archive_read_open_memory(ar, out.data, out.len), ARCHIVE_OK);
    CHECK(archive_read_next_header(ar, &e) >= ARCHIVE_WARN);
    return e;
}

static void over(void)
{
    archive_read_free(ar);
    utf8_end(&scope);
    buf_finish(&out);
}

static struct tar_file plain(const char *name)
{
    return (struct tar_file){.name = name, .mode = S_IFREG | 0644, .mtime = {1700000000, 0}};
}

TEST(what_fits_takes_one_block)
{
    struct tar_file f = plain("a/b");
    struct archive_entry *e;

    tar_header_add(&out, &f);
    CHECK_INT(out.len, TAR_BLOCK);
    e = read_back();
    CHECK_STR(archive_entry_pathname(e), "a/b");
    CHECK_INT(archive_entry_mtime(e), 1700000000);
    CHECK_INT(archive_entry_perm(e), 0644);
    over();
}

TEST(a_name_of_100_bytes_fits_and_101_do_not)
{
    char name[102] = "";
    struct tar_file f = plain(name);

    for (size_t n = 100; n <= 101; n++) {
        memset(name, 'n', n);
        name[n] = '\0';
        tar_header_add(&out, &f);
        CHECK_INT(out.len, n == 100 ? TAR_BLOCK : 3 * TAR_BLOCK);
        CHECK_STR(archive_entry_pathname(read_back()), name);
        over();
    }
}

TEST(long_names_and_links)
{
    char name[4001] = "", link[3001] = "";
    struct tar_file f = plain(name);

    memset(name, 'a', 4000);
    memset(link, 'b', 3000);
    name[4000] = link[3000] = '\0';
    f.mode = S_IFLNK | 0777;
    f.link = link;
    tar_header_add(&out, &f);
    CHECK_STR(archive_entry_pathname(read_back()), name);
    over();
    tar_header_add(&out, &f);
    CHECK_STR(archive_entry_symlink(read_back()), link);
    over();
}

/* Neither text that is not UTF-8, in the plain header and in a record. */
TEST(names_are_bytes)
{
    char name[301] = "";
    struct tar_file f = plain("latin-\xe4");
    struct archive_entry *e;

    tar_header_add(&out, &f);
    CHECK_INT(out.len, TAR_BLOCK);
    CHECK_STR(archive_entry_pathname(read_back()), "latin-\xe4");
    over();
    memset(name, 0xe4, 300);
    name[300] = '\0';
    f.name = name;
    tar_header_add(&out, &f);
    e = read_back();
    CHECK_STR(archive_entry_pathname(e), name);
    over();
}

TEST(numbers_that_do_not_fit)
{
    struct tar_file f = plain("n");
    struct archive_entry *e;

    f.uid = 4294967294u;
    f.gid = 2097152;
    f.size = 9LL << 30;
    f.mtime = (struct timespec){1234567890, 123456789};
    tar_header_add(&out, &f);
    e = read_back();
    CHECK_INT(archive_entry_uid(e), 4294967294u);
    CHECK_INT(archive_entry_gid(e), 2097152);
    CHECK_INT(archive_entry_size(e), 9LL << 30);
    CHECK_INT(archive_entry_mtime(e), 1234567890);
    CHECK_INT(archive_entry_mtime_nsec(e), 123456789);
    over();
}

TEST(devices)
{
    struct tar_file f = plain("d");
    struct archive_entry *e;

    f.mode = S_IFBLK | 0660;
    f.major = 300;
    f.minor = 1048575;
    tar_header_add(&out, &f);
    e = read_back();
    CHECK_INT(archive_entry_filetype(e), AE_IFBLK);
    CHECK_INT(archive_entry_rdevmajor(e), 300);
    CHECK_INT(archive_entry_rdevminor(e), 1048575);
    over();
}

/* Record lengths count their own digits: around 10, 100 and 1000 that is where it goes wrong. */
TEST(attributes_of_every_length)
{
    char value[1100];

    memset(value, 'v', sizeof(value));
    value[0] = '\0';
    for (size_t n = 1; n < sizeof(value); n += n < 120 || n > 900 ? 1 : 97) {
        struct tar_xattr x = {"user.x", value, n};
        struct tar_file f = plain("x");
        const char *name;
        const void *got;
        size_t size = 0;

        f.xattrs = &x;
        f.n_xattrs = 1;
        tar_header_add(&out, &f);
        archive_entry_xattr_reset(read_back());
        over();
        tar_header_add(&out, &f);
        {
            struct archive_entry *e = read_back();

            archive_entry_xattr_reset(e);
            CHECK_INT(archive_entry_xattr_next(e, &name, &got, &size), ARCHIVE_OK);
            CHECK_STR(name, "user.x");
            CHECK_INT(size, n);
            CHECK(!memcmp(got, value, n));
        }
        over();
    }
}

/* A terabyte that is nearly all hole. */
TEST(holes)
{
    const struct tar_extent extents[] = {{4096, 4}, {1LL << 39, 5}, {1LL << 40, 0}};
    struct tar_file f = plain("dir/holes");
    struct archive_entry *e;
    const void *p;
    la_int64_t at;
    size_t n;

    f.size = 1LL << 40;
    f.is_sparse = true;
    f.extents = extents;
    f.n_extents = ARRAY_LEN(extents);
    CHECK_INT(tar_file_data_bytes(&f), 9);
    tar_header_add(&out, &f);
    buf_puts(&out, "data12345");
    tar_header_pad(&out, 9);
    e = read_back();
    CHECK_STR(archive_entry_pathname(e), "dir/holes");
    CHECK_INT(archive_entry_size(e), 1LL << 40);
    CHECK_INT(archive_read_data_block(ar, &p, &n, &at), ARCHIVE_OK);
    CHECK_INT(at, 4096);
    CHECK(n == 4 && !memcmp(p, "data", 4));
    CHECK_INT(archive_read_data_block(ar, &p, &n, &at), ARCHIVE_OK);
    CHECK_INT(at, 1LL << 39);
    CHECK(n == 5 && !memcmp(p, "12345", 5));
    over();
}
