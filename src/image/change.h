/* SPDX-License-Identifier: Apache-2.0 */
/* Dockerfile instructions applied to an image's config (import, commit). Pure. */
#pragma once

#include "blob.h"

/* "CMD [\"a\"]", "ENV A=b C=\"d e\"", …: ERR_INVALID in Docker's words. */
struct err *change_apply(struct arena *a, const char *instruction, struct run_defaults *c)
    must_check;
