/* SPDX-License-Identifier: Apache-2.0 */
/* Registry credentials in config.json. */
#pragma once

#include "base/err.h"

struct cli;

const char *auth_key(const char *registry); /* the entry's name for a registry's host */
/* X-Registry-Config: what config.json has, of all registries; NULL when there is nothing. */
char *auth_all(struct cli *cli);
/* user NULL removes the entry. */
struct err *auth_store(struct cli *cli, const char *key, const char *user, const char *password)
    must_check;
