/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login and a choice of a context change in config.json, which other programs have, too:
 * everything else comes back as it was, in its order. Laid out as Docker's command line does it.
 * Pure.
 */
#pragma once

#include "base/json.h"

struct config_edit {
    struct strs removed;         /* keys below "auths" that go */
    const char *key;             /* that is set; NULL: none */
    const char *auth, *identity; /* of the key's entry; NULL: not there */
    const char *store;           /* "credsStore" from now on; NULL: as it is */
    const char *context;         /* the same for "currentContext"; "": without that member */
};
/* doc NULL: there is no file. *out_is_changed: whether it is another document than before. */
struct err *config_json_edit(struct buf *out, struct arena *a, const struct json *doc,
                             const struct config_edit *e, bool *out_is_changed) must_check;
/* A document that config.json can be: an object whose members of ours are of the right type. */
struct err *config_json_check(const struct json *doc) must_check;
