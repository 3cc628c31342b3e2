/* SPDX-License-Identifier: Apache-2.0 */
/* What a request may ask of one interface: link-local addresses, a name, sysctls. Pure. */
#pragma once

#include "base/text.h"

struct endpoint_config;
struct endpoint_spec;

/* ERR_INVALID for what can never be. */
struct err *endpoint_options_check(const struct endpoint_config *asked, bool has_ipv6) must_check;
/* A line for each driver option that nobody knows. */
void endpoint_options_warn(const struct endpoint_config *asked, struct arena *a, struct strs *out);
const char *endpoint_options_ifname(const struct endpoint_config *asked); /* NULL: none */
/* Into the spec, which has the interface's name; checked before. */
void endpoint_options_fill(const struct endpoint_config *asked, struct endpoint_spec *out);
