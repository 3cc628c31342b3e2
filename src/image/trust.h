/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate authorities that the host trusts, for libcurl's TLS. To read a
 * bundle of 150 takes 50 ms and more: on a worker, once for each web, and libcurl is
 * told to read none of its own.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

struct trust;

/* $SSL_CERT_FILE, or the bundle that libcurl was built with. Worker. A bundle that cannot
 * be read gives one that trusts nobody, so that each connection fails and says why. */
struct trust *trust_read(void);
void trust_free(struct trust *t); /* accepts NULL */

/* Whether libcurl's TLS takes it (OpenSSL); without, libcurl reads the bundle by itself. */
bool trust_is_taken(void);
/* t must outlive easy. */
void trust_give(const struct trust *t, CURL *easy);
