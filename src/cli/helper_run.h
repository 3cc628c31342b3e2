/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a credential helper. Blocking. */
#pragma once

#include "base/text.h"

struct helper_answer {
    char *failure; /* NULL: it has exited with 0; else in the words of Go's os/exec */
    char *text;    /* what it printed; "" */
    size_t len;
};

/* In the directories of $PATH; NULL: none. */
char *helper_find(struct arena *a, const char *helper);
/* docker-credential-HELPER VERB with `input` on its stdin. */
void helper_run(struct arena *a, const char *helper, const char *verb, const char *input,
                struct helper_answer *out);
