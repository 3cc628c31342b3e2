/* SPDX-License-Identifier: Apache-2.0 */
/* What every command gets, what a command is, and how it ends. One thread, no globals. */
#pragma once

#include "base/flags.h"
#include "base/text.h"

struct auth_env;
struct http_conn;
struct command;
struct json;

struct cli {
    struct arena *arena;             /* lives as long as the process */
    const char *host;                /* as given: "unix:///run/berth/berth.sock" */
    const char *socket_path;         /* the part after unix:// */
    const char *config_dir;          /* holds config.json */
    const char *context;             /* the name of the one that was chosen: context.h */
    const struct json *config;       /* of config_file_look */
    const char *kept_context;        /* of config_file_context */
    bool has_config;                 /* it has looked */
    const struct auth_env *auth_env; /* of auth_env(); NULL: not looked yet */
    const char *api_version;         /* NULL until api.c has negotiated */
    const struct command *command;   /* the one that runs */
    struct http_conn *conn;          /* kept alive between plain calls */
    int exit_code;
    bool quiet_risks; /* --quiet-risks */
};

/* Prints nothing on success; an error that is returned is printed by cli_main, which then exits
 * with 1. A command that wants another code sets cli->exit_code and returns NULL. */
typedef struct err *(*command_fn)(struct cli *cli, const void *options, struct strs args);

struct command {
    const char *name;  /* "run", "network ls" */
    const char *usage; /* "run [OPTIONS] IMAGE [COMMAND] [ARG...]" */
    const char *help;
    command_fn run; /* NULL: known to Docker, not to us */
    const struct flag *flags;
    size_t options_size;
    int min_args, max_args; /* max_args -1: any number */
    bool options_first;     /* flags stop at the first argument */
    const char *why_not;    /* of a command that will not come, which its name alone stands for */
    const char *alias_of_name; /* help lists only commands where this is NULL */
};

extern const struct command commands[]; /* ends with name NULL */

int cli_main(int argc, char **argv);
/* "berth: text" and where help is, as Docker's run prints it, to stderr; drops e. */
void cli_report(const struct cli *cli, struct err *e, bool with_help);
/* One line to stderr; drops e; the command goes on and will exit with 1. */
void cli_complain(struct cli *cli, struct err *e);
/* Asks "text [y/N] " on stderr and reads a line. */
bool cli_confirm(const char *text);
/* Writes to stdout at once; a closed stdout ends the process quietly with 1. */
/* To stdout; on a terminal without what it would obey (printable.h). */
void cli_print(const char *text, size_t len);
void cli_print_raw(const char *text, size_t len); /* what we say to the terminal ourselves */
void cli_printf(const char *fmt, ...) like_printf(1, 2);
void cli_say(const char *fmt, ...) like_printf(1, 2); /* the same to stderr */
