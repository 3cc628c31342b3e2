/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include "base/log.h"
#include "base/text.h"
#include "core/loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct trust {
    X509_STORE *store;
};

static const char *bundle(void)
{
    const char *named = getenv("SSL_CERT_FILE");

    return text_is_empty(named) ? curl_version_info(CURLVERSION_NOW)->cainfo : named;
}

struct trust *trust_read(void)
{
    struct trust *t = mem_new(struct trust);
    const char *path = bundle();

    ASSERT_WORKER();
    t->store = X509_STORE_new();
    ASSERT(t->store);
    X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN); /* as libcurl does */
    if (!path || X509_STORE_load_file(t->store, path) != 1)
        log_warn("the certificate authorities cannot be read: no registry is trusted; install "
                 "ca-certificates or set SSL_CERT_FILE",
                 KV("file", path));
    ERR_clear_error();
    return t;
}

void trust_free(struct trust *t)
{
    if (!t)
        return;
    X509_STORE_free(t->store);
    free(t);
}

bool trust_is_taken(void)
{
    const char *name = curl_version_info(CURLVERSION_NOW)->ssl_version;

    return name && text_starts(name, "OpenSSL/");
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
    struct trust *t = arg;

    (void)easy;
    SSL_CTX_set1_cert_store(context, t->store);
    return CURLE_OK;
}

void trust_give(const struct trust *t, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, (void *)t);
}
