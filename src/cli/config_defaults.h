/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json says where the command line says nothing: formats, detachKeys, proxies,
 * pruneFilters. */
#pragma once

#include "cli.h"

/* The options of a command, whose flags are read; strings live in the arena of cli. A config.json
 * that cannot be read is told of once, and counts as none. */
void config_defaults(struct cli *cli, command_fn command, const struct flag *flags, void *options);
