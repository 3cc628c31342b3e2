/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are at registries: entries of config.json, or what the helpers that it names keep.
 * Blocking.
 */
#pragma once

#include "credential_helper.h"

#include "base/err.h"

struct cli;

/* The name of a registry's entry: its host; Docker Hub's is its old index address. */
const char *auth_key(struct arena *a, const char *registry);
bool auth_key_is_hub(const char *key);

/* Nothing is kept: all of *out is NULL. */
struct err *auth_get(struct cli *cli, const char *key, struct credential *out) must_check;
/* To the key's helper, or into config.json: *out_is_file. */
struct err *auth_store(struct cli *cli, const char *key, const struct credential *c,
                       bool *out_is_file) must_check;
/* Under all the names that it may have. */
struct err *auth_erase(struct cli *cli, const char *key) must_check;

/* X-Registry-Auth for a registry's host; NULL: nothing is kept. A helper that fails is told of,
 * and counts as none: what is public can be had without it. */
char *auth_header(struct cli *cli, const char *domain);
/* X-Registry-Config: of all registries. */
char *auth_all(struct cli *cli);
