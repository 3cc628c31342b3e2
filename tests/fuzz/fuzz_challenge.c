/* SPDX-License-Identifier: Apache-2.0 */
/* links: image */
/* What strangers send in headers: WWW-Authenticate, and a client's X-Registry-Auth and changes. */
#include "challenge.h"
#include "change.h"

#include "image/image.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    const char *text = arena_strndup(a, (const char *)data, size);
    struct challenge c;
    struct registry_auth auth;
    struct run_defaults config = {0};

    challenge_parse(a, text, &c);
    ASSERT(c.scheme != CHALLENGE_BEARER || !text_is_empty(c.realm));
    registry_auth_parse(a, text, &auth);
    ASSERT(!auth.registry_token || !strpbrk(auth.registry_token, "\r\n"));
    err_drop(change_apply(a, text, &config));
    return 0;
}
