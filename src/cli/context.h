/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: names for engines, kept as the docker CLI keeps them, so that both see the same.
 *
 *   CONFIG/contexts/meta/SHA256(NAME)/meta.json    CONFIG/config.json: "currentContext"
 */
#pragma once

#include "base/json.h"

struct cli;
struct global_options;

#define CONTEXT_DEFAULT "default"

struct context {
    const char *name, *description;
    const char *host;         /* of its docker endpoint; "": none */
    const struct json *doc;   /* NULL: of the default one, which is in no file */
    const char *dir, *folder; /* that meta.json is in: its path, and its last part */
    bool has_tls;             /* there are certificates of it */
};

/* What --context, DOCKER_CONTEXT and config.json say, in this order; a host that is named in
 * another way comes before the last two. */
struct err *context_choose(struct cli *cli, const struct global_options *o, const char **out)
    must_check;
/* ERR_NOT_FOUND as docker says it. The default one's host is `host`. */
struct err *context_find(struct cli *cli, const char *name, struct context *out) must_check;
struct err *context_names(struct cli *cli, struct strs *out) must_check; /* sorted, with default */
struct err *context_check_name(const char *name) must_check;
/* Of an endpoint: only engines on this machine. */
struct err *context_check_host(const char *host) must_check;
/* Makes or replaces it. What the document says besides (NULL: nothing) stays. */
struct err *context_write(struct cli *cli, const struct context *c) must_check;
struct err *context_remove(struct cli *cli, const char *name) must_check;
/* In config.json, where all else stays as it is; a file that cannot be read is left alone. */
struct err *context_make_current(struct cli *cli, const char *name) must_check;
/* HOST of the environment, or NULL. */
const char *context_host_of_environment(void);
