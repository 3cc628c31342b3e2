/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry says it has: the answers of /v1/search and of /v2/_catalog. Pure, any thread. */
#pragma once

#include "base/json.h"

#include "image/ask.h"

/* Docker's list, of those that the search wants. ERR_INVALID when it is no such answer; a single
 * entry that makes no sense is left out. */
struct err *search_answer_write(struct arena *a, const char *text, size_t len,
                                const struct ask_search *s, struct jw *w) must_check;

/* Names of a page of the catalog that contain `words`, in any case; at most `max` names in *names.
 * *out_last: the page's last name, NULL when it had none. */
struct err *catalog_page_read(struct arena *a, const char *text, size_t len, const char *words,
                              size_t max, struct strs *names, const char **out_last) must_check;
/* Docker's list, named as they are pulled; each says that it is from a catalog. */
void catalog_write(const char *domain, const struct strs *names, const struct ask_search *s,
                   struct jw *w);
