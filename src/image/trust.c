/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include "base/fd.h"
#include "base/log.h"
#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, NAMES_MAX = 256, CHAIN_MAX = 16, PAIRS_MAX = 16 };

/* Who we are: a certificate with those between it and its authority, and its key. */
struct pair_of_keys {
    X509 *cert;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct trust {
    X509_STORE *store;
    struct pair_of_keys pairs[PAIRS_MAX];
    size_t n_pairs;
    struct err *failure;
};

static const char *bundle(void)
{
    const char *named = getenv("SSL_CERT_FILE");

    return text_is_empty(named) ? curl_version_info(CURLVERSION_NOW)->cainfo : named;
}

static void read_bundle(struct trust *t)
{
    const char *path = bundle();

    if (!path || X509_STORE_load_file(t->store, path) != 1)
        log_warn("the certificate authorities cannot be read: no registry is trusted; install "
                 "ca-certificates or set SSL_CERT_FILE",
                 KV("file", path));
}

/* ---- the folders of a registry ---- */

/* Links are followed; what is no file (a FIFO) is not waited for. */
static struct err *open_text(struct arena *a, int dir, const char *name, BIO **out)
{
    autoclose int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    char *text = NULL;
    struct stat st;
    size_t len;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys("it cannot be read");
    if (!S_ISREG(st.st_mode))
        return err_new(ERR_INVALID, "it is no file");
    TRY(file_read_fd(a, fd, FILE_MAX, &text, &len));
    *out = BIO_new_mem_buf(text, (int)len);
    ASSERT(*out);
    return NULL;
}

static struct err *read_authorities(struct trust *t, struct arena *a, int dir, const char *name)
{
    X509 *x;
    BIO *bio;
    int n = 0;

    TRY(open_text(a, dir, name, &bio));
    while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        X509_STORE_add_cert(t->store, x); /* takes a reference; one that is there is no error */
        X509_free(x);
        n++;
    }
    BIO_free(bio);
    return n ? NULL : err_new(ERR_INVALID, "it has no certificate");
}

static struct err *read_chain(BIO *bio, struct pair_of_keys *p)
{
    X509 *x;

    p->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    p->chain = sk_X509_new_null();
    ASSERT(p->chain);
    while (p->cert && sk_X509_num(p->chain) < CHAIN_MAX &&
           (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        sk_X509_push(p->chain, x);
    return p->cert ? NULL : err_new(ERR_INVALID, "it has no certificate");
}

/* A key with a passphrase would be asked for on a terminal: it is none. */
static int no_passphrase(char *room, int size, int is_writing, void *arg)
{
    (void)room, (void)size, (void)is_writing, (void)arg;
    return -1;
}

static struct err *read_pair(struct trust *t, struct arena *a, int dir, const char *cert,
                             const char *key)
{
    struct pair_of_keys *p = &t->pairs[t->n_pairs];
    struct err *e;
    BIO *bio;

    if (t->n_pairs == PAIRS_MAX)
        return err_new(ERR_INVALID, "more than %d certificates of ours", PAIRS_MAX);
    TRY(open_text(a, dir, cert, &bio));
    t->n_pairs++; /* trust_free takes what is half there */
    e = read_chain(bio, p);
    BIO_free(bio);
    if (e)
        return e;
    TRY(open_text(a, dir, key, &bio));
    p->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!p->key)
        return err_new(ERR_INVALID, "%s has no private key that can be read", key);
    if (X509_check_private_key(p->cert, p->key) != 1)
        return err_new(ERR_INVALID, "%s is not the key of %s", key, cert);
    return NULL;
}

static char *with_ending(struct arena *a, const char *name, const char *old, const char *ending)
{
    return arena_printf(a, "%.*s%s", (int)(strlen(name) - strlen(old)), name, ending);
}

static struct err *read_file(struct trust *t, struct arena *a, int dir, const struct strs *names,
                             const char *name)
{
    if (text_ends(name, ".crt"))
        return read_authorities(t, a, dir, name);
    if (text_ends(name, ".cert")) {
        const char *key = with_ending(a, name, ".cert", ".key");

        if (!strs_has(names, key))
            return err_new(ERR_INVALID,
                           "missing key %s for client certificate %s. CA certificates must use "
                           "the extension .crt",
                           key, name);
        return read_pair(t, a, dir, name, key);
    }
    if (text_ends(name, ".key")) {
        const char *cert = with_ending(a, name, ".key", ".cert");

        if (!strs_has(names, cert))
            return err_new(ERR_INVALID, "missing client certificate %s for key %s", cert, name);
    }
    return NULL;
}

static struct err *read_folder(struct trust *t, struct arena *a, const char *folder)
{
    autoclose int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct strs names = {0};

    if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    if (dir < 0)
        return err_sys("open %s", folder);
    TRY(dir_names(a, dir, &names));
    if (names.n > NAMES_MAX)
        return err_new(ERR_INVALID, "%s has more than %d files", folder, NAMES_MAX);
    for (size_t i = 0; i < names.n; i++) {
        struct err *e = read_file(t, a, dir, &names, names.v[i]);

        if (e)
            return err_wrap(err_as(e, ERR_INTERNAL), "%s/%s", folder, names.v[i]);
    }
    return NULL;
}

struct trust *trust_read(const struct strs *folders)
{
    autoarena struct arena *a = arena_create();
    struct trust *t = mem_new(struct trust);

    ASSERT_WORKER();
    t->store = X509_STORE_new();
    ASSERT(t->store);
    X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN); /* as libcurl does */
    read_bundle(t);
    for (size_t i = 0; i < folders->n && !t->failure; i++)
        t->failure = read_folder(t, a, folders->v[i]);
    ERR_clear_error();
    return t;
}

void trust_free(struct trust *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_pairs; i++) {
        X509_free(t->pairs[i].cert);
        sk_X509_pop_free(t->pairs[i].chain, X509_free);
        EVP_PKEY_free(t->pairs[i].key);
    }
    X509_STORE_free(t->store);
    err_drop(t->failure);
    free(t);
}

const struct err *trust_failure(const struct trust *t)
{
    return t->failure;
}

/* ---- for libcurl ---- */

bool trust_is_taken(void)
{
    const char *name = curl_version_info(CURLVERSION_NOW)->ssl_version;

    return name && text_starts(name, "OpenSSL/");
}

static bool is_by(const STACK_OF(X509_NAME) * authorities, X509 *cert)
{
    for (int i = 0; i < sk_X509_NAME_num(authorities); i++)
        if (!X509_NAME_cmp(sk_X509_NAME_value(authorities, i), X509_get_issuer_name(cert)))
            return true;
    return false;
}

/* Whether a server that takes certificates of these authorities (none named: of all) takes it. */
static bool is_taken(const STACK_OF(X509_NAME) * authorities, const struct pair_of_keys *p)
{
    if (sk_X509_NAME_num(authorities) <= 0 || is_by(authorities, p->cert))
        return true;
    for (int i = 0; i < sk_X509_num(p->chain); i++)
        if (is_by(authorities, sk_X509_value(p->chain, i)))
            return true;
    return false;
}

/* The server asks who we are. */
static int on_who(SSL *ssl, void *arg)
{
    const struct trust *t = arg;
    const STACK_OF(X509_NAME) *authorities = SSL_get_client_CA_list(ssl);

    for (size_t i = 0; i < t->n_pairs; i++)
        if (is_taken(authorities, &t->pairs[i]))
            return SSL_use_cert_and_key(ssl, t->pairs[i].cert, t->pairs[i].key, t->pairs[i].chain,
                                        1);
    return 1; /* nobody; the server decides */
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
    struct trust *t = arg;

    (void)easy;
    if (t->failure)
        return CURLE_SSL_CERTPROBLEM;
    SSL_CTX_set1_cert_store(context, t->store);
    if (t->n_pairs)
        SSL_CTX_set_cert_cb(context, on_who, t);
    return CURLE_OK;
}

void trust_give(const struct trust *t, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, (void *)t);
}
