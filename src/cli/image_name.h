/* SPDX-License-Identifier: Apache-2.0 */
/* References as people type them: "busybox", "192.168.1.110:5000/busybox:v1", "x@sha256:…". Pure.
 */
#pragma once

#include "base/text.h"

struct image_name {
    char *repository; /* as typed, without tag and digest */
    char *tag;        /* NULL when none was given */
    char *digest;     /* NULL when none was given */
    char *registry;   /* "docker.io", "192.168.1.110:5000" */
    char *full;       /* "docker.io/library/busybox:latest" */
};
struct err *image_name_parse(struct arena *a, const char *text, struct image_name *out) must_check;
