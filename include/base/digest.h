/* SPDX-License-Identifier: Apache-2.0 */
/* sha256 digests ("sha256:<64 hex>") and ids (64 hex from the kernel's random source). */
#pragma once

#include "base/mem.h"

#include <stdbool.h>

#define DIGEST_MAX 72 /* "sha256:" + 64 + NUL, exactly */
#define ID_MAX 65
#define ID_SHORT 12

struct sha256;
struct sha256 *sha256_create(void);
void sha256_add(struct sha256 *s, const void *p, size_t n);
/* Writes "sha256:…" and frees s. */
void sha256_end(struct sha256 *s, char out[DIGEST_MAX]);
void sha256_destroy(struct sha256 *s); /* accepts NULL */
void digest_of(const void *p, size_t n, char out[DIGEST_MAX]);
bool digest_is_valid(const char *s);
const char *digest_hex(const char *digest); /* the part after "sha256:" */

#define SHA1_BYTES 20
void sha1_of(const void *p, size_t n, unsigned char out[SHA1_BYTES]); /* websockets want it */

void id_random(char out[ID_MAX]); /* short form is never all digits */
bool id_is_valid(const char *s);
