/* SPDX-License-Identifier: Apache-2.0 */
/* --help of the program, of a group of commands ("network") and of one command. To stdout. */
#pragma once

#include "cli.h"

struct global_options {
    char *config, *context, *log_level;
    struct strs hosts;
    bool debug, version;
};
const struct flag *cli_global_flags(void);

void usage_program(void);
/* False: there is no such group. is_wrong: shown for an unknown command, so to stderr. */
bool usage_group(const char *name, bool is_wrong);
void usage_command(const struct command *c);
