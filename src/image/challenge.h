/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate, as registries send it. Pure. */
#pragma once

#include "base/text.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
    enum challenge_scheme scheme;
    char *realm, *service, *scope, *error; /* NULL when absent */
};

/* The best challenge of one header line (it may hold several): Bearer before Basic. Schemes
 * that we do not know and what cannot be parsed are passed over. */
void challenge_parse(struct arena *a, const char *header, struct challenge *out);
