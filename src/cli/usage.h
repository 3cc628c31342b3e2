/* SPDX-License-Identifier: Apache-2.0 */
/* --help of the program, of a group of commands ("network") and of one command. */
#pragma once

#include "cli.h"

struct global_options {
    char *config, *context, *log_level;
    struct strs hosts;
    bool debug, version;
    bool tls, tls_verify; /* refused */
    char *tls_ca, *tls_cert, *tls_key;
};
const struct flag *cli_global_flags(void);

void usage_program(void);
bool usage_is_group(const char *name);
const char *usage_group_help(const char *name); /* NULL: it is none */
void usage_group(const char *name, int fd);
void usage_command(const struct command *c);
