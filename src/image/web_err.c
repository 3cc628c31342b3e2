/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong with a transfer, as a sentence. Loop thread. Scripts and people
 * know the sentences of Go's HTTP client ("dial tcp …: connect: connection
 * refused"), so a failure that has one gets it.
 */
#include "web_err.h"

#include <errno.h>
#include <string.h>

static const char *const plain_http_signs[] = {
    "wrong version number",
    "packet length too long",
    "http request",
    "unexpected TLS packet",
};

static bool is_plain_http(CURLcode code, const char *why)
{
    if (code != CURLE_SSL_CONNECT_ERROR)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(plain_http_signs); i++)
        if (strstr(why, plain_http_signs[i]))
            return true;
    return false;
}

/* The host and port of a URL, for when no address was tried. */
static char *url_host(const char *url)
{
    const char *host = strstr(url, "://");

    host = host ? host + 3 : url;
    return mem_printf("%.*s", (int)strcspn(host, "/"), host);
}

/* As Go writes it: Get, Patch. */
static const char *verb(CURL *easy)
{
    static const char *const verbs[][2] = {
        {"HEAD", "Head"}, {"POST", "Post"},     {"PATCH", "Patch"},
        {"PUT", "Put"},   {"DELETE", "Delete"},
    };
    const char *method = NULL;

    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_METHOD, &method);
    for (size_t i = 0; method && i < ARRAY_LEN(verbs); i++)
        if (!strcmp(method, verbs[i][0]))
            return verbs[i][1];
    return "Get";
}

static struct err *connect_err(CURL *easy, const char *url, int sys)
{
    autofree char *host = url_host(url);
    const char *ip = NULL;
    long port = 0;

    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    if (!text_is_empty(ip) && port > 0) {
        free(host);
        host = strchr(ip, ':') ? mem_printf("[%s]:%ld", ip, port) : mem_printf("%s:%ld", ip, port);
    }
    if (!sys)
        sys = ECONNREFUSED; /* libcurl forgets it when several addresses were tried */
    return err_outside(err_new(ERR_INTERNAL, "%s \"%s\": dial tcp %s: connect: %s", verb(easy), url,
                               host, sys == ECONNREFUSED ? "connection refused" : strerror(sys)));
}

static struct err *sentence(CURL *easy, CURLcode code, const char *why, const char *url, int sys)
{
    autofree char *host = url_host(url);

    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return connect_err(easy, url, sys);
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_outside(err_new(ERR_INTERNAL, "%s \"%s\": dial tcp: lookup %.*s: no such host",
                                   verb(easy), url, (int)strcspn(host, ":"), host));
    case CURLE_OPERATION_TIMEDOUT:
        if (text_starts(why, "Operation too slow"))
            return err_new(ERR_INTERNAL, "%s \"%s\": the registry is too slow: %s", verb(easy), url,
                           why + 20);
        return err_outside(err_new(ERR_INTERNAL, "%s \"%s\": dial tcp %s: i/o timeout: %s",
                                   verb(easy), url, host, why));
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_new(ERR_INTERNAL, "%s \"%s\": tls: failed to verify certificate: %s", verb(easy),
                       url, why);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: /* it broke, and libcurl would have begun anew */
    case CURLE_GOT_NOTHING:
        return err_new(ERR_INTERNAL, "%s \"%s\": unexpected EOF: %s", verb(easy), url, why);
    case CURLE_TOO_MANY_REDIRECTS:
        return err_new(ERR_INTERNAL, "%s \"%s\": stopped after too many redirects", verb(easy),
                       url);
    default:
        return err_new(ERR_INTERNAL, "%s \"%s\": %s", verb(easy), url,
                       *why ? why : curl_easy_strerror(code));
    }
}

struct err *web_err(CURL *easy, CURLcode code, const char *why, struct web_reply *r)
{
    const char *url = NULL;
    long status = 0, sys = 0;

    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &sys);
    r->url = (char *)(url ? url : "");
    r->status = (int)status;
    if (code == CURLE_OK)
        return NULL;
    r->sys = code == CURLE_COULDNT_CONNECT ? (int)(sys ? sys : ECONNREFUSED) : 0;
    r->speaks_plain_http = is_plain_http(code, why);
    if (r->speaks_plain_http)
        return err_new(ERR_INTERNAL, "%s \"%s\": http: server gave HTTP response to HTTPS client",
                       verb(easy), r->url);
    return sentence(easy, code, why, r->url, (int)sys);
}
