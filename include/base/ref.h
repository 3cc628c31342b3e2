/* SPDX-License-Identifier: Apache-2.0 */
/* References to images: what people type, what registries are asked for. Pure, any thread. */
#pragma once

#include "base/mem.h"

struct ref {      /* "host:port/path:tag@digest", normalised */
    char *domain; /* "docker.io", "localhost:5000" */
    char *path;   /* "library/busybox" */
    char *tag;    /* NULL when absent */
    char *digest; /* NULL when absent */
};
/* ERR_INVALID "invalid reference format", "…repository name must be lowercase". No tag default. */
struct err *ref_parse(struct arena *a, const char *s, struct ref *out) must_check;
/* In place of the one it has. ERR_INVALID "invalid tag format". */
struct err *ref_set_tag(struct arena *a, struct ref *r, const char *tag) must_check;
char *ref_familiar(struct arena *a, const struct ref *r); /* "busybox:latest" as users write it */
char *ref_familiar_name(struct arena *a, const struct ref *r); /* without tag and digest */
char *ref_full(struct arena *a, const struct ref *r); /* "docker.io/library/busybox:latest" */
