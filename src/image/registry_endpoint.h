/* SPDX-License-Identifier: Apache-2.0 */
/* Where a registry may be reached, in the order to try. Pure. */
#pragma once

#include "base/text.h"
#include "core/settings.h"

struct registry_endpoint {
    char *base;       /* "https://registry-1.docker.io", without a slash at the end */
    bool is_insecure; /* any certificate will do */
    bool is_loopback, is_mirror;
    struct strs certs; /* folders that may have certificates for it */
};
struct registry_endpoints {
    struct registry_endpoint *v;
    size_t n;
};

/* Loopback: HTTP, then HTTPS. --insecure-registry: HTTPS with any certificate, then HTTP. Others:
 * HTTPS. In front of each: its mirrors, where it has any. */
struct registry_endpoints registry_endpoints_of(struct arena *a, const char *domain,
                                                const struct settings *s);
bool domain_is_loopback(const char *domain);
bool domain_is_insecure(const char *domain, const struct strs *insecure);
