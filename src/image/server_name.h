/* SPDX-License-Identifier: Apache-2.0 */
/* What people and configuration files call a registry. Pure, any thread. */
#pragma once

#include "base/err.h"
#include "base/mem.h"

/* "https://registry.lan:5000/v1/", "registry.lan:5000" → "registry.lan:5000"; NULL, "" and Docker
 * Hub's own addresses → "docker.io". ERR_INVALID for what is no host: nothing that a host is not
 * made of gets into an address, least of all a password. */
struct err *server_name_domain(struct arena *a, const char *server, char **out) must_check;
