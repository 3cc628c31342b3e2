/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256 through libcrypto (this file only) and random ids. Any thread; a struct sha256
 * belongs to one thread at a time.
 * Trap: an id whose first 12 digits are all decimal would look like a number to tools that
 * read hostnames, so such ids are drawn again.
 */
#include "base/digest.h"

#include "base/text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

enum { HASH_BYTES = 32, HASH_HEX = 64 };

static const char digest_prefix[] = "sha256:";

struct sha256 {
    EVP_MD_CTX *ctx;
};

static void write_hex(const unsigned char *p, char out[HASH_HEX + 1])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < HASH_BYTES; i++) {
        out[2 * i] = hex[p[i] >> 4];
        out[2 * i + 1] = hex[p[i] & 15];
    }
    out[HASH_HEX] = '\0';
}

struct sha256 *sha256_create(void)
{
    struct sha256 *s = mem_new(struct sha256);

    s->ctx = EVP_MD_CTX_new();
    ASSERT(s->ctx && EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) == 1);
    return s;
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
    ASSERT(s && (p || !n));
    ASSERT(EVP_DigestUpdate(s->ctx, p, n) == 1);
}

void sha256_end(struct sha256 *s, char out[DIGEST_MAX])
{
    unsigned char hash[HASH_BYTES];

    ASSERT(s);
    ASSERT(EVP_DigestFinal_ex(s->ctx, hash, NULL) == 1);
    memcpy(out, digest_prefix, sizeof(digest_prefix) - 1);
    write_hex(hash, out + sizeof(digest_prefix) - 1);
    sha256_destroy(s);
}

void sha256_destroy(struct sha256 *s)
{
    if (!s)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void digest_of(const void *p, size_t n, char out[DIGEST_MAX])
{
    struct sha256 *s = sha256_create();

    sha256_add(s, p, n);
    sha256_end(s, out);
}

void sha1_of(const void *p, size_t n, unsigned char out[SHA1_BYTES])
{
    ASSERT(EVP_Digest(p, n, out, NULL, EVP_sha1(), NULL) == 1);
}

bool digest_is_valid(const char *s)
{
    return s && text_starts(s, digest_prefix) &&
           text_is_hex(s + sizeof(digest_prefix) - 1, HASH_HEX);
}

/* Of a digest that was checked: the hex digits are the name of a directory. */
const char *digest_hex(const char *digest)
{
    ASSERT(text_starts(digest, digest_prefix));
    return digest + sizeof(digest_prefix) - 1;
}

void id_random(char out[ID_MAX])
{
    unsigned char bytes[HASH_BYTES];

    do {
        ssize_t n;

        do {
            n = getrandom(bytes, sizeof(bytes), 0);
        } while (n < 0 && errno == EINTR);
        ASSERT(n == sizeof(bytes));
        write_hex(bytes, out);
    } while (strspn(out, "0123456789") >= ID_SHORT);
}

bool id_is_valid(const char *s)
{
    return s && text_is_hex(s, HASH_HEX);
}
