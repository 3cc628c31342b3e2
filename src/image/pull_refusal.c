/* SPDX-License-Identifier: Apache-2.0 */
#include "pull.h"

#include <string.h>

struct err *pull_refusal(struct arena *a, const struct ref *ref, const struct fetch_result *r,
                         struct err *e)
{
    const char *name = ref_familiar_name(a, ref);
    bool is_missing = !strcmp(r->code, "MANIFEST_UNKNOWN") || !strcmp(r->code, "NOT_FOUND");

    if (!strcmp(r->code, "NAME_UNKNOWN"))
        return err_as(err_wrap(e, "repository %s not found", name), ERR_NOT_FOUND);
    if (is_missing)
        return err_as(err_wrap(e, "manifest for %s not found", ref_familiar(a, ref)),
                      ERR_NOT_FOUND);
    if (r->status == 404) {
        err_drop(e);
        return err_new(ERR_NOT_FOUND,
                       "manifest for %s not found: manifest unknown: manifest unknown",
                       ref_familiar(a, ref));
    }
    if (!strcmp(r->code, "DENIED") || !strcmp(r->code, "UNAUTHORIZED") || r->status == 401)
        return err_as(err_wrap(e,
                               "pull access denied for %s, repository does not exist or may "
                               "require 'docker login'",
                               name),
                      ERR_NOT_FOUND);
    return e;
}
