/* SPDX-License-Identifier: Apache-2.0 */
/* What a container shares by joining another one. Loop thread. */
#pragma once

struct arena;
struct container_table;
struct host_config;
struct risk_findings;

/* The host's namespaces that it gets by "container:X" modes, through any number of others. */
void joined_risks(struct container_table *t, struct arena *a, const struct host_config *h,
                  struct risk_findings *out);
