/* SPDX-License-Identifier: Apache-2.0 */
/* What run and create share: the create request with its pull, and attaching. */
#pragma once

#include "run_options.h"

struct http_conn;

struct run_launch {
    const struct run_options *o;
    struct strs args; /* image and command */
    struct run_streams streams;
    char *body;
    char *id; /* out: of the new container */
};
/* Creates, pulling when the image is missing; prints warnings; writes the cidfile. */
struct err *run_launch_create(struct cli *cli, struct run_launch *l) must_check;
/* POST /containers/{id}/attach, upgraded. */
struct err *run_launch_attach(struct cli *cli, const char *id, const struct run_streams *s,
                              const char *detach_keys, struct http_conn **out) must_check;
/* POST /containers/{id}/wait; returns once the engine has registered us. */
struct err *run_launch_wait(struct cli *cli, const char *id, const char *condition,
                            struct http_conn **out) must_check;
/* Docker's 125, 126 or 127 for an error of start. */
int run_launch_exit_code(const struct err *e);
