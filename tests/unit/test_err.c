/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include <errno.h>

static struct err *may_fail(bool fails)
{
    return fails ? err_new(ERR_CONFLICT, "name %s is taken", "x") : NULL;
}

static struct err *tries(bool fails)
{
    TRY(may_fail(fails));
    return NULL;
}

TEST(err_text_and_kind)
{
    autoerr struct err *e = err_new(ERR_NOT_FOUND, "no such %s: %d", "thing", 7);

    CHECK_INT(err_kind(e), ERR_NOT_FOUND);
    CHECK_STR(err_text(e), "no such thing: 7");
    CHECK_INT(err_errno(e), 0);
}

TEST(err_sys_keeps_errno)
{
    autoerr struct err *e = NULL, *other = err_sysno(EPERM, "mount");

    errno = ENOENT;
    e = err_sys("open %s", "/x");
    CHECK_STR(err_text(e), "open /x: no such file or directory");
    CHECK_INT(err_errno(e), ENOENT);
    CHECK_INT(err_kind(e), ERR_INTERNAL);
    CHECK_INT(err_errno(other), EPERM);
}

TEST(err_wrap_keeps_kind_and_errno)
{
    autoerr struct err *e = err_wrap(err_sysno(EBUSY, "umount %s", "/m"), "remove %s", "c1");

    CHECK_STR(err_text(e), "remove c1: umount /m: device or resource busy");
    CHECK_INT(err_errno(e), EBUSY);
    e = err_as(e, ERR_INVALID);
    CHECK_INT(err_kind(e), ERR_INVALID);
    CHECK_INT(err_errno(e), EBUSY);
}

TEST(err_copy_is_its_own)
{
    struct err *e = err_new(ERR_TIMEOUT, "late");
    autoerr struct err *copy = err_copy(e);

    err_drop(e);
    CHECK_STR(err_text(copy), "late");
    CHECK(!err_copy(NULL));
    err_drop(NULL);
}

TEST(err_texts_are_bounded)
{
    autofree char *big = mem_alloc(100000);
    autoerr struct err *e = NULL;

    memset(big, 'x', 99999);
    e = err_wrap(err_new(ERR_INVALID, "%s", big), "%s", big);
    CHECK(strlen(err_text(e)) < 10000);
}

TEST(try_returns_the_error)
{
    CHECK_OK(tries(false));
    CHECK_ERR(tries(true), ERR_CONFLICT);
}
