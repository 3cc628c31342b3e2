/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/digest.h"

static const char abc_digest[] =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(digest_of_known_text)
{
    char digest[DIGEST_MAX];
    struct sha256 *s = sha256_create();

    digest_of("abc", 3, digest);
    CHECK_STR(digest, abc_digest);
    sha256_add(s, "a", 1);
    sha256_add(s, "", 0);
    sha256_add(s, "bc", 2);
    sha256_end(s, digest);
    CHECK_STR(digest, abc_digest);
    CHECK_STR(digest_hex(digest), abc_digest + 7);
    sha256_destroy(sha256_create());
    sha256_destroy(NULL);
}

TEST(digest_validity)
{
    CHECK(digest_is_valid(abc_digest));
    CHECK(!digest_is_valid(abc_digest + 7));
    CHECK(!digest_is_valid("sha256:"));
    CHECK(!digest_is_valid(
        "sha256:../../../../../../../../../../../../../../../../../../../../../e"));
    CHECK(!digest_is_valid(arena_printf(test_arena, "%s0", abc_digest)));
    CHECK(!digest_is_valid("sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"));
    CHECK(!digest_is_valid(
        "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(!digest_is_valid(NULL));
}

TEST(ids_are_random_and_never_numbers)
{
    char id[ID_MAX], other[ID_MAX];

    id_random(other);
    for (int i = 0; i < 5000; i++) {
        id_random(id);
        CHECK(id_is_valid(id));
        CHECK(strcmp(id, other) != 0);
        CHECK(strspn(id, "0123456789") < ID_SHORT);
    }
    CHECK(!id_is_valid("abc") && !id_is_valid(NULL) && !id_is_valid(abc_digest));
}
