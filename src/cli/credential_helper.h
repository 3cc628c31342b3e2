/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that keep passwords: docker-credential-NAME get|store|erase|list, asked over stdin and
 * stdout (docker/docker-credential-helpers). Blocking; bounded in time and in what they say. The
 * sentences are those of Docker's client.
 */
#pragma once

#include "base/text.h"

struct cli;

struct credential {
    char *user, *password;
    char *identity_token, *registry_token; /* instead of a password; NULL: none */
};

/* Nothing is kept of that registry: *out stays as it is. */
struct err *helper_get(struct arena *a, const char *helper, const char *server,
                       struct credential *out) must_check;
struct err *helper_store(struct arena *a, const char *helper, const char *server,
                         const struct credential *c) must_check;
struct err *helper_erase(struct arena *a, const char *helper, const char *server) must_check;
/* The registries that it has something of. */
struct err *helper_list(struct arena *a, const char *helper, struct strs *out) must_check;
bool helper_is_installed(struct arena *a, const char *helper);

/* What a helper prints. Pure: for tests. */
struct err *helper_read_get(struct arena *a, const char *text, size_t len, struct credential *out)
    must_check;
struct err *helper_read_list(struct arena *a, const char *text, size_t len, struct strs *out)
    must_check;
