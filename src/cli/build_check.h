/* SPDX-License-Identifier: Apache-2.0 */
/* berth build --check: what is wrong or odd with a Dockerfile, without an engine. */
#pragma once

#include "state_options.h"

#include "cli.h"

/* --build-arg K=V; K alone takes the caller's variable, and has no value without one (NULL). */
struct pairs build_args_read(struct arena *a, const struct strs *args);
/* Prints the warnings; the exit code is 1 when there are some. path is that of the context. */
struct err *build_check(struct cli *cli, const struct image_build_options *o, const char *path)
    must_check;
