/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a registry's certificate may be from, and who we are there, for libcurl's TLS: the host's
 * authorities, and what the registry's own folders have. To read a bundle of 150 takes 50 ms and
 * more: on a worker, once for each web, and libcurl is told to read none of its own.
 */
#pragma once

#include "base/text.h"

#include <curl/curl.h>
#include <stdbool.h>

struct trust;

/* $SSL_CERT_FILE, or the bundle that libcurl was built with; of each folder that is there the
 * authorities *.crt and the pairs X.cert and X.key. Worker. A bundle that cannot be read gives one
 * that trusts nobody, so that each connection fails and says why. */
struct trust *trust_read(const struct strs *folders);
void trust_free(struct trust *t); /* accepts NULL */
/* What is wrong with a folder: no connection is made. NULL: nothing. */
const struct err *trust_failure(const struct trust *t);

/* Whether libcurl's TLS takes it (OpenSSL); without, libcurl reads the bundle by itself. */
bool trust_is_taken(void);
/* t must outlive easy. */
void trust_give(const struct trust *t, CURL *easy);
