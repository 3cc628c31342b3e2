/* SPDX-License-Identifier: Apache-2.0 */
/* The halves of CDI: specs as they are read, and what they do to a configuration. */
#pragma once

#include "runtime/cdi.h"

struct json;

struct cdi_spec {
    const char *path, *kind;
    const struct json *doc;
    int rank; /* of its folder: the higher one counts */
    bool is_used;
};
struct cdi_specs {
    struct arena *arena;
    const struct strs *folders;
    struct cdi_spec *v;
    size_t n, room;
    const char *problem; /* of the last one that was not read; NULL: all were */
};
/* Of the folders, a later one above an earlier one: all that are well formed and that only root may
 * write. */
struct err *cdi_read_specs(struct arena *a, const struct strs *folders, struct cdi_specs *out)
    must_check;

struct cdi_target {
    struct arena *a;
    struct config *c;
    struct host_config *h;
    struct strs *warnings;
    size_t n_added;
};
/* "containerEdits" of a spec or a device; NULL: none. Looks at device nodes of the host. */
struct err *cdi_edit(struct cdi_target *t, const struct json *edits) must_check;
