/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials in the environment: DOCKER_AUTH_CONFIG, as docker's command line has it. */
#pragma once

#include "credential_helper.h"

struct cli;

struct auth_env {
    struct strs keys; /* as in config.json */
    struct credential *v;
};
/* {"auths":{KEY:{"auth":base64("user:password")}}} and nothing else. Its error quotes none of it.
 * Pure. */
struct err *auth_env_parse(struct arena *a, const char *text, struct auth_env *out) must_check;

/* Reads it once; what cannot be read is told of, and counts as none. */
const struct auth_env *auth_env(struct cli *cli);
/* NULL: it has none. */
const struct credential *auth_env_find(struct cli *cli, const char *key);
/* Commands whose effect it hides say so. */
void auth_env_warn(void);
