/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms "os/arch[/variant]": parsing, normal forms, and who can run what. Pure. */
#pragma once

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>

struct platform {
    char *os, *arch, *variant; /* normalised; variant "" when none */
};

/* text NULL or "": the host's. ERR_INVALID for what is no platform. */
struct err *platform_parse(struct arena *a, const char *text, struct platform *out) must_check;
/* GOARCH names and their default variants: aarch64 is arm64, arm is arm/v7. */
void platform_normalise(struct arena *a, struct platform *p);
/* How well `offer` serves `want`: 0 best, larger worse, -1 not at all. */
int platform_rank(const struct platform *want, const struct platform *offer);
/* ERR_NOT_FOUND in Docker's words when `is` does not serve `want`; an image without an architecture
 * serves all. */
struct err *platform_check(struct arena *a, const char *reference, const struct platform *want,
                           const struct platform *is) must_check;
char *platform_text(struct arena *a, const struct platform *p);
